/* Duplicating address spaces: what is shared, what is copied, and when. */
#include "test.h"
#include "space.h"

#define BASE 0x40000000UL

static struct mm_struct *parent;

static void begin(size_t pages)
{
	parent = space_new();
	assert_non_null(parent);
	space_enter(parent);
	if (pages)
		assert_int_equal(map_at(BASE, pages * PAGE_SIZE, RW), BASE);
}

static uint64_t anon_frames(void)
{
	struct page_stats stats;

	page_stats_read(&stats);
	return stats.anon;
}

MACHINE_TEST(neither_side_sees_what_the_other_writes)
{
	begin(4);
	for (unsigned i = 0; i < 4; i++)
		poke(BASE + i * PAGE_SIZE, (uint8_t)(10 + i));
	struct mm_struct *child = space_fork(parent);
	poke(BASE, 1); /* the TLB still has the entry that allowed it, if nobody flushed */
	space_enter(child);
	assert_int_equal(peek(BASE), 10);
	poke(BASE + PAGE_SIZE, 2);
	assert_int_equal(peek(BASE + 2 * PAGE_SIZE), 12);
	space_enter(parent);
	assert_int_equal(peek(BASE), 1);
	assert_int_equal(peek(BASE + PAGE_SIZE), 11);
	contents_check(parent, true);
	contents_check(child, true);
	space_end(child);
	space_end(parent);
}

MACHINE_TEST(pages_are_shared_until_they_are_written)
{
	begin(200);
	for (unsigned i = 0; i < 200; i++)
		poke(BASE + i * PAGE_SIZE, 1);
	uint64_t before = anon_frames();
	struct mm_struct *child = space_fork(parent);
	assert_int_equal(anon_frames(), before); /* a first fork copies no page ahead */
	assert_int_equal(child->contents->anon_pages, 200);
	poke(BASE, 2);
	assert_int_equal(anon_frames(), before + 1);
	space_end(child);
	/* The last holder writes to the page itself. */
	poke(BASE + PAGE_SIZE, 3);
	assert_int_equal(anon_frames(), before);
	space_end(parent);
}

MACHINE_TEST(a_later_fork_copies_ahead_what_was_written_since_the_last)
{
	begin(200);
	for (unsigned i = 0; i < 200; i++)
		poke(BASE + i * PAGE_SIZE, 1);
	space_end(space_fork(parent));
	for (unsigned i = 0; i < 3; i++)
		poke(BASE + i * PAGE_SIZE, 2);
	uint64_t before = anon_frames();
	struct mm_struct *child = space_fork(parent);
	assert_int_equal(anon_frames(), before + 3);
	/* So neither side faults there. */
	for (unsigned i = 0; i < 3; i++)
		poke(BASE + i * PAGE_SIZE, 3);
	assert_int_equal(anon_frames(), before + 3);
	space_enter(child);
	assert_int_equal(peek(BASE), 2);
	poke(BASE, 4);
	assert_int_equal(anon_frames(), before + 3);
	contents_check(child, true);
	space_end(child);
	space_end(parent);
}

MACHINE_TEST(nothing_is_copied_ahead_under_another_threads_hands)
{
	begin(8);
	poke(BASE, 1);
	space_end(space_fork(parent));
	poke(BASE, 2);
	mmget_as(parent, USER_TASK); /* a second thread */
	uint64_t before = anon_frames();
	struct mm_struct *child = space_fork(parent);
	assert_int_equal(anon_frames(), before);
	space_end(child);
	mmput_as(parent, USER_TASK);
	space_end(parent);
}

