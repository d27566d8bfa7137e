/*
 * mremap: an area grows or shrinks in place, or its pages move to another place (mremap(2)). The mmap
 * lock is held for writing; everything that can fail is done before the first page moves.
 */
#include <kern/assert.h>
#include <kern/mm.h>
#include <uapi/errno.h>
#include <uapi/mman.h>

#include "area.h"
#include "gather.h"
#include "move.h"
#include "pagetable.h"

struct remap {
	struct mm_struct *mm;
	vaddr_t old, to;
	uint64_t old_len, new_len;
	bool is_dontunmap;
};

/* The area's copy at the new place; nothing in it yet. NULL: no memory. */
static struct area *add_copy(const struct remap *remap, const struct area *area)
{
	struct mm_contents *contents = remap->mm->contents;
	struct area *copy = contents->nr_areas < AREAS_MAX ? area_alloc() : NULL;

	if (!copy)
		return NULL;
	copy->start = remap->to;
	copy->end = remap->to + remap->new_len;
	copy->flags = area->flags;
	copy->has_anon = atomic_load_relaxed(&area->has_anon);
	copy->mm = remap->mm;
	copy->mapping = area->mapping;
	copy->pgoff = area->mapping ? area_index(area, remap->old) : 0;
	copy->ops = area->ops;
	copy->object = area->object;
	copy->name = area->name;
	area_open(copy);
	area_insert(contents, copy);
	area_account(contents, copy->flags, (int64_t)area_pages(copy));
	return copy;
}

/* Moves [old, old + old_len), part of area, to remap->to, where all is free. */
static long move_to(const struct remap *remap, struct area *area)
{
	struct mm_contents *contents = remap->mm->contents;
	uint64_t moved = MIN(remap->old_len, remap->new_len), more = remap->new_len - moved;
	struct area *copy;
	int error;

	if (remap->is_dontunmap)
		more = remap->new_len;
	error = area_check_limits(contents, area->flags, more >> PAGE_SHIFT);
	if (error)
		return error;
	/* From here on area is just what moves, so that taking it out later needs no memory. */
	if (remap->old_len > 0 &&
	    area_isolate(contents, &area, remap->old, remap->old + remap->old_len))
		return -ENOMEM;
	copy = add_copy(remap, area);
	error = copy ? move_prepare(remap->mm, remap->old, remap->to, moved) : -ENOMEM;
	if (error) {
		if (copy && area_unmap_range(remap->mm, copy->start, copy->end))
			assert(false); /* a whole area: needs no memory */
		area_merge(contents, area);
		return error;
	}
	move_pages(remap->mm, remap->old, remap->to, moved, area->mapping);
	if (!remap->is_dontunmap && remap->old_len > 0 &&
	    area_unmap_range(remap->mm, area->start, area->end))
		assert(false);
	area_merge(contents, copy); /* perhaps with area */
	area = area_find(contents, remap->old);
	if (area)
		area_merge(contents, area);
	return (long)remap->to;
}

/* The last bytes of area are at old + old_len: it may become longer if nothing is in the way. */
static bool grow_in_place(const struct remap *remap, struct area *area)
{
	struct mm_contents *contents = remap->mm->contents;
	uint64_t more = remap->new_len - remap->old_len;
	const struct area *above = area_next(area);
	uint64_t guard =
		above && above->flags & AREA_GROWSDOWN ? STACK_GUARD_PAGES << PAGE_SHIFT : 0;
	vaddr_t end = area->end + more;

	if (area->end != remap->old + remap->old_len || end < area->end || end > ARCH_USER_END)
		return false;
	if (above && above->start < end + guard)
		return false;
	if (area->mapping && area_index(area, area->end) + (more >> PAGE_SHIFT) < area->pgoff)
		return false;
	area_resize(contents, area, area->start, end);
	area_account(contents, area->flags, (int64_t)(more >> PAGE_SHIFT));
	area_merge(contents, area);
	return true;
}

/* The area that [old, old + old_len) must lie in as a whole. */
static int find_area(const struct remap *remap, struct area **found)
{
	struct area *area = area_find(remap->mm->contents, remap->old);

	if (!area || area->start > remap->old)
		return -EFAULT;
	/* Old length 0 makes a second mapping of shared pages; private ones can't be had twice. */
	if (remap->old_len == 0 && !(area->flags & AREA_SHARED))
		return -EINVAL;
	if (remap->old_len > area->end - remap->old)
		return -EFAULT;
	*found = area;
	return 0;
}

