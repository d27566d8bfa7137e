/*
 * madvise(2). Advice that changes areas holds the mmap lock for writing; advice that only gives pages
 * back holds it for reading, since neither areas nor tables go.
 */
#include <kern/entry.h>
#include <kern/mm.h>
#include <uapi/errno.h>
#include <uapi/mman.h>

#include "area.h"
#include "gather.h"
#include "populate.h"

enum advice_kind {
	ADVICE_UNKNOWN,
	ADVICE_NOTHING,
	ADVICE_FLAGS,
	ADVICE_DROP,
	ADVICE_REMOVE,
	ADVICE_POPULATE
};

static enum advice_kind advice_kind(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED: /* what is in a memory file system is in memory */
	case MADV_COLD:
	case MADV_PAGEOUT: /* there is nowhere to page out to */
		return ADVICE_NOTHING;
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
		return ADVICE_FLAGS;
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
		return ADVICE_DROP;
	case MADV_REMOVE:
		return ADVICE_REMOVE;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return ADVICE_POPULATE;
	default: /* also huge pages and page merging, as a Linux built without them */
		return ADVICE_UNKNOWN;
	}
}

/* Area by area over [start, end); holes are passed over and reported at the end (-ENOMEM). */
static int for_each_part(struct mm_struct *mm, vaddr_t start, vaddr_t end, int advice,
			 int (*fn)(struct mm_struct *mm, struct area **area, vaddr_t start,
				   vaddr_t end, int advice))
{
	struct area *area = area_find(mm->contents, start);
	int error = 0;
	bool has_hole = false;

	while (start < end && !error) {
		vaddr_t to;

		if (!area || area->start >= end) {
			has_hole = true;
			break;
		}
		if (area->start > start) {
			has_hole = true;
			start = area->start;
		}
		to = MIN(area->end, end);
		error = fn(mm, &area, start, to, advice);
		start = to;
		area = area->end > start ? area : area_next(area);
	}
	return error ? error : has_hole ? -ENOMEM : 0;
}

static int change_flags(struct mm_struct *mm, struct area **area, vaddr_t start, vaddr_t end,
			int advice)
{
	uint32_t flags = (*area)->flags;

	switch (advice) {
	case MADV_DONTFORK:
		flags |= AREA_DONTFORK;
		break;
	case MADV_DOFORK:
		flags &= ~(uint32_t)AREA_DONTFORK;
		break;
	case MADV_DONTDUMP:
		flags |= AREA_DONTDUMP;
		break;
	case MADV_DODUMP:
		flags &= ~(uint32_t)AREA_DONTDUMP;
		break;
	case MADV_WIPEONFORK: /* private anonymous memory only */
		if ((*area)->mapping)
			return -EINVAL;
		flags |= AREA_WIPEONFORK;
		break;
	case MADV_KEEPONFORK:
		flags &= ~(uint32_t)AREA_WIPEONFORK;
		break;
	}
	return area_change_flags(mm->contents, area, start, end, flags);
}

/* MADV_FREE lets the kernel free the pages at any time unless they are written again; without a page
 * scanner the time that is sure to help is now, and the program cannot tell. */
static int drop_pages(struct mm_struct *mm, struct area **area, vaddr_t start, vaddr_t end,
		      int advice)
{
	struct gather gather;

	if (((*area)->flags & AREA_LOCKED) && advice != MADV_DONTNEED_LOCKED)
		return -EINVAL;
	if (advice == MADV_FREE && (*area)->mapping)
		return -EINVAL;
	gather_begin(&gather, mm, false);
	zap_range(&gather, start, end, false);
	gather_end(&gather);
	return 0;
}

static int nothing(struct mm_struct *mm, struct area **area, vaddr_t start, vaddr_t end, int advice)
{
	return 0;
}

/* A hole in a shared object (fallocate's PUNCH_HOLE), one area after another: the mapping is dealt with
 * without the mmap lock, which its unmapping must not meet. */
static int remove_pages(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct mm_contents *contents = mm->contents;

	while (start < end) {
		struct mapping *mapping;
		uint64_t first, nr;
		const struct area *area;
		int error = rwsem_read_lock_killable(&contents->lock);

		if (error)
			return error;
		area = area_find(contents, start);
		if (!area || area->start > start)
			error = -ENOMEM;
		else if (!area->mapping || (area->flags & AREA_LOCKED))
			error = -EINVAL;
		else if (!(area->flags & AREA_SHARED) || !(area->flags & AREA_MAYWRITE))
			error = -EACCES;
		if (error) {
			rwsem_read_unlock(&contents->lock);
			return error;
		}
		mapping = area->mapping;
		mapping_get(mapping);
		first = area_index(area, start);
		nr = (MIN(area->end, end) - start) >> PAGE_SHIFT;
		rwsem_read_unlock(&contents->lock);
		mapping_punch(mapping, first, first + nr);
		mapping_put(mapping);
		start += nr << PAGE_SHIFT;
	}
	return 0;
}

static int populate(struct mm_struct *mm, vaddr_t start, vaddr_t end, int advice)
{
	int error = populate_range(mm, start, end,
				   advice == MADV_POPULATE_WRITE ? FAULT_WRITE : POPULATE_READ);

	if (error == -EIO)
		return -EFAULT;			   /* SIGBUS if it were touched */
	return error == -EFAULT ? -EINVAL : error; /* the areas don't allow it */
}

static int advise_locked(struct mm_struct *mm, vaddr_t start, vaddr_t end, int advice,
			 enum advice_kind kind)
{
	struct mm_contents *contents = mm->contents;
	int error;

	if (kind == ADVICE_FLAGS) {
		error = rwsem_write_lock_killable(&contents->lock);
		if (error)
			return error;
		error = for_each_part(mm, start, end, advice, change_flags);
		rwsem_write_unlock(&contents->lock);
		return error;
	}
	error = rwsem_read_lock_killable(&contents->lock);
	if (error)
		return error;
	error = for_each_part(mm, start, end, advice, kind == ADVICE_DROP ? drop_pages : nothing);
	rwsem_read_unlock(&contents->lock);
	return error;
}

long sys_madvise(vaddr_t start, size_t len, int advice)
{
	enum advice_kind kind = advice_kind(advice);
	uint64_t rounded = ROUND_UP(len, PAGE_SIZE);
	struct mm_struct *mm = current->mm;
	vaddr_t end = start + rounded;

	if (kind == ADVICE_UNKNOWN || (start & ~PAGE_MASK) || rounded < len || end < start)
		return -EINVAL;
	if (rounded == 0)
		return 0;
	if (end > ARCH_USER_END)
		return -ENOMEM;
	switch (kind) {
	case ADVICE_REMOVE:
		return remove_pages(mm, start, end);
	case ADVICE_POPULATE:
		return populate(mm, start, end, advice);
	default:
		return advise_locked(mm, start, end, advice, kind);
	}
}
