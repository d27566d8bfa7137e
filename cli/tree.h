/*
 * The guest's file tree while it is being built: an archive plus the set of paths that are in it.
 * What is there already is never added twice; the first one wins.
 */
#ifndef CLI_TREE_H
#define CLI_TREE_H

#include <stdbool.h>
#include <sys/types.h>

#include "cpio.h"

struct tree {
	struct cpio cpio;
	char **paths; /* open hashing; NULL: free */
	size_t nr_paths, nr_slots;
	int64_t now; /* what has no time of its own gets this one */
};

void tree_open(struct tree *tree);
bool tree_has(const struct tree *tree, const char *path);

/* Each adds missing parent directories. path: absolute in the guest. */
void tree_add_folder(struct tree *tree, const char *path, mode_t mode);
void tree_add_link(struct tree *tree, const char *path, const char *target);
void tree_add_text(struct tree *tree, const char *path, mode_t mode, const char *text, size_t len);

/*
 * Adds what lies at an absolute path of the host, under that path: symbolic links on the way are
 * added as links, and what they lead to as well. A directory is added without its content.
 * The path without links is copied to real (PATH_MAX bytes; may be NULL).
 * 0; or an errno, and then what the host has of the way to it may have been added.
 */
int tree_add_host(struct tree *tree, const char *path, char *real);
/* Adds a file or a directory with all that is in it under another path; links stay as they are.
 * found (may be NULL) is called for each regular file, with its path on the host. */
int tree_add_host_as(struct tree *tree, const char *host, const char *guest,
		     void (*found)(void *context, const char *host), void *context);

#endif
