/*
 * Decompression of DEFLATE data (RFC 1951) and gzip members (RFC 1952). All state is in the caller's
 * struct inflate; no locks.
 *
 * Output goes through a window of the last 32 KiB, which matches copy from; whenever the window has
 * been filled it is written out. Input is taken into a word of bits. At the end of the input fewer
 * bits may be there than the longest code has: a code is accepted if it is no longer than what is there.
 */
#include <kern/inflate.h>
#include <kern/string.h>
#include <uapi/errno.h>

enum {
	NR_LITERALS = 288,
	NR_DISTANCES = 32,
	NR_LENGTH_CODES = 19,
	END_OF_BLOCK = 256,
	MAX_CODE_BITS = 15,
};

/* ---- bits -------------------------------------------------------------------------------------- */

/* Gets at least n (up to 48) bits, or as many as there are. */
static void fill_bits(struct inflate *z, unsigned n)
{
	if (z->in_end - z->in >= 8) {
		uint64_t word;
		memcpy(&word, z->in, 8);
		z->bits |= word << z->nr_bits;
		z->in += (63 - z->nr_bits) / 8;
		z->nr_bits |= 56;
		return;
	}
	while (z->nr_bits < n) {
		if (z->in == z->in_end) {
			if (!z->refill || z->refill(z) || z->in == z->in_end)
				return;
			z->in_start = z->in;
		}
		z->bits |= (uint64_t)*z->in++ << z->nr_bits;
		z->nr_bits += 8;
	}
}

static void drop_bits(struct inflate *z, unsigned n)
{
	z->bits >>= n;
	z->nr_bits -= n;
}

/* The next n (up to 32) bits as a number; -EINVAL if the input ends. */
static int take_bits(struct inflate *z, unsigned n, uint32_t *value)
{
	if (z->nr_bits < n)
		fill_bits(z, n);
	if (z->nr_bits < n)
		return -EINVAL;
	*value = (uint32_t)(z->bits & ((1ULL << n) - 1));
	drop_bits(z, n);
	return 0;
}

/* Whole bytes that were taken ahead of need go back, as far as they are of the present piece. */
static void return_bytes(struct inflate *z)
{
	drop_bits(z, z->nr_bits % 8);
	while (z->nr_bits && z->in > z->in_start) {
		z->in--;
		z->nr_bits -= 8;
	}
	z->bits &= (1ULL << z->nr_bits) - 1;
}

/* ---- output ------------------------------------------------------------------------------------ */

static int write_out(struct inflate *z)
{
	uint32_t len = z->unwritten;
	uint32_t end = (uint32_t)(z->out_len % INFLATE_WINDOW);
	const uint8_t *data = z->window + (end ? end : INFLATE_WINDOW) - len;

	if (!len)
		return 0;
	z->unwritten = 0;
	z->crc = crc32_update(&z->crc_table, z->crc, data, len);
	return z->write(z, data, len);
}

static inline int put_byte(struct inflate *z, uint8_t byte)
{
	z->window[z->out_len++ % INFLATE_WINDOW] = byte;
	z->unwritten++;
	return z->out_len % INFLATE_WINDOW ? 0 : write_out(z);
}

/* Repeats what came `distance` bytes ago. Source and target may overlap, and that means repetition. */
static int put_match(struct inflate *z, uint32_t distance, uint32_t len)
{
	int error = 0;

	if (distance > z->out_len)
		return -EINVAL;
	while (len && !error) {
		uint32_t to = (uint32_t)(z->out_len % INFLATE_WINDOW);
		uint32_t from = (uint32_t)((z->out_len - distance) % INFLATE_WINDOW);
		uint32_t part = MIN(len, INFLATE_WINDOW - MAX(to, from));
		uint32_t i = 0;
		for (; distance >= 8 && i + 8 <= part; i += 8)
			memcpy(z->window + to + i, z->window + from + i, 8);
		for (; i < part; i++)
			z->window[to + i] = z->window[from + i];
		z->out_len += part;
		z->unwritten += part;
		len -= part;
		if (to + part == INFLATE_WINDOW)
			error = write_out(z);
	}
	return error;
}

/* ---- prefix codes ------------------------------------------------------------------------------ */

static uint32_t reverse_bits(uint32_t code, unsigned len)
{
	uint32_t reversed = 0;

	for (; len; len--, code >>= 1)
		reversed = reversed << 1 | (code & 1);
	return reversed;
}

/* Enters a code of len bits wherever the table's index begins with it. */
static void enter_fast(struct inflate_code *code, uint32_t bits, unsigned len, unsigned symbol)
{
	if (len > INFLATE_FAST_BITS)
		return;
	for (uint32_t i = reverse_bits(bits, len); i < 1U << INFLATE_FAST_BITS; i += 1U << len)
		code->fast[i] = (uint16_t)(symbol << 4 | len);
}

/*
 * Builds the code in which symbol i has lengths[i] bits, 0 = it does not occur (RFC 1951, 3.2.2).
 * -EINVAL: more codes than fit; or fewer, unless it is a single one of one bit.
 */
