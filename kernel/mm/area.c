/*
 * The tree of areas of an address space: by address, not overlapping, each node summing up the
 * largest gap in its subtree so that a free range is found without a scan (placement.c).
 *
 * An area's gap is what is free between the end of the area below it and its own start. Below an area
 * that grows down, STACK_GUARD_PAGES do not count as free. The space above the highest area is no
 * area's gap; contents->last stands for it.
 *
 * Guarded by the mmap lock: write to change, read to look. Start, end and page offset of an area that
 * belongs to a mapping are also read by truncation, which comes from the mapping's side and holds only
 * its areas_lock; so they are written under both.
 */
#include <kern/assert.h>
#include <kern/kcache.h>

#include "area.h"

static struct kcache *area_cache;

void area_cache_init(void)
{
	area_cache = kcache_create("area", sizeof(struct area), 0);
}

struct area *area_alloc(void)
{
	return kcache_alloc(area_cache, ALLOC_ZERO | ALLOC_USER);
}

void area_free(struct area *area)
{
	kcache_free(area_cache, area);
}

static struct area *area_of(const struct rb_node *node)
{
	return node ? rb_entry(node, struct area, node) : NULL;
}

struct area *area_find(const struct mm_contents *contents, vaddr_t va)
{
	struct rb_node *node = contents->areas.node;
	struct area *found = NULL;

	while (node) {
		struct area *area = area_of(node);

		if (va < area->end) {
			found = area;
			if (va >= area->start)
				break;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

struct area *area_next(const struct area *area)
{
	return area_of(rb_next(&area->node));
}

struct area *area_prev(const struct area *area)
{
	return area_of(rb_prev(&area->node));
}

static uint64_t largest_gap(const struct area *area)
{
	const struct rb_node *left = area->node.left, *right = area->node.right;
	uint64_t largest = area->gap;

	if (left)
		largest = MAX(largest, area_of(left)->max_gap);
	if (right)
		largest = MAX(largest, area_of(right)->max_gap);
	return largest;
}

static void area_update(struct rb_node *node)
{
	area_of(node)->max_gap = largest_gap(area_of(node));
}

static uint64_t gap_between(const struct area *below, const struct area *area)
{
	uint64_t guard = area->flags & AREA_GROWSDOWN ? STACK_GUARD_PAGES << PAGE_SHIFT : 0;
	vaddr_t from = below ? below->end : 0;
	vaddr_t to = area->start > guard ? area->start - guard : 0;

	return to > from ? to - from : 0;
}

/* The gap below area after its neighbour or its own start changed; area may be NULL. */
static void gap_refresh(struct area *area, const struct area *below)
{
	if (!area)
		return;
	area->gap = gap_between(below, area);
	/* Up to where it makes no difference, which is not far. */
	for (uint64_t largest; area && (largest = largest_gap(area)) != area->max_gap;
	     area = area_of(rb_parent(&area->node)))
		area->max_gap = largest;
}

static void area_link(struct mm_contents *contents, struct area *area, struct area *below,
		      struct area *above, struct rb_node *parent, struct rb_node **link)
{
	assert(!below || below->end <= area->start);
	assert(!above || area->end <= above->start);
	area->gap = gap_between(below, area);
	rb_insert(&contents->areas, parent, link, &area->node, area_update);
	gap_refresh(above, area);
	if (!above)
		contents->last = area;
	contents->nr_areas++;
}

void area_insert(struct mm_contents *contents, struct area *area)
{
	struct rb_node **link = &contents->areas.node, *parent = NULL;
	struct area *below = NULL, *above = NULL;

	while (*link) {
		parent = *link;
		if (area->start < area_of(parent)->start) {
			above = area_of(parent);
			link = &parent->left;
		} else {
			below = area_of(parent);
			link = &parent->right;
		}
	}
	area_link(contents, area, below, above, parent, link);
}

void area_append(struct mm_contents *contents, struct area *area)
{
	struct area *last = contents->last;

	if (last) /* the highest node: nothing hangs to its right */
		area_link(contents, area, last, NULL, &last->node, &last->node.right);
	else
		area_insert(contents, area);
}

void area_remove(struct mm_contents *contents, struct area *area)
{
	struct area *below = area_prev(area), *above = area_next(area);

	rb_remove(&contents->areas, &area->node, area_update);
	gap_refresh(above, below);
	if (!above)
		contents->last = below;
	contents->nr_areas--;
}

void area_resize(struct mm_contents *contents, struct area *area, vaddr_t start, vaddr_t end)
{
	struct mapping *mapping = area->mapping;
	vaddr_t old_start = area->start, old_end = area->end;

	assert(start < end && ((start | end) & ~PAGE_MASK) == 0);
	if (mapping)
		mutex_lock(&mapping->areas_lock);
	if (mapping) /* downwards it wraps, and is right again */
		area->pgoff += (int64_t)(start - old_start) >> PAGE_SHIFT;
	area->start = start;
	area->end = end;
	if (mapping)
		mutex_unlock(&mapping->areas_lock);
	if (start != old_start) {
		struct area *below = area_prev(area);

		assert(!below || below->end <= start);
		gap_refresh(area, below);
	}
	if (end != old_end) {
		struct area *above = area_next(area);

		assert(!above || end <= above->start);
		gap_refresh(above, area);
	}
}

/* Leaves first, so that nobody looks at a freed parent. As deep as the tree: 2 log2(AREAS_MAX). */
static void free_subtree(struct rb_node *node)
{
	if (!node)
		return;
	free_subtree(node->left);
	free_subtree(node->right);
	area_free(area_of(node));
}

void area_free_all(struct mm_contents *contents)
{
	free_subtree(contents->areas.node);
	contents->areas.node = NULL;
	contents->last = NULL;
	contents->nr_areas = 0;
}

void area_open(struct area *area)
{
	struct mapping *mapping = area->mapping;

	if (mapping) {
		mapping_get(mapping);
		mutex_lock(&mapping->areas_lock);
		list_add_tail(&mapping->areas, &area->mapping_node);
		mutex_unlock(&mapping->areas_lock);
	}
	if (area->ops && area->ops->open)
		area->ops->open(area);
}

void area_close(struct area *area)
{
	struct mapping *mapping = area->mapping;

	if (mapping) {
		mutex_lock(&mapping->areas_lock);
		list_remove(&area->mapping_node);
		mutex_unlock(&mapping->areas_lock);
	}
	if (area->ops && area->ops->close)
		area->ops->close(area);
	if (mapping)
		mapping_put(mapping);
}

void area_account(struct mm_contents *contents, uint32_t flags, int64_t pages)
{
	contents->total_pages += pages;
	if (flags & AREA_LOCKED)
		contents->locked_pages += pages;
	if (flags & AREA_GROWSDOWN)
		contents->stack_pages += pages;
	else if ((flags & (AREA_WRITE | AREA_SHARED)) == AREA_WRITE)
		contents->data_pages += pages;
}
