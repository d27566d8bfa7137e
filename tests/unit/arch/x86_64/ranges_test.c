/* kernel/arch/x86_64/boot/ranges.c */
#include "test.h"
#include "../../../../kernel/arch/x86_64/boot/ranges.h"

enum { SPACE = 64, MAX = 40 };

static struct boot_range storage[MAX];
static struct range_list list;

static void reset(unsigned max)
{
	list = (struct range_list){storage, 0, max};
}

static bool holds(paddr_t at)
{
	for (unsigned i = 0; i < list.nr; i++) {
		if (at >= list.ranges[i].start && at < list.ranges[i].end)
			return true;
	}
	return false;
}

static void assert_is_canonical(void)
{
	for (unsigned i = 0; i < list.nr; i++) {
		assert_true(list.ranges[i].start < list.ranges[i].end);
		if (i > 0)
			assert_true(list.ranges[i - 1].end < list.ranges[i].start);
	}
}

static uint32_t random_below(uint32_t limit)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % limit;
}

TEST(adding_and_removing_agrees_with_a_bitmap)
{
	bool model[SPACE] = {false};

	reset(MAX);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned start = random_below(SPACE), end = start + random_below(SPACE - start + 1);
		bool is_add = random_below(2);

		assert_true(is_add ? ranges_add(&list, start, end)
				   : ranges_remove(&list, start, end));
		for (unsigned i = start; i < end; i++)
			model[i] = is_add;
		assert_is_canonical();
		for (unsigned i = 0; i < SPACE; i++)
			assert_int_equal(holds(i), model[i]);
	}
}

TEST(a_full_list_refuses_and_stays_as_it_was)
{
	reset(2);
	assert_true(ranges_add(&list, 0, 10));
	assert_true(ranges_add(&list, 20, 30));
	assert_false(ranges_add(&list, 40, 50));
	assert_int_equal(list.nr, 2);
	assert_false(holds(40));
	/* Touching and overlapping still fits. */
	assert_true(ranges_add(&list, 30, 35));
	assert_true(ranges_add(&list, 5, 25));
	assert_int_equal(list.nr, 1);
}

TEST(a_split_that_does_not_fit_loses_the_smaller_piece)
{
	reset(1);
	assert_true(ranges_add(&list, 0, 100));
	assert_false(ranges_remove(&list, 10, 20));
	assert_int_equal(list.nr, 1);
	assert_int_equal(list.ranges[0].start, 20);
	assert_int_equal(list.ranges[0].end, 100);
}

TEST(inverted_ranges_change_nothing)
{
	reset(MAX);
	assert_true(ranges_add(&list, 10, 10));
	assert_true(ranges_add(&list, 10, 5));
	assert_int_equal(list.nr, 0);
	assert_true(ranges_add(&list, 0, 10));
	assert_true(ranges_remove(&list, 8, 2));
	assert_int_equal(list.nr, 1);
}

TEST(finding_avoids_what_is_taken)
{
	struct boot_range taken[2] = {{0x10000, 0x12000}, {0x14000, 0x15000}};
	struct range_list avoid = {taken, 2, 2};

	reset(MAX);
	assert_true(ranges_add(&list, 0x10000, 0x20000));
	assert_int_equal(ranges_find(&list, &avoid, 0x1000, 0x1000, 0, UINT64_MAX), 0x12000);
	assert_int_equal(ranges_find(&list, &avoid, 0x3000, 0x1000, 0, UINT64_MAX), 0x15000);
	assert_int_equal(ranges_find(&list, &avoid, 0x1000, 0x8000, 0, UINT64_MAX), 0x18000);
	assert_int_equal(ranges_find(&list, &avoid, 0x1000, 0x1000, 0x13800, UINT64_MAX), 0x15000);
	assert_int_equal(ranges_find(&list, &avoid, 0x3000, 0x1000, 0, 0x18000), 0x15000);
	assert_int_equal(ranges_find(&list, &avoid, 0x3000, 0x1000, 0, 0x17000), 0);
	assert_int_equal(ranges_find(&list, &avoid, 0x10000, 0x1000, 0, UINT64_MAX), 0);
}