static int code_build(struct inflate_code *code, const uint8_t *lengths, unsigned nr)
{
	uint16_t next_index[MAX_CODE_BITS + 1], next_code[MAX_CODE_BITS + 1];
	uint32_t bits = 0;
	int left = 1;
	unsigned used = 0;

	memset(code->count, 0, sizeof(code->count));
	memset(code->fast, 0, sizeof(code->fast));
	for (unsigned i = 0; i < nr; i++)
		code->count[lengths[i]]++;
	code->count[0] = 0;
	for (unsigned len = 1; len <= MAX_CODE_BITS; len++) {
		bits = (bits + code->count[len - 1]) << 1;
		next_code[len] = (uint16_t)bits;
		next_index[len] = (uint16_t)used;
		used += code->count[len];
		left = left * 2 - code->count[len];
		if (left < 0)
			return -EINVAL;
	}
	if (left > 0 && !(used == 0 || (used == 1 && code->count[1] == 1)))
		return -EINVAL;
	for (unsigned i = 0; i < nr; i++) {
		unsigned len = lengths[i];
		if (!len)
			continue;
		code->symbol[next_index[len]++] = (uint16_t)i;
		enter_fast(code, next_code[len]++, len, i);
	}
	return 0;
}

/* A code too long for the table: codes of one length are consecutive numbers. */
static int decode_slowly(struct inflate *z, const struct inflate_code *code)
{
	uint32_t value = 0, first = 0, index = 0;

	for (unsigned len = 1; len <= MIN(z->nr_bits, (unsigned)MAX_CODE_BITS); len++) {
		value = value << 1 | (uint32_t)(z->bits >> (len - 1) & 1);
		if (value - first < code->count[len]) {
			drop_bits(z, len);
			return code->symbol[index + value - first];
		}
		index += code->count[len];
		first = (first + code->count[len]) << 1;
	}
	return -EINVAL;
}

/* The next symbol, or -EINVAL. */
static inline int decode(struct inflate *z, const struct inflate_code *code)
{
	if (z->nr_bits < MAX_CODE_BITS)
		fill_bits(z, MAX_CODE_BITS);
	unsigned entry = code->fast[z->bits & ((1U << INFLATE_FAST_BITS) - 1)];
	unsigned len = entry & 15;
	if (!entry || len > z->nr_bits)
		return decode_slowly(z, code);
	drop_bits(z, len);
	return (int)(entry >> 4);
}

/* ---- blocks ------------------------------------------------------------------------------------ */

static int stored_block(struct inflate *z)
{
	uint32_t len, complement, byte;
	int error;

	drop_bits(z, z->nr_bits % 8);
	if (take_bits(z, 16, &len) || take_bits(z, 16, &complement) || len != (complement ^ 0xffff))
		return -EINVAL;
	for (; len; len--) {
		error = take_bits(z, 8, &byte);
		if (!error)
			error = put_byte(z, (uint8_t)byte);
		if (error)
			return error;
	}
	return 0;
}

