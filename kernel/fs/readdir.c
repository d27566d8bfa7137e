/*
 * Reading directories: getdents, and the entries of tree file systems in the order of their cookies, so
 * that a reader meets each name that stays exactly once, whatever comes and goes meanwhile. The
 * directory's inode lock is held for reading while entries are handed out. Context: task, may sleep.
 */
#include <kern/fs.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/uaccess.h>
#include <uapi/dirent.h>
#include <uapi/errno.h>
#include "ramfs.h"
#include "sizes.h"

unsigned dirent_type(uint32_t mode)
{
	return (mode & S_IFMT) >> 12; /* DT_ values are these bits of the mode (readdir(3)) */
}

bool dir_emit_dots(struct file *file, struct dir_context *context)
{
	struct dentry *dentry = file->path.dentry;

	if (context->pos == 0) {
		if (!context->emit(context, ".", 1, dentry->inode->ino, DT_DIR, 1))
			return false;
		context->pos = 1;
	}
	if (context->pos == 1) {
		struct dentry *parent = dentry_get_parent(dentry);
		bool has_room = context->emit(context, "..", 2, parent->inode->ino, DT_DIR, 2);

		dentry_put(parent);
		if (!has_room)
			return false;
		context->pos = 2;
	}
	return true;
}

/* The first child at or after a cookie; NULL: none. Context: inode lock held. */
static struct dentry *child_from(struct dentry *dir, uint64_t cookie)
{
	struct rb_node *node = dir->children.node;
	struct dentry *found = NULL;

	while (node) {
		struct dentry *child = rb_entry(node, struct dentry, dir_node);
		if (child->cookie >= cookie) {
			found = child;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

static int tree_readdir(struct file *file, struct dir_context *context)
{
	struct dentry *dir = file->path.dentry, *child;

	if (dentry_is_removed(dir))
		return -ENOENT;
	if (!dir_emit_dots(file, context))
		return 0;
	child = child_from(dir, (uint64_t)context->pos);
	while (child) {
		struct rb_node *next = rb_next(&child->dir_node);
		int64_t next_pos = (int64_t)child->cookie + 1;

		if (!context->emit(context, child->name, child->name_len, child->inode->ino,
				   dirent_type(child->inode->mode), next_pos))
			return 0;
		context->pos = next_pos;
		child = next ? rb_entry(next, struct dentry, dir_node) : NULL;
	}
	return 0;
}

static ssize_t dir_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	return -EISDIR;
}

static int64_t dir_seek(struct file *file, int64_t offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	return file_seek_sized(file, offset, whence, 0);
}

const struct file_ops ramfs_dir_ops = {
	.read = dir_read,
	.seek = dir_seek,
	.readdir = tree_readdir,
};

/* ---- the calls ---- */

struct user_dir {
	struct dir_context context;
	char *user_buf;
	size_t size, used;
	int error;
	bool is_old; /* getdents: the type after the name */
};

static bool emit_user(struct dir_context *context, const char *name, size_t len, uint64_t ino,
		      unsigned type, int64_t next_pos)
{
	struct user_dir *dir = container_of(context, struct user_dir, context);
	size_t head = dir->is_old ? offsetof(struct abi_dirent, name)
				  : offsetof(struct abi_dirent64, name);
	size_t reclen = ROUND_UP(head + len + (dir->is_old ? 2 : 1), sizeof(uint64_t));
	char record[sizeof(struct abi_dirent64) + NAME_MAX + 16] ALIGNED(8);
	struct abi_dirent64 *entry = (void *)record;

	if (reclen > dir->size - dir->used) {
		if (!dir->used)
			dir->error = -EINVAL; /* not even one fits */
		return false;
	}
	memset(record, 0, reclen);
	entry->ino = ino;
	entry->off = next_pos;
	entry->reclen = (uint16_t)reclen;
	memcpy(record + head, name, len);
	if (dir->is_old)
		record[reclen - 1] = (char)type;
	else
		entry->type = (uint8_t)type;
	if (copy_to_user(dir->user_buf + dir->used, record, reclen) != 0) {
		dir->error = -EFAULT;
		return false;
	}
	dir->used += reclen;
	return true;
}

int file_readdir(struct file *file, struct dir_context *context)
{
	struct inode *inode = file->inode;
	int error;

	if (!file->ops->readdir)
		return -ENOTDIR;
	rwsem_read_lock(&inode->lock);
	error = file->ops->readdir(file, context);
	rwsem_read_unlock(&inode->lock);
	inode_touch(inode, ATTR_ATIME);
	return error;
}

static long getdents(int fd, void *user_buf, unsigned size, bool is_old)
{
	struct fd_ref ref = fd_borrow(fd);
	struct user_dir dir = {{emit_user, 0}, user_buf, MIN(size, (unsigned)INT32_MAX), 0, 0,
			       is_old};
	long error;

	if (!ref.file)
		return -EBADF;
	mutex_lock(&ref.file->pos_lock);
	dir.context.pos = ref.file->pos;
	error = file_readdir(ref.file, &dir.context);
	ref.file->pos = dir.context.pos;
	mutex_unlock(&ref.file->pos_lock);
	fd_return(ref);
	if (dir.used)
		return (long)dir.used;
	return error ? error : dir.error;
}

long sys_getdents64(int fd, struct abi_dirent64 *user_buf, unsigned size)
{
	return getdents(fd, user_buf, size, false);
}

long sys_getdents(int fd, struct abi_dirent *user_buf, unsigned size)
{
	return getdents(fd, user_buf, size, true);
}
