/*
 * mlock and its relatives (mlock(2)). There is no swap and no page scanner, so a page that is present
 * stays; locking means that pages are made present, that RLIMIT_MEMLOCK counts them, and that advice
 * does not drop them. The mmap lock is held for writing while flags change.
 */
#include <kern/mm.h>
#include <uapi/errno.h>
#include <uapi/mman.h>

#include "area.h"
#include "populate.h"

/* Every area of [start, end) without (locked: false) or with AREA_LOCKED. -ENOMEM: a hole. */
static int set_locked(struct mm_contents *contents, vaddr_t start, vaddr_t end, bool locked)
{
	struct area *area = area_find(contents, start);
	int error = 0;

	while (start < end && !error) {
		uint32_t flags;
		vaddr_t to;

		if (!area || area->start > start)
			return -ENOMEM;
		to = MIN(area->end, end);
		flags = locked ? area->flags | AREA_LOCKED : area->flags & ~(uint32_t)AREA_LOCKED;
		error = area_change_flags(contents, &area, start, to, flags);
		start = to;
		area = area->end > start ? area : area_next(area);
	}
	return error;
}

/* Pages of [start, end) that are not locked yet. */
static uint64_t count_unlocked(const struct mm_contents *contents, vaddr_t start, vaddr_t end)
{
	const struct area *area = area_find(contents, start);
	uint64_t pages = 0;

	for (; area && area->start < end; area = area_next(area))
		if (!(area->flags & AREA_LOCKED))
			pages += (MIN(area->end, end) - MAX(area->start, start)) >> PAGE_SHIFT;
	return pages;
}

static int lock_range(vaddr_t start, size_t len, bool locked)
{
	struct mm_contents *contents = current->mm->contents;
	vaddr_t from = start & PAGE_MASK, end = ROUND_UP(start + len, PAGE_SIZE);
	uint64_t limit = contents->memlock_limit >> PAGE_SHIFT;
	int error;

	if (end < from || start + len < start)
		return -EINVAL;
	if (from == end)
		return 0;
	if (end > ARCH_USER_END)
		return -ENOMEM;
	if (locked && limit == 0)
		return -EPERM;
	error = rwsem_write_lock_killable(&contents->lock);
	if (error)
		return error;
	if (locked && contents->locked_pages + count_unlocked(contents, from, end) > limit)
		error = -ENOMEM;
	else
		error = set_locked(contents, from, end, locked);
	rwsem_write_unlock(&contents->lock);
	return error;
}

long sys_mlock2(vaddr_t start, size_t len, unsigned flags)
{
	int error;

	if (flags & ~(unsigned)MLOCK_ONFAULT)
		return -EINVAL;
	error = lock_range(start, len, true);
	if (!error && !(flags & MLOCK_ONFAULT) && len > 0)
		error = area_populate(current->mm, start, len);
	return error == -EFAULT || error == -EIO ? -ENOMEM : error;
}

long sys_mlock(vaddr_t start, size_t len)
{
	return sys_mlock2(start, len, 0);
}

long sys_munlock(vaddr_t start, size_t len)
{
	return lock_range(start, len, false);
}

/* What cannot be had, at a hole in a file or without rights, is no failure of mlockall. */
static void populate_all(struct mm_struct *mm)
{
	vaddr_t va = 0;

	for (;;) {
		struct mm_contents *contents = mm->contents;
		const struct area *area;
		vaddr_t start = 0, end = 0;

		if (rwsem_read_lock_killable(&contents->lock))
			return;
		area = area_find(contents, va);
		if (area) {
			start = MAX(area->start, va);
			end = area->end;
		}
		rwsem_read_unlock(&contents->lock);
		if (end == 0 || populate_range(mm, start, end, 0) == -EINTR)
			return;
		va = end;
	}
}

static int change_all(struct mm_contents *contents, bool locked)
{
	struct area *area = area_find(contents, 0);
	int error = 0;

	while (area && !error) {
		uint32_t flags = area->flags & ~(uint32_t)AREA_LOCKED;

		error = area_change_flags(contents, &area, area->start, area->end,
					  locked ? flags | AREA_LOCKED : flags);
		area = area_next(area);
	}
	return error;
}

long sys_mlockall(int flags)
{
	struct mm_struct *mm = current->mm;
	struct mm_contents *contents = mm->contents;
	int error;

	if (flags == 0 || flags == MCL_ONFAULT || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return -EINVAL;
	error = rwsem_write_lock_killable(&contents->lock);
	if (error)
		return error;
	if (contents->memlock_limit == 0)
		error = -EPERM;
	else if ((flags & MCL_CURRENT) &&
		 contents->total_pages > contents->memlock_limit >> PAGE_SHIFT)
		error = -ENOMEM;
	if (!error && (flags & MCL_CURRENT))
		error = change_all(contents, true);
	if (!error)
		contents->future_flags = flags & MCL_FUTURE ? AREA_LOCKED : 0;
	rwsem_write_unlock(&contents->lock);
	if (!error && (flags & MCL_CURRENT) && !(flags & MCL_ONFAULT))
		populate_all(mm);
	return error;
}

long sys_munlockall(void)
{
	struct mm_contents *contents = current->mm->contents;
	int error = rwsem_write_lock_killable(&contents->lock);

	if (error)
		return error;
	contents->future_flags = 0;
	error = change_all(contents, false);
	rwsem_write_unlock(&contents->lock);
	return error;
}
