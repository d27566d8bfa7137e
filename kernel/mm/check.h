/* Self-checks of an address space's contents. */
#ifndef MM_CHECK_H
#define MM_CHECK_H

#include <kern/mm.h>

/*
 * Panics unless areas, tables and counters of mm agree with each other. quiet: nobody truncates a
 * mapping meanwhile, so the counters of pages must be exact too. Cost: all of the tables. Context: mmap
 * lock held, or no user left.
 */
void contents_check(struct mm_struct *mm, bool quiet);

/* In debug builds. */
static inline void contents_debug_check(struct mm_struct *mm)
{
	if (LODGER_DEBUG)
		contents_check(mm, false);
}

#endif
