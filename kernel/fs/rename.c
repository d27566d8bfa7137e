/*
 * rename(2), renameat2(2). A move between directories holds the file system's rename_lock, so that
 * nobody else changes who is whose ancestor; then both directories are locked, an ancestor before its
 * descendant, unrelated ones by address. Context: task, may sleep.
 */
#include "names.h"
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <uapi/errno.h>
#include "mount.h"
#include "walk.h"

struct rename {
	struct walk from, to;
	struct path source, target; /* own references; target.mount NULL: nothing there */
	unsigned flags;
};

static struct inode *from_dir(const struct rename *r)
{
	return r->from.path.dentry->inode;
}

static struct inode *to_dir(const struct rename *r)
{
	return r->to.path.dentry->inode;
}

static void lock_directories(struct rename *r) NO_LOCK_ANALYSIS
{
	struct inode *a = from_dir(r), *b = to_dir(r);

	if (a == b) {
		rwsem_write_lock(&a->lock);
		return;
	}
	mutex_lock(&a->sb->rename_lock);
	if (dentry_is_ancestor(r->to.path.dentry, r->from.path.dentry) ||
	    (!dentry_is_ancestor(r->from.path.dentry, r->to.path.dentry) && b < a)) {
		a = to_dir(r);
		b = from_dir(r);
	}
	rwsem_write_lock(&a->lock);
	rwsem_write_lock(&b->lock);
}

static void unlock_directories(struct rename *r) NO_LOCK_ANALYSIS
{
	struct inode *a = from_dir(r), *b = to_dir(r);

	rwsem_write_unlock(&a->lock);
	if (a == b)
		return;
	rwsem_write_unlock(&b->lock);
	mutex_unlock(&a->sb->rename_lock);
}

/* Finds what is to be moved and what is in the way. Context: directories locked. */
static int find_both(struct rename *r)
{
	int error = path_child(&r->from.path, r->from.last, r->from.last_len, &r->source);

	if (error)
		return error;
	error = path_child(&r->to.path, r->to.last, r->to.last_len, &r->target);
	if (error)
		r->target.mount = NULL;
	if (error == -ENOENT && !(r->flags & RENAME_EXCHANGE))
		error = 0;
	else if (!error && (r->flags & RENAME_NOREPLACE))
		error = -EEXIST;
	return error;
}

