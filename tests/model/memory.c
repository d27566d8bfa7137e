/*
 * Memory for the kernel's files: frames and objects from the engine's arena, which notices whatever
 * touches a dead one; and the contents of address spaces, as small as they can be with nothing left
 * out that the protocol depends on: a root, one lower table, up to two pages, emptied and given
 * back in the order of kernel/mm/gather.c (entry cleared, flush returned, frame freed).
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/preempt.h>
#include <kern/string.h>
#include <arch/mmu.h>
#include <uapi/errno.h>

#include "../../kernel/sched/rq.h"
#include "world.h"

/* Entries of the frames that there are; their contents matter to nobody here. */
static struct page pages[PHYS_BASE / PAGE_SIZE + PROVE_FRAMES];
char *host_page_map = (char *)pages, *host_kernel_map;

struct kcache {
	const char *name;
	size_t size;
};
static struct kcache caches[4];
static unsigned nr_caches;

void memory_setup(void)
{
	nr_caches = 0;
	world->kernel_root = prove_object_new(true);
	for (unsigned i = 0; i < PROVE_FRAMES; i++)
		prove_shared(prove_frame_base() + i * PAGE_SIZE, WORLD_PAGES * sizeof(pte_t));
}

static bool should_fail(void)
{
	if (!world->failures_left || !prove_in_fibre() || !prove_choose(2))
		return false;
	world->failures_left--;
	return true;
}

/* ---- frames -------------------------------------------------------------------------------------- */

struct page *page_alloc(unsigned order, enum page_use use, unsigned flags)
{
	void *frame;
	struct page *page;

	if (should_fail())
		return NULL;
	frame = prove_object_new(true);
	prove_track(frame, WORLD_PAGES * sizeof(pte_t));
	page = phys_to_page(host_virt_to_phys(frame));
	page->use = use;
	return page;
}

void page_free(struct page *page)
{
	unsigned frame = frame_of(page_to_phys(page));

	prove_point(POINT_FREE, prove_frame_base() + frame * PAGE_SIZE);
	prove_drain(); /* what is given back reaches others by way of the allocator's locks */
	if (percpu_rq[prove_self()].lock.locked)
		prove_fail("I19 Context: a frame is freed under the run-queue lock");
	tlb_frame_freed(frame);
	prove_object_free(prove_frame_base() + frame * PAGE_SIZE);
}

void page_stats_read(struct page_stats *stats)
{
	*stats = (struct page_stats){.free = 1000000};
}

/* ---- objects --------------------------------------------------------------------------------------- */

struct kcache *kcache_create(const char *name, size_t size, size_t align)
{
	caches[nr_caches] = (struct kcache){name, size};
	return &caches[nr_caches++];
}

static bool is_mm_cache(const struct kcache *cache)
{
	return cache->size == sizeof(struct mm_struct) && !strcmp(cache->name, "mm_struct");
}

void *kcache_alloc(struct kcache *cache, unsigned flags)
{
	void *object;

	if (should_fail())
		return NULL;
	object = prove_object_new(false);
	prove_track(object, cache->size);
	if (is_mm_cache(cache)) {
		struct mm_struct *mm = object;
		unsigned i = 0;
		while (world->mms[i])
			i++;
		assert(i < WORLD_MMS);
		world->mms[i] = object;
		prove_ignore(&mm->zombie_since_ns, sizeof(mm->zombie_since_ns));
	}
	return object;
}

void kcache_free(struct kcache *cache, void *object)
{
	prove_point(POINT_FREE, object);
	prove_drain();
	for (unsigned i = 0; i < WORLD_MMS; i++)
		if (world->mms[i] == object)
			world->mms[i] = NULL;
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (world->tasks[i].task == object) {
			prove_lock_forget(&world->tasks[i].task->on_cpu);
			world->tasks[i].task = NULL;
		}
	prove_object_free(object);
}

void kfree(const void *object)
{
	assert(!object);
}

unsigned mm_number(const struct mm_struct *mm)
{
	for (unsigned i = 0; i < WORLD_MMS; i++)
		if (mm && world->mms[i] == mm)
			return i + 1;
	return 0;
}

/* ---- contents ---------------------------------------------------------------------------------------- */

static pte_t *entries_of(paddr_t table)
{
	return phys_to_virt(table);
}

/* Before anybody can walk it: not a step. */
static void entry_prepare(pte_t *entry, pte_t value)
{
	*entry = value;
}

int contents_create(struct mm_struct *mm)
{
	struct mm_contents *contents;
	struct page *table, *page;

	if (should_fail())
		return -ENOMEM;
	contents = prove_object_new(false);
	table = page_alloc(0, PAGE_USE_TABLE, ALLOC_ZERO);
	if (!table)
		goto free_contents;
	page = page_alloc(0, PAGE_USE_ANON, ALLOC_ZERO);
	if (!page)
		goto free_table;
	entry_prepare(&entries_of(page_to_phys(table))[0],
		      arch_pte_page(page_to_phys(page), PTE_READ | PTE_WRITE | PTE_USER, 0));
	entry_prepare(&entries_of(mm->root)[0], arch_pte_table(page_to_phys(table)));
	mm->contents = contents;
	return 0;
free_table:
	page_free(table);
free_contents:
	prove_object_free(contents);
	return -ENOMEM;
}

int contents_dup(struct mm_struct *dst, struct mm_struct *src)
{
	if (!src->contents)
		prove_fail("I12 TwoDeaths: the contents of a zombie are looked at");
	return contents_create(dst);
}

/* Clears an entry as the kernel does, by an atomic store without an order of its own. */
static pte_t entry_clear(pte_t *entry)
{
	pte_t old = *entry;

	prove_store(entry, sizeof(*entry), 0, __ATOMIC_RELAXED);
	return old;
}

void contents_unmap(struct mm_struct *mm, bool with_table);
void contents_unmap(struct mm_struct *mm, bool with_table)
{
	pte_t *root = entries_of(mm->root), *table, old;

	if (!root[0])
		return;
	table = entries_of(arch_pte_frame(root[0]));
	old = table[0] ? entry_clear(&table[0]) : 0;
	if (with_table)
		entry_clear(&root[0]);
	tlb_flush_range(mm, 0, PAGE_SIZE, with_table);
	if (old)
		page_free(phys_to_page(arch_pte_frame(old)));
	if (with_table)
		page_free(virt_to_page(table));
}

void contents_destroy(struct mm_struct *mm)
{
	struct mm_contents *contents = mm->contents;
	pte_t *root = entries_of(mm->root), *table;

	if (!contents)
		return;
	if (in_atomic() || !host_cpu->irqs_on)
		prove_fail("I19 Context: contents die in atomic context");
	if (mm->state != MM_LIVE)
		prove_fail("I12 TwoDeaths: contents of a dead address space die again");
	if (root[0]) {
		table = entries_of(arch_pte_frame(root[0]));
		if (table[0]) {
			pte_t old = entry_clear(&table[0]);
			page_free(phys_to_page(arch_pte_frame(old)));
		}
		entry_clear(&root[0]);
		tlb_flush_mm(mm, true);
		page_free(virt_to_page(table));
	}
	mm->contents = NULL;
	prove_object_free(contents);
}

/* ---- strings: the kernel's own are the C library's here -------------------------------------------------- */

size_t string_copy(char *dst, const char *src, size_t size)
{
	return 0; /* names are not part of the protocol */
}
