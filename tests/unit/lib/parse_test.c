/* kernel/lib/parse.c and hash.c */
#include "test.h"
#include <string.h>
#include <kern/hash.h>
#include <kern/string.h>
#include <uapi/errno.h>

static void check(const char *text, int error, uint64_t value, const char *rest)
{
	const char *s = text;
	uint64_t n = 99;

	assert_int_equal(string_to_u64(&s, &n), error);
	assert_int_equal(n, error ? 99 : value);
	assert_string_equal(s, error ? text : rest);
}

TEST(numbers_with_base_and_suffix)
{
	check("0", 0, 0, "");
	check("123abc", 0, 123, "abc");
	check("0x1fG", 0, 0x1fULL << 30, "");
	check("0X10 ", 0, 16, " ");
	check("017", 0, 15, "");
	check("08", 0, 0, "8");
	check("0x", 0, 0, "x");
	check("4k,", 0, 4096, ",");
	check("512M", 0, 512ULL << 20, "");
	check("18446744073709551615", 0, UINT64_MAX, "");
	check("18446744073709551616", -ERANGE, 0, "");
	check("0x10000000000000000", -ERANGE, 0, "");
	check("17179869184G", -ERANGE, 0, "");
	check("17179869183G", 0, 17179869183ULL << 30, "");
	check("", -EINVAL, 0, "");
	check("-1", -EINVAL, 0, "");
	check(" 1", -EINVAL, 0, "");
	check("K", -EINVAL, 0, "");
}

TEST(copies_are_cut_and_terminated)
{
	char buf[8] = "#######";

	assert_int_equal(string_copy(buf, "abc", sizeof(buf)), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(string_copy(buf, "0123456789", sizeof(buf)), 10);
	assert_string_equal(buf, "0123456");
	assert_int_equal(string_copy(buf, "xyz", 1), 3);
	assert_string_equal(buf, "");
}

TEST(hashes_spread_and_depend_on_every_byte)
{
	uint64_t buckets[64] = {0};
	char name[32] = "file-000000.txt";

	for (unsigned i = 0; i < 6400; i++) {
		for (unsigned digit = 0, n = i; digit < 6; digit++, n /= 10)
			name[10 - digit] = (char)('0' + n % 10);
		buckets[hash_bytes(name, 15, 0) % 64]++;
		assert_int_not_equal(hash_bytes(name, 15, 0), hash_bytes(name, 15, 1));
		assert_int_not_equal(hash_bytes(name, 14, 0), hash_bytes(name, 15, 0));
	}
	for (unsigned i = 0; i < 64; i++)
		assert_in_range(buckets[i], 50, 160);
	assert_int_equal(hash_bytes("abc\0", 3, 0), hash_bytes("abc", 3, 0));
	assert_int_not_equal(hash_bytes("abc\0", 4, 0), hash_bytes("abc", 3, 0));
	assert_int_not_equal(hash_u64(1), hash_u64(2));
}