MACHINE_TEST(areas_go_to_the_child_as_advised)
{
	begin(12);
	for (unsigned i = 0; i < 12; i++)
		poke(BASE + i * PAGE_SIZE, 1);
	assert_int_equal(sys_madvise(BASE, 4 * PAGE_SIZE, MADV_DONTFORK), 0);
	assert_int_equal(sys_madvise(BASE + 4 * PAGE_SIZE, 4 * PAGE_SIZE, MADV_WIPEONFORK), 0);
	assert_int_equal(sys_mlock(BASE + 8 * PAGE_SIZE, PAGE_SIZE), 0);
	struct mm_struct *child = space_fork(parent);
	space_enter(child);
	assert_int_equal(read_signal(BASE), SIGSEGV);
	assert_int_equal(peek(BASE + 4 * PAGE_SIZE), 0);
	assert_int_equal(peek(BASE + 8 * PAGE_SIZE), 1);
	assert_int_equal(child->contents->locked_pages, 0);
	assert_int_equal(child->contents->total_pages, 8);
	contents_check(child, true);
	space_end(child);
	space_end(parent);
}

MACHINE_TEST(large_objects_are_faulted_in_again_small_ones_copied)
{
	struct mapping *mapping = mapping_create_shared(300 * PAGE_SIZE);

	begin(0);
	map_object(BASE, 300 * PAGE_SIZE, AREA_READ, mapping, 0);
	map_object(BASE + 0x10000000, 4 * PAGE_SIZE, RW | AREA_SHARED, mapping, 0);
	peek(BASE + 100 * PAGE_SIZE);
	poke(BASE + 0x10000000, 7);
	struct mm_struct *child = space_fork(parent);
	assert_int_equal(child->contents->file_pages, 1);
	space_enter(child);
	assert_int_equal(peek(BASE), 7);
	poke(BASE + 0x10000000, 8);
	space_enter(parent);
	assert_int_equal(peek(BASE), 8);
	space_end(child);
	space_end(parent);
	mapping_put(mapping);
}

/* A tree of forks, each writing its own mark into a page of its own and into one that all share. */
static void grow(struct mm_struct *mm, unsigned depth, unsigned *number)
{
	unsigned me = ++*number;

	space_enter(mm);
	poke(BASE + me * PAGE_SIZE, (uint8_t)me);
	poke(BASE, (uint8_t)me);
	for (unsigned i = 0; i < 2 && depth > 0; i++) {
		struct mm_struct *child = space_fork(mm);
		grow(child, depth - 1, number);
		space_enter(mm);
		assert_int_equal(peek(BASE), me);
		space_end(child);
	}
	for (unsigned i = me + 1; i <= *number; i++) /* descendants' marks are theirs */
		assert_int_equal(peek(BASE + i * PAGE_SIZE), 0);
	contents_check(mm, true);
}

MACHINE_TEST(a_tree_of_forks_keeps_its_branches_apart)
{
	unsigned number = 0;

	begin(128);
	grow(parent, 5, &number);
	assert_int_equal(number, 63);
	space_end(parent);
}

MACHINE_TEST(a_killed_task_stops_copying)
{
	begin(8);
	poke(BASE, 1);
	is_killed = true;
	assert_null(space_fork(parent));
	is_killed = false;
	poke(BASE, 2);
	assert_int_equal(peek(BASE), 2);
	space_end(parent);
}

static void fork_and_write(void)
{
	struct mapping *mapping = mapping_create_shared(8 * PAGE_SIZE);
	struct mm_struct *mm = space_new(), *child;

	if (mm && mapping) {
		space_enter(mm);
		map_at(BASE, 8 * PAGE_SIZE, RW);
		map_at(BASE + 0x200000, 8 * PAGE_SIZE, RW);
		map_object(BASE + 0x400000, 8 * PAGE_SIZE, RW, mapping, 0);
		for (vaddr_t va = BASE; va < BASE + 0x600000; va += 0x200000)
			write_signal(va);
		child = space_fork(mm);
		if (child) {
			space_enter(child);
			for (vaddr_t va = BASE; va < BASE + 0x600000; va += 0x200000)
				write_signal(va);
			space_end(child);
			space_enter(mm);
		}
		for (vaddr_t va = BASE; va < BASE + 0x600000; va += 0x200000)
			write_signal(va);
	}
	if (mm)
		space_end(mm);
	if (mapping)
		mapping_put(mapping);
}

MACHINE_TEST(no_failed_allocation_loses_anything)
{
	assert_true(test_each_allocation_failing(fork_and_write) > 15);
}
