/*
 * struct mapping: the pages of an object and who maps them. Reads, writes and every mapping of the
 * object meet here, so they see the same bytes.
 *
 * mapping->lock guards the tree, the size and every page's mapping field; nothing is allocated,
 * filled or freed under it. The tree holds one reference to each page.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/mapping.h>
#include <kern/string.h>
#include <uapi/errno.h>

#include "mapping_tree.h"
#include "mapping_unmap.h"
#include "pagetable.h"

void mapping_init(struct mapping *mapping, const struct mapping_ops *ops, void *owner)
{
	*mapping = (struct mapping){.ops = ops, .owner = owner};
	refcount_init(&mapping->refs, 1);
	spin_init(&mapping->lock, LOCK_RANK_MAPPING, "mapping");
	mutex_init(&mapping->areas_lock);
	list_init(&mapping->areas);
}

static void shared_release(struct mapping *mapping)
{
	kfree(mapping);
}

static const struct mapping_ops shared_ops = {.release = shared_release};

struct mapping *mapping_create_shared(uint64_t size)
{
	struct mapping *mapping = kmalloc(sizeof(*mapping), ALLOC_USER);

	if (!mapping)
		return NULL;
	mapping_init(mapping, &shared_ops, NULL);
	mapping->size = size;
	return mapping;
}

void mapping_get(struct mapping *mapping)
{
	refcount_get(&mapping->refs);
}

void mapping_put(struct mapping *mapping)
{
	if (!refcount_put(&mapping->refs))
		return;
	mapping_empty(mapping);
	if (mapping->ops && mapping->ops->release)
		mapping->ops->release(mapping);
}

/* Takes up to max pages of [start, end) out of the tree; their references move to the caller. */
static unsigned take_pages(struct mapping *mapping, uint64_t start, uint64_t end,
			   struct page **pages, unsigned max)
{
	unsigned nr = 0;
	uint64_t index;

	spin_lock(&mapping->lock);
	while (nr < max) {
		struct page *page = tree_next(mapping, start, &index);

		if (!page || index >= end)
			break;
		/* From here on nobody maps it; pairs with page_is_of(). */
		atomic_store_relaxed(&page->mapping, NULL);
		tree_remove(mapping, index);
		pages[nr++] = page;
		start = index + 1;
	}
	spin_unlock(&mapping->lock);
	return nr;
}

/* Tells a file system that counts how many pages are gone again. */
static void tell_drained(struct mapping *mapping, uint64_t nr_pages)
{
	if (nr_pages && mapping->ops && mapping->ops->drained)
		mapping->ops->drained(mapping, nr_pages);
}

static void remove_pages(struct mapping *mapping, uint64_t start, uint64_t end)
{
	struct page *pages[32];
	unsigned nr;

	do {
		nr = take_pages(mapping, start, end, pages, ARRAY_LEN(pages));
		for (unsigned i = 0; i < nr; i++)
			page_put(pages[i]);
		tell_drained(mapping, nr);
	} while (nr == ARRAY_LEN(pages));
}

void mapping_empty(struct mapping *mapping)
{
	assert(list_is_empty(&mapping->areas));
	remove_pages(mapping, 0, UINT64_MAX);
	assert(mapping->nr_pages == 0 && !mapping->tree);
}

/* Puts page at index unless there is one, or it is outside; then the other one is in *found. Its
 * reference moves on success. 0, -EEXIST (*found with a reference), -EIO, -ENOMEM. */
static int insert_page(struct mapping *mapping, uint64_t index, unsigned flags, struct page *page,
		       struct page **found)
{
	struct mapping_node *spare = NULL;
	unsigned needed = 0;
	int error;

	*found = NULL;
	do {
		error = tree_spare_fill(&spare, needed);
		if (error)
			break;
		spin_lock(&mapping->lock);
		*found = tree_find(mapping, index);
		needed = *found ? 0 : tree_nodes_needed(mapping, index);
		if (*found) {
			page_get(*found);
			error = -EEXIST;
		} else if ((flags & MAPPING_INSIDE) && index >= PAGES_FOR(mapping->size)) {
			error = -EIO;
		} else if (needed <= tree_spare_count(spare)) {
			page->index = index;
			atomic_store_relaxed(&page->mapping, mapping);
			tree_insert(mapping, index, page, &spare);
			needed = 0;
		} else {
			error = -EAGAIN; /* with as many nodes as it takes */
		}
		spin_unlock(&mapping->lock);
	} while (error == -EAGAIN);
	tree_spare_free(spare);
	return error;
}

