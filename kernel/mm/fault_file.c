/*
 * Faults on empty entries in areas of a mapping. A read, or any access of a shared area, maps the
 * mapping's own page, and those around it that are in memory already: one fault brings in up to 64
 * KiB of program text. A write to a private area copies. Locks: fault.c.
 *
 * A page may leave the mapping (truncation) at any moment; page_is_of, asked under the leaf's lock,
 * decides who was first (kern/mapping.h).
 */
#include <kern/page.h>
#include <uapi/errno.h>

#include "area.h"
#include "fault.h"
#include "mapping_unmap.h"

enum { AROUND_PAGES = 16 };
STATIC_ASSERT(ARCH_PT_ENTRIES % AROUND_PAGES == 0); /* never more than one leaf table */

/* The pages around a fault. */
struct around {
	vaddr_t start;			  /* of pages[0] */
	unsigned nr;			  /* pages that the area has there */
	unsigned own;			  /* index of the one that is wanted */
	struct page *pages[AROUND_PAGES]; /* each with a reference, or NULL */
};

static void around_bounds(const struct fault *fault, struct around *around)
{
	vaddr_t window = AROUND_PAGES * PAGE_SIZE;
	vaddr_t start = fault->va & ~(window - 1);
	vaddr_t end = MIN(start + window, fault->area->end);

	around->start = MAX(start, fault->area->start);
	around->nr = (unsigned)((end - around->start) >> PAGE_SHIFT);
	around->own = (unsigned)((fault->va - around->start) >> PAGE_SHIFT);
}

/* Looks up what is in memory and has no entry yet. */
static void around_find(const struct fault *fault, struct around *around)
{
	const pte_t *entry = leaf_entry(&fault->leaf, around->start);
	uint64_t want = 1ULL << around->own;

	for (unsigned i = 0; i < around->nr; i++)
		if (arch_pte_is_none(atomic_load_relaxed(&entry[i])))
			want |= 1ULL << i;
	mapping_find_pages(fault->area->mapping, area_index(fault->area, around->start), around->nr,
			   want, around->pages);
}

/* Enters what was found; references of what cannot be entered are put. Whether the own one was. */
static bool around_enter(struct fault *fault, struct around *around)
{
	const struct area *area = fault->area;
	unsigned flags = area_pte_flags(area) | PTE_ACCESSED;
	pte_t *entry = leaf_entry(&fault->leaf, around->start);
	uint64_t entered = 0;
	bool is_done;

	if ((area->flags & (AREA_SHARED | AREA_WRITE)) == (AREA_SHARED | AREA_WRITE))
		flags |= PTE_WRITE | PTE_DIRTY;
	spin_lock(fault->leaf.lock);
	for (unsigned i = 0; i < around->nr; i++) {
		struct page *page = around->pages[i];

		if (!page || !arch_pte_is_none(atomic_load_relaxed(&entry[i])) ||
		    !page_is_of(page, area->mapping))
			continue;
		atomic_store_release(&entry[i], arch_pte_page(page_to_phys(page), flags, 0));
		around->pages[i] = NULL;
		entered++;
	}
	is_done = !arch_pte_is_none(atomic_load_relaxed(fault->entry));
	spin_unlock(fault->leaf.lock);
	if (entered)
		atomic_fetch_add_relaxed(&fault->mm->contents->file_pages, entered);
	for (unsigned i = 0; i < around->nr; i++)
		if (around->pages[i])
			page_put(around->pages[i]);
	return is_done;
}

static int fault_file_map(struct fault *fault)
{
	struct mapping *mapping = fault->area->mapping;
	uint64_t index = area_index(fault->area, fault->va);
	struct around around;
	int error = 0;

	if (index >= PAGES_FOR(atomic_load_relaxed(&mapping->size)))
		return -EIO;
	around_bounds(fault, &around);
	around_find(fault, &around);
	if (!around.pages[around.own]) {
		struct page *page;

		error = mapping_get_page(mapping, index, MAPPING_CREATE | MAPPING_INSIDE, &page);
		if (!error)
			around.pages[around.own] = page;
	}
	if (around_enter(fault, &around))
		return 0;
	return error ? error : -FAULT_AGAIN; /* truncated meanwhile */
}

static int fault_file_copy(struct fault *fault)
{
	struct area *area = fault->area;
	struct page *page, *copy;
	int error = mapping_get_page(area->mapping, area_index(area, fault->va),
				     MAPPING_CREATE | MAPPING_INSIDE, &page);

	if (error)
		return error;
	copy = user_page_alloc(PAGE_USE_ANON, 0);
	if (!copy) {
		page_put(page);
		return -ENOMEM;
	}
	page_copy(page_address(copy), page_address(page));
	page_put(page);
	atomic_store_relaxed(&area->has_anon, 1);
	fault_enter_anon(fault, 0, copy);
	return 0;
}

int fault_file(struct fault *fault)
{
	if (fault->is_write && !(fault->area->flags & AREA_SHARED))
		return fault_file_copy(fault);
	return fault_file_map(fault);
}
