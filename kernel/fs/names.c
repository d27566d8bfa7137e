/*
 * Names that come and go one at a time: create, mkdir, mknod, symlink, link, unlink, rmdir. All of a
 * directory's changes happen under its inode's lock; an inode's link count under its own lock, which
 * is taken after the directory's. Context: task, may sleep.
 */
#include "names.h"
#include <kern/assert.h>
#include <kern/cred.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <uapi/errno.h>
#include "mount.h"
#include "walk.h"

/* ---- rights ---- */

static int check_directory(const struct path *dir)
{
	int error = mount_want_write(dir->mount);

	if (!error && dentry_is_removed(dir->dentry))
		error = -ENOENT;
	if (!error && !(dir->dentry->inode->sb->flags & SB_TREE))
		error = -EPERM;
	return error ? error : inode_permission(dir->dentry->inode, MAY_WRITE | MAY_EXEC);
}

int name_may_create(const struct path *dir)
{
	return check_directory(dir);
}

/* In a sticky directory only the owner of the file or of the directory may. */
static bool is_sticky_forbidden(const struct inode *dir, const struct inode *victim)
{
	uint32_t uid = current_cred()->fsuid;

	return (dir->mode & S_ISVTX) && victim->uid != uid && dir->uid != uid &&
	       !capable(CAP_FOWNER);
}

int name_may_remove(const struct path *dir, const struct dentry *victim, bool wants_dir)
{
	int error = check_directory(dir);

	if (error)
		return error;
	if (is_sticky_forbidden(dir->dentry->inode, victim->inode))
		return -EPERM;
	if (wants_dir && !S_ISDIR(victim->inode->mode))
		return -ENOTDIR;
	if (!wants_dir && S_ISDIR(victim->inode->mode))
		return -EISDIR;
	if (atomic_load_relaxed(&victim->flags) & DENTRY_MOUNTPOINT)
		return -EBUSY;
	return 0;
}

/* ---- making ---- */

static void inherit_group(const struct inode *dir, struct inode *inode)
{
	if (!(dir->mode & S_ISGID))
		return;
	inode->gid = dir->gid;
	if (S_ISDIR(inode->mode))
		inode->mode |= S_ISGID;
}

static int enter_new(const struct path *dir, const char *name, size_t len, struct inode *inode,
		     struct path *path)
{
	path->dentry = dentry_create(dir->dentry, name, len, inode);
	if (!path->dentry)
		return -ENOMEM;
	path->mount = dir->mount;
	refcount_get(&path->mount->refs);
	dentry_enter(path->dentry);
	inode_touch(dir->dentry->inode, ATTR_MTIME | ATTR_CTIME);
	return 0;
}

static int check_absent(const struct path *dir, const char *name, size_t len)
{
	struct path path;
	int error = path_child(dir, name, len, &path);

	if (error)
		return error == -ENOENT ? 0 : error;
	path_put(&path);
	return -EEXIST;
}

/* is_kernel: nobody asks for rights (device nodes, bring-up). */
static int make(const struct path *dir, const char *name, size_t len, const struct new_name *what,
		bool is_kernel, struct path *path)
{
	struct inode *parent = dir->dentry->inode, *inode;
	int error;

	rwsem_write_lock(&parent->lock);
	error = check_absent(dir, name, len);
	if (!error && !is_kernel)
		error = name_may_create(dir);
	if (!error)
		error = parent->ops->make(parent, what->mode, what->rdev, what->target, &inode);
	if (error)
		goto unlock;
	inherit_group(parent, inode);
	error = enter_new(dir, name, len, inode, path);
	if (!error && S_ISDIR(what->mode))
		parent->nlink++;
	inode_put(inode); /* the dentry holds its own */
unlock:
	rwsem_write_unlock(&parent->lock);
	return error;
}

int name_make(const struct path *dir, const char *name, size_t len, const struct new_name *what,
	      struct path *path)
{
	return make(dir, name, len, what, false, path);
}

int name_make_kernel(const struct path *dir, const char *name, size_t len,
		     const struct new_name *what, struct path *path)
{
	return make(dir, name, len, what, true, path);
}

int name_create(const struct path *dir, const char *name, size_t len, uint32_t mode,
		struct path *path)
{
	struct new_name what = {.mode = mode};

	return name_make(dir, name, len, &what, path);
}

int name_create_unnamed(const struct path *dir, uint32_t mode, struct path *path)
{
	struct inode *parent = dir->dentry->inode, *inode;
	int error = check_directory(dir);

	if (error)
		return error == -EPERM ? -EOPNOTSUPP : error;
	error = parent->ops->make(parent, mode, 0, NULL, &inode);
	if (error)
		return error;
	inode->nlink = 0;
	inode->flags |= INODE_LINKABLE;
	path->dentry = dentry_create(dir->dentry, "#tmpfile", 8, inode);
	inode_put(inode);
	if (!path->dentry)
		return -ENOMEM;
	path->mount = dir->mount;
	refcount_get(&path->mount->refs);
	return 0;
}

/* ---- one more name ---- */

