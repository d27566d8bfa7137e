/* Searching bit arrays. No state, no locks: the owner of the array guards it. */
#include <kern/bitmap.h>

/* flip turns a search for zeros into one for ones. */
static size_t find_next(const uint64_t *map, size_t bits, size_t from, uint64_t flip)
{
	while (from < bits) {
		uint64_t word = (map[from / 64] ^ flip) >> (from % 64);
		if (word) {
			size_t found = from + bit_lowest(word);
			return MIN(found, bits);
		}
		from = ROUND_DOWN(from, 64) + 64;
	}
	return bits;
}

size_t bitmap_find_zero(const uint64_t *map, size_t bits, size_t from)
{
	return find_next(map, bits, from, UINT64_MAX);
}

size_t bitmap_find_set(const uint64_t *map, size_t bits, size_t from)
{
	return find_next(map, bits, from, 0);
}
