/*
 * Path lookup (path_resolution(7)). A walk is private to its task and holds references on the place
 * where it stands; names are found without locks (dentry_find), so a lookup never waits for another
 * task's changes. Context: task, may sleep.
 */
#include "walk.h"
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include "fs_init.h"
#include "mount.h"

static void need_root(struct walk *walk)
{
	if (walk->root.mount)
		return;
	if (walk->flags & LOOKUP_IN_ROOT) {
		walk->root = walk->start;
		path_get(&walk->root);
	} else {
		fs_current_root(&walk->root);
	}
}

static int go_to_root(struct walk *walk)
{
	if (walk->flags & LOOKUP_BENEATH)
		return -EXDEV;
	need_root(walk);
	if ((walk->flags & LOOKUP_NO_XDEV) && walk->root.mount != walk->path.mount)
		return -EXDEV;
	path_get(&walk->root);
	path_put(&walk->path);
	walk->path = walk->root;
	return 0;
}

/* Where a relative path starts. */
static int start_at(struct walk *walk, int dirfd, bool is_empty)
{
	struct fd_ref ref;
	int error = 0;

	if (dirfd == AT_FDCWD) {
		fs_current_cwd(&walk->path);
		return 0;
	}
	ref = fd_borrow_any(dirfd);
	if (!ref.file)
		return -EBADF;
	if (!ref.file->path.mount || (!is_empty && !S_ISDIR(ref.file->inode->mode)))
		error = -ENOTDIR;
	else
		path_get(&ref.file->path);
	if (!error)
		walk->path = ref.file->path;
	fd_return(ref);
	return error;
}

int walk_begin(struct walk *walk, int dirfd, const char *name, unsigned flags)
{
	int error;

	walk->root.mount = NULL;
	walk->start.mount = NULL;
	walk->flags = flags;
	walk->depth = 0;
	walk->nr_links = 0;
	walk->rest = name;
	walk->wants_directory = false;
	if (!name[0] && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (name[0] == '/' && !(flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))) {
		fs_current_root(&walk->root);
		walk->path = walk->root;
		path_get(&walk->path);
		return 0;
	}
	error = start_at(walk, dirfd, !name[0]);
	if (error)
		return error;
	if (flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) {
		walk->start = walk->path;
		path_get(&walk->start);
	}
	if (name[0] == '/')
		error = go_to_root(walk);
	if (error)
		walk_end(walk);
	return error;
}

void walk_end(struct walk *walk)
{
	while (walk->depth)
		kfree(walk->links[--walk->depth].text);
	path_put(&walk->path);
	if (walk->root.mount)
		path_put(&walk->root);
	if (walk->start.mount)
		path_put(&walk->start);
}

/* ---- one step ---- */

static int step_up(struct walk *walk)
{
	need_root(walk);
	if ((walk->flags & LOOKUP_BENEATH) && walk->path.dentry == walk->start.dentry &&
	    walk->path.mount == walk->start.mount)
		return -EXDEV;
	for (;;) {
		struct dentry *parent;

		if (walk->path.dentry == walk->root.dentry && walk->path.mount == walk->root.mount)
			return 0;
		if (walk->path.dentry == walk->path.mount->root) {
			if (walk->flags & LOOKUP_NO_XDEV)
				return -EXDEV;
			if (!path_leave_mount(&walk->path))
				return 0;
			continue;
		}
		parent = dentry_get_parent(walk->path.dentry);
		dentry_put(walk->path.dentry);
		walk->path.dentry = parent;
		path_enter_mounts(&walk->path);
		return 0;
	}
}

int path_child(const struct path *dir, const char *name, size_t len, struct path *child)
{
	struct inode *inode = dir->dentry->inode;
	int error;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	if (inode->ops->lookup) {
		error = inode->ops->lookup(inode, dir->dentry, name, len, &child->dentry);
		if (error)
			return error;
	} else {
		child->dentry = dentry_find(dir->dentry, name, len);
		if (!child->dentry)
			return -ENOENT;
	}
	child->mount = dir->mount;
	refcount_get(&child->mount->refs);
	return 0;
}

static int enter_mounts(struct walk *walk, struct path *path)
{
	struct mount *before = path->mount;

	path_enter_mounts(path);
	if ((walk->flags & LOOKUP_NO_XDEV) && path->mount != before)
		return -EXDEV;
	return 0;
}

static int step_down(struct walk *walk, const char *name, size_t len)
{
	struct path child;
	bool is_done;
	int error = path_child(&walk->path, name, len, &child);

	if (error)
		return error;
	error = enter_mounts(walk, &child);
	if (error) {
		path_put(&child);
		return error;
	}
	if (unlikely(S_ISLNK(child.dentry->inode->mode)))
		return walk_into_link_move(walk, &child, &is_done);
	path_put(&walk->path);
	walk->path = child;
	return 0;
}

/* ---- symlinks ---- */