static int link_inode(const struct path *dir, const char *name, size_t len, struct inode *inode)
{
	struct path path;
	int error = 0;

	rwsem_write_lock(&inode->lock);
	if (inode->nlink == 0 && !(inode->flags & INODE_LINKABLE))
		error = -ENOENT;
	if (!error && inode->ops->link)
		error = inode->ops->link(inode);
	if (error)
		goto unlock;
	inode->nlink++;
	error = enter_new(dir, name, len, inode, &path);
	if (error) {
		if (inode->ops->unlink)
			inode->ops->unlink(inode);
		inode->nlink--;
		goto unlock;
	}
	inode->flags &= ~(uint32_t)INODE_LINKABLE;
	inode_touch(inode, ATTR_CTIME);
	path_put(&path);
unlock:
	rwsem_write_unlock(&inode->lock);
	return error;
}

int name_link(const struct path *dir, const char *name, size_t len, const struct path *from)
{
	struct inode *parent = dir->dentry->inode, *inode = from->dentry->inode;
	int error;

	if (from->mount != dir->mount)
		return -EXDEV;
	if (S_ISDIR(inode->mode))
		return -EPERM;
	rwsem_write_lock(&parent->lock);
	error = check_absent(dir, name, len);
	if (!error)
		error = name_may_create(dir);
	if (!error)
		error = link_inode(dir, name, len, inode);
	rwsem_write_unlock(&parent->lock);
	return error;
}

/* ---- one name less ---- */

void name_dropped(struct inode *inode)
{
	if (inode->ops->unlink)
		inode->ops->unlink(inode);
	inode->nlink = S_ISDIR(inode->mode) ? 0 : inode->nlink - 1;
	inode_touch(inode, ATTR_CTIME);
}

/* Context: dir's lock held; the caller checked the rights. */
static int remove_child(const struct path *dir, struct dentry *victim, bool wants_dir)
{
	struct inode *parent = dir->dentry->inode, *inode = victim->inode;
	int error = 0;

	rwsem_write_lock(&inode->lock);
	if (wants_dir && !rb_is_empty(&victim->children)) {
		error = -ENOTEMPTY;
	} else {
		dentry_remove(victim);
		name_dropped(inode);
		if (wants_dir)
			parent->nlink--;
		inode_touch(parent, ATTR_MTIME | ATTR_CTIME);
	}
	rwsem_write_unlock(&inode->lock);
	return error;
}

int name_remove(const struct path *dir, const char *name, size_t len, bool wants_dir,
		bool has_slash)
{
	struct inode *parent = dir->dentry->inode;
	struct path child = {NULL, NULL};
	int error;

	rwsem_write_lock(&parent->lock);
	error = path_child(dir, name, len, &child);
	if (!error) {
		if (has_slash && !wants_dir)
			error = S_ISDIR(child.dentry->inode->mode) ? -EISDIR : -ENOTDIR;
		else
			error = name_may_remove(dir, child.dentry, wants_dir);
		if (!error)
			error = remove_child(dir, child.dentry, wants_dir);
	}
	rwsem_write_unlock(&parent->lock);
	if (child.mount)
		path_put(&child); /* here a large file's pages may go */
	return error;
}

void name_remove_kernel(const struct path *dir, const char *name, size_t len)
{
	struct inode *parent = dir->dentry->inode;
	struct dentry *child;

	rwsem_write_lock(&parent->lock);
	child = dentry_find(dir->dentry, name, len);
	if (child && !S_ISDIR(child->inode->mode))
		remove_child(dir, child, false); /* cannot fail for what is no directory */
	rwsem_write_unlock(&parent->lock);
	dentry_put(child);
}

/* ---- by path ---- */

int path_make(int dirfd, const char *name, uint32_t mode, uint64_t rdev, const char *target)
{
	struct new_name what = {mode, rdev, target};
	struct walk walk;
	struct path path;
	int error = walk_begin(&walk, dirfd, name, 0);

	if (error)
		return error;
	error = walk_to_parent(&walk);
	if (!error && walk.last_type != LAST_NAME)
		error = -EEXIST;
	if (!error && walk.wants_directory && !S_ISDIR(mode)) {
		error = walk_last(&walk, &path);
		if (!error) {
			path_put(&path);
			error = -EEXIST;
		}
	}
	if (!error)
		error = name_make(&walk.path, walk.last, walk.last_len, &what, &path);
	if (!error)
		path_put(&path);
	walk_end(&walk);
	return error;
}

int path_remove(int dirfd, const char *name, bool wants_dir)
{
	struct walk walk;
	int error = walk_begin(&walk, dirfd, name, 0);

	if (error)
		return error;
	error = walk_to_parent(&walk);
	if (!error && walk.last_type != LAST_NAME) {
		if (!wants_dir)
			error = -EISDIR;
		else if (walk.last_type == LAST_DOT)
			error = -EINVAL;
		else
			error = walk.last_type == LAST_DOTDOT ? -ENOTEMPTY : -EBUSY;
	}
	if (!error)
		error = name_remove(&walk.path, walk.last, walk.last_len, wants_dir,
				    walk.wants_directory);
	walk_end(&walk);
	return error;
}

int path_link(const struct path *from, int dirfd, const char *name)
{
	struct walk walk;
	int error = walk_begin(&walk, dirfd, name, 0);

	if (error)
		return error;
	error = walk_to_parent(&walk);
	if (!error && walk.last_type != LAST_NAME)
		error = -EEXIST;
	if (!error && walk.wants_directory)
		error = -ENOENT;
	if (!error)
		error = name_link(&walk.path, walk.last, walk.last_len, from);
	walk_end(&walk);
	return error;
}