/* Length symbols 257 .. 285 and distance symbols: the base value and how many bits add to it (3.2.5). */
static const uint16_t length_base[] = {3,  4,  5,  6,	7,   8,	  9,   10,  11, 13,
				       15, 17, 19, 23,	27,  31,  35,  43,  51, 59,
				       67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
				      2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distance_base[] = {
	1,   2,	  3,   4,   5,	 7,    9,    13,   17,	 25,   33,   49,   65,	  97,	 129,
	193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t distance_bits[] = {0, 0, 0, 0, 1, 1, 2, 2,	 3,  3,	 4,  4,	 5,  5,	 6,
					6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static int match(struct inflate *z, unsigned length_symbol)
{
	uint32_t length_more, distance_more;

	if (length_symbol >= ARRAY_LEN(length_base) ||
	    take_bits(z, length_bits[length_symbol], &length_more))
		return -EINVAL;
	int symbol = decode(z, &z->distances);
	if (symbol < 0 || (unsigned)symbol >= ARRAY_LEN(distance_base) ||
	    take_bits(z, distance_bits[symbol], &distance_more))
		return -EINVAL;
	return put_match(z, distance_base[symbol] + distance_more,
			 length_base[length_symbol] + length_more);
}

static int coded_block(struct inflate *z)
{
	for (;;) {
		int symbol = decode(z, &z->literals), error;
		if (symbol < 0)
			return -EINVAL;
		if (symbol == END_OF_BLOCK)
			return 0;
		if (symbol < END_OF_BLOCK)
			error = put_byte(z, (uint8_t)symbol);
		else
			error = match(z, (unsigned)symbol - END_OF_BLOCK - 1);
		if (error)
			return error;
	}
}

static int fixed_codes(struct inflate *z)
{
	memset(z->lengths, 8, 144);
	memset(z->lengths + 144, 9, 256 - 144);
	memset(z->lengths + 256, 7, 280 - 256);
	memset(z->lengths + 280, 8, NR_LITERALS - 280);
	int error = code_build(&z->literals, z->lengths, NR_LITERALS);
	memset(z->lengths, 5, NR_DISTANCES);
	return error ? error : code_build(&z->distances, z->lengths, NR_DISTANCES);
}

/* Reads nr code lengths, themselves coded, with runs (3.2.7). */
static int read_lengths(struct inflate *z, unsigned nr)
{
	for (unsigned i = 0; i < nr;) {
		int symbol = decode(z, &z->literals);
		uint32_t run = 1;
		uint8_t length = 0;

		if (symbol < 0 || (symbol == 16 && i == 0))
			return -EINVAL;
		if (symbol < 16)
			length = (uint8_t)symbol;
		else if (symbol == 16)
			length = z->lengths[i - 1];
		if (symbol >= 16) {
			if (take_bits(z, symbol == 16 ? 2 : symbol == 17 ? 3 : 7, &run))
				return -EINVAL;
			run += symbol == 18 ? 11 : 3;
		}
		if (run > nr - i)
			return -EINVAL;
		memset(z->lengths + i, length, run);
		i += run;
	}
	return 0;
}

static int dynamic_codes(struct inflate *z)
{
	static const uint8_t order[NR_LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,	 6, 10, 5,
						       11, 4,  12, 3, 13, 2, 14, 1, 15};
	uint32_t nr_literals, nr_distances, nr_lengths, length;
	uint8_t lengths[NR_LENGTH_CODES] = {0};

	if (take_bits(z, 5, &nr_literals) || take_bits(z, 5, &nr_distances) ||
	    take_bits(z, 4, &nr_lengths))
		return -EINVAL;
	nr_literals += 257;
	nr_distances += 1;
	if (nr_literals > 286 || nr_distances > 30)
		return -EINVAL;
	for (unsigned i = 0; i < nr_lengths + 4; i++) {
		if (take_bits(z, 3, &length))
			return -EINVAL;
		lengths[order[i]] = (uint8_t)length;
	}
	if (code_build(&z->literals, lengths, NR_LENGTH_CODES) ||
	    read_lengths(z, nr_literals + nr_distances) || z->lengths[END_OF_BLOCK] == 0 ||
	    code_build(&z->literals, z->lengths, nr_literals))
		return -EINVAL;
	return code_build(&z->distances, z->lengths + nr_literals, nr_distances);
}

static int inflate_blocks(struct inflate *z)
{
	uint32_t is_last, type;
	int error;

	do {
		if (take_bits(z, 1, &is_last) || take_bits(z, 2, &type))
			return -EINVAL;
		switch (type) {
		case 0:
			error = stored_block(z);
			break;
		case 1:
			error = fixed_codes(z);
			break;
		case 2:
			error = dynamic_codes(z);
			break;
		default:
			error = -EINVAL;
			break;
		}
		if (!error && type != 0)
			error = coded_block(z);
		if (error)
			return error;
	} while (!is_last);
	return write_out(z);
}

static void start(struct inflate *z)
{
	if (!z->has_crc_table)
		crc32_init(&z->crc_table);
	z->has_crc_table = true;
	z->in_start = z->in;
	z->out_len = 0;
	z->unwritten = 0;
	z->crc = 0;
}

int inflate_raw(struct inflate *z)
{
	start(z);
	int error = inflate_blocks(z);
	return_bytes(z);
	return error;
}

/* ---- gzip -------------------------------------------------------------------------------------- */

enum {
	GZIP_HEADER_CRC = 1 << 1,
	GZIP_EXTRA = 1 << 2,
	GZIP_NAME = 1 << 3,
	GZIP_COMMENT = 1 << 4,
	GZIP_RESERVED = 0xe0,
};

static int skip_bytes(struct inflate *z, uint32_t n)
{
	uint32_t byte;

	while (n--)
		if (take_bits(z, 8, &byte))
			return -EINVAL;
	return 0;
}

static int skip_text(struct inflate *z)
{
	uint32_t byte;

	do {
		if (take_bits(z, 8, &byte))
			return -EINVAL;
	} while (byte);
	return 0;
}

static int gzip_header(struct inflate *z)
{
	uint32_t magic, flags, extra_len;

	/* Two magic bytes and the method, the flags; then time, extra flags and system. */
	if (take_bits(z, 24, &magic) || magic != 0x088b1f || take_bits(z, 8, &flags) ||
	    (flags & GZIP_RESERVED) || skip_bytes(z, 6))
		return -EINVAL;
	if ((flags & GZIP_EXTRA) && (take_bits(z, 16, &extra_len) || skip_bytes(z, extra_len)))
		return -EINVAL;
	if ((flags & GZIP_NAME) && skip_text(z))
		return -EINVAL;
	if ((flags & GZIP_COMMENT) && skip_text(z))
		return -EINVAL;
	return flags & GZIP_HEADER_CRC ? skip_bytes(z, 2) : 0;
}

int inflate_gzip(struct inflate *z)
{
	uint32_t crc, len;

	start(z);
	int error = gzip_header(z);
	if (!error)
		error = inflate_blocks(z);
	if (error)
		return error;
	drop_bits(z, z->nr_bits % 8);
	if (take_bits(z, 32, &crc) || take_bits(z, 32, &len))
		return -EINVAL;
	return_bytes(z);
	return crc == z->crc && len == (uint32_t)z->out_len ? 0 : -EBADMSG;
}
