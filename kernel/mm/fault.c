/*
 * Page faults: what an access needs to find in the table, given the area that it falls in.
 *
 *	entry		access	area				becomes
 *	empty		read	anonymous			the zero page, read-only
 *	empty		write	anonymous			a page of zeroes
 *	empty		read	of a mapping			the mapping's page (fault_file.c)
 *	empty		write	shared				the mapping's page, writable
 *	empty		write	private, of a mapping		a copy of it
 *	read-only	write	shared				writable
 *	read-only	write	private, nobody else holds it	writable
 *	read-only	write	private				a copy
 *	good enough	any					another CPU was faster: nothing
 *
 * The mmap lock is held for reading, so areas and tables stay; entries change under their leaf's
 * lock, and each case looks at the entry again once it holds that. Memory is got before.
 *
 * Where a translation that another CPU may hold changes to another frame, the entry is empty until
 * the flush has returned: no CPU reads the old page after one has written the new.
 */
#include <kern/assert.h>
#include <kern/entry.h>
#include <kern/page.h>
#include <uapi/errno.h>
#include <uapi/signal.h>

#include "area.h"
#include "fault.h"

static pte_t anon_entry(const struct area *area, const struct page *page)
{
	return arch_pte_page(page_to_phys(page),
			     area_pte_flags(area) | PTE_WRITE | PTE_DIRTY | PTE_ACCESSED, 0);
}

void fault_enter_anon(struct fault *fault, pte_t was, struct page *page)
{
	pte_t fresh = anon_entry(fault->area, page);
	pte_t now;

	spin_lock(fault->leaf.lock);
	now = atomic_load_relaxed(fault->entry);
	if (unlikely(now != was)) {
		spin_unlock(fault->leaf.lock);
		page_free(page);
		return;
	}
	if (!arch_pte_is_none(was)) {
		atomic_store_relaxed(fault->entry, 0);
		tlb_flush_range(fault->mm, fault->va, fault->va + PAGE_SIZE, false);
	}
	/* Release: whoever walks to the page sees what is in it. */
	atomic_store_release(fault->entry, fresh);
	spin_unlock(fault->leaf.lock);
	atomic_fetch_add_relaxed(&fault->mm->contents->anon_pages, 1);
}

static int fault_anon(struct fault *fault)
{
	struct page *page;
	pte_t zero;

	if (fault->is_write) {
		page = user_page_alloc(PAGE_USE_ANON, ALLOC_ZERO);
		if (!page)
			return -ENOMEM;
		fault_enter_anon(fault, 0, page);
		return 0;
	}
	zero = arch_pte_page(zero_frame, area_pte_flags(fault->area) | PTE_SPECIAL | PTE_ACCESSED,
			     0);
	spin_lock(fault->leaf.lock);
	if (arch_pte_is_none(atomic_load_relaxed(fault->entry)))
		atomic_store_release(fault->entry, zero);
	spin_unlock(fault->leaf.lock);
	return 0;
}

/* The entry only gains a right: nobody else need forget anything, at worst they fault and see. Leaf
 * lock held. */
static void make_writable(struct fault *fault, pte_t pte)
{
	unsigned flags = arch_pte_flags(pte) | PTE_WRITE | PTE_DIRTY | PTE_ACCESSED;

	atomic_store_relaxed(fault->entry, arch_pte_change(pte, flags));
	tlb_flush_page_local(fault->mm, fault->va);
}

/* A copy of old, which the caller has a reference to, takes its place. */
static int copy_page(struct fault *fault, pte_t was, struct page *old)
{
	struct page *copy = user_page_alloc(PAGE_USE_ANON, 0);
	bool was_file = old->use != PAGE_USE_ANON;

	if (!copy) {
		page_put(old);
		return -ENOMEM;
	}
	page_copy(page_address(copy), page_address(old));
	if (was_file)
		atomic_store_relaxed(&fault->area->has_anon, 1);
	spin_lock(fault->leaf.lock);
	if (atomic_load_relaxed(fault->entry) != was) {
		spin_unlock(fault->leaf.lock);
		page_put(old);
		page_free(copy);
		return 0;
	}
	atomic_store_relaxed(fault->entry, 0);
	tlb_flush_range(fault->mm, fault->va, fault->va + PAGE_SIZE, false);
	atomic_store_release(fault->entry, anon_entry(fault->area, copy));
	spin_unlock(fault->leaf.lock);
	page_put(old); /* ours */
	page_put(old); /* the entry's, after the flush */
	if (was_file) {
		atomic_fetch_add_relaxed(&fault->mm->contents->file_pages, -1ULL);
		atomic_fetch_add_relaxed(&fault->mm->contents->anon_pages, 1);
	}
	return 0;
}

