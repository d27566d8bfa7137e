/*
 * struct file: open file descriptions. Owns their cache. A file is shared by reference; its position
 * is guarded by pos_lock, its status flags by lock.
 */
#include <kern/file.h>
#include <kern/assert.h>
#include <kern/fs.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/mm.h>
#include <kern/string.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include <uapi/poll.h>
#include "epoll.h"
#include "file.h"
#include "fs_init.h"
#include "locks.h"
#include "mount.h"

static struct kcache *file_cache;

uint32_t file_mode_of_flags(uint32_t flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return FILE_READ;
	case O_WRONLY:
		return FILE_WRITE;
	case O_RDWR:
		return FILE_READ | FILE_WRITE;
	default:
		return 0; /* 3: neither, only for ioctl (open(2)) */
	}
}

struct file *file_alloc(const struct file_ops *ops, uint32_t flags)
{
	struct file *file = kcache_alloc(file_cache, ALLOC_ZERO);

	if (!file)
		return NULL;
	refcount_init(&file->refs, 1);
	file->flags = flags & ~(uint32_t)FILE_CREATION_FLAGS;
	file->mode = file_mode_of_flags(flags) | (ops->seek ? FILE_SEEK : 0);
	file->ops = ops;
	mutex_init(&file->pos_lock);
	spin_init(&file->lock, LOCK_RANK_FILES, "file");
	list_init(&file->epoll_items);
	return file;
}

void file_free(struct file *file)
{
	if (file->mode & FILE_WRITER)
		inode_put_write(file->inode);
	if (file->mode & FILE_EXEC)
		inode_allow_write(file->inode);
	if (file->path.mount)
		path_put(&file->path);
	inode_put(file->inode);
	kcache_free(file_cache, file);
}

void file_put(struct file *file)
{
	if (!refcount_put(&file->refs))
		return;
	epoll_forget_file(file);
	if (file->inode)
		locks_release_file(file);
	if (file->ops->release && !(file->mode & FILE_PATH))
		file->ops->release(file);
	file_free(file);
}

ssize_t file_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	if (unlikely(!(file->mode & FILE_READ)))
		return -EBADF;
	if (unlikely(!file->ops->read))
		return -EINVAL;
	return file->ops->read(file, to, pos);
}

ssize_t file_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	if (unlikely(!(file->mode & FILE_WRITE)))
		return -EBADF;
	if (unlikely(!file->ops->write))
		return -EINVAL;
	return file->ops->write(file, from, pos);
}

ssize_t file_read_kernel(struct file *file, void *buf, size_t len, int64_t pos)
{
	struct iov_iter iter;

	iov_init_kernel(&iter, buf, len);
	return file_read(file, &iter, &pos);
}

ssize_t file_write_kernel(struct file *file, const void *buf, size_t len, int64_t pos)
{
	struct iov_iter iter;

	iov_init_kernel(&iter, buf, len);
	return file_write(file, &iter, &pos);
}

unsigned file_poll(struct file *file, struct poll_table *table)
{
	if (!file->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return file->ops->poll(file, table);
}

ssize_t file_path(struct file *file, char *buf, size_t size)
{
	size_t len;

	if (file->path.mount)
		return path_describe(&file->path, buf, size, true);
	len = string_copy(buf, file->kind ? file->kind : "anon_inode:[file]", size);
	return len < size ? (ssize_t)len : -ENAMETOOLONG;
}

/* ---- mapped files ---- */

static void file_area_open(struct area *area)
{
	file_get(area->object);
}

static void file_area_close(struct area *area)
{
	file_put(area->object);
}

static size_t file_area_describe(const struct area *area, char *buf, size_t size)
{
	ssize_t len = file_path(area->object, buf, size);

	return len < 0 ? 0 : (size_t)len;
}

static const struct area_ops file_area_ops = {
	.open = file_area_open,
	.close = file_area_close,
	.describe = file_area_describe,
};

int file_map_request(struct file *file, struct area_request *request)
{
	bool is_shared = request->flags & AREA_SHARED;
	uint32_t may = AREA_MAY_ALL;

	if (!(file->mode & FILE_READ))
		return -EACCES;
	if (is_shared && !(file->mode & FILE_WRITE))
		may &= ~(uint32_t)AREA_MAYWRITE;
	if (file->path.mount && (atomic_load_relaxed(&file->path.mount->flags) & MS_NOEXEC)) {
		if (request->flags & AREA_EXEC)
			return -EPERM;
		may &= ~(uint32_t)AREA_MAYEXEC;
	}
	if ((request->flags & AREA_WRITE) && !(may & AREA_MAYWRITE))
		return -EACCES;
	if (!file->ops->mmap)
		return -ENODEV;
	request->flags |= may;
	request->ops = &file_area_ops;
	request->object = file;
	return file->ops->mmap(file, request);
}

INIT_TEXT void file_cache_init(void)
{
	file_cache = kcache_create("file", sizeof(struct file), 0);
	exe_file_get = file_get;
	exe_file_put = file_put;
}
