/*
 * Moving pages: entries go from one leaf table to another, and every CPU forgets the old place before
 * the new place's lock is let go (H18). Otherwise truncation could take a page out of the new place,
 * flush only that, and free it while another CPU still reaches it through the old one.
 *
 * The mmap lock is held for writing; two leaves are locked as a pair.
 */
#include <kern/assert.h>
#include <kern/page.h>
#include <uapi/errno.h>

#include "mapping_unmap.h"
#include "move.h"
#include "pagetable.h"

/* How far one step goes: not past the end of either leaf table. */
static uint64_t step_len(vaddr_t from, vaddr_t to, vaddr_t from_next, vaddr_t from_end)
{
	uint64_t len = MIN(from_next, from_end) - from;

	return MIN(len, leaf_end(to) - to);
}

int move_prepare(struct mm_struct *mm, vaddr_t from, vaddr_t to, uint64_t len)
{
	vaddr_t end = from + len, next;

	while (from < end) {
		struct leaf leaf;
		uint64_t step;

		if (!leaf_find(mm, from, &leaf, &next)) {
			step = MIN(next, end) - from;
		} else {
			step = step_len(from, to, next, end);
			if (leaf_get(mm, to, &leaf))
				return -ENOMEM;
		}
		from += step;
		to += step;
	}
	return 0;
}

/* Both locks held. Whether anything was moved. */
static bool move_entries(pte_t *from, pte_t *to, uint64_t nr, const struct mapping *mapping)
{
	bool has_moved = false;

	for (; nr > 0; nr--, from++, to++) {
		pte_t pte = atomic_load_relaxed(from);

		if (arch_pte_is_none(pte))
			continue;
		assert(arch_pte_is_none(atomic_load_relaxed(to)));
		if (mapping && !pte_is_special(pte)) {
			const struct page *page = phys_to_page(arch_pte_frame(pte));

			/* Being truncated: it stays where truncation will find it, or munmap. */
			if (page->use != PAGE_USE_ANON && !page_is_of(page, mapping))
				continue;
		}
		atomic_store_relaxed(from, 0);
		atomic_store_release(to, pte);
		has_moved = true;
	}
	return has_moved;
}

void move_pages(struct mm_struct *mm, vaddr_t from, vaddr_t to, uint64_t len,
		const struct mapping *mapping)
{
	vaddr_t end = from + len, next;

	while (from < end) {
		struct leaf src, dst;
		vaddr_t ignored;
		uint64_t step;

		if (!leaf_find(mm, from, &src, &next)) {
			step = MIN(next, end) - from;
		} else {
			bool has_dst = leaf_find(mm, to, &dst, &ignored);

			assert(has_dst); /* move_prepare */
			step = step_len(from, to, next, end);
			spin_lock_pair(src.lock, dst.lock);
			if (move_entries(leaf_entry(&src, from), leaf_entry(&dst, to),
					 step >> PAGE_SHIFT, mapping))
				tlb_flush_range(mm, from, from + step, false);
			spin_unlock_pair(src.lock, dst.lock);
		}
		from += step;
		to += step;
	}
}
