/*
 * mprotect: other rights for a range. The mmap lock is held for writing until the flush has returned,
 * so that no fault can bring back a right while another CPU still uses the old one; entries change
 * under their leaf's lock, because truncation may come meanwhile.
 */
#include <kern/mm.h>
#include <kern/page.h>
#include <uapi/errno.h>
#include <uapi/mman.h>

#include "area.h"
#include "gather.h"
#include "pagetable.h"

/* Whether an entry of area may be written to at once, without the fault that would find that out. */
static bool may_write_now(const struct area *area, pte_t pte)
{
	const struct page *page;

	if (!(area->flags & AREA_WRITE) || pte_is_special(pte))
		return false;
	if (area->flags & AREA_SHARED)
		return true;
	page = phys_to_page(arch_pte_frame(pte));
	return page->use == PAGE_USE_ANON && page_is_exclusive(page);
}

/* Entries of [va, end), within one leaf table, whose lock is held. What lost a right goes to the
 * gather, to be flushed. */
static void protect_entries(struct gather *gather, const struct area *area, pte_t *entry,
			    vaddr_t va, vaddr_t end)
{
	unsigned rights = area_pte_flags(area);

	for (; va < end; va += PAGE_SIZE, entry++) {
		pte_t pte = atomic_load_relaxed(entry);
		unsigned old, flags;

		if (arch_pte_is_none(pte))
			continue;
		old = arch_pte_flags(pte);
		flags = rights | (old & (PTE_SPECIAL | PTE_ACCESSED | PTE_DIRTY | PTE_UNCACHED));
		if (may_write_now(area, pte))
			flags |= PTE_WRITE | PTE_DIRTY;
		if (flags == old)
			continue;
		atomic_store_release(entry, arch_pte_change(pte, flags));
		if (old & ~flags & (PTE_READ | PTE_WRITE | PTE_EXEC))
			gather_range(gather, va, va + PAGE_SIZE);
	}
}

static void protect_range(struct gather *gather, const struct area *area, vaddr_t start,
			  vaddr_t end)
{
	vaddr_t next;

	for (vaddr_t va = start; va < end; va = next) {
		struct leaf leaf;

		if (!leaf_find(gather->mm, va, &leaf, &next))
			continue;
		next = MIN(next, end);
		spin_lock(leaf.lock);
		protect_entries(gather, area, leaf_entry(&leaf, va), va, next);
		spin_unlock(leaf.lock);
	}
}

/* The part of *area in [start, end) gets prot. *area is then the area that holds it. */
static int protect_area(struct gather *gather, struct area **area, vaddr_t start, vaddr_t end,
			uint32_t prot)
{
	struct mm_contents *contents = gather->mm->contents;
	uint32_t old = (*area)->flags, flags = (old & ~(uint32_t)AREA_PROT) | prot;
	uint64_t pages = (end - start) >> PAGE_SHIFT;
	int error;

	if (old == flags)
		return 0;
	if (prot & ~(old / AREA_MAYREAD) & AREA_PROT)
		return -EACCES;
	if ((prot & AREA_WRITE) && !(old & (AREA_WRITE | AREA_SHARED))) {
		/* It becomes private writable memory, which is what is counted. */
		if (!(old & AREA_GROWSDOWN) &&
		    contents->data_pages + pages > contents->data_limit >> PAGE_SHIFT)
			return -ENOMEM;
		error = area_check_overcommit(flags, (*area)->mapping, pages);
		if (error)
			return error;
	}
	error = area_change_flags(contents, area, start, end, flags);
	if (!error)
		protect_range(gather, *area, start, end);
	return error;
}
STATIC_ASSERT(AREA_MAYREAD / AREA_READ == AREA_MAYWRITE / AREA_WRITE);
STATIC_ASSERT(AREA_MAYREAD / AREA_READ == AREA_MAYEXEC / AREA_EXEC);

/* Area by area, as far as it goes: what was changed before an error stays so (mprotect(2)). */
static int protect_locked(struct mm_struct *mm, vaddr_t start, vaddr_t end, uint32_t prot)
{
	struct area *area = area_find(mm->contents, start);
	struct gather gather;
	int error = 0;

	gather_begin(&gather, mm, false);
	for (vaddr_t va = start; va < end && !error;) {
		vaddr_t to;

		if (!area || area->start > va) {
			error = -ENOMEM;
			break;
		}
		to = MIN(area->end, end);
		error = protect_area(&gather, &area, va, to, prot);
		va = to;
		area = area->end > va ? area : area_next(area);
	}
	gather_end(&gather);
	return error;
}

/* PROT_GROWSDOWN: the range begins where the stack that it lies in begins (mprotect(2)). */
static int find_start(const struct mm_contents *contents, unsigned prot, vaddr_t *start,
		      vaddr_t end)
{
	const struct area *area = area_find(contents, *start);

	if (prot & PROT_GROWSUP)
		return -EINVAL; /* nothing grows up here */
	if (!(prot & PROT_GROWSDOWN))
		return 0;
	if (!area || area->start >= end)
		return -ENOMEM;
	if (!(area->flags & AREA_GROWSDOWN))
		return -EINVAL;
	*start = MIN(*start, area->start);
	return 0;
}

int area_protect(struct mm_struct *mm, vaddr_t start, size_t len, unsigned prot)
{
	const unsigned known =
		PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP;
	struct mm_contents *contents = mm->contents;
	uint64_t rounded = ROUND_UP(len, PAGE_SIZE);
	vaddr_t end = start + rounded;
	int error;

	if ((start & ~PAGE_MASK) || (prot & ~known))
		return -EINVAL;
	if ((prot & (PROT_GROWSDOWN | PROT_GROWSUP)) == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (len == 0)
		return 0;
	if (rounded == 0 || rounded > ARCH_USER_END || start > ARCH_USER_END - rounded)
		return -ENOMEM;
	error = rwsem_write_lock_killable(&contents->lock);
	if (error)
		return error;
	error = find_start(contents, prot, &start, end);
	if (!error)
		error = protect_locked(mm, start, end, prot & AREA_PROT);
	rwsem_write_unlock(&contents->lock);
	return error;
}

long sys_mprotect(vaddr_t start, size_t len, unsigned long prot)
{
	if (prot > UINT32_MAX)
		return -EINVAL;
	return area_protect(current->mm, start, len, (unsigned)prot);
}
