/* kernel/lib/symbols.c */
#include "test.h"
#include <kern/symbols.h>

static const uint8_t table[] = "\x00"
			       "first\0"
			       "\x10"
			       "second\0"
			       "\x80\x02"
			       "far";

static const char *find(uintptr_t address, size_t *offset)
{
	return symbol_find_in(table, table + sizeof(table), 0x1000, 0x2000, address, offset);
}

TEST(addresses_belong_to_the_function_before_them)
{
	size_t offset;

	assert_string_equal(find(0x1000, &offset), "first");
	assert_int_equal(offset, 0);
	assert_string_equal(find(0x100f, &offset), "first");
	assert_int_equal(offset, 15);
	assert_string_equal(find(0x1010, &offset), "second");
	assert_string_equal(find(0x110f, &offset), "second");
	assert_string_equal(find(0x1110, &offset), "far");
	assert_int_equal(offset, 0);
	assert_string_equal(find(0x1fff, &offset), "far");
}

TEST(addresses_outside_belong_to_nobody)
{
	size_t offset;

	assert_null(find(0xfff, &offset));
	assert_null(find(0x2000, &offset));
	assert_null(symbol_find(0x1234, &offset)); /* a program without the table */
}

TEST(a_cut_table_is_read_as_far_as_it_goes)
{
	for (size_t len = 0; len < sizeof(table); len++) {
		uint8_t copy[sizeof(table)];
		size_t offset;

		for (size_t i = 0; i < len; i++)
			copy[i] = table[i];
		symbol_find_in(copy, copy + len, 0x1000, 0x2000, 0x1fff, &offset);
	}
}
