/* kernel/lib/inflate.c and crc32.c, against the host's gzip. */
#include "test.h"
#include <stdio.h>
#include <string.h>
#include <kern/inflate.h>
#include <uapi/errno.h>

enum { BIG = 300000 };

static uint8_t plain[BIG], packed[2 * BIG], unpacked[2 * BIG];
static size_t plain_len, packed_len, unpacked_len;
static struct inflate z;

/* Compresses plain into packed (appended). */
static void gzip(const char *options)
{
	char command[200];
	FILE *f;
	size_t n;

	snprintf(command, sizeof(command), "gzip -n -c %s > /tmp/lodger-inflate-%s.gz", options,
		 options + 1);
	f = popen(command, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(plain, 1, plain_len, f), plain_len);
	assert_int_equal(pclose(f), 0);
	snprintf(command, sizeof(command), "/tmp/lodger-inflate-%s.gz", options + 1);
	f = fopen(command, "r");
	assert_non_null(f);
	n = fread(packed + packed_len, 1, sizeof(packed) - packed_len, f);
	assert_true(n > 0);
	packed_len += n;
	fclose(f);
	remove(command);
}

static int keep(struct inflate *s, const void *data, size_t len)
{
	if (len > sizeof(unpacked) - unpacked_len)
		return -ENOSPC;
	memcpy(unpacked + unpacked_len, data, len);
	unpacked_len += len;
	return 0;
}

static size_t piece, given;

static int next_piece(struct inflate *s)
{
	size_t len = MIN(piece, packed_len - given);

	if (!len)
		return -EINVAL;
	s->in = packed + given;
	s->in_end = s->in + len;
	given += len;
	return 0;
}

static int unpack(size_t piece_len)
{
	memset(&z, 0, sizeof(z));
	unpacked_len = 0;
	piece = piece_len;
	given = MIN(piece_len, packed_len);
	z.in = packed;
	z.in_end = packed + given;
	z.refill = next_piece;
	z.write = keep;
	return inflate_gzip(&z);
}

static void check_round_trip(void)
{
	static const char *const levels[] = {"-1", "-6", "-9"};
	static const size_t pieces[] = {SIZE_MAX, 1, 7, 4096};

	for (unsigned level = 0; level < ARRAY_LEN(levels); level++) {
		packed_len = 0;
		gzip(levels[level]);
		for (unsigned i = 0; i < ARRAY_LEN(pieces); i++) {
			assert_int_equal(unpack(pieces[i]), 0);
			assert_int_equal(unpacked_len, plain_len);
			assert_memory_equal(unpacked, plain, plain_len);
		}
	}
}

static uint64_t random_state = 12345;

static uint32_t random32(void)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(random_state >> 33);
}

static void make_plain(size_t len, unsigned kind)
{
	plain_len = len;
	for (size_t i = 0; i < len; i++) {
		if (kind == 0)
			plain[i] = 0;
		else if (kind == 1)
			plain[i] = (uint8_t)random32();
		else if (kind == 2)
			plain[i] = (uint8_t)("the lodger lives here "[i % 22] + (i / 5000));
		else
			plain[i] = i > 40000 && random32() % 4 ? plain[i - 32768]
							       : (uint8_t)(random32() % 11);
	}
}

TEST(unpacks_what_gzip_packed)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		make_plain(BIG, kind);
		check_round_trip();
		make_plain(1, kind);
		check_round_trip();
		make_plain(32768, kind);
		check_round_trip();
	}
	make_plain(0, 0);
	check_round_trip();
}

TEST(stops_exactly_behind_the_member)
{
	make_plain(5000, 2);
	packed_len = 0;
	gzip("-6");
	size_t first = packed_len;
	gzip("-9");
	assert_int_equal(unpack(SIZE_MAX), 0);
	assert_ptr_equal(z.in, packed + first);
	assert_int_equal(inflate_gzip(&z), 0);
	assert_ptr_equal(z.in, packed + packed_len);
	assert_int_equal(unpacked_len, 10000);
}

TEST(every_truncation_is_an_error)
{
	make_plain(3000, 3);
	packed_len = 0;
	gzip("-9");
	for (size_t whole = packed_len; packed_len-- > 0;) {
		assert_int_equal(unpack(SIZE_MAX), -EINVAL);
		if (packed_len + 9 < whole)
			assert_int_equal(unpack(3), -EINVAL);
	}
}

TEST(damage_is_noticed_or_of_no_consequence)
{
	make_plain(700, 3);
	packed_len = 0;
	gzip("-9");
	for (size_t bit = 0; bit < packed_len * 8; bit++) {
		packed[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		if (unpack(SIZE_MAX) == 0) {
			assert_int_equal(unpacked_len, plain_len);
			assert_memory_equal(unpacked, plain, plain_len);
		}
		packed[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
}

TEST(noise_does_no_harm)
{
	for (int i = 0; i < 20000; i++) {
		packed_len = random32() % 200 + 3;
		for (size_t b = 0; b < packed_len; b++)
			packed[b] = (uint8_t)random32();
		memset(&z, 0, sizeof(z));
		unpacked_len = 0;
		z.in = packed;
		z.in_end = packed + packed_len;
		z.write = keep;
		(void)!inflate_raw(&z);
	}
}

static int raw(const char *bytes, size_t len)
{
	memset(&z, 0, sizeof(z));
	unpacked_len = 0;
	z.in = (const uint8_t *)bytes;
	z.in_end = z.in + len;
	z.write = keep;
	return inflate_raw(&z);
}

TEST(malformed_blocks_are_refused)
{
	assert_int_equal(raw("\x07", 1), -EINVAL);			 /* block type 3 */
	assert_int_equal(raw("\x01\x05\x00\x05\x00hello", 10), -EINVAL); /* length check */
	assert_int_equal(raw("\x01\x05\x00\xfa\xffhello", 10), 0);
	assert_int_equal(unpacked_len, 5);
	assert_int_equal(raw("\x03\x02", 2), -EINVAL); /* fixed codes: a match before any output */
	assert_int_equal(raw("\x03\x00", 2), 0);       /* fixed codes, empty */
	/* Dynamic codes: 31 distances; all lengths of the length code 1: oversubscribed. */
	assert_int_equal(raw("\x05\x1e\x00\x00", 4), -EINVAL);
	assert_int_equal(raw("\x05\xe0\x49\x92\x24\x49\x92\x24\x49", 9), -EINVAL);
}

static int refuse(struct inflate *s, const void *data, size_t len)
{
	return -ENOSPC;
}

TEST(what_the_writer_says_ends_the_work)
{
	make_plain(BIG, 1);
	packed_len = 0;
	gzip("-1");
	memset(&z, 0, sizeof(z));
	z.in = packed;
	z.in_end = packed + packed_len;
	z.write = refuse;
	assert_int_equal(inflate_gzip(&z), -ENOSPC);
}

TEST(checksums_are_the_standard_ones)
{
	static struct crc32_table table;
	const char *check = "123456789";

	crc32_init(&table);
	assert_int_equal(crc32_update(&table, 0, check, 9), 0xcbf43926);
	assert_int_equal(crc32_update(&table, 0, "", 0), 0);
	make_plain(1000, 1);
	uint32_t whole = crc32_update(&table, 0, plain, 1000);
	for (size_t cut = 0; cut < 100; cut++) {
		uint32_t parts = crc32_update(&table, 0, plain, cut);
		assert_int_equal(crc32_update(&table, parts, plain + cut, 1000 - cut), whole);
	}
}
