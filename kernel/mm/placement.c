/*
 * Where a new area goes: the highest free range that is large enough, found by the gap summaries of
 * the tree. Reads only; the mmap lock is held, for reading or writing.
 */
#include <kern/mm.h>

#include "area.h"

static vaddr_t place_below(const struct rb_node *node, uint64_t len, vaddr_t low, vaddr_t high)
{
	const struct area *area;
	vaddr_t from, to, place;

	if (!node)
		return 0;
	area = rb_entry(node, struct area, node);
	if (area->max_gap < len)
		return 0;
	/* Gaps right of this node begin at or above its end. */
	if (area->end < high) {
		place = place_below(node->right, len, low, high);
		if (place)
			return place;
	}
	if (area->gap >= len) {
		uint64_t guard = area->flags & AREA_GROWSDOWN ? STACK_GUARD_PAGES << PAGE_SHIFT : 0;
		to = MIN(area->start - guard, high);
		from = MAX(area->start - guard - area->gap, low);
		if (to > from && to - from >= len)
			return to - len;
	}
	if (area->start <= low)
		return 0;
	return place_below(node->left, len, low, high);
}

vaddr_t area_place(const struct mm_contents *contents, uint64_t len, vaddr_t low, vaddr_t high)
{
	vaddr_t top = contents->last ? MAX(contents->last->end, low) : low;

	if (high > top && high - top >= len)
		return high - len;
	return place_below(contents->areas.node, len, low, high);
}

bool area_range_is_free(const struct mm_contents *contents, vaddr_t start, vaddr_t end)
{
	const struct area *area = area_find(contents, start);

	return !area || area->start >= end;
}

/* The stack gap is kept for hints too: neither into the one of the area above nor, if the area below
 * grew, into trouble: an area that grows down checks its own way. */
static bool hint_is_free(const struct mm_contents *contents, vaddr_t start, vaddr_t end)
{
	const struct area *above = area_find(contents, start);

	if (start < MMAP_LOWEST || end > ARCH_USER_END || end < start)
		return false;
	if (!above)
		return true;
	if (above->flags & AREA_GROWSDOWN)
		end += STACK_GUARD_PAGES << PAGE_SHIFT;
	return above->start >= end;
}

vaddr_t area_choose(const struct mm_contents *contents, vaddr_t hint, uint64_t len)
{
	vaddr_t place;

	hint = ROUND_UP(hint, PAGE_SIZE);
	if (hint && hint_is_free(contents, hint, hint + len))
		return hint;
	place = area_place(contents, len, MMAP_LOWEST, contents->mmap_top);
	if (!place)
		place = area_place(contents, len, MMAP_LOWEST, ARCH_USER_END);
	return place;
}
