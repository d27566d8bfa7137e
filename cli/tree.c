/* Owns the set of paths; everything that goes into the archive passes here. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "tree.h"

enum { SLOTS_AT_FIRST = 1024, LINKS_MAX = 40 };

void tree_open(struct tree *tree)
{
	memset(tree, 0, sizeof(*tree));
	cpio_open(&tree->cpio);
	tree->now = time(NULL);
	tree->nr_slots = SLOTS_AT_FIRST;
	tree->paths = must_alloc(NULL, tree->nr_slots * sizeof(*tree->paths));
	memset(tree->paths, 0, tree->nr_slots * sizeof(*tree->paths));
}

/* The path's slot, or the free one where it belongs. FNV-1a. */
static char **tree_slot(const struct tree *tree, const char *path)
{
	uint64_t hash = 0xcbf29ce484222325;
	size_t at;

	for (const char *c = path; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	at = hash & (tree->nr_slots - 1);
	while (tree->paths[at] && strcmp(tree->paths[at], path) != 0)
		at = (at + 1) & (tree->nr_slots - 1);
	return &tree->paths[at];
}

bool tree_has(const struct tree *tree, const char *path)
{
	return *tree_slot(tree, path);
}

static void tree_grow(struct tree *tree)
{
	char **old = tree->paths;
	size_t nr_old = tree->nr_slots;

	tree->nr_slots *= 2;
	tree->paths = must_alloc(NULL, tree->nr_slots * sizeof(*tree->paths));
	memset(tree->paths, 0, tree->nr_slots * sizeof(*tree->paths));
	for (size_t i = 0; i < nr_old; i++) {
		if (old[i])
			*tree_slot(tree, old[i]) = old[i];
	}
	free(old);
}

/* Notes the path; false: it was there. */
static bool tree_claim(struct tree *tree, const char *path)
{
	char **slot = tree_slot(tree, path);

	if (*slot)
		return false;
	*slot = must_copy(path);
	if (++tree->nr_paths * 2 > tree->nr_slots)
		tree_grow(tree);
	return true;
}

static void tree_add_parents(struct tree *tree, const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == path || !slash)
		return;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	if (!tree_has(tree, parent))
		tree_add_folder(tree, parent, 0755);
}

/* Claims the path and sees to its parents; false: nothing is to be added. */
static bool tree_begin(struct tree *tree, const char *path)
{
	if (!path[1] || tree_has(tree, path))
		return false;
	tree_add_parents(tree, path);
	return tree_claim(tree, path);
}

void tree_add_folder(struct tree *tree, const char *path, mode_t mode)
{
	const struct cpio_entry entry = {
		.path = path, .mode = S_IFDIR | (mode & 07777), .mtime = tree->now};

	if (tree_begin(tree, path))
		cpio_add(&tree->cpio, &entry, NULL, 0);
}

void tree_add_link(struct tree *tree, const char *path, const char *target)
{
	const struct cpio_entry entry = {.path = path, .mode = S_IFLNK | 0777, .mtime = tree->now};

	if (tree_begin(tree, path))
		cpio_add(&tree->cpio, &entry, target, strlen(target));
}

void tree_add_text(struct tree *tree, const char *path, mode_t mode, const char *text, size_t len)
{
	const struct cpio_entry entry = {
		.path = path, .mode = S_IFREG | (mode & 07777), .mtime = tree->now};

	if (tree_begin(tree, path))
		cpio_add(&tree->cpio, &entry, text, len);
}

/* 0 or an errno. st: of the host's file. */
static int tree_add_host_file(struct tree *tree, const char *host, const char *guest,
			      const struct stat *st)
{
	const struct cpio_entry entry = {.path = guest,
					 .mode = st->st_mode,
					 .uid = st->st_uid,
					 .gid = st->st_gid,
					 .mtime = st->st_mtime};
	int fd;

	if (tree_has(tree, guest))
		return 0;
	fd = open(host, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno;
	if (tree_begin(tree, guest) &&
	    !cpio_add_file(&tree->cpio, &entry, fd, (uint64_t)st->st_size))
		report("%s changed or could not be read while it was copied", host);
	close(fd);
	return 0;
}

/* The walk of tree_add_host: what has been walked, free of links, and what is still to come. */
struct walk {
	char done[PATH_MAX];
	char rest[PATH_MAX];
	unsigned nr_links;
};

/* Puts a link's target in front of what is still to come. */
static int walk_follow(struct walk *walk, const char *target)
{
	char rest[PATH_MAX];

	if (++walk->nr_links > LINKS_MAX)
		return ELOOP;
	if (target[0] == '/')
		walk->done[0] = '\0';
	if (snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest) >= (int)sizeof(rest))
		return ENAMETOOLONG;
	memcpy(walk->rest, rest, sizeof(rest));
	return 0;
}

