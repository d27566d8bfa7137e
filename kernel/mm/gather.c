/*
 * Batched unmapping: gather.h says why. A gather belongs to one task; the entries that it takes are
 * guarded by their leaf's lock, which is not held while a batch is flushed.
 *
 * The order that nothing here may change: entry cleared, flush returned, reference put. A page that
 * others hold too waits like one that is ours alone: they may put theirs before our flush.
 */
#include <kern/assert.h>
#include <kern/list.h>
#include <uapi/errno.h>

#include "gather.h"
#include "pagetable.h"

void gather_begin(struct gather *gather, struct mm_struct *mm, bool is_exit)
{
	gather->mm = mm;
	gather->start = ARCH_USER_END;
	gather->end = 0;
	gather->next = gather->local;
	gather->limit = gather->local + GATHER_LOCAL;
	gather->extra = NULL;
	list_init(&gather->tables);
	gather->nr_tables = 0;
	gather->nr_anon = 0;
	gather->nr_file = 0;
	gather->is_exit = is_exit;
}

void gather_table(struct gather *gather, struct page *table, vaddr_t start, vaddr_t end)
{
	gather_range(gather, start, end);
	list_add_tail(&gather->tables, &table->link);
	gather->nr_tables++;
}

static bool in_local(const struct gather *gather)
{
	return gather->limit == gather->local + GATHER_LOCAL;
}

static void put_pages(struct page **from, struct page **to)
{
	for (; from < to; from++)
		page_put(*from);
}

static void release_pages(struct gather *gather)
{
	if (in_local(gather)) {
		put_pages(gather->local, gather->next);
	} else {
		put_pages(gather->local, gather->local + GATHER_LOCAL);
		put_pages(page_address(gather->extra), gather->next);
	}
	gather->next = gather->local;
	gather->limit = gather->local + GATHER_LOCAL;
}

static void release_tables(struct gather *gather)
{
	struct page *table, *tmp;

	list_for_each_entry_safe (table, tmp, &gather->tables, link) {
		list_remove(&table->link);
		/* Its last entry was cleared before it came here. */
		page_free_zeroed(table);
	}
}

void gather_flush(struct gather *gather)
{
	bool freed_tables = !list_is_empty(&gather->tables);

	if (gather->start >= gather->end && !freed_tables)
		return; /* nothing was taken */
	if (!gather->is_exit)
		tlb_flush_range(gather->mm, gather->start, gather->end, freed_tables);
	else if (freed_tables)
		tlb_flush_mm(gather->mm, true);
	gather->start = ARCH_USER_END;
	gather->end = 0;
	release_pages(gather);
	release_tables(gather);
}

void gather_end(struct gather *gather)
{
	struct mm_contents *contents = gather->mm->contents;

	gather_flush(gather);
	if (gather->extra)
		page_free(gather->extra);
	if (gather->nr_anon | gather->nr_file)
		contents_peak(contents); /* before it falls */
	if (gather->nr_anon)
		atomic_fetch_add_relaxed(&contents->anon_pages, -gather->nr_anon);
	if (gather->nr_file)
		atomic_fetch_add_relaxed(&contents->file_pages, -gather->nr_file);
	if (gather->nr_tables)
		atomic_fetch_add_relaxed(&contents->table_pages, -gather->nr_tables);
}

/* The notes are full: more room, if there is a frame for it. Never sleeps. */
static bool gather_grow(struct gather *gather)
{
	if (!in_local(gather))
		return false;
	if (!gather->extra)
		gather->extra = page_alloc(0, PAGE_USE_KERNEL, ALLOC_ATOMIC | ALLOC_USER);
	if (!gather->extra)
		return false;
	gather->next = page_address(gather->extra);
	gather->limit = gather->next + GATHER_EXTRA;
	return true;
}

/* Up to end, within one leaf table. Stops early when the notes are full; returns how far it came. */
static vaddr_t zap_leaf(struct gather *gather, const struct leaf *leaf, vaddr_t va, vaddr_t end,
			bool keep_private)
{
	pte_t *entry = leaf_entry(leaf, va);

	for (; va < end; va += PAGE_SIZE, entry++) {
		pte_t pte = atomic_load_relaxed(entry);
		struct page *page;

		if (arch_pte_is_none(pte))
			continue;
		if (pte_is_special(pte)) {
			if (!keep_private) {
				atomic_store_relaxed(entry, 0);
				gather_range(gather, va, va + PAGE_SIZE);
			}
			continue;
		}
		page = phys_to_page(arch_pte_frame(pte));
		if (page->use == PAGE_USE_ANON) {
			if (keep_private)
				continue;
			gather->nr_anon++;
		} else {
			gather->nr_file++;
		}
		/* What the MMU may add to the entry meanwhile (accessed, dirty) nobody asks for. */
		atomic_store_relaxed(entry, 0);
		if (gather->is_exit) {
			page_put(page);
			continue;
		}
		gather_range(gather, va, va + PAGE_SIZE);
		*gather->next++ = page;
		if (gather->next == gather->limit && !gather_grow(gather))
			return va + PAGE_SIZE;
	}
	return va;
}

void zap_range(struct gather *gather, vaddr_t start, vaddr_t end, bool keep_private)
{
	vaddr_t next;

	for (vaddr_t va = start; va < end; va = next) {
		struct leaf leaf;

		if (!leaf_find(gather->mm, va, &leaf, &next))
			continue;
		next = MIN(next, end);
		spin_lock(leaf.lock);
		next = zap_leaf(gather, &leaf, va, next, keep_private);
		spin_unlock(leaf.lock);
		if (unlikely(gather->next == gather->limit))
			gather_flush(gather);
	}
}
