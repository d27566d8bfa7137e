/* kernel/lib/format.c against the C library's snprintf. */
#include "test.h"
#include <stdio.h>
#include <string.h>
#include <kern/format.h>

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-zero-length"
#pragma GCC diagnostic ignored "-Wformat-overflow"

#define CHECK(...)                                                             \
	do {                                                                   \
		char ours[200], theirs[200];                                   \
		int our_len = format_string(ours, sizeof(ours), __VA_ARGS__);  \
		int their_len = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
		assert_string_equal(ours, theirs);                             \
		assert_int_equal(our_len, their_len);                          \
	} while (0)

static void check_number(const char *flags, const char *size, const char *length, long long n)
{
	static const char letters[] = "diuxXo";
	char format[40];

	for (const char *letter = letters; *letter; letter++) {
		snprintf(format, sizeof(format), "<%%%s%s%s%c>", flags, size, length, *letter);
		CHECK(format, n);
	}
}

TEST(numbers_in_every_combination)
{
	static const char *const flags[] = {"",	  "-",	"+",  " ",  "#", "0",
					    "-0", "+0", " 0", "#0", "#-"};
	static const char *const sizes[] = {"",	  "1",	"5",	"20",	".0",
					    ".1", ".7", "10.3", "3.10", "1.25"};
	static const char *const lengths[] = {"", "hh", "h", "l", "ll", "z", "j", "t"};
	static const long long numbers[] = {0,	  1,	     -1,	7,	   255,	     -128,
					    4096, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};

	for (unsigned f = 0; f < ARRAY_LEN(flags); f++)
		for (unsigned s = 0; s < ARRAY_LEN(sizes); s++)
			for (unsigned l = 0; l < ARRAY_LEN(lengths); l++)
				for (unsigned n = 0; n < ARRAY_LEN(numbers); n++)
					check_number(flags[f], sizes[s], lengths[l], numbers[n]);
}

TEST(strings_characters_pointers)
{
	CHECK("%s|%10s|%-10s|%.2s|%10.2s|%.0s", "abc", "abc", "abc", "abc", "abc", "abc");
	CHECK("%c%5c%-5c|", 'x', 'y', 'z');
	CHECK("100%% of %p", (void *)0x1234abcd);
	CHECK("%*d|%-*d|%*d|%.*s", 5, 42, 5, 42, -5, 42, 2, "abc");
	CHECK("no conversions at all");
	CHECK("");
	char unterminated[3] = {'a', 'b', 'c'};
	CHECK("%.3s", unterminated);
}

TEST(the_buffer_is_never_overrun)
{
	char buf[64];

	for (size_t size = 0; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(format_string(buf, size, "%s %d %20x", "hello", 12345, 0xabc), 32);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
		if (size)
			assert_int_equal(strlen(buf), MIN(size - 1, (size_t)32));
	}
	assert_int_equal(format_string(NULL, 0, "%d", 123), 3);
}

TEST(what_is_unknown_or_cut_short_does_no_harm)
{
	char buf[32];

	format_string(buf, sizeof(buf), "a%");
	assert_string_equal(buf, "a");
	format_string(buf, sizeof(buf), "%y%5l");
	assert_string_equal(buf, "y");
	format_string(buf, sizeof(buf), "%s", (char *)NULL);
	assert_string_equal(buf, "(null)");
	assert_int_equal(format_string(buf, 4, "%500d", 1), 500);
}
