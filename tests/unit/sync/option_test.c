/* kernel/sync/option.c */
#include "test.h"
#include <string.h>
#include <kern/boot.h>

static void check(const char *name, const char *expected)
{
	char value[16] = "unchanged";

	bool is_there = boot_option(name, value, sizeof(value));
	assert_int_equal(is_there, expected != NULL);
	assert_string_equal(value, expected ? expected : "unchanged");
}

TEST(words_with_and_without_values)
{
	boot_options_init("  quiet lazy=refcount mem=64M lazy2 x= a=b=c\tlast=1\n");
	check("quiet", "");
	check("lazy", "refcount");
	check("lazy2", "");
	check("x", "");
	check("a", "b=c");
	check("last", "1");
	check("laz", NULL);
	check("refcount", NULL);
	check("", NULL);
	assert_string_equal(boot_cmdline(),
			    "  quiet lazy=refcount mem=64M lazy2 x= a=b=c\tlast=1\n");
}

TEST(quotes_the_last_and_the_end)
{
	boot_options_init("a=\"x y\" b=1 b=2 c=\"unclosed d=1");
	check("a", "x y");
	check("b", "2");
	check("c", "unclosed d=1");
	check("d", NULL);
	boot_options_init("a=1 -- b=2 a=3");
	check("a", "1");
	check("b", NULL);
	boot_options_init("long=0123456789abcdefghij");
	check("long", "0123456789abcde");
}

TEST(numbers_or_the_fallback)
{
	boot_options_init("a=64M b=0x10 c=12x d e=99999999999999999999");
	assert_int_equal(boot_option_u64("a", 1), 64 << 20);
	assert_int_equal(boot_option_u64("b", 1), 16);
	assert_int_equal(boot_option_u64("c", 1), 1);
	assert_int_equal(boot_option_u64("d", 2), 2);
	assert_int_equal(boot_option_u64("e", 3), 3);
	assert_int_equal(boot_option_u64("f", 4), 4);
}

TEST(rubbish_does_no_harm)
{
	char line[BOOT_CMDLINE_MAX + 100], value[8];
	uint64_t seed = 7;

	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof(line) - 1; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			line[i] = "ab=\" \t-\xff"[seed >> 61];
		}
		line[sizeof(line) - 1] = '\0';
		boot_options_init(line);
		(void)boot_option("a", value, sizeof(value));
		(void)boot_option_u64("b", 0);
	}
	assert_int_equal(strlen(boot_cmdline()), BOOT_CMDLINE_MAX - 1);
}
