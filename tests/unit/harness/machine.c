/* Tests that need memory: bringing it up once, and the account of frames and objects around each. */
#include "test.h"
#include <kern/boot.h>
#include <kern/kcache.h>
#include <kern/page.h>
#include <kern/preempt.h>

enum { MAX_CACHES = 128 };

struct account {
	uint64_t frames; /* in use, but for slabs: how objects share those is not fixed */
	size_t nr_caches;
	struct kcache_stats caches[MAX_CACHES];
};

static bool is_up;
static struct account before;

__attribute__((weak)) void test_machine_ready(void)
{
}

static void account_take(struct account *account)
{
	struct page_stats pages;

	kcache_drain();
	page_drain_cpu();
	page_stats_read(&pages);
	account->frames = pages.total - pages.free - pages.slab;
	account->nr_caches = kcache_stats_read(account->caches, MAX_CACHES);
}

static uint64_t live_before(const char *name)
{
	for (size_t i = 0; i < before.nr_caches; i++)
		if (before.caches[i].name == name)
			return before.caches[i].live;
	return 0;
}

/* Prints what is missing or left over. */
static int account_compare(const struct account *after)
{
	int result = 0;

	if (after->frames != before.frames) {
		print_error("frames in use: %lld more than before\n",
			    (long long)(after->frames - before.frames));
		result = -1;
	}
	for (size_t i = 0; i < after->nr_caches; i++) {
		const struct kcache_stats *cache = &after->caches[i];
		if (cache->live == live_before(cache->name))
			continue;
		print_error("objects of %s: %lld more than before\n", cache->name,
			    (long long)(cache->live - live_before(cache->name)));
		result = -1;
	}
	return result;
}

int machine_setup(void **state)
{
	static struct boot_info boot;

	if (!is_up) {
		host_machine_init(64UL << 20, &boot);
		page_init(&boot);
		kcache_init();
		may_sleep_at_all = true;
		test_machine_ready();
		is_up = true;
	}
	account_take(&before);
	return 0;
}

int machine_teardown(void **state)
{
	struct account after;

	alloc_fail_nth(0);
	account_take(&after);
	return account_compare(&after);
}

unsigned test_each_allocation_failing(void (*scenario)(void))
{
	struct account after;
	unsigned nr = 0;

	for (;; nr++) {
		alloc_fail_nth(nr + 1);
		scenario();
		bool has_failed = alloc_has_failed();
		alloc_fail_nth(0);
		account_take(&after);
		if (account_compare(&after))
			fail_msg("leak when allocation %u fails", nr + 1);
		if (!has_failed)
			return nr;
	}
}
