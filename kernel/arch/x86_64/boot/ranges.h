/*
 * Sorted lists of disjoint address ranges. Pure functions over the caller's array, tested on the
 * host; nothing is locked.
 */
#ifndef X86_BOOT_RANGES_H
#define X86_BOOT_RANGES_H

#include <kern/types.h>
#include <kern/boot.h>

struct range_list {
	struct boot_range *ranges; /* sorted by start; neither overlapping nor touching */
	unsigned nr, max;
};

/* Adds [start, end), merging. An empty or inverted range changes nothing. false: the list is full
 * and unchanged. */
MUST_USE bool ranges_add(struct range_list *list, paddr_t start, paddr_t end);

/* Takes [start, end) out. false: a split did not fit; then the smaller of the two pieces is lost, so
 * that what is left is still a subset. */
bool ranges_remove(struct range_list *list, paddr_t start, paddr_t end);

/* Lowest multiple of align (a power of two) at which len bytes lie inside one range of have, clear of
 * every range of avoid, within [min, max). 0: there is none. */
paddr_t ranges_find(const struct range_list *have, const struct range_list *avoid, uint64_t len,
		    uint64_t align, paddr_t min, paddr_t max);

#endif
