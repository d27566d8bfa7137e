/* kernel/phys/section.c: memory maps of every shape. Each machine lives in a copy of the process. */
#include "test.h"
#include <kern/assert.h>
#include <kern/boot.h>
#include <kern/page.h>
#include <kern/preempt.h>

#define MIB (1UL << 20)
#define GIB (1UL << 30)

static struct boot_info boot;

static void boot_with(size_t address_bytes)
{
	host_machine_init(address_bytes, &boot);
	boot.nr_ram = 0;
}

static void add_ram(paddr_t start, paddr_t end)
{
	boot.ram[boot.nr_ram++] = (struct boot_range){start, end};
}

static void add_reserved(paddr_t start, paddr_t end)
{
	boot.reserved[boot.nr_reserved++] = (struct boot_range){start, end};
}

static bool is_in(const struct boot_range *ranges, unsigned nr, paddr_t frame)
{
	for (unsigned i = 0; i < nr; i++)
		if (frame < ranges[i].end && frame + PAGE_SIZE > ranges[i].start)
			return true;
	return false;
}

/* Takes every frame, looks where it is, gives all back. Returns how many there were. */
static uint64_t walk_all_memory(void)
{
	struct page *list = NULL, *page;
	struct page_stats before, empty, after;
	uint64_t count = 0;

	page_stats_read(&before);
	while ((page = page_alloc(0, PAGE_USE_ANON, ALLOC_ATOMIC))) {
		paddr_t frame = page_to_phys(page);
		assert(frame != 0);
		assert(is_in(boot.ram, boot.nr_ram, frame));
		assert(!is_in(boot.reserved, boot.nr_reserved, frame));
		*(uint64_t *)page_address(page) = frame;
		page->private = (uint64_t)list;
		list = page;
		count++;
	}
	page_stats_read(&empty);
	assert(empty.free == 0 && empty.untouched == 0 && empty.total == count);
	/* Tables that turned out not to be needed may come on top of what was promised. */
	assert(before.free <= count && count <= before.free + 4096);
	while (list) {
		page = list;
		list = (struct page *)page->private;
		assert(*(uint64_t *)page_address(page) == page_to_phys(page));
		page_put(page);
	}
	page_stats_read(&after);
	assert(after.free == count);
	return count;
}

static void machine_of_32_mib(void)
{
	boot_with(32 * MIB);
	add_ram(0, 0x9fc00);
	add_ram(MIB, 32 * MIB - 0x20000);
	add_reserved(MIB, 2 * MIB);
	page_init(&boot);
	uint64_t count = walk_all_memory();
	assert(count > 29 * MIB / PAGE_SIZE);
}

TEST(a_small_machine_uses_nearly_all_it_has)
{
	host_run_in_copy(machine_of_32_mib());
}

static void machine_of_64_gib(void)
{
	struct page_stats stats;

	boot_with(65 * GIB);
	add_ram(0, 0x9fc00);
	add_ram(MIB, 3 * GIB);
	add_ram(4 * GIB, 65 * GIB);
	page_init(&boot);
	page_stats_read(&stats);
	assert(stats.total > 63 * GIB / PAGE_SIZE);
	assert(stats.total - stats.untouched < 32 * MIB / PAGE_SIZE);
	/* What lies above the hole can be used too. */
	for (int i = 0; i < 3 * 256 + 10; i++)
		assert(page_alloc(PAGE_MAX_ORDER, PAGE_USE_KERNEL, 0));
}

TEST(a_large_machine_touches_little_of_it)
{
	host_run_in_copy(machine_of_64_gib());
}

static void ragged_machine(void)
{
	paddr_t at = 0x1234;

	boot_with(GIB);
	for (unsigned i = 0; i < BOOT_MAX_RANGES; i++) {
		add_ram(at, at + 0x5432 + i * 0x10000);
		at += 0x6000 + i * 0x10000 + i * 0x3456;
	}
	assert(at < GIB);
	for (unsigned i = 0; i < 60; i++)
		add_reserved(0x200100 + i * 0x111111, 0x200100 + i * 0x111111 + 0x2345);
	page_init(&boot);
	assert(walk_all_memory() > 1000);
}

TEST(a_map_of_crumbs_is_used_without_a_frame_too_many)
{
	host_run_in_copy(ragged_machine());
}

static void poor_sections(void)
{
	boot_with(256 * MIB);
	add_ram(0, 40 * MIB);
	add_ram(100 * MIB, 100 * MIB + 2 * PAGE_SIZE);
	add_ram(200 * MIB, 240 * MIB);
	page_init(&boot);
	assert(walk_all_memory() > 78 * MIB / PAGE_SIZE);
}

TEST(a_section_that_cannot_pay_for_itself_is_left_alone)
{
	host_run_in_copy(poor_sections());
}

static void no_memory(void)
{
	boot_with(MIB);
	add_ram(0, 3 * PAGE_SIZE);
	page_init(&boot);
}

TEST(a_machine_without_memory_is_refused)
{
	host_expect_panic("no memory", no_memory());
}

static void claims_initrd(void)
{
	struct page_stats before, after;
	paddr_t initrd = 190 * MIB;

	boot_with(256 * MIB);
	add_ram(0, 256 * MIB);
	add_reserved(initrd, initrd + 10 * PAGE_SIZE + 5);
	page_init(&boot);
	page_stats_read(&before);
	struct page *page = page_claim_reserved(initrd + PAGE_SIZE, PAGE_USE_FILE);
	assert(page && page_to_phys(page) == initrd + PAGE_SIZE && refcount_read(&page->refs) == 1);
	assert(!page_claim_reserved(initrd + PAGE_SIZE, PAGE_USE_FILE));
	assert(!page_claim_reserved(initrd - PAGE_SIZE, PAGE_USE_FILE));
	assert(!page_claim_reserved(400 * MIB, PAGE_USE_FILE));
	page_stats_read(&after);
	assert(after.file == 1 && after.total - after.free == before.total - before.free + 1);

	page_stats_read(&before);
	page_add_range(initrd, initrd + 10 * PAGE_SIZE + 5);
	page_stats_read(&after);
	assert(after.total == before.total + 9 && after.free == before.free + 9);
	page_put(page);
	page_stats_read(&after);
	assert(after.free == before.free + 10);
	boot.nr_reserved--;
	add_reserved(initrd + 10 * PAGE_SIZE, initrd + 11 * PAGE_SIZE);
	walk_all_memory();
}

TEST(what_the_boot_loader_left_can_be_claimed_and_given_back)
{
	host_run_in_copy(claims_initrd());
}

static void random_machine(uint64_t seed)
{
	paddr_t at = 0, limit = 200 * MIB;

	boot_with(limit);
	while (at < limit && boot.nr_ram < 20) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		paddr_t len = (seed >> 33) % (30 * MIB) + 0x4567;
		if (at + len > limit)
			break;
		add_ram(at, at + len);
		at += len + (seed >> 20) % (4 * MIB);
	}
	for (paddr_t r = 5 * MIB; r < limit && boot.nr_reserved < 30;) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		paddr_t len = (seed >> 33) % MIB;
		add_reserved(r, r + len);
		r += len + (seed >> 30) % (9 * MIB);
	}
	page_init(&boot);
	walk_all_memory();
}

TEST(any_map_gives_each_frame_once)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		host_run_in_copy(random_machine(seed));
}
