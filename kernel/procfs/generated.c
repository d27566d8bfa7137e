/*
 * Inodes and files of generated file systems: the glue between the VFS and struct generated_ops. A
 * directory's entries and a file's text are made on request; an open text file keeps the text that was
 * made when it was last read from its start, under its own mutex. Context: task, may sleep.
 */
#include "generated.h"
#include <kern/assert.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/dirent.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>

struct text_file {
	struct mutex mutex;
	struct text text; /* [mutex] */
	bool is_made;	  /* [mutex] */
};

static struct kcache *generated_cache;

/* ---- inodes ---- */

static void generated_evict(struct inode *inode)
{
	kcache_free(generated_cache, generated_of(inode));
}

static void generated_refresh(struct inode *inode)
{
	struct generated *generated = generated_of(inode);

	if (generated->ops->refresh)
		generated->ops->refresh(generated);
}

static int generated_permission(struct inode *inode, unsigned may)
{
	struct generated *generated = generated_of(inode);

	if (generated->ops->permission)
		return generated->ops->permission(generated, may);
	return inode_permission_generic(inode, may);
}

static int generated_lookup(struct inode *dir, struct dentry *parent, const char *name, size_t len,
			    struct dentry **dentry)
{
	struct generated *generated = generated_of(dir), *child;
	int error = generated->ops->lookup(generated, name, len, &child);

	if (error)
		return error;
	*dentry = dentry_create(parent, name, len, &child->inode);
	inode_put(&child->inode); /* the dentry holds its own */
	return *dentry ? 0 : -ENOMEM;
}

static ssize_t generated_readlink(struct inode *inode, char *buf, size_t size)
{
	struct generated *generated = generated_of(inode);

	return generated->ops->readlink(generated, buf, size);
}

static int generated_follow(struct inode *inode, struct path *path)
{
	struct generated *generated = generated_of(inode);

	return generated->ops->follow(generated, path);
}

/* Nothing about a generated file can be changed but by its own store; that a shell truncates it before
 * it writes is harmless. */
static int generated_change(struct inode *inode, const struct inode_change *change)
{
	return change->what & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0;
}

static const struct inode_ops file_inode_ops = {
	.refresh = generated_refresh,
	.permission = generated_permission,
	.change = generated_change,
	.evict = generated_evict,
};
static const struct inode_ops dir_inode_ops = {
	.lookup = generated_lookup,
	.refresh = generated_refresh,
	.permission = generated_permission,
	.change = generated_change,
	.evict = generated_evict,
};
static const struct inode_ops link_inode_ops = {
	.readlink = generated_readlink,
	.refresh = generated_refresh,
	.change = generated_change,
	.evict = generated_evict,
};
static const struct inode_ops magic_inode_ops = {
	.readlink = generated_readlink,
	.follow = generated_follow,
	.refresh = generated_refresh,
	.change = generated_change,
	.evict = generated_evict,
};

/* ---- directories ---- */

bool generated_emit(struct dir_context *context, const char *name, uint32_t mode, uint64_t ino,
		    int64_t pos)
{
	if (!context->emit(context, name, strlen(name), ino, dirent_type(mode), pos + 1))
		return false;
	context->pos = pos + 1;
	return true;
}

bool name_is(const char *name, size_t len, const char *literal)
{
	return strlen(literal) == len && memcmp(name, literal, len) == 0;
}

static int dir_readdir(struct file *file, struct dir_context *context)
{
	struct generated *generated = generated_of(file->inode);

	if (!dir_emit_dots(file, context))
		return 0;
	return generated->ops->readdir(generated, context);
}

static ssize_t dir_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	return -EISDIR;
}

static int64_t any_seek(struct file *file, int64_t offset, int whence)
{
	int64_t base = whence == SEEK_CUR ? file->pos : 0, pos;

	if (whence != SEEK_CUR && whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(base, offset, &pos) || pos < 0)
		return -EINVAL;
	file->pos = pos;
	return pos;
}

static const struct file_ops generated_dir_ops = {
	.read = dir_read,
	.seek = any_seek,
	.readdir = dir_readdir,
};

