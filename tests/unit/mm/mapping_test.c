/* The pages of an object: the tree against a table, truncation, holes, who finds what. */
#include "test.h"
#include "space.h"

enum { NR_SLOTS = 300, NR_STEPS = 20000 };

static struct mapping *object(uint64_t pages)
{
	struct mapping *mapping = mapping_create_shared(pages * PAGE_SIZE);

	assert_non_null(mapping);
	return mapping;
}

static uint8_t *bytes(struct mapping *mapping, uint64_t index)
{
	struct page *page;

	assert_int_equal(mapping_get_page(mapping, index, MAPPING_CREATE, &page), 0);
	page_put(page); /* the tree keeps it */
	return page_address(page);
}

static bool has_page(struct mapping *mapping, uint64_t index)
{
	struct page *page = mapping_find_page(mapping, index);

	if (page)
		page_put(page);
	return page;
}

MACHINE_TEST(pages_are_found_where_they_were_put)
{
	static const uint64_t far[] = {
		0, 1, 63, 64, 4095, 4096, 1UL << 30, UINT64_MAX >> 12, UINT64_MAX - 1};
	struct mapping *mapping = object(1);

	for (unsigned i = 0; i < ARRAY_LEN(far); i++)
		*bytes(mapping, far[i]) = (uint8_t)(i + 1);
	for (unsigned i = 0; i < ARRAY_LEN(far); i++) {
		assert_int_equal(*bytes(mapping, far[i]), i + 1);
		assert_true(mapping_next_page(mapping, far[i]) == far[i]);
		if (i > 0)
			assert_true(mapping_next_page(mapping, far[i - 1] + 1) == far[i]);
	}
	assert_false(has_page(mapping, 2));
	assert_int_equal(mapping->nr_pages, ARRAY_LEN(far));
	mapping_put(mapping);
}

MACHINE_TEST(the_tree_is_what_a_table_would_be)
{
	struct mapping *mapping = object(NR_SLOTS);
	bool there[NR_SLOTS] = {false};
	struct dice dice = {.state = 99};

	for (unsigned i = 0; i < NR_STEPS; i++) {
		uint64_t index = roll(&dice, NR_SLOTS), end = index + 1 + roll(&dice, 5);
		/* Spread out, so that the tree gets deep. */
		uint64_t stride = 1 + (1UL << 13);

		if (roll(&dice, 3)) {
			bytes(mapping, index * stride);
			there[index] = true;
		} else {
			mapping_punch(mapping, index * stride, end * stride);
			for (; index < MIN(end, (uint64_t)NR_SLOTS); index++)
				there[index] = false;
		}
		index = roll(&dice, NR_SLOTS);
		assert_true(has_page(mapping, index * stride) == there[index]);
		while (index < NR_SLOTS && !there[index])
			index++;
		assert_true(mapping_next_page(mapping, index * stride) ==
				    (index < NR_SLOTS ? index * stride : UINT64_MAX) ||
			    index == NR_SLOTS);
	}
	mapping_put(mapping);
}

MACHINE_TEST(a_shorter_object_forgets_and_zeroes_its_tail)
{
	struct mapping *mapping = object(4);

	memset(bytes(mapping, 1), 'a', PAGE_SIZE);
	memset(bytes(mapping, 3), 'b', PAGE_SIZE);
	mapping_truncate(mapping, PAGE_SIZE + 10);
	assert_false(has_page(mapping, 3));
	assert_int_equal(bytes(mapping, 1)[9], 'a');
	assert_int_equal(bytes(mapping, 1)[10], 0);
	mapping_truncate(mapping, 4 * PAGE_SIZE);
	assert_int_equal(bytes(mapping, 1)[4000], 0);
	mapping_truncate(mapping, 0);
	assert_int_equal(mapping->nr_pages, 0);
	mapping_put(mapping);
}