static int follow_magic(struct walk *walk, struct path *link)
{
	struct inode *inode = link->dentry->inode;
	struct path target;
	int error;

	if (walk->flags & (LOOKUP_NO_MAGIC | LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -ELOOP;
	error = inode->ops->follow(inode, &target);
	if (error)
		return error;
	path_put(&walk->path);
	walk->path = target;
	return 0;
}

static int push_link(struct walk *walk, struct inode *inode)
{
	struct walk_link *link = &walk->links[walk->depth];
	size_t size = inode->size ? (size_t)inode->size + 1 : PATH_MAX;
	char *text = kmalloc(size, ALLOC_KERNEL);
	ssize_t len;

	if (!text)
		return -ENOMEM;
	len = inode->ops->readlink(inode, text, size - 1);
	if (len <= 0) {
		kfree(text);
		return len ? (int)len : -ENOENT;
	}
	text[len] = 0;
	link->text = text;
	link->rest = walk->rest;
	walk->depth++;
	walk->rest = text;
	return text[0] == '/' ? go_to_root(walk) : 0;
}

int walk_into_link_move(struct walk *walk, struct path *link, bool *is_done)
{
	struct inode *inode = link->dentry->inode;
	int error;

	*is_done = false;
	if (++walk->nr_links > WALK_MAX_LINKS || (walk->flags & LOOKUP_NO_LINKS)) {
		error = -ELOOP;
	} else if (inode->ops->follow) {
		error = follow_magic(walk, link);
		*is_done = true;
	} else if (!inode->ops->readlink) {
		error = -EINVAL;
	} else {
		inode_touch(inode, ATTR_ATIME);
		error = push_link(walk, inode);
	}
	path_put(link);
	return error;
}

/* ---- the way to the last name ---- */

static const char *skip_slashes(const char *s)
{
	while (*s == '/')
		s++;
	return s;
}

/* The present text is used up: goes back to what followed the link. false: that was all. */
static bool pop_link(struct walk *walk)
{
	while (!*skip_slashes(walk->rest)) {
		if (!walk->depth)
			return false;
		walk->depth--;
		walk->rest = walk->links[walk->depth].rest;
		kfree(walk->links[walk->depth].text);
	}
	return true;
}

/* Something but slashes is left behind s, in this text or in those around it; *has_slash: slashes are. */
static bool more_follows(const struct walk *walk, const char *s, bool *has_slash)
{
	unsigned depth = walk->depth;

	for (;;) {
		const char *next = skip_slashes(s);
		if (next != s)
			*has_slash = true;
		if (*next)
			return true;
		if (!depth)
			return false;
		s = walk->links[--depth].rest;
	}
}

static void set_last(struct walk *walk, const char *name, size_t len)
{
	walk->last = name;
	walk->last_len = len;
	walk->last_type = LAST_NAME;
	if (name[0] == '.' && len == 1)
		walk->last_type = LAST_DOT;
	else if (name[0] == '.' && len == 2 && name[1] == '.')
		walk->last_type = LAST_DOTDOT;
}

static int step(struct walk *walk, const char *name, size_t len)
{
	struct inode *inode = walk->path.dentry->inode;
	int error;

	if (!S_ISDIR(inode->mode))
		return -ENOTDIR;
	error = inode_permission(inode, MAY_EXEC);
	if (error)
		return error;
	if (name[0] == '.' && len == 1)
		return 0;
	if (name[0] == '.' && len == 2 && name[1] == '.')
		return step_up(walk);
	return step_down(walk, name, len);
}

int walk_to_parent(struct walk *walk)
{
	for (;;) {
		const char *name, *end;
		bool has_slash = false;
		int error;

		if (!pop_link(walk)) {
			walk->last_type = LAST_ROOT; /* "", "/", or a link to "/" */
			walk->last = "";
			walk->last_len = 0;
			return 0;
		}
		name = skip_slashes(walk->rest);
		end = name;
		while (*end && *end != '/')
			end++;
		walk->rest = end;
		if (!more_follows(walk, end, &has_slash)) {
			struct inode *inode = walk->path.dentry->inode;
			walk->wants_directory |= has_slash;
			set_last(walk, name, (size_t)(end - name));
			if (!S_ISDIR(inode->mode))
				return -ENOTDIR;
			return inode_permission(inode, MAY_EXEC);
		}
		error = step(walk, name, (size_t)(end - name));
		if (error)
			return error;
	}
}

int walk_last(struct walk *walk, struct path *path)
{
	int error;

	if (walk->last_type == LAST_DOTDOT) {
		error = step_up(walk);
		if (error)
			return error;
	}
	if (walk->last_type != LAST_NAME) {
		*path = walk->path;
		path_get(path);
		return 0;
	}
	error = path_child(&walk->path, walk->last, walk->last_len, path);
	if (error)
		return error;
	error = enter_mounts(walk, path);
	if (error)
		path_put(path);
	return error;
}

int walk_all(struct walk *walk, struct path *path)
{
	for (;;) {
		bool is_done;
		int error = walk_to_parent(walk);

		if (!error)
			error = walk_last(walk, path);
		if (error)
			return error;
		if (!S_ISLNK(path->dentry->inode->mode) ||
		    !((walk->flags & LOOKUP_FOLLOW) || walk->wants_directory))
			break;
		error = walk_into_link_move(walk, path, &is_done);
		if (error)
			return error;
		if (is_done) {
			*path = walk->path;
			path_get(path);
			break;
		}
	}
	if ((walk->wants_directory || (walk->flags & LOOKUP_DIRECTORY)) &&
	    !S_ISDIR(path->dentry->inode->mode)) {
		path_put(path);
		return -ENOTDIR;
	}
	return 0;
}
