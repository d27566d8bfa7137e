/*
 * Paths: their text from user memory, lookup of a whole path, and the text of a place. No state but
 * the cache of path buffers. Context: task, may sleep.
 */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/format.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "fs_init.h"
#include "mount.h"
#include "walk.h"

static struct kcache *name_cache; /* PATH_MAX bytes each */

int path_name_from_user(const char *user_name, unsigned flags, char **name)
{
	char *buf = kcache_alloc(name_cache, ALLOC_KERNEL);
	ssize_t len;

	if (!buf)
		return -ENOMEM;
	len = string_from_user(buf, user_name, PATH_MAX);
	if (len == 0 && !(flags & LOOKUP_EMPTY))
		len = -ENOENT;
	if (len < 0) {
		kcache_free(name_cache, buf);
		return (int)len;
	}
	*name = buf;
	return 0;
}

void path_name_free(char *name)
{
	kcache_free(name_cache, name);
}

int path_lookup(int dirfd, const char *name, unsigned flags, struct path *path)
{
	struct walk walk;
	int error = walk_begin(&walk, dirfd, name, flags);

	if (error)
		return error;
	error = walk_all(&walk, path);
	walk_end(&walk);
	return error;
}

int path_lookup_user(int dirfd, const char *user_name, unsigned flags, struct path *path)
{
	char *name;
	int error = path_name_from_user(user_name, flags, &name);

	if (error)
		return error;
	error = path_lookup(dirfd, name, flags, path);
	path_name_free(name);
	return error;
}

/* ---- the text of a place ---- */

/* Text that grows from the end of a buffer towards its start. */
struct tail {
	char *buf;
	size_t free; /* bytes left before the text */
	bool is_full;
};

static void tail_prepend(struct tail *tail, const char *text, size_t len)
{
	if (len > tail->free) {
		tail->is_full = true;
		return;
	}
	tail->free -= len;
	memcpy(tail->buf + tail->free, text, len);
}

/* Context: mount_lock and tree_lock held. false: the way up does not lead to root. */
static bool prepend_names(struct tail *tail, const struct path *path, const struct path *root)
{
	const struct mount *mount = path->mount;
	const struct dentry *dentry = path->dentry;

	if (mount == anonymous_mount) {
		tail_prepend(tail, dentry->name, dentry->name_len);
		return true;
	}
	while (dentry != root->dentry || mount != root->mount) {
		if (dentry == mount->root) {
			if (!mount->parent)
				return mount == root_mount && dentry->parent == dentry;
			dentry = mount->place;
			mount = mount->parent;
			continue;
		}
		if (dentry->parent == dentry) /* not below this mount's root */
			return false;
		tail_prepend(tail, dentry->name, dentry->name_len);
		tail_prepend(tail, "/", 1);
		dentry = dentry->parent;
	}
	return true;
}

ssize_t path_describe(const struct path *path, char *buf, size_t size, bool mark_deleted)
{
	static const char deleted[] = " (deleted)", unreachable[] = "(unreachable)";
	struct tail tail = {buf, size, false};
	struct path root;
	size_t len;

	tail_prepend(&tail, "", 1);
	if (mark_deleted && dentry_is_removed(path->dentry))
		tail_prepend(&tail, deleted, sizeof(deleted) - 1);
	fs_current_root(&root);
	len = tail.free;
	spin_lock(&mount_lock);
	spin_lock(&tree_lock);
	if (!prepend_names(&tail, path, &root)) {
		if (tail.free == len)
			tail_prepend(&tail, "/", 1);
		tail_prepend(&tail, unreachable, sizeof(unreachable) - 1);
	} else if (tail.free == len) {
		tail_prepend(&tail, "/", 1);
	}
	spin_unlock(&tree_lock);
	spin_unlock(&mount_lock);
	path_put(&root);
	if (tail.is_full)
		return -ENAMETOOLONG;
	len = size - tail.free;
	memmove(buf, buf + tail.free, len);
	return (ssize_t)len - 1;
}

INIT_TEXT void path_cache_init(void)
{
	name_cache = kcache_create("path", PATH_MAX, 0);
}
