/*
 * Making pages present before they are touched: MAP_POPULATE, mlock, madvise. As the fault would, page
 * by page, under the mmap lock held for reading; the lock is let go now and then for those who want
 * to write.
 */
#include <kern/entry.h>
#include <kern/mm.h>
#include <kern/signal.h>
#include <uapi/errno.h>

#include "area.h"
#include "fault.h"
#include "populate.h"

enum { PAGES_AT_ONCE = 64 };

/* One page. Whether it is there with the right that is wanted is the fault's business to see. */
static int populate_page(struct mm_struct *mm, struct area *area, vaddr_t va, unsigned access)
{
	if (access ==
	    0) /* as much as the area gives; but a shared page isn't dirtied for nothing */
		access = (area->flags & (AREA_WRITE | AREA_SHARED)) == AREA_WRITE ? FAULT_WRITE : 0;
	if (!area_allows(area, access))
		return -EFAULT;
	return area_fault(mm, area, va, access & FAULT_WRITE);
}

/* Up to PAGES_AT_ONCE pages from *va on. Lock held. */
static int populate_some(struct mm_struct *mm, vaddr_t *va, vaddr_t end, unsigned access)
{
	struct area *area = area_find(mm->contents, *va);

	for (unsigned i = 0; i < PAGES_AT_ONCE && *va < end; i++, *va += PAGE_SIZE) {
		int error;

		if (area && *va >= area->end)
			area = area_next(area);
		if (!area || *va < area->start)
			return -ENOMEM;
		if (atomic_load_relaxed(&mm->contents->is_reaped))
			return -EINTR;
		error = populate_page(mm, area, *va, access);
		if (error)
			return error;
	}
	return 0;
}

int populate_range(struct mm_struct *mm, vaddr_t start, vaddr_t end, unsigned access)
{
	int error = 0;

	while (start < end && !error) {
		error = rwsem_read_lock_killable(&mm->contents->lock);
		if (error)
			return -EINTR;
		error = populate_some(mm, &start, end, access);
		rwsem_read_unlock(&mm->contents->lock);
		if (!error && fatal_signal_pending(current))
			error = -EINTR;
	}
	return error;
}

int area_populate(struct mm_struct *mm, vaddr_t start, size_t len)
{
	return populate_range(mm, start & PAGE_MASK, ROUND_UP(start + len, PAGE_SIZE), 0);
}
