/*
 * Areas that grow down: a fault below one extends it, as long as RLIMIT_STACK, the address space's
 * limits and the distance to the area below allow (setrlimit(2), mmap(2) on MAP_GROWSDOWN).
 */
#include <kern/mm.h>
#include <uapi/errno.h>

#include "area.h"

static bool may_grow(const struct mm_contents *contents, const struct area *area, vaddr_t start)
{
	const struct area *below = area_prev(area);
	uint64_t pages = (area->start - start) >> PAGE_SHIFT;

	if (start < MMAP_LOWEST || area->end - start > contents->stack_limit)
		return false;
	/* What nobody can access is as good a guard as nothing. */
	if (below && below->flags & AREA_PROT && !(below->flags & AREA_GROWSDOWN) &&
	    start - below->end < STACK_GUARD_PAGES << PAGE_SHIFT)
		return false;
	if (below && below->end > start)
		return false;
	return area_check_limits(contents, area->flags, pages) == 0;
}

/* Under the write lock. */
static int grow_locked(struct mm_contents *contents, vaddr_t va, struct area **found)
{
	struct area *area = area_find(contents, va);

	va &= PAGE_MASK;
	if (!area)
		return -EFAULT;
	if (va < area->start) {
		uint64_t pages = (area->start - va) >> PAGE_SHIFT;

		if (!(area->flags & AREA_GROWSDOWN) || !may_grow(contents, area, va))
			return -EFAULT;
		area_resize(contents, area, va, area->end);
		area_account(contents, area->flags, (int64_t)pages);
	}
	*found = area;
	return 0;
}

int stack_grow(struct mm_contents *contents, vaddr_t va, struct area **found)
{
	const struct area *above = area_find(contents, va);
	int error;

	if (!above || !(above->flags & AREA_GROWSDOWN))
		return -EFAULT;
	rwsem_read_unlock(&contents->lock);
	error = rwsem_write_lock_killable(&contents->lock);
	if (error)
		return -EINTR;
	error = grow_locked(contents, va, found);
	rwsem_downgrade(&contents->lock);
	return error;
}
