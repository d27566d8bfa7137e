/* Hashing for tables: good spread, not secret. No state. */
#ifndef KERN_HASH_H
#define KERN_HASH_H

#include <kern/types.h>

/*
 * A permutation of the 64-bit numbers in which every input bit reaches every output bit: two rounds
 * of xor-shift and multiply by odd constants. Take any bits of the result as a table index.
 */
static inline uint64_t hash_u64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	return x;
}

/* Of len bytes; seed 0, or the hash of what came before (a parent directory). */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

#endif
