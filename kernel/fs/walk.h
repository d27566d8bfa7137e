/*
 * struct walk: a path lookup under way, between the files of fs/. A walk goes to the directory before
 * the last name; what happens to the last one is the caller's business, who may continue it (through
 * a symlink) or end it.
 */
#ifndef FS_WALK_H
#define FS_WALK_H

#include <kern/fs.h>
#include <uapi/fcntl.h>

enum { WALK_MAX_LINKS = 40 };

enum last_type { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

/* A symlink's text under way, and what comes after it. */
struct walk_link {
	char *text;
	const char *rest;
};

struct walk {
	struct path path;  /* owns: where the walk stands */
	struct path root;  /* owns: what "/" and ".." stop at; mount NULL: not yet looked up */
	struct path start; /* owns: LOOKUP_BENEATH's and LOOKUP_IN_ROOT's limit; mount NULL: none */
	unsigned flags;	   /* LOOKUP_ */
	unsigned depth, nr_links;
	const char *rest; /* what is left of the innermost text */
	/* After walk_to_parent: the last name. */
	const char *last;
	size_t last_len;
	enum last_type last_type;
	bool wants_directory; /* a slash follows it */
	struct walk_link links[WALK_MAX_LINKS];
};

/* Starts; name must live until walk_end. On failure nothing is held. */
MUST_USE int walk_begin(struct walk *walk, int dirfd, const char *name, unsigned flags);
/* Goes to the directory of the last name. On failure the walk must still be ended. */
MUST_USE int walk_to_parent(struct walk *walk);
/* Looks the last name up in the directory where the walk stands: *path with references, mounts entered,
 * links not followed. -ENOENT and others. */
MUST_USE int walk_last(struct walk *walk, struct path *path);
/* link is a symlink at the last name: goes on into it, so that walk_to_parent finds a new last name.
 * Consumes link. *is_done: a magic link, the walk stands at the place it leads to. */
MUST_USE int walk_into_link_move(struct walk *walk, struct path *link, bool *is_done);
/* Gives back all it holds, walk->path included. */
void walk_end(struct walk *walk);

/* The whole way: *path with references. */
MUST_USE int walk_all(struct walk *walk, struct path *path);

/* Looks name up in directory path (no "." or ".."); *child with references, mounts not entered. */
MUST_USE int path_child(const struct path *dir, const char *name, size_t len, struct path *child);

#endif
