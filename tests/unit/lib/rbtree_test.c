/* kernel/lib/rbtree.c: after each of many random changes, the tree is looked at whole. */
#include "test.h"
#include <string.h>
#include <kern/rbtree.h>

enum { NODES = 200, STEPS = 20000 };

struct item {
	struct rb_node node;
	unsigned key;
	unsigned weight;
	unsigned heaviest; /* summary: largest weight in the subtree */
};

static struct item items[NODES];
static struct rb_root root;

static struct item *item_of(struct rb_node *node)
{
	return rb_entry(node, struct item, node);
}

static unsigned heaviest(struct rb_node *node)
{
	return node ? item_of(node)->heaviest : 0;
}

static void update(struct rb_node *node)
{
	item_of(node)->heaviest =
		MAX(item_of(node)->weight, MAX(heaviest(node->left), heaviest(node->right)));
}

static void insert(struct item *item)
{
	struct rb_node **link = &root.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = item->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	rb_insert(&root, parent, link, &item->node, update);
}

/* Returns the number of black nodes on each path down; all the rules are asserted. */
static unsigned check_subtree(struct rb_node *node, struct rb_node *parent, unsigned *count)
{
	if (!node)
		return 1;
	bool is_black = node->parent_color & 1;
	assert_ptr_equal(rb_parent(node), parent);
	if (!is_black)
		assert_true(parent && (parent->parent_color & 1));
	unsigned left = check_subtree(node->left, node, count);
	unsigned right = check_subtree(node->right, node, count);
	assert_int_equal(left, right);
	unsigned before = item_of(node)->heaviest;
	update(node);
	assert_int_equal(before, item_of(node)->heaviest);
	++*count;
	return left + is_black;
}

static void check(unsigned expected)
{
	unsigned count = 0, walked = 0;
	struct rb_node *previous = NULL;

	check_subtree(root.node, NULL, &count);
	assert_int_equal(count, expected);
	for (struct rb_node *node = rb_first(&root); node; node = rb_next(node)) {
		if (previous) {
			assert_true(item_of(previous)->key <= item_of(node)->key);
			assert_ptr_equal(rb_prev(node), previous);
		} else {
			assert_null(rb_prev(node));
		}
		previous = node;
		walked++;
	}
	assert_int_equal(walked, expected);
	assert_ptr_equal(rb_last(&root), previous);
	assert_int_equal(rb_is_empty(&root), expected == 0);
}

TEST(stays_balanced_ordered_and_summarised)
{
	uint64_t seed = 42;
	unsigned in_tree = 0;

	for (unsigned i = 0; i < NODES; i++)
		rb_clear(&items[i].node);
	for (unsigned step = 0; step < STEPS; step++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		struct item *item = &items[(seed >> 33) % NODES];
		if (rb_is_clear(&item->node)) {
			item->key = (unsigned)(seed >> 40) % 100;
			item->weight = (unsigned)(seed >> 20) % 1000;
			insert(item);
			in_tree++;
		} else if (seed >> 62) {
			rb_remove(&root, &item->node, update);
			in_tree--;
		} else {
			item->weight = (unsigned)(seed >> 20) % 1000;
			rb_propagate(&item->node, update);
		}
		check(in_tree);
	}
	while (root.node) {
		rb_remove(&root, root.node, update);
		check(--in_tree);
	}
}

TEST(sorted_insertion_and_removal_without_summaries)
{
	root.node = NULL;
	for (unsigned i = 0; i < NODES; i++) {
		struct rb_node *last = rb_last(&root);
		rb_insert(&root, last, last ? &last->right : &root.node, &items[i].node, NULL);
	}
	for (unsigned i = 0; i < NODES; i++) {
		assert_ptr_equal(rb_first(&root), &items[i].node);
		rb_remove(&root, &items[i].node, NULL);
	}
	assert_true(rb_is_empty(&root));
	rb_propagate(&items[0].node, NULL);
}
