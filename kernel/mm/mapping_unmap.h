/* Unmapping from the object's side: truncation and holes. */
#ifndef MM_MAPPING_UNMAP_H
#define MM_MAPPING_UNMAP_H

#include <kern/mapping.h>

/* Takes the pages [start, end) of mapping out of every address space; keep_private: but not copies.
 * The pages have left the tree. Context: task, no mm lock; sleeps. */
void mapping_unmap(struct mapping *mapping, uint64_t start, uint64_t end, bool keep_private);

/* What whoever enters page into a table asks with the table's lock held: is it still mapping's? See
 * kern/mapping.h for the pairing. */
static inline bool page_is_of(const struct page *page, const struct mapping *mapping)
{
	return atomic_load_relaxed(&page->mapping) == mapping;
}

#endif