/* ---- text ---- */

static int text_open(struct inode *inode, struct file *file)
{
	struct generated *generated = generated_of(inode);
	struct text_file *text_file;

	if ((file->mode & FILE_WRITE) && !generated->ops->store)
		return -EACCES;
	text_file = kmalloc(sizeof(*text_file), ALLOC_ZERO);
	if (!text_file)
		return -ENOMEM;
	mutex_init(&text_file->mutex);
	file->private = text_file;
	return 0;
}

static void text_release(struct file *file)
{
	struct text_file *text_file = file->private;

	text_free(&text_file->text);
	kfree(text_file);
}

static int text_make(struct text_file *text_file, struct generated *generated)
{
	struct text *text = &text_file->text;
	int error;

	text_free(text);
	text_file->is_made = false;
	error = generated->ops->show(generated, text);
	if (!error)
		error = text->error;
	text_file->is_made = !error;
	return error;
}

static ssize_t text_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct text_file *text_file = file->private;
	struct text *text = &text_file->text;
	size_t want, moved;
	ssize_t result = 0;

	mutex_lock(&text_file->mutex);
	if (*pos == 0 || !text_file->is_made)
		result = text_make(text_file, generated_of(file->inode));
	if (!result && (uint64_t)*pos < text->len) {
		want = MIN(iov_left(to), text->len - (size_t)*pos);
		moved = iov_copy_to(to, text->data + *pos, want);
		*pos += (int64_t)moved;
		result = moved || !want ? (ssize_t)moved : -EFAULT;
	}
	mutex_unlock(&text_file->mutex);
	return result;
}

static ssize_t text_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	const size_t store_max = PAGE_SIZE - 1;
	struct generated *generated = generated_of(file->inode);
	size_t len = iov_left(from);
	char *data;
	int error;

	if (len > store_max)
		return -EINVAL;
	data = kmalloc(len + 1, ALLOC_KERNEL);
	if (!data)
		return -ENOMEM;
	error = -EFAULT;
	if (iov_copy_from(from, data, len) == len) {
		data[len] = 0;
		error = generated->ops->store(generated, data, len);
	}
	kfree(data);
	if (error)
		return error;
	*pos += (int64_t)len;
	return (ssize_t)len;
}

static const struct file_ops text_ops = {
	.read = text_read,
	.write = text_write,
	.seek = any_seek,
	.open = text_open,
	.release = text_release,
};

/* ---- making ---- */

struct generated *generated_create(struct superblock *sb, uint32_t mode, uint64_t ino,
				   const struct generated_ops *ops, const void *entry)
{
	struct generated *generated = kcache_alloc(generated_cache, ALLOC_ZERO);
	struct inode *inode;

	if (!generated)
		return NULL;
	inode = &generated->inode;
	inode_init(inode, sb, mode);
	inode->ino = ino;
	inode->uid = inode->gid = 0;
	generated->ops = ops;
	generated->entry = entry;
	if (S_ISDIR(mode)) {
		inode->nlink = 2;
		inode->ops = &dir_inode_ops;
		inode->file_ops = &generated_dir_ops;
	} else if (S_ISLNK(mode)) {
		inode->ops = ops->follow ? &magic_inode_ops : &link_inode_ops;
	} else {
		inode->ops = &file_inode_ops;
		inode->file_ops = ops->file_ops ? ops->file_ops : &text_ops;
	}
	return generated;
}

struct superblock *generated_superblock(const struct fs_type *type, uint32_t magic,
					const struct generated_ops *ops, const void *entry)
{
	struct superblock *sb = superblock_create(type, 0, magic);
	struct generated *root = sb ? generated_create(sb, S_IFDIR | 0555, 1, ops, entry) : NULL;

	if (root) {
		sb->root = dentry_create(NULL, "/", 1, &root->inode);
		inode_put(&root->inode);
	}
	if (!root || !sb->root)
		panic("no memory for %s", type->name);
	return sb;
}

INIT_TEXT void generated_init(void)
{
	generated_cache = kcache_create("generated", sizeof(struct generated), 0);
}
