/*
 * Red-black trees, the node inside the object. The caller descends and compares; the tree links
 * and balances. A tree may carry a summary per node (for example the largest gap below it):
 * update() recomputes one node's summary from itself and its two children, and the tree calls it
 * wherever a subtree changed. No locks of their own.
 */
#ifndef KERN_RBTREE_H
#define KERN_RBTREE_H

#include <kern/types.h>

struct rb_node {
	uintptr_t parent_color; /* parent pointer; bit 0: 1 = black */
	struct rb_node *left, *right;
};

struct rb_root {
	struct rb_node *node;
};

typedef void rb_update_fn(struct rb_node *node);

#define rb_entry(node, type, member) container_of(node, type, member)

/*
 * Links node at *link (below parent, NULL for the root) and rebalances. update may be NULL.
 */
void rb_insert(struct rb_root *root, struct rb_node *parent, struct rb_node **link,
	       struct rb_node *node, rb_update_fn *update);
void rb_remove(struct rb_root *root, struct rb_node *node, rb_update_fn *update);

/* Recomputes the summaries from node up to the root, after node's own key or data changed. */
void rb_propagate(struct rb_node *node, rb_update_fn *update);

/* In key order; NULL at the end. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

static inline struct rb_node *rb_parent(const struct rb_node *node)
{
	return (struct rb_node *)(node->parent_color & ~(uintptr_t)1);
}

static inline bool rb_is_empty(const struct rb_root *root)
{
	return root->node == NULL;
}

/* For owners whose trees mostly hold one node: node becomes the only one of an empty tree. Its
 * summary is its own to set. */
static inline void rb_insert_only(struct rb_root *root, struct rb_node *node)
{
	node->parent_color = 1;
	node->left = NULL;
	node->right = NULL;
	root->node = node;
}
static inline bool rb_is_only(const struct rb_root *root, const struct rb_node *node)
{
	return root->node == node && !node->left && !node->right;
}

/* A node that is in no tree. */
static inline void rb_clear(struct rb_node *node)
{
	node->parent_color = (uintptr_t)node;
}

static inline bool rb_is_clear(const struct rb_node *node)
{
	return node->parent_color == (uintptr_t)node;
}

#endif
