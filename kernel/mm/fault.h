/*
 * One fault being resolved, between fault.c (who may, and what an entry that is there needs) and the
 * file that fills an empty entry from a mapping (fault_file.c).
 */
#ifndef MM_FAULT_H
#define MM_FAULT_H

#include <kern/mm.h>

#include "pagetable.h"

struct fault {
	struct mm_struct *mm;
	struct area *area;
	vaddr_t va; /* of the page */
	bool is_write;
	struct leaf leaf;
	pte_t *entry; /* in leaf */
};

/* -EAGAIN: the page went away in between; look again. */
enum { FAULT_AGAIN = EAGAIN };

/*
 * Resolves a fault at va in area, which holds it and grants the access. 0, -EIO, -ENOMEM.
 * Context: task, mmap lock held for reading or writing; sleeps.
 */
MUST_USE int area_fault(struct mm_struct *mm, struct area *area, vaddr_t va, bool is_write);
/* Whether area grants an access with these FAULT_ flags. */
bool area_allows(const struct area *area, unsigned fault_flags);

/* An entry that is empty, in an area of a mapping. As area_fault, or -FAULT_AGAIN. */
MUST_USE int fault_file(struct fault *fault);

/* Enters a fresh anonymous page, writable, if the entry is still what it was; else frees it. */
void fault_enter_anon(struct fault *fault, pte_t was, struct page *page);

#endif
