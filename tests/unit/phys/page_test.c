/* kernel/phys/page.c and buddy.c */
#include "test.h"
#include <string.h>
#include <kern/assert.h>
#include <kern/page.h>
#include <kern/preempt.h>

enum { MANY = 3000 };

static uint64_t nr_free(void)
{
	struct page_stats stats;

	page_stats_read(&stats);
	return stats.free;
}

MACHINE_TEST(frames_are_aligned_distinct_and_counted)
{
	for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++) {
		uint64_t before = nr_free();
		struct page *a = page_alloc(order, PAGE_USE_KERNEL, 0);
		struct page *b = page_alloc(order, PAGE_USE_ANON, 0);
		assert_non_null(a);
		assert_non_null(b);
		size_t size = PAGE_SIZE << order;
		assert_int_equal(page_to_phys(a) % size, 0);
		assert_int_not_equal(page_to_phys(a), 0);
		assert_true(page_to_phys(a) + size <= page_to_phys(b) ||
			    page_to_phys(b) + size <= page_to_phys(a));
		assert_int_equal(nr_free(), before - (2UL << order));
		memset(page_address(a), 1, size);
		memset(page_address(b), 2, size);
		assert_ptr_equal(virt_to_page((char *)page_address(a)), a);
		page_put(a);
		page_free(b);
		assert_int_equal(nr_free(), before);
	}
}

MACHINE_TEST(each_use_is_accounted)
{
	struct page_stats before, during;
	struct page *pages[4];
	static const enum page_use uses[] = {PAGE_USE_ANON, PAGE_USE_FILE, PAGE_USE_TABLE,
					     PAGE_USE_KERNEL};

	page_stats_read(&before);
	for (int i = 0; i < 4; i++)
		pages[i] = page_alloc(i == 3 ? 2 : 0, uses[i], 0);
	page_stats_read(&during);
	assert_int_equal(during.anon, before.anon + 1);
	assert_int_equal(during.file, before.file + 1);
	assert_int_equal(during.table, before.table + 1);
	assert_int_equal(during.kernel, before.kernel + 4);
	for (int i = 0; i < 4; i++)
		page_put(pages[i]);
}

MACHINE_TEST(memory_comes_back_whole)
{
	static struct page *pages[MANY];
	struct page *large[8];

	for (int i = 0; i < MANY; i++)
		assert_non_null(pages[i] = page_alloc(0, PAGE_USE_ANON, 0));
	/* Every second one first: nothing can merge until the others come. */
	for (int i = 0; i < MANY; i += 2)
		page_put(pages[i]);
	for (int i = 1; i < MANY; i += 2)
		page_put(pages[i]);
	page_drain_cpu();
	for (int i = 0; i < 8; i++)
		assert_non_null(large[i] = page_alloc(PAGE_MAX_ORDER, PAGE_USE_KERNEL, 0));
	for (int i = 0; i < 8; i++)
		page_put(large[i]);
}

MACHINE_TEST(zeroed_means_zero_at_every_order)
{
	for (unsigned order = 0; order < 4; order++) {
		struct page *page = page_alloc(order, PAGE_USE_KERNEL, 0);
		memset(page_address(page), 0xff, PAGE_SIZE << order);
		page_put(page);
		page = page_alloc(order, PAGE_USE_KERNEL, ALLOC_ZERO);
		const unsigned char *p = page_address(page);
		for (size_t i = 0; i < PAGE_SIZE << order; i++)
			assert_int_equal(p[i], 0);
		page_put(page);
	}
}

MACHINE_TEST(the_last_reference_frees)
{
	uint64_t before = nr_free();
	struct page *page = page_alloc(0, PAGE_USE_ANON, 0);

	page_get(page);
	page_get(page);
	page_put(page);
	page_put(page);
	assert_int_equal(nr_free(), before - 1);
	page_put(page);
	assert_int_equal(nr_free(), before);
}

/* Takes all that flags allow, one frame at a time; returns the list's head. */
static struct page *take_all(unsigned flags, uint64_t *count)
{
	struct page *list = NULL, *page;

	for (*count = 0; (page = page_alloc(0, PAGE_USE_ANON, flags)); ++*count) {
		page->private = (uint64_t)list;
		list = page;
	}
	return list;
}

