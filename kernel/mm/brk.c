/* The program break: the end of one anonymous area behind the program's data (brk(2)). Guarded by the
 * mmap lock, held for writing. */
#include <kern/mm.h>
#include <uapi/errno.h>

#include "area.h"

enum { HEAP_FLAGS = AREA_READ | AREA_WRITE | AREA_MAY_ALL | AREA_HEAP };

/* Room for the heap to [start, end), both page aligned. */
static int heap_grow(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct mm_contents *contents = mm->contents;
	const struct area *above = area_find(contents, start);
	uint32_t flags = HEAP_FLAGS | contents->future_flags;
	vaddr_t clear_to = end + PAGE_SIZE;

	/* A page stays free behind it, and the stack's gap. */
	if (above && above->flags & AREA_GROWSDOWN)
		clear_to = end + (STACK_GUARD_PAGES << PAGE_SHIFT);
	if (end > ARCH_USER_END - PAGE_SIZE || (above && above->start < clear_to))
		return -ENOMEM;
	if (area_check_limits(contents, flags, (end - start) >> PAGE_SHIFT) ||
	    area_check_overcommit(flags, false, (end - start) >> PAGE_SHIFT) ||
	    contents->nr_areas >= AREAS_MAX)
		return -ENOMEM;
	return area_add_anonymous(mm, start, end, flags, "[heap]", NULL);
}

/* RLIMIT_DATA counts from the program's data on (getrlimit(2)). */
static bool is_within_limit(const struct mm_contents *contents, vaddr_t brk)
{
	uint64_t data = contents->data_end - contents->data_start;

	return contents->data_limit == UINT64_MAX ||
	       brk - contents->brk_start + data <= contents->data_limit;
}

long sys_brk(vaddr_t brk)
{
	struct mm_struct *mm = current->mm;
	struct mm_contents *contents = mm->contents;
	vaddr_t old_end, new_end, result;
	bool is_populate;

	if (rwsem_write_lock_killable(&contents->lock))
		return -EINTR;
	old_end = ROUND_UP(contents->brk, PAGE_SIZE);
	new_end = ROUND_UP(brk, PAGE_SIZE);
	if (brk >= contents->brk_start && brk <= ARCH_USER_END && is_within_limit(contents, brk)) {
		int error = 0;

		if (new_end < old_end)
			error = area_unmap_range(mm, new_end, old_end);
		else if (new_end > old_end)
			error = heap_grow(mm, old_end, new_end);
		if (!error)
			contents->brk = brk;
	}
	result = contents->brk;
	is_populate = contents->future_flags & AREA_LOCKED && result == brk && new_end > old_end;
	rwsem_write_unlock(&contents->lock);
	if (is_populate) {
		int ignored = area_populate(mm, old_end, new_end - old_end);
		(void)ignored;
	}
	return (long)result;
}
