/* mremap, one behaviour a test. Random sequences are in model_test.c. */
#include "test.h"
#include "space.h"

#define BASE 0x40000000UL

static struct mm_struct *mm;

static void begin(size_t pages)
{
	mm = space_new();
	assert_non_null(mm);
	space_enter(mm);
	assert_int_equal(map_at(BASE, pages * PAGE_SIZE, RW), BASE);
	for (unsigned i = 0; i < pages; i++)
		poke(BASE + i * PAGE_SIZE, (uint8_t)(i + 1));
}

static void end(void)
{
	contents_check(mm, true);
	space_end(mm);
}

MACHINE_TEST(it_grows_where_it_stands_if_there_is_room)
{
	begin(2);
	assert_int_equal(sys_mremap(BASE, 2 * PAGE_SIZE, 6 * PAGE_SIZE, 0, 0), BASE);
	assert_int_equal(peek(BASE + PAGE_SIZE), 2);
	poke(BASE + 5 * PAGE_SIZE, 1);
	map_at(BASE + 7 * PAGE_SIZE, PAGE_SIZE, AREA_READ);
	assert_int_equal(sys_mremap(BASE, 6 * PAGE_SIZE, 8 * PAGE_SIZE, 0, 0), -ENOMEM);
	assert_int_equal(sys_mremap(BASE, 6 * PAGE_SIZE, 7 * PAGE_SIZE, 0, 0), BASE);
	end();
}

MACHINE_TEST(it_moves_with_all_its_pages_if_it_may)
{
	begin(4);
	map_at(BASE + 4 * PAGE_SIZE, PAGE_SIZE, AREA_READ);
	long to = sys_mremap(BASE, 4 * PAGE_SIZE, 600 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	assert_true(to > 0 && to != (long)BASE);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(peek((vaddr_t)to + i * PAGE_SIZE), i + 1);
	assert_int_equal(peek((vaddr_t)to + 599 * PAGE_SIZE), 0);
	assert_int_equal(read_signal(BASE), SIGSEGV);
	end();
}

MACHINE_TEST(it_shrinks)
{
	begin(8);
	assert_int_equal(sys_mremap(BASE, 8 * PAGE_SIZE, 3 * PAGE_SIZE, 0, 0), BASE);
	assert_int_equal(peek(BASE + 2 * PAGE_SIZE), 3);
	assert_int_equal(read_signal(BASE + 3 * PAGE_SIZE), SIGSEGV);
	assert_int_equal(mm->contents->anon_pages, 3);
	end();
}

MACHINE_TEST(dontunmap_leaves_the_place_empty)
{
	begin(2);
	long to = sys_mremap(BASE, 2 * PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
			     0);
	assert_true(to > 0);
	assert_int_equal(peek((vaddr_t)to + PAGE_SIZE), 2);
	assert_int_equal(peek(BASE + PAGE_SIZE), 0);
	/* To just above itself: the two become one area again. */
	to = sys_mremap(BASE, 2 * PAGE_SIZE, 2 * PAGE_SIZE,
			MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, BASE + 2 * PAGE_SIZE);
	assert_int_equal(to, BASE + 2 * PAGE_SIZE);
	assert_int_equal(mm->contents->nr_areas, 2);
	end();
}

MACHINE_TEST(length_zero_maps_shared_pages_twice)
{
	begin(1);
	map_at(BASE + 0x100000, 4 * PAGE_SIZE, RW | AREA_SHARED);
	poke(BASE + 0x101000, 9);
	long to = sys_mremap(BASE + 0x101000, 0, 2 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	assert_true(to > 0);
	assert_int_equal(peek((vaddr_t)to), 9);
	poke((vaddr_t)to + PAGE_SIZE, 8);
	assert_int_equal(peek(BASE + 0x102000), 8);
	assert_int_equal(sys_mremap(BASE, 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
	end();
}

MACHINE_TEST(impossible_requests_are_refused)
{
	begin(4);
	assert_int_equal(sys_mremap(BASE + 1, PAGE_SIZE, PAGE_SIZE, 0, 0), -EINVAL);
	assert_int_equal(sys_mremap(BASE, PAGE_SIZE, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_mremap(BASE, PAGE_SIZE, PAGE_SIZE, 8, 0), -EINVAL);
	assert_int_equal(sys_mremap(BASE, PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED, 0), -EINVAL);
	assert_int_equal(
		sys_mremap(BASE, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0),
		-EINVAL);
	assert_int_equal(sys_mremap(BASE, 2 * PAGE_SIZE, 2 * PAGE_SIZE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, BASE + PAGE_SIZE),
			 -EINVAL);
	assert_int_equal(sys_mremap(BASE, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				    0xfffffffffffff000UL),
			 -EINVAL);
	assert_int_equal(sys_mremap(BASE, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, 0),
			 -EPERM);
	assert_int_equal(sys_mremap(BASE + 4 * PAGE_SIZE, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0), -EFAULT);
	assert_int_equal(sys_mremap(BASE, 5 * PAGE_SIZE, 6 * PAGE_SIZE, 0, 0), -EFAULT);
	assert_int_equal(sys_mremap(BASE, PAGE_SIZE, UINT64_MAX - PAGE_SIZE, MREMAP_MAYMOVE, 0),
			 -ENOMEM);
	assert_int_equal(sys_mremap(0xfffffffffffff000UL, PAGE_SIZE, PAGE_SIZE, 0, 0), -EFAULT);
	end();
}

MACHINE_TEST(a_truncated_page_is_not_moved_back_to_life)
{
	struct mapping *mapping = mapping_create_shared(4 * PAGE_SIZE);

	begin(1);
	map_object(BASE + 0x100000, 4 * PAGE_SIZE, RW | AREA_SHARED, mapping, 0);
	poke(BASE + 0x103000, 9);
	long to = sys_mremap(BASE + 0x100000, 4 * PAGE_SIZE, 4 * PAGE_SIZE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 0x1ff000);
	assert_int_equal(to, BASE + 0x1ff000);
	assert_int_equal(peek((vaddr_t)to + 3 * PAGE_SIZE), 9);
	mapping_truncate(mapping, PAGE_SIZE);
	assert_int_equal(read_signal((vaddr_t)to + 3 * PAGE_SIZE), SIGBUS);
	assert_int_equal(read_signal((vaddr_t)to), 0);
	end();
	mapping_put(mapping);
}
