/*
 * Random bytes: ChaCha20 (RFC 8439) as a generator with fast key erasure: each request makes one block
 * whose first half is the next key and is never seen by anybody, so what was given out before cannot
 * be computed from the state that is found later. The key is guarded by random_lock (taken with
 * interrupts off); long requests run on a key of their own outside it.
 *
 * The seed is the machine's (arch_random_seed), and is mixed in again from time to time and whenever
 * somebody writes to /dev/urandom. Context: any.
 */
#include <kern/random.h>
#include <kern/spinlock.h>
#include <kern/string.h>
#include <arch/cpu.h>
#include <arch/time.h>
#include "random.h"

enum {
	KEY_WORDS = 8,
	BLOCK_WORDS = 16,
	BLOCK_BYTES = 64,
	ROUNDS = 20,
	RESEED_EVERY = 1024, /* requests */
};

static struct spinlock random_lock = SPINLOCK_INIT(LOCK_RANK_DRIVER, "random");
static uint32_t key[KEY_WORDS]; /* [random_lock] */
static uint32_t nr_requests;	/* [random_lock] since the seed was mixed in */

static uint32_t rotate(uint32_t x, unsigned bits)
{
	return x << bits | x >> (32 - bits);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

void chacha20_block(const uint32_t block_key[8], uint32_t counter, const uint32_t nonce[3],
		    uint32_t out[16])
{
	static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint32_t in[BLOCK_WORDS];

	memcpy(in, constants, sizeof(constants));
	memcpy(in + 4, block_key, KEY_WORDS * sizeof(*in));
	in[12] = counter;
	memcpy(in + 13, nonce, 3 * sizeof(*in));
	memcpy(out, in, sizeof(in));
	for (unsigned i = 0; i < ROUNDS; i += 2) {
		for (unsigned column = 0; column < 4; column++)
			quarter_round(&out[column], &out[4 + column], &out[8 + column],
				      &out[12 + column]);
		for (unsigned d = 0; d < 4; d++)
			quarter_round(&out[d], &out[4 + (d + 1) % 4], &out[8 + (d + 2) % 4],
				      &out[12 + (d + 3) % 4]);
	}
	for (unsigned i = 0; i < BLOCK_WORDS; i++)
		out[i] += in[i];
}

/* The key becomes a function of itself and 32 bytes more. Context: random_lock held. */
static void mix_words(const uint32_t words[KEY_WORDS])
{
	static const uint32_t nonce[3] = {0x6d697800, 0, 0}; /* apart from the output's blocks */
	uint32_t block[BLOCK_WORDS];

	for (unsigned i = 0; i < KEY_WORDS; i++)
		key[i] ^= words[i];
	chacha20_block(key, 0, nonce, block);
	memcpy(key, block, sizeof(key));
	memset(block, 0, sizeof(block));
	BARRIER();
}

static void reseed(void)
{
	uint64_t seed[KEY_WORDS / 2];

	for (unsigned i = 0; i < KEY_WORDS / 2; i++)
		seed[i] = arch_random_seed() ^ (i ? 0 : arch_clock_ns());
	mix_words((const uint32_t *)seed);
	nr_requests = 0;
}

void random_mix(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	unsigned long flags = spin_lock_irqsave(&random_lock);

	while (len) {
		uint32_t words[KEY_WORDS] = {0};
		size_t step = MIN(len, sizeof(words));

		memcpy(words, bytes, step);
		mix_words(words);
		bytes += step;
		len -= step;
	}
	spin_unlock_irqrestore(&random_lock, flags);
}

/* Takes a key of one's own, and up to half a block of bytes. */
static void fork_key(uint32_t own[KEY_WORDS], uint8_t bytes[BLOCK_BYTES / 2])
{
	static const uint32_t nonce[3] = {0, 0, 0};
	uint32_t block[BLOCK_WORDS];
	unsigned long flags = spin_lock_irqsave(&random_lock);

	if (nr_requests++ % RESEED_EVERY == 0)
		reseed();
	chacha20_block(key, 0, nonce, block);
	memcpy(key, block, sizeof(key));
	memcpy(own, block + KEY_WORDS, sizeof(key));
	memcpy(bytes, block + KEY_WORDS, BLOCK_BYTES / 2);
	memset(block, 0, sizeof(block));
	spin_unlock_irqrestore(&random_lock, flags);
}

void random_bytes(void *buf, size_t len)
{
	static const uint32_t nonce[3] = {1, 0, 0};
	uint32_t own[KEY_WORDS], block[BLOCK_WORDS];
	uint8_t half[BLOCK_BYTES / 2], *out = buf;

	fork_key(own, half);
	if (len <= sizeof(half)) { /* either the bytes or the key are used, never both */
		memcpy(out, half, len);
		len = 0;
	}
	for (uint32_t counter = 0; len; counter++) {
		size_t step = MIN(len, sizeof(block));

		chacha20_block(own, counter, nonce, block);
		memcpy(out, block, step);
		out += step;
		len -= step;
	}
	memset(own, 0, sizeof(own));
	memset(half, 0, sizeof(half));
	memset(block, 0, sizeof(block));
	BARRIER();
}

uint64_t random_u64(void)
{
	uint64_t value;

	random_bytes(&value, sizeof(value));
	return value;
}
