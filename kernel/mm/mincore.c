/* Questions about what is resident, and msync. Guarded by the mmap lock, held for reading. */
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/mman.h>

#include "area.h"
#include "pagetable.h"

/* The entry of va, 0 if there is no table. Leaf locks are not needed for a look. */
static pte_t entry_at(const struct mm_struct *mm, vaddr_t va)
{
	struct leaf leaf;
	vaddr_t next;

	return leaf_find(mm, va, &leaf, &next) ? atomic_load_relaxed(leaf_entry(&leaf, va)) : 0;
}

static bool is_resident(const struct area *area, vaddr_t va)
{
	struct page *page;

	if (!arch_pte_is_none(entry_at(area->mm, va)))
		return true;
	if (!area->mapping)
		return false;
	page = mapping_find_page(area->mapping, area_index(area, va));
	if (page)
		page_put(page);
	return page;
}

/* A byte for each page from *va on, up to max or end. Lock held. */
static int look(struct mm_struct *mm, vaddr_t *va, vaddr_t end, unsigned char *bytes, unsigned max)
{
	const struct area *area = area_find(mm->contents, *va);

	for (unsigned i = 0; i < max && *va < end; i++, *va += PAGE_SIZE) {
		if (area && *va >= area->end)
			area = area_next(area);
		if (!area || *va < area->start)
			return -ENOMEM;
		bytes[i] = is_resident(area, *va);
	}
	return 0;
}

long sys_mincore(vaddr_t start, size_t len, unsigned char *vec)
{
	struct mm_struct *mm = current->mm;
	unsigned char bytes[256];
	vaddr_t end = ROUND_UP(start + len, PAGE_SIZE);

	if (start & ~PAGE_MASK)
		return -EINVAL;
	if (start >= ARCH_USER_END || len > ARCH_USER_END - start)
		return -ENOMEM;
	for (vaddr_t va = start; va < end;) {
		vaddr_t from = va;
		int error = rwsem_read_lock_killable(&mm->contents->lock);

		if (error)
			return error;
		error = look(mm, &va, end, bytes, ARRAY_LEN(bytes));
		rwsem_read_unlock(&mm->contents->lock);
		if (error)
			return error;
		error = copy_to_user(vec + ((from - start) >> PAGE_SHIFT), bytes,
				     (va - from) >> PAGE_SHIFT);
		if (error)
			return error;
	}
	return 0;
}

/* What is written is in the file at once: only the arguments are looked at (msync(2)). */
long sys_msync(vaddr_t start, size_t len, int flags)
{
	struct mm_contents *contents = current->mm->contents;
	uint64_t rounded = ROUND_UP(len, PAGE_SIZE);
	vaddr_t va = start, end = start + rounded;
	int error;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (start & ~PAGE_MASK) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (end < start || rounded < len)
		return -ENOMEM;
	error = rwsem_read_lock_killable(&contents->lock);
	if (error)
		return error;
	for (const struct area *area = area_find(contents, va); va < end && !error;
	     area = area_next(area)) {
		if (!area || area->start > va) {
			error = -ENOMEM;
			break;
		}
		if ((flags & MS_INVALIDATE) && (area->flags & AREA_LOCKED))
			error = -EBUSY;
		va = area->end;
	}
	rwsem_read_unlock(&contents->lock);
	return error;
}

void area_usage_read(const struct area *area, struct area_usage *usage)
{
	vaddr_t next;

	*usage = (struct area_usage){0};
	for (vaddr_t va = area->start; va < area->end; va = next) {
		struct leaf leaf;

		if (!leaf_find(area->mm, va, &leaf, &next))
			continue;
		next = MIN(next, area->end);
		spin_lock(leaf.lock);
		for (pte_t *entry = leaf_entry(&leaf, va); va < next; va += PAGE_SIZE, entry++) {
			pte_t pte = atomic_load_relaxed(entry);
			const struct page *page;

			if (arch_pte_is_none(pte) || pte_is_special(pte))
				continue;
			page = phys_to_page(arch_pte_frame(pte));
			usage->resident++;
			usage->anon += page->use == PAGE_USE_ANON;
			usage->dirty += (arch_pte_flags(pte) & PTE_DIRTY) != 0;
			/* The mapping's own reference is no sharer's. */
			if (refcount_read(&page->refs) > (page->use == PAGE_USE_ANON ? 1 : 2))
				usage->shared++;
			else
				usage->private ++;
		}
		spin_unlock(leaf.lock);
	}
}
