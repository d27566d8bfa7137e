/* The cpio parser by itself: any cut of the input into pieces gives the same entries; damage is told. */
#include "fixture.h"
#include "archive.h"
#include "../../../kernel/fs/cpio.h"

/* What came out, as text, so that it can be compared. */
static char heard[4096];
static size_t nr_heard;
static uint32_t data_sum;
static int sink_error;

static void hear(const char *what, const struct cpio_entry *entry)
{
	nr_heard += (size_t)snprintf(heard + nr_heard, sizeof(heard) - nr_heard, "%s %s %o %u;",
				     what, entry->name, entry->mode, entry->size);
}

static int hear_begin(struct cpio *cpio, const struct cpio_entry *entry)
{
	data_sum = 0;
	hear("begin", entry);
	return sink_error;
}

static int hear_data(struct cpio *cpio, const struct cpio_entry *entry, uint32_t pos,
		     const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		data_sum += bytes[i] * (pos + (uint32_t)i + 1);
	return 0;
}

static int hear_end(struct cpio *cpio, const struct cpio_entry *entry)
{
	nr_heard +=
		(size_t)snprintf(heard + nr_heard, sizeof(heard) - nr_heard, "end %u;", data_sum);
	return 0;
}

static void hear_trailer(struct cpio *cpio)
{
	nr_heard += (size_t)snprintf(heard + nr_heard, sizeof(heard) - nr_heard, "trailer;");
}

static const struct cpio_sink sink = {hear_begin, hear_data, hear_end, hear_trailer};

static struct cpio cpio;
static unsigned char bytes[32 << 10];

static struct archive make_archive(void)
{
	struct archive a = {bytes, 0, sizeof(bytes)};

	archive_everything(&a);
	return a;
}

static void listen(void)
{
	nr_heard = 0;
	heard[0] = 0;
	sink_error = 0;
	cpio_init(&cpio, &sink, NULL);
}

TEST(an_archive_in_any_pieces_is_the_same)
{
	struct archive a = make_archive();
	static char whole[sizeof(heard)];

	listen();
	assert_int_equal(cpio_feed(&cpio, a.bytes, a.len), a.len);
	assert_int_equal(cpio_finish(&cpio), 0);
	memcpy(whole, heard, sizeof(heard));
	for (size_t piece = 1; piece < 200; piece += piece < 16 ? 1 : 37) {
		listen();
		for (size_t at = 0; at < a.len; at += piece) {
			size_t len = MIN(piece, a.len - at);
			assert_int_equal(cpio_feed(&cpio, a.bytes + at, len), len);
		}
		assert_int_equal(cpio_finish(&cpio), 0);
		assert_string_equal(heard, whole);
	}
}

TEST(a_cut_archive_is_told_wherever_it_is_cut)
{
	struct archive a = make_archive();

	for (size_t len = 1; len < a.len; len++) {
		int error;

		listen();
		assert_int_equal(cpio_feed(&cpio, a.bytes, len), len);
		error = cpio_finish(&cpio);
		/* Between two entries nothing shows that more was to come. */
		if (error)
			assert_string_equal(cpio.why, "the archive is cut short");
		else
			assert_true(len % 4 == 0 || a.bytes[len] == 0);
	}
}

TEST(damage_never_goes_unnoticed_nor_out_of_bounds)
{
	struct archive a = make_archive();
	struct dice dice = {.state = 5};

	for (unsigned i = 0; i < 20000; i++) {
		size_t at = roll(&dice, a.len);
		unsigned char old = a.bytes[at];
		ssize_t used;

		a.bytes[at] = (unsigned char)roll(&dice, 256);
		listen();
		used = cpio_feed(&cpio, a.bytes, a.len);
		if (used < 0)
			assert_true(used == -EINVAL && cpio.why && cpio.offset <= a.len);
		else
			assert_true((size_t)used <= a.len);
		a.bytes[at] = old;
	}
}

TEST(headers_that_lie_are_refused)
{
	static const struct {
		size_t at;
		const char *bytes, *why;
	} table[] = {
		{0, "070707", "no cpio header"},
		{6, "0000000g", "a header field is not a number"},
		{94, "00000000", "length of a name out of range"},
		{94, "FFFFFFFF", "length of a name out of range"},
		{94, "00000001", "a name has no end"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct archive a = make_archive();

		memcpy(a.bytes + table[i].at, table[i].bytes, strlen(table[i].bytes));
		listen();
		assert_int_equal(cpio_feed(&cpio, a.bytes, a.len), -EINVAL);
		assert_string_equal(cpio.why, table[i].why);
		assert_int_equal(cpio_feed(&cpio, a.bytes, a.len), -EINVAL); /* for good */
	}
}

TEST(what_the_sink_says_ends_it)
{
	struct archive a = make_archive();

	listen();
	sink_error = -ENOSPC;
	assert_int_equal(cpio_feed(&cpio, a.bytes, a.len), -ENOSPC);
}

TEST(something_else_behind_an_archive_is_left_alone)
{
	struct archive a = make_archive();
	size_t len = a.len;

	archive_add(&a, "\0\0\0\0\x1f\x8b\x08", 7);
	listen();
	assert_int_equal(cpio_feed(&cpio, a.bytes, a.len), len + 4);
	assert_int_equal(cpio.state, CPIO_BETWEEN);
}
