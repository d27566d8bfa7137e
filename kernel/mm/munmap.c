/*
 * Unmapping. The mmap lock is held for writing throughout: no fault can fill in again what goes, and
 * nobody walks for the areas that are taken out. Areas leave tree and mapping first, then the pages, the
 * tables that no area needs any more, the flush, and last the frames.
 */
#include <kern/assert.h>
#include <kern/list.h>
#include <kern/mm.h>
#include <uapi/errno.h>

#include "area.h"
#include "gather.h"
#include "pagetable.h"

/* Takes [start, end) out of area, which it meets at one end or covers. */
static void area_trim(struct mm_contents *contents, struct area *area, vaddr_t start, vaddr_t end)
{
	vaddr_t from = MAX(start, area->start), to = MIN(end, area->end);

	area_account(contents, area->flags, -(int64_t)((to - from) >> PAGE_SHIFT));
	if (from > area->start) {
		area_resize(contents, area, area->start, from);
	} else if (to < area->end) {
		area_resize(contents, area, to, area->end);
	} else {
		area_remove(contents, area);
		area_close(area);
		area_free(area);
	}
}

int area_unmap_range(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct mm_contents *contents = mm->contents;
	struct area *area = area_find(contents, start), *below;
	struct gather gather;

	if (!area || area->start >= end)
		return 0;
	if (area->start < start && area->end > end && area_split(contents, area, end))
		return -ENOMEM; /* the hole in the middle; what else may come needs no memory */
	below = area->start < start ? area : area_prev(area);

	gather_begin(&gather, mm, false);
	while (area && area->start < end) {
		struct area *next = area_next(area);
		vaddr_t from = MAX(start, area->start), to = MIN(end, area->end);

		area_trim(contents, area, start, end);
		zap_range(&gather, from, to, false);
		area = next;
	}
	/* area: the first one that stays above, whose start may have been moved up to end. */
	area = area_find(contents, end);
	tables_free(&gather, start, end, below ? below->end : 0,
		    area ? area->start : ARCH_USER_END);
	gather_end(&gather);
	return 0;
}

int area_unmap(struct mm_struct *mm, vaddr_t start, size_t len)
{
	struct mm_contents *contents = mm->contents;
	uint64_t rounded = ROUND_UP(len, PAGE_SIZE);
	int error;

	if ((start & ~PAGE_MASK) || rounded == 0 || rounded < len)
		return -EINVAL;
	if (rounded > ARCH_USER_END || start > ARCH_USER_END - rounded)
		return -EINVAL;
	error = rwsem_write_lock_killable(&contents->lock);
	if (error)
		return error;
	error = area_unmap_range(mm, start, start + rounded);
	rwsem_write_unlock(&contents->lock);
	return error;
}

long sys_munmap(vaddr_t start, size_t len)
{
	return area_unmap(current->mm, start, len);
}