MACHINE_TEST(faults_make_no_pages_outside_the_object)
{
	struct mapping *mapping = object(2);
	struct page *page;

	assert_int_equal(mapping_get_page(mapping, 2, MAPPING_CREATE | MAPPING_INSIDE, &page),
			 -EIO);
	assert_int_equal(mapping_get_page(mapping, 1, 0, &page), -ENOENT);
	assert_int_equal(mapping_get_page(mapping, 1, MAPPING_CREATE | MAPPING_INSIDE, &page), 0);
	page_put(page);
	mapping_put(mapping);
}

MACHINE_TEST(a_frame_is_adopted_once)
{
	struct mapping *mapping = object(2);
	struct page *frame = page_alloc(0, PAGE_USE_FILE, ALLOC_ZERO);
	struct page *other = page_alloc(0, PAGE_USE_FILE, ALLOC_ZERO);

	assert_int_equal(mapping_adopt_page_move(mapping, 7, frame), 0);
	assert_int_equal(mapping_adopt_page_move(mapping, 7, other), -EEXIST);
	page_put(other);
	assert_ptr_equal(bytes(mapping, 7), page_address(frame));
	mapping_put(mapping);
}

static int fill_error;
static int fill(struct mapping *mapping, uint64_t index, struct page *page)
{
	memset(page_address(page), (int)index, PAGE_SIZE);
	return fill_error;
}
static unsigned nr_released;
static void released(struct mapping *mapping)
{
	nr_released++;
}

MACHINE_TEST(an_object_fills_its_pages_and_hears_of_its_end)
{
	static const struct mapping_ops ops = {.fill = fill, .release = released};
	struct mapping mapping;
	struct page *page;

	mapping_init(&mapping, &ops, NULL);
	nr_released = 0;
	assert_int_equal(*bytes(&mapping, 5), 5);
	fill_error = -EIO;
	assert_int_equal(mapping_get_page(&mapping, 6, MAPPING_CREATE, &page), -EIO);
	fill_error = 0;
	assert_int_equal(mapping.nr_pages, 1);
	mapping_get(&mapping);
	mapping_put(&mapping);
	assert_int_equal(nr_released, 0);
	mapping_put(&mapping);
	assert_int_equal(nr_released, 1);
}

#define BASE 0x40000000UL

MACHINE_TEST(all_views_of_an_object_agree)
{
	struct mapping *mapping = object(20);
	struct mm_struct *mm = space_new();

	space_enter(mm);
	map_object(BASE, 20 * PAGE_SIZE, RW | AREA_SHARED, mapping, 0);
	map_object(BASE + (32 << PAGE_SHIFT), 4 * PAGE_SIZE, RW, mapping, 3);
	poke(BASE + 3 * PAGE_SIZE + 5, 'a');
	assert_int_equal(bytes(mapping, 3)[5], 'a');
	assert_int_equal(peek(BASE + 32 * PAGE_SIZE + 5), 'a');
	poke(BASE + 32 * PAGE_SIZE + 5, 'p'); /* the private view parts from it */
	assert_int_equal(bytes(mapping, 3)[5], 'a');
	bytes(mapping, 3)[5] = 'b';
	assert_int_equal(peek(BASE + 3 * PAGE_SIZE + 5), 'b');
	assert_int_equal(peek(BASE + 32 * PAGE_SIZE + 5), 'p');
	contents_check(mm, true);
	space_end(mm);
	mapping_put(mapping);
}

MACHINE_TEST(one_fault_brings_in_what_is_around)
{
	struct mapping *mapping = object(64);
	struct mm_struct *mm = space_new();

	for (uint64_t i = 0; i < 64; i += 2)
		bytes(mapping, i)[0] = (uint8_t)i;
	space_enter(mm);
	map_object(BASE, 64 * PAGE_SIZE, AREA_READ | AREA_EXEC, mapping, 0);
	assert_int_equal(peek(BASE + 18 * PAGE_SIZE), 18);
	assert_int_equal(mm->contents->file_pages, 8); /* the present ones of 16 .. 31 */
	assert_int_equal(peek(BASE + 19 * PAGE_SIZE), 0);
	assert_int_equal(mm->contents->file_pages, 9);
	contents_check(mm, true);
	space_end(mm);
	mapping_put(mapping);
}

