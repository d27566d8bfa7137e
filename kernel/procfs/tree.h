/* The static trees of /proc and /sys, between the files of procfs/. */
#ifndef PROCFS_TREE_H
#define PROCFS_TREE_H

#include "generated.h"

struct tree_node {
	const char *name;		   /* [const] */
	uint32_t mode;			   /* [const] */
	uint64_t ino;			   /* [const] */
	struct tree_node *children, *next; /* [const] after bring-up */
	int (*show)(struct text *text, void *arg);
	int (*store)(const char *data, size_t len, void *arg);
	ssize_t (*readlink)(char *buf, size_t size);
	void *arg;
};

extern const struct generated_ops tree_dir_ops;

/* Makes a node below root at path, folders as needed; panics on a name that is taken. Bring-up only. */
struct tree_node *tree_add(struct tree_node *root, const char *path, uint32_t mode);
/* For directories that are more than their nodes (/proc itself). */
MUST_USE int tree_lookup(struct superblock *sb, const struct tree_node *dir, const char *name,
			 size_t len, struct generated **inode);
/* Emits the children from context->pos on, at positions 2, 3, ...; false: no room. */
bool tree_emit(const struct tree_node *dir, struct dir_context *context);

#endif
