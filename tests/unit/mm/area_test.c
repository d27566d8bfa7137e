/* The tree of areas, against a table of bytes: random insertions, removals, splits, resizes, places. */
#include "test.h"
#include "space.h"

enum { NR_PAGES = 200, NR_STEPS = 20000 };
static const vaddr_t base = 0x10000000;

/* owner[i]: number of the area that page i belongs to, 0: none. */
static unsigned owner[NR_PAGES];
static struct mm_struct *mm;

static vaddr_t at(unsigned page)
{
	return base + page * PAGE_SIZE;
}

static void compare(void)
{
	struct area *area = area_find(mm->contents, 0);

	for (unsigned i = 0; i < NR_PAGES; i++) {
		struct area *found = area_find(mm->contents, at(i));
		bool is_inside = found && found->start <= at(i);

		assert_true(is_inside == (owner[i] != 0));
		if (is_inside)
			assert_int_equal((uintptr_t)found->name, owner[i]);
	}
	for (unsigned i = 0; i < NR_PAGES; i++) {
		if (!owner[i])
			continue;
		assert_ptr_equal(area, area_find(mm->contents, at(i)));
		while (i + 1 < NR_PAGES && owner[i + 1] == owner[i])
			i++;
		assert_int_equal(area->end, at(i + 1));
		area = area_next(area);
	}
	assert_null(area);
	contents_check(mm, true);
}

/* The highest fit, naively. Guards: an area of an odd number grows down. */
static vaddr_t naive_place(unsigned pages, unsigned low, unsigned high)
{
	for (int start = (int)(high - pages); start >= (int)low; start--) {
		bool fits = true;

		for (unsigned i = 0; i < pages && fits; i++)
			fits = !owner[(unsigned)start + i];
		if (fits)
			return at((unsigned)start);
	}
	return 0;
}

static void insert(unsigned first, unsigned pages, unsigned number)
{
	struct area *area = area_alloc();

	assert_non_null(area);
	area->start = at(first);
	area->end = at(first + pages);
	area->mm = mm;
	area->name = (const char *)(uintptr_t)number; /* keeps neighbours apart */
	area_insert(mm->contents, area);
	area_account(mm->contents, 0, (int64_t)pages);
	for (unsigned i = 0; i < pages; i++)
		owner[first + i] = number;
}

static void erase(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		owner[i] = 0;
}

static void resize(struct dice *dice, struct area *area)
{
	unsigned first = (unsigned)((area->start - base) / PAGE_SIZE);
	unsigned end = (unsigned)((area->end - base) / PAGE_SIZE), number = owner[first];
	unsigned low = first, high = end, from, to;

	while (low > 0 && !owner[low - 1])
		low--;
	while (high < NR_PAGES && !owner[high])
		high++;
	from = low + (unsigned)roll(dice, end - low);
	to = from + 1 + (unsigned)roll(dice, high - from);
	area_account(mm->contents, 0, (int64_t)(to - from) - (int64_t)(end - first));
	area_resize(mm->contents, area, at(from), at(to));
	erase(first, end);
	for (unsigned i = from; i < to; i++)
		owner[i] = number;
}

static void step(struct dice *dice, unsigned number)
{
	unsigned first = (unsigned)roll(dice, NR_PAGES), pages = 1 + (unsigned)roll(dice, 12);
	struct area *area = area_find(mm->contents, at(first));
	bool is_inside = area && area->start <= at(first);

	if (!is_inside) {
		pages = MIN(pages, NR_PAGES - first);
		if (area)
			pages = MIN(pages, (unsigned)((area->start - at(first)) / PAGE_SIZE));
		insert(first, pages, number);
		return;
	}
	switch (roll(dice, 3)) {
	case 0:
		area_account(mm->contents, 0, -(int64_t)area_pages(area));
		erase((unsigned)((area->start - base) / PAGE_SIZE),
		      (unsigned)((area->end - base) / PAGE_SIZE));
		area_remove(mm->contents, area);
		area_free(area);
		break;
	case 1:
		if (at(first) == area->start)
			break;
		assert_int_equal(area_split(mm->contents, area, at(first)), 0);
		area = area_next(area);
		area->name = (const char *)(uintptr_t)number;
		for (unsigned i = first; at(i) < area->end; i++)
			owner[i] = number;
		break;
	default:
		resize(dice, area);
	}
}

MACHINE_TEST(the_tree_is_what_a_table_would_be)
{
	struct dice dice = {.state = 4711};

	mm = space_new();
	memset(owner, 0, sizeof(owner));
	for (unsigned i = 1; i <= NR_STEPS; i++) {
		unsigned pages = 1 + (unsigned)roll(&dice, 20);
		unsigned low = (unsigned)roll(&dice, NR_PAGES / 2);
		unsigned high = low + pages + (unsigned)roll(&dice, NR_PAGES - low - pages);

		step(&dice, i);
		assert_int_equal(area_place(mm->contents, pages * PAGE_SIZE, at(low), at(high)),
				 naive_place(pages, low, high));
		if (i % 16 == 0)
			compare();
	}
	compare();
	space_end(mm);
}

MACHINE_TEST(halves_that_match_become_one_again)
{
	mm = space_new();
	memset(owner, 0, sizeof(owner));
	insert(10, 10, 1);
	struct area *area = area_find(mm->contents, at(10));
	assert_int_equal(area_split(mm->contents, area, at(12)), 0);
	assert_int_equal(area_split(mm->contents, area, at(11)), 0);
	assert_int_equal(mm->contents->nr_areas, 3);
	area = area_merge(mm->contents, area_next(area));
	assert_int_equal(mm->contents->nr_areas, 1);
	assert_int_equal(area->start, at(10));
	assert_int_equal(area->end, at(20));
	compare();
	space_end(mm);
}

MACHINE_TEST(the_number_of_areas_is_bounded)
{
	mm = space_new();
	memset(owner, 0, sizeof(owner));
	insert(0, 2, 1);
	mm->contents->nr_areas = AREAS_MAX;
	assert_int_equal(area_split(mm->contents, area_find(mm->contents, at(0)), at(1)), -ENOMEM);
	mm->contents->nr_areas = 1;
	space_end(mm);
}
