/* Bits: words, and arrays of words. No locks; the atomic ones are in kern/atomic.h. */
#ifndef KERN_BITMAP_H
#define KERN_BITMAP_H

#include <kern/types.h>

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

/* Index of the lowest/highest set bit; word must not be 0. */
static inline unsigned bit_lowest(uint64_t word)
{
	return (unsigned)__builtin_ctzll(word);
}
static inline unsigned bit_highest(uint64_t word)
{
	return 63U - (unsigned)__builtin_clzll(word);
}
static inline unsigned bit_count(uint64_t word)
{
	/* By halves: the compiler's own would call its library where the CPU may lack POPCNT. */
	word -= (word >> 1) & 0x5555555555555555;
	word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (unsigned)((word * 0x0101010101010101) >> 56);
}
static inline bool bitmap_test(const uint64_t *map, size_t bit)
{
	return (map[bit / 64] >> (bit % 64)) & 1;
}
static inline void bitmap_set(uint64_t *map, size_t bit)
{
	map[bit / 64] |= 1ULL << (bit % 64);
}
static inline void bitmap_clear(uint64_t *map, size_t bit)
{
	map[bit / 64] &= ~(1ULL << (bit % 64));
}

/* First zero/set bit at or after from, below bits; returns bits if there is none. */
size_t bitmap_find_zero(const uint64_t *map, size_t bits, size_t from);
size_t bitmap_find_set(const uint64_t *map, size_t bits, size_t from);

#endif