MACHINE_TEST(truncation_takes_pages_out_of_every_address_space)
{
	struct mapping *mapping = object(8);
	struct mm_struct *mm = space_new(), *child;

	space_enter(mm);
	map_object(BASE, 8 * PAGE_SIZE, RW | AREA_SHARED, mapping, 0);
	map_object(BASE + (16 << PAGE_SHIFT), 8 * PAGE_SIZE, RW, mapping, 0);
	for (unsigned i = 0; i < 8; i++) {
		poke(BASE + i * PAGE_SIZE, (uint8_t)(i + 1));
		poke(BASE + (16 + i) * PAGE_SIZE, (uint8_t)(i + 101));
	}
	child = space_fork(mm);
	assert_non_null(child);
	mapping_truncate(mapping, 3 * PAGE_SIZE);
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(peek(BASE + 2 * PAGE_SIZE), 3);
		assert_int_equal(peek(BASE + 18 * PAGE_SIZE), 103);
		assert_int_equal(read_signal(BASE + 3 * PAGE_SIZE), SIGBUS);
		assert_int_equal(fault_code, BUS_ADRERR);
		assert_int_equal(read_signal(BASE + 19 * PAGE_SIZE), SIGBUS);
		contents_check(current->mm, true);
		space_enter(child);
	}
	mapping_truncate(mapping, 8 * PAGE_SIZE);
	assert_int_equal(peek(BASE + 3 * PAGE_SIZE), 0);
	/* A hole keeps private copies. */
	mapping_punch(mapping, 2, 3);
	assert_int_equal(peek(BASE + 2 * PAGE_SIZE), 0);
	assert_int_equal(peek(BASE + 18 * PAGE_SIZE), 103);
	assert_int_equal(sys_madvise(BASE + PAGE_SIZE, PAGE_SIZE, MADV_REMOVE), 0);
	assert_int_equal(peek(BASE + PAGE_SIZE), 0);
	assert_int_equal(sys_madvise(BASE + (16 << PAGE_SHIFT), PAGE_SIZE, MADV_REMOVE), -EACCES);
	space_end(child);
	space_end(mm);
	assert_true(list_is_empty(&mapping->areas));
	mapping_put(mapping);
}

MACHINE_TEST(a_futex_key_names_the_object)
{
	struct mapping *mapping = object(8), *found;
	struct mm_struct *mm = space_new();
	uint64_t index;

	space_enter(mm);
	map_object(BASE, 4 * PAGE_SIZE, RW | AREA_SHARED, mapping, 2);
	map_at(BASE + (16 << PAGE_SHIFT), PAGE_SIZE, RW);
	assert_int_equal(mm_shared_key(BASE + PAGE_SIZE + 8, &found, &index), 0);
	assert_ptr_equal(found, mapping);
	assert_int_equal(index, 3);
	mapping_put(found);
	assert_int_equal(mm_shared_key(BASE + (16 << PAGE_SHIFT), &found, &index), 0);
	assert_null(found);
	assert_int_equal(mm_shared_key(BASE - 1, &found, &index), -EFAULT);
	space_end(mm);
	mapping_put(mapping);
}

static void use_object(void)
{
	struct mapping *mapping = mapping_create_shared(8 * PAGE_SIZE);
	struct page *page;

	if (!mapping)
		return;
	for (uint64_t index = 1; index < 1UL << 40; index <<= 5)
		if (mapping_get_page(mapping, index, MAPPING_CREATE, &page) == 0)
			page_put(page);
	mapping_punch(mapping, 3, 1UL << 20);
	mapping_put(mapping);
}

MACHINE_TEST(no_failed_allocation_loses_anything)
{
	assert_true(test_each_allocation_failing(use_object) > 10);
}