/* MREMAP_FIXED, MREMAP_DONTUNMAP: to a place that is given or chosen, always a move. */
static long remap_to(struct remap *remap, bool is_fixed, vaddr_t hint)
{
	struct mm_contents *contents = remap->mm->contents;
	struct area *area;
	int error;

	if (is_fixed) {
		if ((hint & ~PAGE_MASK) || remap->new_len > ARCH_USER_END ||
		    hint > ARCH_USER_END - remap->new_len)
			return -EINVAL;
		if (hint < remap->old + remap->old_len && remap->old < hint + remap->new_len)
			return -EINVAL;
		if (hint < MMAP_LOWEST)
			return -EPERM;
	}
	error = find_area(remap, &area);
	if (error)
		return error;
	/* Two splits and a new area; as Linux does, room for them is asked for before old goes. */
	if (contents->nr_areas + 4 >= AREAS_MAX)
		return -ENOMEM;
	if (is_fixed) {
		error = area_unmap_range(remap->mm, hint, hint + remap->new_len);
		if (!error && remap->old_len > remap->new_len) {
			error = area_unmap_range(remap->mm, remap->old + remap->new_len,
						 remap->old + remap->old_len);
			remap->old_len = remap->new_len;
		}
		if (!error)
			error = find_area(remap, &area); /* areas may have been cut */
		remap->to = hint;
	} else {
		remap->to = area_choose(contents, hint, remap->new_len);
		error = remap->to ? 0 : -ENOMEM;
	}
	return error ? error : move_to(remap, area);
}

static long remap_locked(struct remap *remap, unsigned long flags, vaddr_t hint)
{
	struct mm_contents *contents = remap->mm->contents;
	struct area *area;
	uint64_t more;
	int error;

	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return remap_to(remap, flags & MREMAP_FIXED, hint);
	if (remap->new_len <= remap->old_len) {
		error = find_area(&(struct remap){.mm = remap->mm,
						  .old = remap->old,
						  .old_len = remap->new_len},
				  &area);
		if (!error && remap->new_len < remap->old_len)
			error = area_unmap_range(remap->mm, remap->old + remap->new_len,
						 remap->old + remap->old_len);
		return error ? error : (long)remap->old;
	}
	error = find_area(remap, &area);
	if (error)
		return error;
	more = (remap->new_len - remap->old_len) >> PAGE_SHIFT;
	error = area_check_limits(contents, area->flags, more);
	if (!error)
		error = area_check_overcommit(area->flags, area->mapping, more);
	if (error)
		return error;
	if (grow_in_place(remap, area))
		return (long)remap->old;
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	remap->to = area_choose(contents, 0, remap->new_len);
	return remap->to ? move_to(remap, area) : -ENOMEM;
}

long sys_mremap(vaddr_t old, size_t old_len, size_t new_len, unsigned long flags,
		vaddr_t new_address)
{
	struct remap remap = {.mm = current->mm,
			      .old = old,
			      .old_len = ROUND_UP(old_len, PAGE_SIZE),
			      .new_len = ROUND_UP(new_len, PAGE_SIZE),
			      .is_dontunmap = flags & MREMAP_DONTUNMAP};
	struct mm_contents *contents = remap.mm->contents;
	bool is_locked;
	long result;

	if (flags & ~(unsigned long)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (remap.is_dontunmap && remap.old_len != remap.new_len)
		return -EINVAL;
	if ((old & ~PAGE_MASK) || remap.new_len == 0 || remap.old_len < old_len)
		return -EINVAL;
	if (old >= ARCH_USER_END || remap.old_len > ARCH_USER_END - old)
		return -EFAULT;
	if (remap.new_len > ARCH_USER_END)
		return -ENOMEM;
	result = rwsem_write_lock_killable(&contents->lock);
	if (result)
		return result;
	result = remap_locked(&remap, flags, new_address);
	is_locked = result > 0 && contents->locked_pages > 0;
	if (is_locked) {
		const struct area *area = area_find(contents, (vaddr_t)result);
		is_locked = area && area->flags & AREA_LOCKED;
	}
	rwsem_write_unlock(&contents->lock);
	if (is_locked && remap.new_len > remap.old_len) {
		int ignored = area_populate(remap.mm, (vaddr_t)result, remap.new_len);
		(void)ignored;
	}
	return result;
}
