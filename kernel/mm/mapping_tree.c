/*
 * A radix tree of pages by page number, 6 bits to a level, no higher than its largest index needs.
 * mapping->tree is NULL (empty), a page (page 0 alone), or a node with bit 0 set. Nodes that hold
 * nothing are freed at once, except that the height stays until the tree is empty.
 *
 * Guarded by mapping->lock. Memory for nodes is got before, so that nothing fails half-way and nobody
 * sleeps under the lock.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/mapping.h>
#include <uapi/errno.h>

#include "mapping_tree.h"

enum { NODE_BITS = 6, NODE_SLOTS = 1 << NODE_BITS, IS_NODE = 1 };

struct mapping_node {
	void *slots[NODE_SLOTS];     /* shift 0: struct page; else struct mapping_node */
	struct mapping_node *parent; /* NULL: the top; in a chain of spares: the next one */
	uint8_t shift;		     /* index bits below one slot */
	uint8_t offset;		     /* slot of parent that this is in */
	uint8_t count;		     /* slots in use */
};

static struct kcache *node_cache;

void mapping_cache_init(void)
{
	node_cache = kcache_create("mapping_node", sizeof(struct mapping_node), 0);
}

static struct mapping_node *top_node(const struct mapping *mapping)
{
	uintptr_t top = (uintptr_t)mapping->tree;

	return top & IS_NODE ? (struct mapping_node *)(top & ~(uintptr_t)IS_NODE) : NULL;
}

static void set_top(struct mapping *mapping, struct mapping_node *node)
{
	mapping->tree = (void *)((uintptr_t)node | IS_NODE);
}

static unsigned slot_of(const struct mapping_node *node, uint64_t index)
{
	return (index >> node->shift) & (NODE_SLOTS - 1);
}

/* Whether the subtree under node, as the top, reaches as far as index. */
static bool reaches(const struct mapping_node *node, uint64_t index)
{
	return index >> node->shift < NODE_SLOTS;
}

struct page *tree_find(const struct mapping *mapping, uint64_t index)
{
	struct mapping_node *node = top_node(mapping);

	if (!node)
		return index == 0 ? mapping->tree : NULL;
	if (!reaches(node, index))
		return NULL;
	while (node && node->shift > 0)
		node = node->slots[slot_of(node, index)];
	return node ? node->slots[slot_of(node, index)] : NULL;
}

static struct page *next_below(struct mapping_node *node, uint64_t from, uint64_t *index)
{
	for (unsigned i = slot_of(node, from); i < NODE_SLOTS; i++) {
		struct page *page = node->slots[i];

		if (!page)
			continue;
		if (i != slot_of(node, from)) /* a later slot: from its beginning */
			from = (from >> node->shift >> NODE_BITS << NODE_BITS | i) << node->shift;
		if (node->shift > 0)
			page = next_below(node->slots[i], from, index);
		else
			*index = from;
		if (page)
			return page;
	}
	return NULL;
}

struct page *tree_next(const struct mapping *mapping, uint64_t from, uint64_t *index)
{
	struct mapping_node *node = top_node(mapping);

	if (node)
		return reaches(node, from) ? next_below(node, from, index) : NULL;
	*index = 0;
	return from == 0 ? mapping->tree : NULL;
}

/* Levels of nodes that a tree as high as index needs. */
static unsigned height_for(uint64_t index)
{
	unsigned height = 1;

	while (index >>= NODE_BITS)
		height++;
	return height;
}

unsigned tree_nodes_needed(const struct mapping *mapping, uint64_t index)
{
	const struct mapping_node *node = top_node(mapping);
	unsigned height = height_for(index), have = node ? node->shift / NODE_BITS + 1 : 0;
	unsigned needed;

	if (!node)
		return index == 0 ? 0 : height + (mapping->tree != NULL ? height : 0);
	needed = height > have ? height - have : 0; /* new tops */
	if (needed > 0) /* and the way down from the new top, which it shares with nobody */
		return needed + height - 1;
	for (; node && node->shift > 0; needed++)
		node = node->slots[slot_of(node, index)];
	return node ? 0 : have - needed;
}

static struct mapping_node *node_take(struct mapping_node **spare, unsigned shift)
{
	struct mapping_node *node = *spare;

	assert(node);
	*spare = node->parent;
	node->parent = NULL;
	node->shift = (uint8_t)shift;
	return node;
}

static void node_set(struct mapping_node *node, unsigned slot, void *what)
{
	node->slots[slot] = what;
	node->count++;
}

/* A top node that reaches index; what the tree held before hangs below its slot 0. */
static struct mapping_node *grow_top(struct mapping *mapping, uint64_t index,
				     struct mapping_node **spare)
{
	struct mapping_node *top = top_node(mapping);

	if (!top) {
		struct page *first = mapping->tree;

		top = node_take(spare, first ? 0 : (height_for(index) - 1) * NODE_BITS);
		if (first)
			node_set(top, 0, first);
	}
	while (!reaches(top, index)) {
		struct mapping_node *higher = node_take(spare, top->shift + NODE_BITS);

		node_set(higher, 0, top);
		top->parent = higher;
		top->offset = 0;
		top = higher;
	}
	set_top(mapping, top);
	return top;
}

void tree_insert(struct mapping *mapping, uint64_t index, struct page *page,
		 struct mapping_node **spare)
{
	struct mapping_node *node;

	mapping->nr_pages++;
	if (index == 0 && !mapping->tree) {
		mapping->tree = page;
		return;
	}
	node = grow_top(mapping, index, spare);
	while (node->shift > 0) {
		unsigned slot = slot_of(node, index);
		struct mapping_node *child = node->slots[slot];

		if (!child) {
			child = node_take(spare, node->shift - NODE_BITS);
			child->parent = node;
			child->offset = (uint8_t)slot;
			node_set(node, slot, child);
		}
		node = child;
	}
	assert(!node->slots[slot_of(node, index)]);
	node_set(node, slot_of(node, index), page);
}

void tree_remove(struct mapping *mapping, uint64_t index)
{
	struct mapping_node *node = top_node(mapping);
	unsigned slot;

	mapping->nr_pages--;
	if (!node) {
		assert(index == 0 && mapping->tree);
		mapping->tree = NULL;
		return;
	}
	while (node->shift > 0)
		node = node->slots[slot_of(node, index)];
	slot = slot_of(node, index);
	assert(node->slots[slot]);
	for (;;) {
		struct mapping_node *parent = node->parent;

		node->slots[slot] = NULL;
		if (--node->count > 0)
			return;
		slot = node->offset;
		kcache_free(node_cache, node);
		if (!parent)
			break;
		node = parent;
	}
	mapping->tree = NULL;
}

int tree_spare_fill(struct mapping_node **spare, unsigned nr)
{
	for (unsigned have = tree_spare_count(*spare); have < nr; have++) {
		struct mapping_node *node = kcache_alloc(node_cache, ALLOC_ZERO | ALLOC_USER);

		if (!node)
			return -ENOMEM;
		node->parent = *spare;
		*spare = node;
	}
	return 0;
}

void tree_spare_free(struct mapping_node *spare)
{
	while (spare) {
		struct mapping_node *next = spare->parent;

		kcache_free(node_cache, spare);
		spare = next;
	}
}

unsigned tree_spare_count(const struct mapping_node *spare)
{
	unsigned count = 0;

	for (; spare; spare = spare->parent)
		count++;
	return count;
}
