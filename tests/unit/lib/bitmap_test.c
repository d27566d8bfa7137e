/* kernel/lib/bitmap.c */
#include "test.h"
#include <kern/bitmap.h>

enum { BITS = 200 };

TEST(finds_every_single_bit_from_every_start)
{
	for (size_t bit = 0; bit < BITS; bit++) {
		uint64_t ones[BITMAP_WORDS(BITS)] = {0}, zeros[BITMAP_WORDS(BITS)];
		for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
			zeros[i] = UINT64_MAX;
		bitmap_set(ones, bit);
		bitmap_clear(zeros, bit);
		for (size_t from = 0; from <= BITS; from++) {
			size_t expected = from <= bit ? bit : BITS;
			assert_int_equal(bitmap_find_set(ones, BITS, from), expected);
			assert_int_equal(bitmap_find_zero(zeros, BITS, from), expected);
		}
	}
}

TEST(ignores_bits_past_the_end)
{
	uint64_t map[BITMAP_WORDS(BITS)] = {0};

	bitmap_set(map, BITS);
	assert_int_equal(bitmap_find_set(map, BITS, 0), BITS);
	assert_int_equal(bitmap_find_set(map, BITS, BITS + 5), BITS);
	assert_int_equal(bitmap_find_set(map, 0, 0), 0);
}
