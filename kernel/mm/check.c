/*
 * Self-checks: what must hold between the areas of an address space, its tables and its counters,
 * whenever the mmap lock is not held for writing. Debug builds look at fork and at death, tests
 * after every step.
 */
#include <kern/assert.h>
#include <kern/page.h>

#include "area.h"
#include "check.h"
#include "mapping_unmap.h"
#include "pagetable.h"

struct tally {
	struct mm_struct *mm;
	const struct area *area; /* the one that the walk has come to, or the next above */
	bool quiet;
	uint64_t anon, file, tables;
};

static uint64_t check_summary(const struct rb_node *node)
{
	const struct area *area = node ? rb_entry(node, struct area, node) : NULL;
	uint64_t below;

	if (!node)
		return 0;
	below = MAX(check_summary(node->left), check_summary(node->right));
	assert(area->max_gap == MAX(area->gap, below));
	return area->max_gap;
}

static void check_areas(const struct mm_struct *mm)
{
	const struct mm_contents *contents = mm->contents;
	const struct area *below = NULL;
	uint64_t total = 0, locked = 0, data = 0, stack = 0;
	size_t nr = 0;

	for (const struct area *area = area_find(contents, 0); area; area = area_next(area)) {
		uint64_t guard = area->flags & AREA_GROWSDOWN ? STACK_GUARD_PAGES << PAGE_SHIFT : 0;
		uint64_t free = area->start - (below ? below->end : 0);

		assert(area->mm == mm && area->start < area->end && area->end <= ARCH_USER_END);
		assert(((area->start | area->end) & ~PAGE_MASK) == 0);
		assert(!below || below->end <= area->start);
		assert(area->gap == (free > guard ? free - guard : 0));
		assert(!(area->flags & AREA_SHARED) || area->mapping);
		total += area_pages(area);
		if (area->flags & AREA_LOCKED)
			locked += area_pages(area);
		if (area->flags & AREA_GROWSDOWN)
			stack += area_pages(area);
		else if ((area->flags & (AREA_WRITE | AREA_SHARED)) == AREA_WRITE)
			data += area_pages(area);
		below = area;
		nr++;
	}
	assert(contents->last == below && contents->nr_areas == nr);
	assert(contents->total_pages == total && contents->locked_pages == locked);
	assert(contents->data_pages == data && contents->stack_pages == stack);
	check_summary(contents->areas.node);
}

/* The area that [start, end) meets, going upwards; there must be one. */
static const struct area *area_at(struct tally *tally, vaddr_t start, vaddr_t end)
{
	while (tally->area && tally->area->end <= start)
		tally->area = area_next(tally->area);
	assert_msg(tally->area && tally->area->start < end,
		   "mm %llu has a table entry at %llx, where no area is",
		   (unsigned long long)tally->mm->id, (unsigned long long)start);
	return tally->area;
}

static void check_page(struct tally *tally, vaddr_t va, pte_t pte)
{
	const struct area *area = area_at(tally, va, va + PAGE_SIZE);
	unsigned flags = arch_pte_flags(pte), rights = area_pte_flags(area);
	const struct page *page;

	assert(flags & PTE_USER);
	assert(!(flags & ~rights & (PTE_READ | PTE_EXEC)));
	assert(!(flags & PTE_WRITE) || area->flags & AREA_WRITE);
	if (flags & PTE_SPECIAL) {
		assert(arch_pte_frame(pte) == zero_frame && !(flags & PTE_WRITE));
		return;
	}
	page = phys_to_page(arch_pte_frame(pte));
	assert(refcount_read(&page->refs) > 0);
	if (page->use == PAGE_USE_ANON) {
		assert(!(area->flags & AREA_SHARED));
		assert(!area->mapping || atomic_load_relaxed(&area->has_anon));
		/* Who can write to it has it alone. */
		assert(!(flags & PTE_WRITE) || page_is_exclusive(page));
		tally->anon++;
	} else {
		assert(area->mapping);
		assert(!(flags & PTE_WRITE) || area->flags & AREA_SHARED);
		/* What was truncated meanwhile is on its way out. */
		assert(!tally->quiet ||
		       (page_is_of(page, area->mapping) && page->index == area_index(area, va)));
		tally->file++;
	}
}

/* Under the leaf's lock: truncation takes entries away before it puts their pages. */
static void check_leaf(struct tally *tally, paddr_t table, vaddr_t base)
{
	struct spinlock *lock = &phys_to_page(table)->table_lock;
	const pte_t *entries = phys_to_virt(table);

	spin_lock(lock);
	for (unsigned i = 0; i < ARCH_PT_ENTRIES; i++)
		if (!arch_pte_is_none(entries[i]))
			check_page(tally, base + i * PAGE_SIZE, entries[i]);
	spin_unlock(lock);
}

static void check_table(struct tally *tally, paddr_t table, unsigned level, vaddr_t base)
{
	const pte_t *entries = phys_to_virt(table);
	vaddr_t span = 1UL << ARCH_PT_SHIFT(level);

	for (unsigned i = 0; i < ARCH_PT_ENTRIES; i++) {
		vaddr_t va = base + i * span;
		pte_t pte = atomic_load_acquire(&entries[i]);

		if (va >= ARCH_USER_END)
			break;
		if (arch_pte_is_none(pte))
			continue;
		area_at(tally, va, va + span); /* else it should have been freed */
		tally->tables++;
		if (level > 1)
			check_table(tally, arch_pte_frame(pte), level - 1, va);
		else
			check_leaf(tally, arch_pte_frame(pte), va);
	}
}

void contents_check(struct mm_struct *mm, bool quiet)
{
	const struct mm_contents *contents = mm->contents;
	struct tally tally = {.mm = mm, .area = area_find(contents, 0), .quiet = quiet};

	check_areas(mm);
	check_table(&tally, mm->root, ARCH_PT_LEVELS - 1, 0);
	if (!quiet)
		return;
	assert(tally.tables == atomic_load_relaxed(&contents->table_pages));
	assert(tally.anon == atomic_load_relaxed(&contents->anon_pages));
	assert(tally.file == atomic_load_relaxed(&contents->file_pages));
}
