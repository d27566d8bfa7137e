/* kernel/sync/refcount.c and the inlines of kern/atomic.h */
#include "test.h"
#include <kern/atomic.h>
#include <kern/boot.h>
#include <kern/assert.h>

TEST(counts_and_says_who_was_last)
{
	struct refcount r;

	refcount_init(&r, 1);
	refcount_get(&r);
	assert_int_equal(refcount_read(&r), 2);
	assert_false(refcount_put(&r));
	assert_true(refcount_put(&r));
	assert_int_equal(refcount_read(&r), 0);
}

TEST(tryget_never_raises_the_dead)
{
	struct refcount r;

	refcount_init(&r, 1);
	assert_true(refcount_tryget(&r));
	assert_false(refcount_put(&r));
	assert_true(refcount_put(&r));
	assert_false(refcount_tryget(&r));
	assert_int_equal(refcount_read(&r), 0);
}

TEST(leaving_zero_is_a_panic)
{
	struct refcount r;

	refcount_init(&r, 0);
	host_expect_panic("get found 0", refcount_get(&r));
	host_expect_panic("put found 0", (void)!refcount_put(&r));
	refcount_init(&r, -5);
	host_expect_panic("tryget found -5", (void)!refcount_tryget(&r));
}

static struct refcount shared;
static int freed, refused;

static void race(void *arg)
{
	if (refcount_tryget(&shared)) {
		if (refcount_put(&shared))
			freed++;
	} else {
		refused++;
	}
	if (host_cpu->hot.cpu == 0 && refcount_put(&shared))
		freed++;
}

TEST(exactly_one_is_the_last)
{
	static struct boot_info boot;

	host_machine_init(1 << 20, &boot);
	for (uint64_t seed = 1; seed < 200; seed++) {
		freed = 0;
		refcount_init(&shared, 1);
		host_cpus_run(3, race, NULL, seed);
		assert_int_equal(freed, 1);
	}
	assert_true(refused > 0);
}
