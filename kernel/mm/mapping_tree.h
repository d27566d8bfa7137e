/*
 * The tree inside a struct mapping: pages by page number, 64 to a node. A mapping with nothing but
 * page 0, which most small files are, needs no node. All of these: mapping->lock held, unless they
 * say otherwise.
 */
#ifndef MM_MAPPING_TREE_H
#define MM_MAPPING_TREE_H

#include <kern/mapping.h>

struct mapping_node;

void mapping_cache_init(void);

struct page *tree_find(const struct mapping *mapping, uint64_t index);
/* First page at or after from, its number in *index; NULL: none. */
struct page *tree_next(const struct mapping *mapping, uint64_t from, uint64_t *index);

/* Nodes that an insertion at index may need, at most. */
unsigned tree_nodes_needed(const struct mapping *mapping, uint64_t index);
/* At an absent index. spare: at least as many nodes as needed; those used are taken off. */
void tree_insert(struct mapping *mapping, uint64_t index, struct page *page,
		 struct mapping_node **spare);
/* The page at index goes, and the nodes that held only it. */
void tree_remove(struct mapping *mapping, uint64_t index);

/* A chain of spare nodes; without the lock. -ENOMEM leaves what is there. */
MUST_USE int tree_spare_fill(struct mapping_node **spare, unsigned nr);
void tree_spare_free(struct mapping_node *spare);
unsigned tree_spare_count(const struct mapping_node *spare);

#endif
