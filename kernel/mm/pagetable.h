/*
 * User page tables: finding, making and freeing the tables of an address space. What stands in the
 * entries is the business of fault.c, fork.c, protect.c, move.c and zap.c.
 *
 * Two kinds of lock, as kern/mm.h says: entries of a leaf table change under the lock in its struct
 * page; entries above are only ever filled in (under page_table_lock) while anybody may walk, and are
 * emptied where no area is left that anybody could walk for. So a walk takes no lock.
 *
 * No count of live entries is kept: a table goes when the addresses that it covers hold no area any
 * more, which needs no work per entry, and only then may it go, because truncation walks by areas
 * and without the mmap lock. Debug builds look whether it is empty.
 */
#ifndef MM_PAGETABLE_H
#define MM_PAGETABLE_H

#include <kern/mm.h>
#include <kern/page.h>
#include <arch/mmu.h>

struct gather;

/* A leaf table. */
struct leaf {
	pte_t *entries;
	struct spinlock *lock; /* guards the entries */
};

/* Bytes that one leaf table covers. */
#define LEAF_SPAN (1UL << ARCH_PT_SHIFT(1))

static inline pte_t *leaf_entry(const struct leaf *leaf, vaddr_t va)
{
	return leaf->entries + ((va >> PAGE_SHIFT) & (ARCH_PT_ENTRIES - 1));
}

/* First address behind the leaf table of va. */
static inline vaddr_t leaf_end(vaddr_t va)
{
	return (va & ~(LEAF_SPAN - 1)) + LEAF_SPAN;
}

/* The leaf table of va. false: there is none. *next: the first address that this answer does not
 * cover (a whole missing subtree is skipped at once). Lock: see above. */
MUST_USE bool leaf_find(const struct mm_struct *mm, vaddr_t va, struct leaf *leaf, vaddr_t *next);
/* The same; makes what is missing. -ENOMEM. Context: task; mmap lock, or nobody else knows mm. */
MUST_USE int leaf_get(struct mm_struct *mm, vaddr_t va, struct leaf *leaf);

/*
 * Unhooks the tables in the way of [start, end) that cover nothing of what lies below floor or from
 * ceiling on, and leaves them to the gather. floor and ceiling: the end of the next area below and the
 * start of the next one above (0, ARCH_USER_END). Context: mmap lock for writing; all entries of the
 * range are gone, its areas have left their mappings.
 */
void tables_free(struct gather *gather, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling);

/* The rights that area gives to every page in it. PTE_WRITE is for the caller to add. */
static inline unsigned area_pte_flags(const struct area *area)
{
	unsigned flags = PTE_USER;

	if (area->flags & AREA_PROT) /* write or execute alone can be read too (mmap(2), x86) */
		flags |= PTE_READ;
	if (area->flags & AREA_EXEC)
		flags |= PTE_EXEC;
	return flags;
}

static inline unsigned pte_is_special(pte_t pte)
{
	return arch_pte_flags(pte) & PTE_SPECIAL;
}

/* The entry that page was found in, under its leaf's lock, is the only holder. Acquire: what former
 * holders did to the page happened before they put it. */
static inline bool page_is_exclusive(const struct page *page)
{
	return atomic_load_acquire(&page->refs.n) == 1;
}

/* A frame for a user's page or table; the reserve is for tasks that are being killed. NULL: none. */
MUST_USE struct page *user_page_alloc(enum page_use use, unsigned flags);

/* One frame of zeroes, mapped read-only and PTE_SPECIAL wherever nothing was written yet. */
extern paddr_t zero_frame; /* [const] after mm_init */

#endif
