/* Moving pages from one place of an address space to another. */
#ifndef MM_MOVE_H
#define MM_MOVE_H

#include <kern/mm.h>

/* Makes the tables that move_pages will need. -ENOMEM; what was made stays for tables_free. Context of
 * both: mmap lock for writing. */
MUST_USE int move_prepare(struct mm_struct *mm, vaddr_t from, vaddr_t to, uint64_t len);
/* Moves every page of [from, from + len) to [to, to + len): the areas of both stand in the tree. Cannot
 * fail. */
void move_pages(struct mm_struct *mm, vaddr_t from, vaddr_t to, uint64_t len,
		const struct mapping *mapping);

#endif
