/*
 * Cutting areas in two and joining them again. An address space never holds two neighbours that could
 * be one for longer than the mmap write lock is held, except where memory was short.
 *
 * Guarded by the mmap lock, held for writing; areas of a mapping also by its areas_lock, under which
 * both halves appear together, so that truncation never finds a page of the object uncovered.
 */
#include <kern/assert.h>
#include <uapi/errno.h>

#include "area.h"

int area_split(struct mm_contents *contents, struct area *area, vaddr_t at)
{
	struct mapping *mapping = area->mapping;
	struct area *upper;

	assert(at > area->start && at < area->end && (at & ~PAGE_MASK) == 0);
	if (contents->nr_areas >= AREAS_MAX)
		return -ENOMEM;
	upper = area_alloc();
	if (!upper)
		return -ENOMEM;
	*upper = *area;
	upper->start = at;
	if (mapping) {
		upper->pgoff = area_index(area, at);
		mapping_get(mapping);
		mutex_lock(&mapping->areas_lock);
		list_add(&area->mapping_node, &upper->mapping_node);
	}
	area->end = at;
	if (mapping)
		mutex_unlock(&mapping->areas_lock);
	area_insert(contents, upper);
	if (upper->ops && upper->ops->open)
		upper->ops->open(upper);
	return 0;
}

int area_isolate(struct mm_contents *contents, struct area **area, vaddr_t start, vaddr_t end)
{
	struct area *part = *area;

	if (part->start < start) {
		if (area_split(contents, part, start))
			return -ENOMEM;
		part = area_next(part);
	}
	if (part->end > end && area_split(contents, part, end)) {
		*area = area_merge(contents, part);
		return -ENOMEM;
	}
	*area = part;
	return 0;
}

static bool can_join(const struct area *low, const struct area *high)
{
	if (!low || !high || low->end != high->start || low->flags != high->flags)
		return false;
	if (low->mapping != high->mapping || low->ops != high->ops || low->object != high->object)
		return false;
	if (low->mapping && low->pgoff + area_pages(low) != high->pgoff)
		return false;
	return low->name == high->name;
}

/* low takes over high's range; high is closed and freed. */
static NO_LOCK_ANALYSIS void join(struct mm_contents *contents, struct area *low, struct area *high)
{
	struct mapping *mapping = low->mapping;

	if (atomic_load_relaxed(&high->has_anon))
		atomic_store_relaxed(&low->has_anon, 1);
	if (mapping)
		mutex_lock(&mapping->areas_lock);
	low->end = high->end;
	if (mapping) {
		list_remove(&high->mapping_node);
		mutex_unlock(&mapping->areas_lock);
	}
	area_remove(contents, high); /* the gap above is measured from low's new end */
	area_close(high);
	area_free(high);
}

struct area *area_merge(struct mm_contents *contents, struct area *area)
{
	struct area *below = area_prev(area), *above = area_next(area);

	if (can_join(area, above))
		join(contents, area, above);
	if (can_join(below, area)) {
		join(contents, below, area);
		area = below;
	}
	return area;
}

int area_change_flags(struct mm_contents *contents, struct area **area, vaddr_t start, vaddr_t end,
		      uint32_t flags)
{
	int error;

	if ((*area)->flags == flags)
		return 0;
	error = area_isolate(contents, area, start, end);
	if (error)
		return error;
	area_account(contents, (*area)->flags, -(int64_t)area_pages(*area));
	(*area)->flags = flags;
	area_account(contents, flags, (int64_t)area_pages(*area));
	*area = area_merge(contents, *area);
	return 0;
}