static int create_page(struct mapping *mapping, uint64_t index, unsigned flags, struct page **page)
{
	struct page *fresh = user_page_alloc(PAGE_USE_FILE, ALLOC_ZERO), *found;
	int error = 0;

	if (!fresh)
		return -ENOMEM;
	fresh->mapping = NULL;
	if (mapping->ops && mapping->ops->fill)
		error = mapping->ops->fill(mapping, index, fresh);
	if (error) {
		page_put(fresh);
		return error;
	}
	page_get(fresh); /* the tree's */
	error = insert_page(mapping, index, flags, fresh, &found);
	if (!error) {
		*page = fresh;
		return 0;
	}
	page_put(fresh);
	page_put(fresh);
	tell_drained(mapping, 1);
	if (error != -EEXIST)
		return error;
	*page = found; /* another was faster */
	return 0;
}

struct page *mapping_find_page(struct mapping *mapping, uint64_t index)
{
	struct page *page;

	spin_lock(&mapping->lock);
	page = tree_find(mapping, index);
	if (page)
		page_get(page);
	spin_unlock(&mapping->lock);
	return page;
}

int mapping_get_page(struct mapping *mapping, uint64_t index, unsigned flags, struct page **page)
{
	struct page *found;

	if ((flags & MAPPING_INSIDE) && index >= PAGES_FOR(atomic_load_relaxed(&mapping->size)))
		return -EIO;
	found = mapping_find_page(mapping, index);
	if (found) {
		*page = found;
		return 0;
	}
	return flags & MAPPING_CREATE ? create_page(mapping, index, flags, page) : -ENOENT;
}

void mapping_find_pages(struct mapping *mapping, uint64_t index, unsigned nr, uint64_t want,
			struct page **pages)
{
	assert(nr <= 64);
	spin_lock(&mapping->lock);
	for (unsigned i = 0; i < nr; i++, want >>= 1) {
		pages[i] = want & 1 ? tree_find(mapping, index + i) : NULL;
		if (pages[i])
			page_get(pages[i]);
	}
	spin_unlock(&mapping->lock);
}

int mapping_adopt_page_move(struct mapping *mapping, uint64_t index, struct page *page)
{
	struct page *found;
	int error = insert_page(mapping, index, 0, page, &found);

	if (error == -EEXIST)
		page_put(found);
	return error;
}

/* The bytes of a page from offset on are zero from now on. */
static void zero_tail(struct mapping *mapping, uint64_t from)
{
	struct page *page =
		from & ~PAGE_MASK ? mapping_find_page(mapping, from >> PAGE_SHIFT) : NULL;

	if (!page)
		return;
	memset((char *)page_address(page) + (from & ~PAGE_MASK), 0,
	       PAGE_SIZE - (from & ~PAGE_MASK));
	page_put(page);
}

void mapping_truncate(struct mapping *mapping, uint64_t size)
{
	uint64_t old;

	spin_lock(&mapping->lock);
	old = mapping->size;
	atomic_store_relaxed(&mapping->size, size);
	spin_unlock(&mapping->lock);
	if (size < old) {
		/* The size first, so that no fault makes a page again (MAPPING_INSIDE). */
		remove_pages(mapping, PAGES_FOR(size), UINT64_MAX);
		mapping_unmap(mapping, PAGES_FOR(size), UINT64_MAX, false);
	}
	zero_tail(mapping, MIN(size, old)); /* growing: what a mapping left past the old end */
}

void mapping_extend(struct mapping *mapping, uint64_t size)
{
	spin_lock(&mapping->lock);
	if (size > mapping->size)
		atomic_store_relaxed(&mapping->size, size);
	spin_unlock(&mapping->lock);
}

void mapping_punch(struct mapping *mapping, uint64_t start, uint64_t end)
{
	remove_pages(mapping, start, end);
	mapping_unmap(mapping, start, end, true);
}

uint64_t mapping_next_page(struct mapping *mapping, uint64_t from)
{
	uint64_t index;
	struct page *page;

	spin_lock(&mapping->lock);
	page = tree_next(mapping, from, &index);
	spin_unlock(&mapping->lock);
	return page ? index : UINT64_MAX;
}