/* One component. */
static int walk_step(struct tree *tree, struct walk *walk, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (snprintf(path, sizeof(path), "%s/%s", walk->done, name) >= (int)sizeof(path))
		return ENAMETOOLONG;
	if (lstat(path, &st) < 0)
		return errno;
	if (S_ISLNK(st.st_mode)) {
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			return errno;
		target[len] = '\0';
		tree_add_link(tree, path, target);
		return walk_follow(walk, target);
	}
	memcpy(walk->done, path, sizeof(path));
	if (S_ISDIR(st.st_mode))
		tree_add_folder(tree, path, st.st_mode);
	else if (S_ISREG(st.st_mode))
		return tree_add_host_file(tree, path, path, &st);
	return walk->rest[0] && !S_ISDIR(st.st_mode) ? ENOTDIR : 0;
}

int tree_add_host(struct tree *tree, const char *path, char *real)
{
	struct walk walk = {.nr_links = 0};
	int error = 0;

	if (strlen(path) >= sizeof(walk.rest))
		return ENAMETOOLONG;
	strcpy(walk.rest, path);
	while (!error) {
		char name[NAME_MAX + 1];
		size_t skip = strspn(walk.rest, "/");
		size_t len = strcspn(walk.rest + skip, "/");

		if (len == 0)
			break;
		if (len > NAME_MAX)
			return ENAMETOOLONG;
		memcpy(name, walk.rest + skip, len);
		name[len] = '\0';
		memmove(walk.rest, walk.rest + skip + len, strlen(walk.rest + skip + len) + 1);
		if (!strcmp(name, "..")) {
			char *slash = strrchr(walk.done, '/');

			if (slash)
				*slash = '\0';
		} else if (strcmp(name, ".") != 0) {
			error = walk_step(tree, &walk, name);
		}
	}
	if (!error && real)
		strcpy(real, walk.done[0] ? walk.done : "/");
	return error;
}

/* The content of a directory. What cannot be read is named and left out. */
static int tree_add_host_content(struct tree *tree, const char *host, const char *guest,
				 void (*found)(void *context, const char *host), void *context)
{
	DIR *dir = opendir(host);
	struct dirent *entry;

	if (!dir)
		return errno;
	while ((entry = readdir(dir))) {
		char *from, *to;
		int error;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		from = must_format("%s/%s", host, entry->d_name);
		to = must_format("%s/%s", guest[1] ? guest : "", entry->d_name);
		error = tree_add_host_as(tree, from, to, found, context);
		if (error)
			report("--add: %s: %s", from, strerror(error));
		free(from);
		free(to);
	}
	closedir(dir);
	return 0;
}

int tree_add_host_as(struct tree *tree, const char *host, const char *guest,
		     void (*found)(void *context, const char *host), void *context)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t len;
	int error;

	if (lstat(host, &st) < 0)
		return errno;
	if (strlen(guest) >= PATH_MAX)
		return ENAMETOOLONG;
	if (S_ISLNK(st.st_mode)) {
		len = readlink(host, target, sizeof(target) - 1);
		if (len < 0)
			return errno;
		target[len] = '\0';
		tree_add_link(tree, guest, target);
		return 0;
	}
	if (S_ISDIR(st.st_mode)) {
		tree_add_folder(tree, guest, st.st_mode);
		return tree_add_host_content(tree, host, guest, found, context);
	}
	if (!S_ISREG(st.st_mode))
		return 0; /* sockets, devices and pipes of the host mean nothing in the guest */
	error = tree_add_host_file(tree, host, guest, &st);
	if (!error && found)
		found(context, host);
	return error;
}