/* A write to an entry that doesn't allow it, though the area does. */
static int fault_write_protected(struct fault *fault)
{
	struct page *page;
	pte_t pte;

	spin_lock(fault->leaf.lock);
	pte = atomic_load_relaxed(fault->entry);
	if (arch_pte_is_none(pte) || arch_pte_is_writable(pte)) {
		spin_unlock(fault->leaf.lock); /* somebody was faster: try again or be done */
		return 0;
	}
	if (pte_is_special(pte)) {
		spin_unlock(fault->leaf.lock);
		page = user_page_alloc(PAGE_USE_ANON, ALLOC_ZERO);
		if (!page)
			return -ENOMEM;
		fault_enter_anon(fault, pte, page);
		return 0;
	}
	page = phys_to_page(arch_pte_frame(pte));
	/* An anonymous page that only this entry holds: others came and went (fork), and what they
	 * did with it happened before they let go. Nobody can take a new hold without this lock. */
	if (fault->area->flags & AREA_SHARED ||
	    (page->use == PAGE_USE_ANON && page_is_exclusive(page))) {
		make_writable(fault, pte);
		spin_unlock(fault->leaf.lock);
		return 0;
	}
	page_get(page); /* with two holders nobody writes to it while we copy */
	spin_unlock(fault->leaf.lock);
	return copy_page(fault, pte, page);
}

int area_fault(struct mm_struct *mm, struct area *area, vaddr_t va, bool is_write)
{
	struct fault fault = {.mm = mm, .area = area, .va = va & PAGE_MASK, .is_write = is_write};
	int error;

	if (leaf_get(mm, va, &fault.leaf))
		return -ENOMEM;
	fault.entry = leaf_entry(&fault.leaf, va);
	do {
		pte_t pte = atomic_load_relaxed(fault.entry);

		if (!arch_pte_is_none(pte)) {
			if (is_write && !arch_pte_is_writable(pte))
				return fault_write_protected(&fault);
			tlb_flush_page_local(mm, fault.va); /* spurious: an old entry in this TLB */
			return 0;
		}
		error = area->mapping ? fault_file(&fault) : fault_anon(&fault);
	} while (error == -FAULT_AGAIN);
	return error;
}

bool area_allows(const struct area *area, unsigned fault_flags)
{
	if (fault_flags & FAULT_WRITE)
		return area->flags & AREA_WRITE;
	if (fault_flags & FAULT_EXEC)
		return area->flags & AREA_EXEC;
	return area->flags & AREA_PROT;
}

int mm_fault(struct mm_struct *mm, vaddr_t va, unsigned fault_flags, int *si_code)
{
	struct mm_contents *contents = mm->contents;
	struct area *area;
	int error;

	/* User memory is not touched under the lock that its faults need. */
	debug_assert(!rwsem_is_write_held(&contents->lock));
	error = rwsem_read_lock_killable(&contents->lock);

	if (unlikely(error))
		return -EINTR;
	if (unlikely(atomic_load_relaxed(&contents->is_reaped))) {
		error = -EINTR; /* the OOM killer took pages: nothing in here is true any more */
		goto unlock;
	}
	area = area_find(contents, va);
	if (unlikely(!area || va < area->start)) {
		error = stack_grow(contents, va, &area);
		if (error == -EINTR)
			return error; /* without the lock */
		if (error) {
			*si_code = SEGV_MAPERR;
			goto unlock;
		}
	}
	if (unlikely(!area_allows(area, fault_flags))) {
		*si_code = SEGV_ACCERR;
		error = -EFAULT;
		goto unlock;
	}
	error = area_fault(mm, area, va, fault_flags & FAULT_WRITE);
unlock:
	rwsem_read_unlock(&contents->lock);
	return error;
}
