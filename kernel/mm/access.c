/*
 * Another process's memory, from the kernel: by page, through its tables, with the rights that its
 * areas give. The bytes move under the leaf's lock, so a page cannot change hands (fork, copy on
 * write) between the look and the copy; kernel memory on the other side does not fault.
 */
#include <kern/entry.h>
#include <kern/mm.h>
#include <kern/string.h>
#include <uapi/errno.h>

#include "area.h"
#include "fault.h"
#include "pagetable.h"

/* One piece within a page, if its entry allows it now. */
static bool copy_present(struct mm_struct *mm, vaddr_t va, void *buf, size_t len, bool is_write)
{
	struct leaf leaf;
	vaddr_t next;
	pte_t pte;
	bool is_done = false;

	if (!leaf_find(mm, va, &leaf, &next))
		return false;
	spin_lock(leaf.lock);
	pte = atomic_load_relaxed(leaf_entry(&leaf, va));
	if (!arch_pte_is_none(pte) && (!is_write || arch_pte_is_writable(pte))) {
		char *bytes = (char *)phys_to_virt(arch_pte_frame(pte)) + (va & ~PAGE_MASK);

		if (is_write)
			memcpy(bytes, buf, len);
		else
			memcpy(buf, bytes, len);
		is_done = true;
	}
	spin_unlock(leaf.lock);
	return is_done;
}

/* Under the mmap lock. */
static bool copy_piece(struct mm_struct *mm, vaddr_t va, void *buf, size_t len, bool is_write)
{
	struct area *area = area_find(mm->contents, va);

	if (!area || va < area->start || !area_allows(area, is_write ? FAULT_WRITE : 0))
		return false;
	if (atomic_load_relaxed(&mm->contents->is_reaped))
		return false;
	while (!copy_present(mm, va, buf, len, is_write))
		if (area_fault(mm, area, va, is_write))
			return false;
	return true;
}

static size_t copy_foreign(struct mm_struct *mm, vaddr_t va, void *buf, size_t len, bool is_write)
{
	size_t done = 0;

	if (rwsem_read_lock_killable(&mm->contents->lock))
		return 0;
	while (done < len && va < ARCH_USER_END) {
		size_t piece = MIN(len - done, PAGE_SIZE - (va & ~PAGE_MASK));

		if (!copy_piece(mm, va, (char *)buf + done, piece, is_write))
			break;
		done += piece;
		va += piece;
	}
	rwsem_read_unlock(&mm->contents->lock);
	return done;
}

size_t mm_read(struct mm_struct *mm, vaddr_t va, void *buf, size_t len)
{
	return copy_foreign(mm, va, buf, len, false);
}

size_t mm_write(struct mm_struct *mm, vaddr_t va, const void *buf, size_t len)
{
	return copy_foreign(mm, va, (void *)buf, len, true); /* only read from */
}

int mm_shared_key(vaddr_t va, struct mapping **mapping, uint64_t *index)
{
	struct mm_contents *contents = current->mm->contents;
	const struct area *area;
	int error = rwsem_read_lock_killable(&contents->lock);

	if (error)
		return error;
	area = area_find(contents, va);
	if (!area || va < area->start) {
		error = -EFAULT;
	} else if (area->flags & AREA_SHARED) {
		mapping_get(area->mapping);
		*mapping = area->mapping;
		*index = area_index(area, va);
	} else {
		*mapping = NULL;
		*index = 0;
	}
	rwsem_read_unlock(&contents->lock);
	return error;
}
