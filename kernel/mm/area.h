/*
 * Areas inside mm/: the tree, what may be done to one area, where a new one goes.
 * All of these: mmap lock held for writing unless they say otherwise.
 */
#ifndef MM_AREA_H
#define MM_AREA_H

#include <kern/mm.h>

/* ---- area.c ---- */

/* Zeroed; NULL: no memory. */
MUST_USE struct area *area_alloc(void);
void area_free(struct area *area);
void area_cache_init(void);

static inline uint64_t area_pages(const struct area *area)
{
	return (area->end - area->start) >> PAGE_SHIFT;
}

/* Page number in the mapping of the page at va. */
static inline uint64_t area_index(const struct area *area, vaddr_t va)
{
	return area->pgoff + ((va - area->start) >> PAGE_SHIFT);
}

/* Into the tree; overlaps nothing (asserted). area_append: above all others. */
void area_insert(struct mm_contents *contents, struct area *area);
void area_append(struct mm_contents *contents, struct area *area);
void area_remove(struct mm_contents *contents, struct area *area);
/* Other bounds, within the free space around it; pgoff follows start. */
void area_resize(struct mm_contents *contents, struct area *area, vaddr_t start,
		 vaddr_t end) NO_LOCK_ANALYSIS;
/* Frees every area struct; the tree is empty afterwards. */
void area_free_all(struct mm_contents *contents);

/* An area that has its range and mapping joins the mapping's list and opens its object; and back. */
void area_open(struct area *area);
void area_close(struct area *area);

/* Adds pages (may be negative) of an area with these flags to the counters of contents. */
void area_account(struct mm_contents *contents, uint32_t flags, int64_t pages);

/* ---- split.c ---- */

/* Two areas, cut at a page inside. -ENOMEM: no memory, or too many areas. */
MUST_USE int area_split(struct mm_contents *contents, struct area *area,
			vaddr_t at) NO_LOCK_ANALYSIS;
/* Splits so that *area is the part of it that lies in [start, end). -ENOMEM. */
MUST_USE int area_isolate(struct mm_contents *contents, struct area **area, vaddr_t start,
			  vaddr_t end);
/* Joins area with the neighbours that continue it; returns the one that holds it now. */
struct area *area_merge(struct mm_contents *contents, struct area *area);
/* Gives [start, end), a part of *area, other flags. *area is then the area that holds that part, which
 * may have been joined with its neighbours. -ENOMEM: unchanged. */
MUST_USE int area_change_flags(struct mm_contents *contents, struct area **area, vaddr_t start,
			       vaddr_t end, uint32_t flags);

/* ---- placement.c ---- */

/* Highest place for len bytes within [low, high), clear of stack gaps; 0: none. Lock: read is enough. */
vaddr_t area_place(const struct mm_contents *contents, uint64_t len, vaddr_t low, vaddr_t high);
/* No area in [start, end). Lock: read is enough. */
bool area_range_is_free(const struct mm_contents *contents, vaddr_t start, vaddr_t end);
/* A place for a new area of len bytes: the hint if it is free, else top-down, else anywhere; 0: none. */
vaddr_t area_choose(const struct mm_contents *contents, vaddr_t hint, uint64_t len);

/* ---- mmap.c ---- */

/* May pages more be mapped with these flags (limits, number of areas left aside)? -ENOMEM, -EAGAIN. */
MUST_USE int area_check_limits(const struct mm_contents *contents, uint32_t flags, uint64_t pages);
/* What can never be had is refused at once, as Linux's heuristic overcommit does: private writable or
 * shared memory larger than the machine. -ENOMEM. Lock: none needed. */
MUST_USE int area_check_overcommit(uint32_t flags, bool has_mapping, uint64_t pages);
/* Private anonymous pages at a free range, joined with a neighbour where possible; the number of areas
 * was looked at. *spare, if there is one, is used (and then NULL) before memory is asked for. -ENOMEM. */
MUST_USE int area_add_anonymous(struct mm_struct *mm, vaddr_t start, vaddr_t end, uint32_t flags,
				const char *name, struct area **spare);

/* ---- munmap.c ---- */

/* Unmaps [start, end); nothing there is fine. -ENOMEM (a hole in one area needs a second one):
 * nothing has changed. */
MUST_USE int area_unmap_range(struct mm_struct *mm, vaddr_t start, vaddr_t end);

/* ---- stack.c ---- */

/*
 * va lies below an area: if that one may, it grows down to va and is *found. The mmap lock is held for
 * reading before and after, and is let go in between. -EFAULT: it may not; -EINTR: a fatal signal came,
 * and the lock is not held.
 */
MUST_USE int stack_grow(struct mm_contents *contents, vaddr_t va, struct area **found);

#endif
