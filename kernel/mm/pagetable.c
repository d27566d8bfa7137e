/*
 * Walking, making and freeing user page tables. Locks: pagetable.h.
 */
#include <kern/assert.h>
#include <kern/page.h>
#include <kern/signal.h>
#include <uapi/errno.h>

#include "gather.h"
#include "pagetable.h"

paddr_t zero_frame;

struct page *user_page_alloc(enum page_use use, unsigned flags)
{
	struct page *page = page_alloc(0, use, ALLOC_USER | flags);

	if (unlikely(!page) && fatal_signal_pending(current))
		page = page_alloc(0, use, flags);
	return page;
}

static inline pte_t *table_entry(paddr_t table, vaddr_t va, unsigned level)
{
	return (pte_t *)phys_to_virt(table) +
	       ((va >> ARCH_PT_SHIFT(level)) & (ARCH_PT_ENTRIES - 1));
}

static inline void leaf_set(struct leaf *leaf, paddr_t table)
{
	leaf->entries = phys_to_virt(table);
	leaf->lock = &phys_to_page(table)->table_lock;
}

bool leaf_find(const struct mm_struct *mm, vaddr_t va, struct leaf *leaf, vaddr_t *next)
{
	paddr_t table = mm->root;

	for (unsigned level = ARCH_PT_LEVELS - 1; level > 0; level--) {
		pte_t pte = atomic_load_acquire(table_entry(table, va, level)); /* table_make() */

		if (arch_pte_is_none(pte)) {
			vaddr_t span = 1UL << ARCH_PT_SHIFT(level);
			*next = (va & ~(span - 1)) + span;
			return false;
		}
		table = arch_pte_frame(pte);
	}
	leaf_set(leaf, table);
	*next = leaf_end(va);
	return true;
}

/* Fills an empty entry of level with a new table below, unless somebody else is faster. */
static NOINLINE int table_make(struct mm_struct *mm, pte_t *entry, unsigned level, pte_t *pte)
{
	struct mm_contents *contents = mm->contents;
	struct page *page = user_page_alloc(PAGE_USE_TABLE, ALLOC_ZERO);

	if (!page)
		return -ENOMEM;
	if (level == 1) /* the new table is a leaf */
		spin_init(&page->table_lock, LOCK_RANK_PAGE_TABLE, "leaf_table");
	spin_lock(&contents->page_table_lock);
	*pte = atomic_load_relaxed(entry);
	if (arch_pte_is_none(*pte)) {
		*pte = arch_pte_table(page_to_phys(page));
		/* Pairs with the acquire of whoever walks: the table is seen zeroed. */
		atomic_store_release(entry, *pte);
		page = NULL;
	}
	spin_unlock(&contents->page_table_lock);
	if (page)
		page_free(page);
	else
		atomic_fetch_add_relaxed(&contents->table_pages, 1);
	return 0;
}

int leaf_get(struct mm_struct *mm, vaddr_t va, struct leaf *leaf)
{
	paddr_t table = mm->root;

	for (unsigned level = ARCH_PT_LEVELS - 1; level > 0; level--) {
		pte_t *entry = table_entry(table, va, level);
		pte_t pte = atomic_load_acquire(entry); /* table_make() */

		if (unlikely(arch_pte_is_none(pte)) && table_make(mm, entry, level, &pte))
			return -ENOMEM;
		table = arch_pte_frame(pte);
	}
	leaf_set(leaf, table);
	return 0;
}

static void check_empty(paddr_t table)
{
	const pte_t *entries = phys_to_virt(table);

	if (!LODGER_DEBUG)
		return;
	for (unsigned i = 0; i < ARCH_PT_ENTRIES; i++)
		assert_msg(arch_pte_is_none(entries[i]),
			   "page table %llx is freed with entry %u = %llx",
			   (unsigned long long)table, i, (unsigned long long)entries[i]);
}

struct table_range {
	vaddr_t start, end, floor, ceiling;
};

/* The part of tables_free below one table; base: the first address that table covers. */
static void free_below(struct gather *gather, paddr_t table, unsigned level, vaddr_t base,
		       const struct table_range *range)
{
	vaddr_t span = 1UL << ARCH_PT_SHIFT(level);
	vaddr_t table_last = base + (span * ARCH_PT_ENTRIES - 1);
	vaddr_t va = range->start > base ? range->start & ~(span - 1) : base;

	for (; va < range->end && va <= table_last; va += span) {
		pte_t *entry = table_entry(table, va, level);
		pte_t pte = atomic_load_relaxed(entry);

		if (arch_pte_is_none(pte))
			continue;
		if (level > 1)
			free_below(gather, arch_pte_frame(pte), level - 1, va, range);
		if (va < range->floor || va + span > range->ceiling)
			continue;
		check_empty(arch_pte_frame(pte));
		atomic_store_relaxed(entry, 0);
		gather_table(gather, phys_to_page(arch_pte_frame(pte)), va, va + span);
	}
}

void tables_free(struct gather *gather, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling)
{
	/* The last user page is never mapped, so the table that covers it is nobody else's. */
	if (ceiling == ARCH_USER_END)
		ceiling = ROUND_UP(ceiling, 1UL << ARCH_PT_SHIFT(ARCH_PT_LEVELS - 1));
	/* The usual case: the only leaf table in the way is a neighbour's too. */
	if (leaf_end(start) > end - 1 &&
	    (leaf_end(start) > ceiling || leaf_end(start) - LEAF_SPAN < floor))
		return;
	free_below(gather, gather->mm->root, ARCH_PT_LEVELS - 1, 0,
		   &(struct table_range){start, end, floor, ceiling});
}
