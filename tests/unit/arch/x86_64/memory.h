/* A piece of fake physical memory for the parsers: what lies outside cannot be reached. */
#ifndef TEST_X86_MEMORY_H
#define TEST_X86_MEMORY_H

#include <stdlib.h>
#include <string.h>

enum { MEMORY_SIZE = 0x20000 };

/* Physical addresses MEMORY_BASE .. MEMORY_BASE + MEMORY_SIZE. */
#define MEMORY_BASE 0xe0000ULL

static uint8_t memory[MEMORY_SIZE];
/* The bytes last given out lie in a block of their own, so that the sanitizer sees each overrun. */
static void *reached[64];
static unsigned nr_reached;

static inline const void *reach_memory(paddr_t paddr, size_t len)
{
	void *copy;

	if (paddr < MEMORY_BASE || paddr - MEMORY_BASE > MEMORY_SIZE ||
	    len > MEMORY_SIZE - (paddr - MEMORY_BASE))
		return NULL;
	copy = malloc(len ? len : 1);
	memcpy(copy, memory + (paddr - MEMORY_BASE), len);
	free(reached[nr_reached % 64]);
	reached[nr_reached++ % 64] = copy;
	return copy;
}

static inline void memory_free(void)
{
	for (unsigned i = 0; i < 64; i++) {
		free(reached[i]);
		reached[i] = NULL;
	}
}

static inline uint32_t random_word(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static inline void put16(size_t at, unsigned v)
{
	memory[at] = (uint8_t)v;
	memory[at + 1] = (uint8_t)(v >> 8);
}
static inline void put32(size_t at, uint32_t v)
{
	put16(at, v);
	put16(at + 2, v >> 16);
}
static inline void put64(size_t at, uint64_t v)
{
	put32(at, (uint32_t)v);
	put32(at + 4, (uint32_t)(v >> 32));
}

/* Makes the bytes [at, at + len) add up to 0 by the one at sum. */
static inline void put_checksum(size_t at, size_t len, size_t sum)
{
	uint8_t total = 0;

	memory[sum] = 0;
	for (size_t i = 0; i < len; i++)
		total = (uint8_t)(total + memory[at + i]);
	memory[sum] = (uint8_t)-total;
}

#endif