static void put_all(struct page *list)
{
	while (list) {
		struct page *next = (struct page *)list->private;
		page_put(list);
		list = next;
	}
}

MACHINE_TEST(users_leave_a_reserve_and_atomic_requests_get_the_last_frame)
{
	uint64_t user, kernel, atomic;
	struct page *a = take_all(ALLOC_USER, &user);
	struct page *b = take_all(ALLOC_KERNEL, &kernel);
	struct page *c = take_all(ALLOC_ATOMIC, &atomic);

	assert_true(user > kernel + atomic);
	assert_true(kernel > 0);
	assert_true(atomic > 0);
	assert_int_equal(nr_free(), 0);
	assert_null(page_alloc(3, PAGE_USE_KERNEL, ALLOC_ATOMIC));
	put_all(a);
	put_all(b);
	put_all(c);
}

static struct page *hoard;

static size_t give_up_hoard(size_t nr_pages)
{
	if (!hoard)
		return 0;
	put_all(hoard);
	hoard = NULL;
	return 1;
}

MACHINE_TEST(those_who_can_give_memory_back_are_asked)
{
	static struct page_reclaimer reclaimer = {.reclaim = give_up_hoard};
	uint64_t count;

	page_add_reclaimer(&reclaimer);
	hoard = take_all(ALLOC_ATOMIC, &count);
	assert_null(page_alloc(0, PAGE_USE_ANON, ALLOC_ATOMIC));
	struct page *page = page_alloc(0, PAGE_USE_ANON, 0);
	assert_non_null(page);
	assert_null(hoard);
	page_put(page);
}

MACHINE_TEST(frames_given_back_as_zeroes_are_looked_at)
{
	struct page *page = page_alloc(0, PAGE_USE_TABLE, ALLOC_ZERO);
	char *memory = page_address(page);

	host_expect_panic("said to be zero", (memory[4095] = 1, page_free_zeroed(page)));
	page_free_zeroed(page);
}

MACHINE_TEST(the_nth_request_fails_once)
{
	struct page *a, *b;

	alloc_fail_nth(2);
	assert_non_null(a = page_alloc(0, PAGE_USE_ANON, 0));
	assert_false(alloc_has_failed());
	assert_null(page_alloc(0, PAGE_USE_ANON, 0));
	assert_true(alloc_has_failed());
	assert_non_null(b = page_alloc(0, PAGE_USE_ANON, 0));
	page_put(a);
	page_put(b);
}

static struct page *handed_over[3];

/* Every CPU takes frames of several orders and leaves them for another to put. */
static void pass_frames(void *arg)
{
	for (unsigned i = 0; i < 400; i++) {
		unsigned order = i % 3;
		struct page *mine = page_alloc(order, PAGE_USE_ANON, ALLOC_ATOMIC);
		assert(mine && refcount_read(&mine->refs) == 1);
		memset(page_address(mine), (int)i, PAGE_SIZE << order);
		mine = __atomic_exchange_n(&handed_over[order], mine, __ATOMIC_SEQ_CST);
		if (mine)
			page_put(mine);
		if (i % 100 == 99)
			page_drain_cpu();
		host_cpu_yield();
	}
	page_drain_cpu();
}

MACHINE_TEST(cpus_put_each_others_frames)
{
	for (uint64_t seed = 0; seed < 6; seed++) {
		host_cpus_run(4, pass_frames, NULL, seed);
		for (unsigned order = 0; order < 3; order++) {
			page_put(handed_over[order]);
			handed_over[order] = NULL;
		}
	}
}

MACHINE_TEST(misuse_is_noticed)
{
	struct page *page = page_alloc(0, PAGE_USE_ANON, 0);
	struct page *block = page_alloc(2, PAGE_USE_ANON, 0);
	char *memory = page_address(page);

	host_expect_panic("the object was dead", (page_put(page), page_put(page)));
	host_expect_panic("with 2 references", (page_get(page), page_free(page)));
	host_expect_panic("dead", page_put(block + 1));
	host_expect_panic("AddressSanitizer", (page_put(page), memory[5] = 1));
	host_expect_panic("may_sleep_at_all",
			  (preempt_disable(), (void)!page_alloc(0, PAGE_USE_ANON, 0)));
	page_put(page);
	page_put(block);
}
