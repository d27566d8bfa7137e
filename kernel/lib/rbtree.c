/*
 * Red-black trees with optional summaries per node. No locks: the owner of the tree guards it; any
 * context may call.
 *
 * The rules: a red node has no red child; every path from a node down to NULL passes the same
 * number of black nodes. Insertion may break only the first (a red child under a red parent),
 * removal only the second (a path one black short); each is moved up or settled by rotations
 * (Cormen et al., "Introduction to Algorithms", chapter 13).
 *
 * Summaries: a rotation recomputes the two nodes that it turned, lower one first. The node above
 * them heads the same set of nodes as before, so its summary stands. Where the set of nodes below
 * an ancestor did change, the path to the root is recomputed before rebalancing starts.
 */
#include <kern/rbtree.h>

enum { RB_BLACK = 1 };

static bool is_red(const struct rb_node *node)
{
	return node && !(node->parent_color & RB_BLACK);
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->parent_color = (uintptr_t)parent | (node->parent_color & RB_BLACK);
}

static void set_black(struct rb_node *node)
{
	node->parent_color |= RB_BLACK;
}

static void set_red(struct rb_node *node)
{
	node->parent_color &= ~(uintptr_t)RB_BLACK;
}

static void copy_color(struct rb_node *to, const struct rb_node *from)
{
	to->parent_color =
		(to->parent_color & ~(uintptr_t)RB_BLACK) | (from->parent_color & RB_BLACK);
}

/* The place above node that points to it: a child field of its parent, or the root. */
static struct rb_node **link_to(struct rb_root *root, const struct rb_node *node)
{
	struct rb_node *parent = rb_parent(node);

	if (!parent)
		return &root->node;
	return parent->left == node ? &parent->left : &parent->right;
}

/* The right child takes node's place, node becomes its left child; and the mirror image. */
static void rotate(struct rb_root *root, struct rb_node *node, bool is_left, rb_update_fn *update)
{
	struct rb_node *child = is_left ? node->right : node->left;
	struct rb_node *inner = is_left ? child->left : child->right;

	*link_to(root, node) = child;
	set_parent(child, rb_parent(node));
	set_parent(node, child);
	if (is_left) {
		node->right = inner;
		child->left = node;
	} else {
		node->left = inner;
		child->right = node;
	}
	if (inner)
		set_parent(inner, node);
	if (update) {
		update(node);
		update(child);
	}
}

void rb_propagate(struct rb_node *node, rb_update_fn *update)
{
	if (!update)
		return;
	for (; node; node = rb_parent(node))
		update(node);
}

void rb_insert(struct rb_root *root, struct rb_node *parent, struct rb_node **link,
	       struct rb_node *node, rb_update_fn *update)
{
	node->parent_color = (uintptr_t)parent; /* red */
	node->left = NULL;
	node->right = NULL;
	*link = node;
	rb_propagate(node, update);

	while (is_red(parent = rb_parent(node))) {
		struct rb_node *grand = rb_parent(parent); /* there: a red node is not the root */
		bool parent_is_left = grand->left == parent;
		struct rb_node *uncle = parent_is_left ? grand->right : grand->left;

		if (is_red(uncle)) {
			set_black(parent);
			set_black(uncle);
			set_red(grand);
			node = grand;
			continue;
		}
		if ((parent->left == node) != parent_is_left) {
			/* An inner grandchild: make it an outer one. */
			rotate(root, parent, parent_is_left, update);
			parent = node;
		}
		set_black(parent);
		set_red(grand);
		rotate(root, grand, !parent_is_left, update);
		break;
	}
	set_black(root->node);
}

/* The paths through node (which may be NULL), below parent, are one black node short. */
static void fix_missing_black(struct rb_root *root, struct rb_node *parent, struct rb_node *node,
			      rb_update_fn *update)
{
	while (parent && !is_red(node)) {
		bool is_left = parent->left == node;
		/* There is a sibling: its side has at least one black node more. */
		struct rb_node *sibling = is_left ? parent->right : parent->left;

		if (is_red(sibling)) {
			set_black(sibling);
			set_red(parent);
			rotate(root, parent, is_left, update);
			sibling = is_left ? parent->right : parent->left;
		}
		struct rb_node *near = is_left ? sibling->left : sibling->right;
		struct rb_node *far = is_left ? sibling->right : sibling->left;
		if (!is_red(near) && !is_red(far)) {
			set_red(sibling);
			node = parent;
			parent = rb_parent(node);
			continue;
		}
		if (!is_red(far)) {
			set_black(near);
			set_red(sibling);
			rotate(root, sibling, !is_left, update);
			far = sibling;
			sibling = near;
		}
		copy_color(sibling, parent);
		set_black(parent);
		set_black(far);
		rotate(root, parent, is_left, update);
		return;
	}
	if (node)
		set_black(node);
}

/* Takes out a node with at most one child. */
static void unlink_thin(struct rb_root *root, struct rb_node *node, rb_update_fn *update)
{
	struct rb_node *parent = rb_parent(node);
	struct rb_node *child = node->left ? node->left : node->right;
	bool was_black = !is_red(node);

	*link_to(root, node) = child;
	if (child)
		set_parent(child, parent);
	rb_propagate(parent, update);
	if (was_black)
		fix_missing_black(root, parent, child, update);
}

/* to takes over from's place: links, colour, summary. */
static void replace_node(struct rb_root *root, struct rb_node *from, struct rb_node *to,
			 rb_update_fn *update)
{
	*link_to(root, from) = to;
	to->parent_color = from->parent_color;
	to->left = from->left;
	to->right = from->right;
	if (to->left)
		set_parent(to->left, to);
	if (to->right)
		set_parent(to->right, to);
	rb_propagate(to, update);
}

void rb_remove(struct rb_root *root, struct rb_node *node, rb_update_fn *update)
{
	if (node->left && node->right) {
		/* The next node in order has no left child: it goes out instead, then stands in. */
		struct rb_node *next = rb_next(node);
		unlink_thin(root, next, update);
		replace_node(root, node, next, update);
	} else {
		unlink_thin(root, node, update);
	}
	rb_clear(node);
}

static struct rb_node *leftmost(struct rb_node *node)
{
	while (node && node->left)
		node = node->left;
	return node;
}

static struct rb_node *rightmost(struct rb_node *node)
{
	while (node && node->right)
		node = node->right;
	return node;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return leftmost(root->node);
}

struct rb_node *rb_last(const struct rb_root *root)
{
	return rightmost(root->node);
}

struct rb_node *rb_next(const struct rb_node *node)
{
	if (node->right)
		return leftmost(node->right);
	for (struct rb_node *parent; (parent = rb_parent(node)); node = parent)
		if (parent->left == node)
			return parent;
	return NULL;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	if (node->left)
		return rightmost(node->left);
	for (struct rb_node *parent; (parent = rb_parent(node)); node = parent)
		if (parent->right == node)
			return parent;
	return NULL;
}
