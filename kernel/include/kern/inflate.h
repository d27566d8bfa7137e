/*
 * Decompression of DEFLATE data (RFC 1951) in a gzip wrapper (RFC 1952) or bare. The input may be
 * hostile: nothing is read or written out of bounds, and no input takes more than time linear in its
 * length and its output's.
 */
#ifndef KERN_INFLATE_H
#define KERN_INFLATE_H

#include <kern/types.h>
#include <kern/crc32.h>

enum { INFLATE_WINDOW = 32768, INFLATE_FAST_BITS = 10, INFLATE_MAX_SYMBOLS = 288 };

/* A prefix code: codes of up to INFLATE_FAST_BITS bits by table, longer ones by counting. */
struct inflate_code {
	uint16_t fast[1 << INFLATE_FAST_BITS]; /* symbol << 4 | length; 0: longer, or none */
	uint16_t count[16];		       /* codes of each length */
	uint16_t symbol[INFLATE_MAX_SYMBOLS];  /* in the order of their codes */
};

/* About 46 KiB: too much for a stack. The caller zeroes it and fills in the first part. */
struct inflate {
	const uint8_t *in, *in_end; /* input that has not been used */
	/* Called when in == in_end: points them at more input. 0; or -Exxx: there is none. May be NULL. */
	int (*refill)(struct inflate *z);
	/* Takes output, in pieces of up to INFLATE_WINDOW bytes. 0; or -Exxx, which ends the work. */
	int (*write)(struct inflate *z, const void *data, size_t len);
	void *arg; /* the caller's */

	/* The rest is inflate.c's. */
	const uint8_t *in_start; /* of the piece of input that `in` lies in */
	uint64_t bits;		 /* input, the next bit lowest */
	unsigned nr_bits;
	bool has_crc_table;
	uint64_t out_len;   /* bytes of output of this member */
	uint32_t crc;	    /* of those that have been written */
	uint32_t unwritten; /* bytes at the end of the window that have not */
	struct inflate_code literals, distances;
	uint8_t lengths[INFLATE_MAX_SYMBOLS + 32];
	struct crc32_table crc_table;
	uint8_t window[INFLATE_WINDOW];
};

/*
 * Decompresses one gzip member and leaves `in` at the first byte behind it. 0; -EINVAL: not gzip,
 * damaged, or cut short; -EBADMSG: checksum or length is wrong (the output has been written); or what
 * refill or write returned. Never sleeps by itself.
 */
MUST_USE int inflate_gzip(struct inflate *z);

/* The same without wrapper and checks. */
MUST_USE int inflate_raw(struct inflate *z);

/* Whether data start like a gzip file. */
static inline bool inflate_is_gzip(const void *data, size_t len)
{
	const uint8_t *p = data;

	return len >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

#endif