/* Neither may end up inside itself. */
static int check_loops(const struct rename *r)
{
	if (dentry_is_ancestor(r->source.dentry, r->to.path.dentry))
		return -EINVAL;
	if (r->target.mount && dentry_is_ancestor(r->target.dentry, r->from.path.dentry))
		return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_slashes(const struct rename *r)
{
	bool is_dir = S_ISDIR(r->source.dentry->inode->mode);
	bool is_exchange = r->flags & RENAME_EXCHANGE;

	if (!is_dir && (r->from.wants_directory || (!is_exchange && r->to.wants_directory)))
		return -ENOTDIR;
	if (is_exchange && r->to.wants_directory && !S_ISDIR(r->target.dentry->inode->mode))
		return -ENOTDIR;
	return 0;
}

/* A directory that gets another parent has its ".." changed: that is a write to it. */
static int check_dotdot(const struct rename *r, const struct path *moved)
{
	if (!S_ISDIR(moved->dentry->inode->mode) || from_dir(r) == to_dir(r))
		return 0;
	return inode_permission(moved->dentry->inode, MAY_WRITE);
}

static int check_rights(const struct rename *r)
{
	bool is_dir = S_ISDIR(r->source.dentry->inode->mode);
	int error = name_may_remove(&r->from.path, r->source.dentry, is_dir);

	if (error)
		return error;
	if (!r->target.mount)
		error = name_may_create(&r->to.path);
	else if (r->flags & RENAME_EXCHANGE)
		error = name_may_remove(&r->to.path, r->target.dentry,
					S_ISDIR(r->target.dentry->inode->mode));
	else
		error = name_may_remove(&r->to.path, r->target.dentry, is_dir);
	if (!error)
		error = check_dotdot(r, &r->source);
	if (!error && (r->flags & RENAME_EXCHANGE))
		error = check_dotdot(r, &r->target);
	return error;
}

static void count_directories(struct rename *r, int from_change, int to_change)
{
	from_dir(r)->nlink += (uint32_t)from_change;
	to_dir(r)->nlink += (uint32_t)to_change;
	inode_touch(from_dir(r), ATTR_MTIME | ATTR_CTIME);
	inode_touch(to_dir(r), ATTR_MTIME | ATTR_CTIME);
}

static void exchange(struct rename *r)
{
	int a_is_dir = S_ISDIR(r->source.dentry->inode->mode);
	int b_is_dir = S_ISDIR(r->target.dentry->inode->mode);

	dentry_exchange(r->source.dentry, r->target.dentry);
	count_directories(r, b_is_dir - a_is_dir, a_is_dir - b_is_dir);
	inode_touch(r->source.dentry->inode, ATTR_CTIME);
	inode_touch(r->target.dentry->inode, ATTR_CTIME);
}

static int move(struct rename *r) NO_LOCK_ANALYSIS
{
	int is_dir = S_ISDIR(r->source.dentry->inode->mode);
	struct dentry *victim = r->target.mount ? r->target.dentry : NULL;
	int error = 0;

	if (victim) {
		rwsem_write_lock(&victim->inode->lock);
		if (is_dir && !rb_is_empty(&victim->children))
			error = -ENOTEMPTY;
	}
	if (!error)
		error = dentry_move(r->source.dentry, r->to.path.dentry, r->to.last, r->to.last_len,
				    victim);
	if (!error && victim)
		name_dropped(victim->inode);
	if (victim)
		rwsem_write_unlock(&victim->inode->lock);
	if (!error) {
		count_directories(r, -is_dir, victim ? 0 : is_dir);
		inode_touch(r->source.dentry->inode, ATTR_CTIME);
	}
	return error;
}

static int rename_locked(struct rename *r)
{
	int error = find_both(r);

	if (error)
		return error;
	error = check_slashes(r);
	if (!error)
		error = check_loops(r);
	if (!error)
		error = check_rights(r);
	if (error)
		return error;
	if (r->target.mount && r->target.dentry->inode == r->source.dentry->inode)
		return 0; /* two names of one file: both stay (rename(2)) */
	if (r->flags & RENAME_EXCHANGE) {
		exchange(r);
		return 0;
	}
	return move(r);
}

static int check_ends(const struct rename *r)
{
	if (r->from.path.mount != r->to.path.mount)
		return -EXDEV;
	if (r->from.last_type != LAST_NAME)
		return -EBUSY;
	if (r->to.last_type != LAST_NAME)
		return r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	return 0;
}

static int rename_walked(struct rename *r)
{
	int error = walk_to_parent(&r->from);

	if (!error)
		error = walk_to_parent(&r->to);
	if (!error)
		error = check_ends(r);
	if (error)
		return error;
	lock_directories(r);
	error = rename_locked(r);
	unlock_directories(r);
	if (r->source.mount)
		path_put(&r->source);
	if (r->target.mount)
		path_put(&r->target);
	return error;
}

int path_rename(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags)
{
	struct rename *r;
	int error;

	if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	r = kmalloc(sizeof(*r), ALLOC_KERNEL); /* two walks are too much for the stack */
	if (!r)
		return -ENOMEM;
	r->flags = flags;
	r->source.mount = r->target.mount = NULL;
	error = walk_begin(&r->from, from_dirfd, from, 0);
	if (error)
		goto free_rename;
	error = walk_begin(&r->to, to_dirfd, to, 0);
	if (!error) {
		error = rename_walked(r);
		walk_end(&r->to);
	}
	walk_end(&r->from);
free_rename:
	kfree(r);
	return error;
}
