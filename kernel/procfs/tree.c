/* The static trees of /proc and /sys: nodes made at bring-up, never changed afterwards, so read without
 * a lock. Context: task, may sleep. */
#include "tree.h"
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>

enum { FIRST_INO = 16, FIRST_POS = 2 };

static uint64_t next_ino = FIRST_INO; /* bring-up only */

/* ---- making ---- */

static struct tree_node *find_child(const struct tree_node *dir, const char *name, size_t len)
{
	struct tree_node *node = dir->children;

	while (node && !name_is(name, len, node->name))
		node = node->next;
	return node;
}

static INIT_TEXT struct tree_node *make_child(struct tree_node *dir, const char *name, size_t len,
					      uint32_t mode)
{
	struct tree_node *node = kmalloc(sizeof(*node), ALLOC_ZERO), **link = &dir->children;
	char *copy = kmalloc(len + 1, ALLOC_ZERO);

	if (!node || !copy)
		panic("no memory for the tree of /proc");
	memcpy(copy, name, len);
	node->name = copy;
	node->mode = mode;
	node->ino = next_ino++;
	while (*link)
		link = &(*link)->next;
	*link = node;
	return node;
}

INIT_TEXT struct tree_node *tree_add(struct tree_node *root, const char *path, uint32_t mode)
{
	struct tree_node *dir = root;

	for (;;) {
		const char *slash = strchr(path, '/');
		size_t len = slash ? (size_t)(slash - path) : strlen(path);
		struct tree_node *node = find_child(dir, path, len);

		if (!slash) {
			if (node)
				panic("/proc or /sys: %s is there already", path);
			return make_child(dir, path, len, mode);
		}
		dir = node ? node : make_child(dir, path, len, S_IFDIR | 0555);
		path = slash + 1;
	}
}

/* ---- using ---- */

static int node_show(struct generated *inode, struct text *text)
{
	const struct tree_node *node = inode->entry;

	return node->show(text, node->arg);
}

static int node_store(struct generated *inode, const char *data, size_t len)
{
	const struct tree_node *node = inode->entry;

	return node->store(data, len, node->arg);
}

static ssize_t node_readlink(struct generated *inode, char *buf, size_t size)
{
	const struct tree_node *node = inode->entry;

	return node->readlink(buf, size);
}

static const struct generated_ops read_ops = {.show = node_show};
static const struct generated_ops write_ops = {.show = node_show, .store = node_store};
static const struct generated_ops link_ops = {.readlink = node_readlink};

int tree_lookup(struct superblock *sb, const struct tree_node *dir, const char *name, size_t len,
		struct generated **inode)
{
	const struct tree_node *node = find_child(dir, name, len);
	const struct generated_ops *ops = &read_ops;

	if (!node)
		return -ENOENT;
	if (S_ISDIR(node->mode))
		ops = &tree_dir_ops;
	else if (S_ISLNK(node->mode))
		ops = &link_ops;
	else if (node->store)
		ops = &write_ops;
	*inode = generated_create(sb, node->mode, node->ino, ops, node);
	return *inode ? 0 : -ENOMEM;
}

bool tree_emit(const struct tree_node *dir, struct dir_context *context)
{
	int64_t pos = FIRST_POS;

	for (const struct tree_node *node = dir->children; node; node = node->next, pos++) {
		if (pos < context->pos)
			continue;
		if (!generated_emit(context, node->name, node->mode, node->ino, pos))
			return false;
	}
	return true;
}

static int tree_dir_lookup(struct generated *dir, const char *name, size_t len,
			   struct generated **inode)
{
	return tree_lookup(dir->inode.sb, dir->entry, name, len, inode);
}

static int tree_dir_readdir(struct generated *dir, struct dir_context *context)
{
	tree_emit(dir->entry, context);
	return 0;
}

const struct generated_ops tree_dir_ops = {
	.lookup = tree_dir_lookup,
	.readdir = tree_dir_readdir,
};
