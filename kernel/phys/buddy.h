/* Blocks of 2^order frames, aligned to their size: what the page allocator's other files build on. */
#ifndef PHYS_BUDDY_H
#define PHYS_BUDDY_H

#include <kern/page.h>

/*
 * A free block, of which at least `floor` frames of the whole remain free afterwards. The block's
 * first page has use PAGE_USE_FREE and refs 0. NULL: none. Context: any.
 */
struct page *buddy_take(unsigned order, uint64_t floor);
/* Up to nr single frames; returns how many. Only one if fewer than floor would remain. */
unsigned buddy_take_batch(struct page **pages, unsigned nr, uint64_t floor);

/* Gives blocks back: their first page has use PAGE_USE_FREE and refs 0. */
void buddy_put(struct page *page, unsigned order);
void buddy_put_batch(struct page *const *pages, unsigned nr);
/* Gives frames start .. end - 1 of one section to the allocator for the first time. */
void buddy_add(pfn_t start, pfn_t end);

uint64_t buddy_nr_free(void);

/* Accounts frames that are taken for a use, or, if negative, given back. Context: any. */
void page_count_use(enum page_use use, int64_t frames);

#endif
