/* The allocators' side of alloc_fail_nth. */
#ifndef PHYS_FAILURE_H
#define PHYS_FAILURE_H

#include <kern/atomic.h>
#include <kern/page.h>

extern uint64_t alloc_failure_in; /* [atomic] */

/* One load and a branch while no test wants a failure. */
static inline bool alloc_fails(void)
{
	return unlikely(atomic_load_relaxed(&alloc_failure_in)) && alloc_should_fail();
}

/* page_alloc for allocators whose own request has been counted already. */
MUST_USE struct page *page_alloc_uncounted(unsigned order, enum page_use use, unsigned flags);

#endif
