/*
 * Taking pages and tables out of an address space. A gather collects what was unhooked; all of it goes
 * back to the allocator only after the flush that makes every CPU forget the way to it (I13, H6):
 * when its batch is full, and at its end. Lives on the stack of the one task that works with it.
 */
#ifndef MM_GATHER_H
#define MM_GATHER_H

#include <kern/mm.h>
#include <kern/page.h>

enum { GATHER_LOCAL = 32, GATHER_EXTRA = PAGE_SIZE / sizeof(struct page *) };

struct gather {
	struct mm_struct *mm;
	vaddr_t start, end;	 /* what the next flush must cover; empty: start >= end */
	struct page **next;	 /* where the next page is noted, in local or in the extra frame */
	struct page **limit;	 /* the end of that one */
	struct page *extra;	 /* a frame for more notes; NULL: none yet, or no memory */
	struct list_node tables; /* unhooked tables */
	uint64_t nr_tables;	 /* of the whole gather: given back to table_pages at the end */
	uint64_t nr_anon, nr_file; /* the same, pages unmapped */
	bool is_exit;
	struct page *local[GATHER_LOCAL];
};

/*
 * is_exit: the contents are dying, no user is left or ever comes back. No CPU will use a translation
 * again (a lazy one runs kernel code only, and cannot stop being lazy on this mm), so frames go at
 * once; but a lazy one may still *walk*, so the tables wait for the flush all the same (H5).
 */
void gather_begin(struct gather *gather, struct mm_struct *mm, bool is_exit);
/* Flushes and frees what is collected so far. Context: as tlb_flush_range. */
void gather_flush(struct gather *gather);
/* The last flush, and the counters. */
void gather_end(struct gather *gather);

/* An unhooked table that covered [start, end). */
void gather_table(struct gather *gather, struct page *table, vaddr_t start, vaddr_t end);

/* Entries of [start, end) are gone or lost rights. */
static inline void gather_range(struct gather *gather, vaddr_t start, vaddr_t end)
{
	gather->start = MIN(gather->start, start);
	gather->end = MAX(gather->end, end);
}

/* Unmaps the pages of [start, end). keep_private: leaves pages alone that are not of a mapping.
 * Context: task; tables as pagetable.h says; interrupts on, no spinlock. */
void zap_range(struct gather *gather, vaddr_t start, vaddr_t end, bool keep_private);

#endif
