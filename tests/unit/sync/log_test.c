/* kernel/sync/log.c */
#include "test.h"
#include <string.h>
#include <kern/log.h>

static char seen[200000];
static size_t seen_len;

static void keep(const char *text, size_t len)
{
	assert_true(seen_len + len < sizeof(seen));
	memcpy(seen + seen_len, text, len);
	seen_len += len;
	seen[seen_len] = '\0';
}

static struct log_sink sink = {.write = keep};

TEST(lines_have_the_time_and_a_late_sink_misses_nothing)
{
	log_print("first %d\n", 1);
	log_add_sink(&sink);
	assert_string_equal(seen, "[   0.000000] first 1\n");
	log_print("two ");
	log_print("parts\nand %s", "more\n");
	assert_string_equal(seen + 22, "[   0.000000] two parts\n[   0.000000] and more\n");
}

TEST(a_long_message_is_cut)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[999] = '\0';
	seen_len = 0;
	log_print("%s", text);
	assert_int_equal(seen_len, 14 + 511);
	log_print("\n");
}

TEST(readers_get_the_newest)
{
	char buf[40000];

	for (int i = 0; i < 3000; i++)
		log_print("line %d\n", i);
	size_t len = log_read(buf, sizeof(buf) - 1);
	assert_int_equal(len, 32 << 10);
	buf[len] = '\0';
	assert_string_equal(buf + len - 10, "line 2999\n");
	assert_non_null(strstr(buf, "line 2500\n"));
	assert_null(strstr(buf, "line 100\n"));
	assert_int_equal(log_read(buf, 5), 5);
	assert_memory_equal(buf, "2999\n", 5);
	assert_int_equal(log_read(buf, 0), 0);
}

TEST(in_a_panic_nobody_waits)
{
	log_panic_begin();
	seen_len = 0;
	log_print("still heard\n");
	assert_non_null(strstr(seen, "still heard"));
}
