/* kernel/lib/string.c against the obvious byte loops, at every small size and alignment. */
#include "test.h"
#include <string.h>

void *kernel_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *kernel_memmove(void *dst, const void *src, size_t n);
void *kernel_memset(void *dst, int byte, size_t n);
int kernel_memcmp(const void *a, const void *b, size_t n);
void *kernel_memchr(const void *s, int byte, size_t n);
size_t kernel_strlen(const char *s);
size_t kernel_strnlen(const char *s, size_t max);
int kernel_strcmp(const char *a, const char *b);
int kernel_strncmp(const char *a, const char *b, size_t n);
char *kernel_strchr(const char *s, int c);
char *kernel_strrchr(const char *s, int c);
char *kernel_strstr(const char *haystack, const char *needle);

enum { SIZE = 300, MAX_LEN = 140 };

static unsigned char a[SIZE], b[SIZE], expected[SIZE];

static void fill(unsigned char *p, unsigned salt)
{
	for (unsigned i = 0; i < SIZE; i++)
		p[i] = (unsigned char)(i * 7 + salt);
}

TEST(copies_exactly_the_range)
{
	for (unsigned from = 0; from < 9; from++)
		for (unsigned to = 0; to < 9; to++)
			for (unsigned n = 0; n < MAX_LEN; n++) {
				fill(a, 1);
				fill(b, 100);
				fill(expected, 100);
				for (unsigned i = 0; i < n; i++)
					expected[to + i] = a[from + i];
				assert_ptr_equal(kernel_memcpy(b + to, a + from, n), b + to);
				assert_memory_equal(b, expected, SIZE);
			}
}

TEST(moves_overlapping_ranges_both_ways)
{
	for (int shift = -40; shift <= 40; shift++)
		for (int n = 0; n < MAX_LEN; n++) {
			fill(a, 3);
			fill(expected, 3);
			for (int i = 0; i < n; i++)
				expected[60 + shift + i] = (unsigned char)((60 + i) * 7 + 3);
			kernel_memmove(a + 60 + shift, a + 60, (size_t)n);
			assert_memory_equal(a, expected, SIZE);
		}
}

TEST(sets_exactly_the_range)
{
	for (unsigned from = 0; from < 9; from++)
		for (unsigned n = 0; n < MAX_LEN; n++) {
			fill(a, 5);
			fill(expected, 5);
			for (unsigned i = 0; i < n; i++)
				expected[from + i] = 0xe1;
			kernel_memset(a + from, 0x5e1, n);
			assert_memory_equal(a, expected, SIZE);
		}
}

TEST(compares_like_unsigned_bytes)
{
	for (unsigned n = 0; n < 40; n++)
		for (unsigned at = 0; at < n; at++) {
			fill(a, 0);
			fill(b, 0);
			assert_int_equal(kernel_memcmp(a, b, n), 0);
			a[at] = 0x80;
			b[at] = 0x7f;
			assert_true(kernel_memcmp(a, b, n) > 0);
			assert_true(kernel_memcmp(b, a, n) < 0);
			assert_int_equal(kernel_memcmp(a, b, at), 0);
		}
}

TEST(finds_bytes_and_strings)
{
	const char *s = "a path/with/slashes";

	assert_ptr_equal(kernel_memchr(s, 'h', 19), s + 5);
	assert_null(kernel_memchr(s, 'h', 5));
	assert_ptr_equal(kernel_strchr(s, '/'), s + 6);
	assert_ptr_equal(kernel_strrchr(s, '/'), s + 11);
	assert_ptr_equal(kernel_strchr(s, '\0'), s + 19);
	assert_ptr_equal(kernel_strrchr(s, '\0'), s + 19);
	assert_null(kernel_strchr(s, 'z'));
	assert_null(kernel_strrchr(s, 'z'));
	assert_ptr_equal(kernel_strstr(s, "th/s"), s + 9);
	assert_ptr_equal(kernel_strstr(s, ""), s);
	assert_null(kernel_strstr(s, "slashes!"));
	assert_non_null(kernel_strstr("", ""));
}

TEST(measures_and_orders_strings)
{
	assert_int_equal(kernel_strlen(""), 0);
	assert_int_equal(kernel_strlen("lodger"), 6);
	assert_int_equal(kernel_strnlen("lodger", 3), 3);
	assert_int_equal(kernel_strnlen("lodger", 9), 6);
	assert_int_equal(kernel_strcmp("abc", "abc"), 0);
	assert_true(kernel_strcmp("abc", "abd") < 0);
	assert_true(kernel_strcmp("abc", "ab") > 0);
	assert_true(kernel_strcmp("\x80", "\x7f") > 0);
	assert_int_equal(kernel_strncmp("abc", "abd", 2), 0);
	assert_true(kernel_strncmp("abc", "abd", 3) < 0);
	assert_int_equal(kernel_strncmp("ab", "ab", 9), 0);
	assert_int_equal(kernel_strncmp("x", "y", 0), 0);
}
