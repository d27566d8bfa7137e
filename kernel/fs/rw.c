/*
 * read, write and their relatives: from descriptors to file operations. A file with a position is
 * serialised on it when it is shared (read(2), "BUGS" of old); a stream orders itself. Context: task.
 */
#include <kern/file.h>
#include <kern/fs.h>
#include <kern/iov.h>
#include <kern/sys_fs.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "file.h"

typedef ssize_t transfer_fn(struct file *file, struct iov_iter *iter, int64_t *pos);

/* Only one reference: nobody else can use the file while this call runs. */
static ALWAYS_INLINE ssize_t at_position(struct file *file, struct iov_iter *iter,
					 transfer_fn *transfer) NO_LOCK_ANALYSIS
{
	bool is_shared;
	int64_t pos = 0;
	ssize_t moved;

	if (!(file->mode & FILE_SEEK))
		return transfer(file, iter, &pos);
	is_shared = refcount_read(&file->refs) > 1;
	if (is_shared)
		mutex_lock(&file->pos_lock);
	pos = file->pos;
	moved = transfer(file, iter, &pos);
	file->pos = pos;
	if (is_shared)
		mutex_unlock(&file->pos_lock);
	return moved;
}

static ALWAYS_INLINE long fd_transfer(int fd, void *user_buf, size_t len, transfer_fn *transfer)
{
	struct fd_ref ref = fd_borrow(fd);
	struct iov_iter iter;
	ssize_t moved;

	if (unlikely(!ref.file))
		return -EBADF;
	iov_init_user(&iter, user_buf, len);
	if (unlikely((ssize_t)len < 0))
		moved = -EINVAL;
	else if (unlikely(!user_range_ok(user_buf, len)))
		moved = -EFAULT;
	else
		moved = at_position(ref.file, &iter, transfer);
	fd_return(ref);
	return moved;
}

long sys_read(int fd, void *user_buf, size_t len)
{
	return fd_transfer(fd, user_buf, len, file_read);
}

long sys_write(int fd, const void *user_buf, size_t len)
{
	return fd_transfer(fd, (void *)(uintptr_t)user_buf, len, file_write);
}

static long fd_transfer_vector(int fd, const struct abi_iovec *user_vec, size_t nr,
			       transfer_fn *transfer)
{
	struct fd_ref ref = fd_borrow(fd);
	struct iov_iter iter;
	ssize_t moved;

	if (!ref.file)
		return -EBADF;
	moved = iov_init_vector(&iter, user_vec, nr);
	if (!moved)
		moved = at_position(ref.file, &iter, transfer);
	iov_destroy(&iter);
	fd_return(ref);
	return moved;
}

long sys_readv(int fd, const struct abi_iovec *user_vec, size_t nr)
{
	return fd_transfer_vector(fd, user_vec, nr, file_read);
}

long sys_writev(int fd, const struct abi_iovec *user_vec, size_t nr)
{
	return fd_transfer_vector(fd, user_vec, nr, file_write);
}

/* ---- at a given position ---- */

static long transfer_at(struct file *file, struct iov_iter *iter, int64_t pos,
			transfer_fn *transfer)
{
	if (pos < 0)
		return -EINVAL;
	if (!(file->mode & FILE_SEEK))
		return -ESPIPE;
	return transfer(file, iter, &pos);
}

static long fd_transfer_at(int fd, void *user_buf, size_t len, int64_t pos, transfer_fn *transfer)
{
	struct fd_ref ref = fd_borrow(fd);
	struct iov_iter iter;
	ssize_t moved;

	if (!ref.file)
		return -EBADF;
	iov_init_user(&iter, user_buf, len);
	if ((ssize_t)len < 0)
		moved = -EINVAL;
	else if (!user_range_ok(user_buf, len))
		moved = -EFAULT;
	else
		moved = transfer_at(ref.file, &iter, pos, transfer);
	fd_return(ref);
	return moved;
}

long sys_pread64(int fd, void *user_buf, size_t len, int64_t pos)
{
	return fd_transfer_at(fd, user_buf, len, pos, file_read);
}

long sys_pwrite64(int fd, const void *user_buf, size_t len, int64_t pos)
{
	return fd_transfer_at(fd, (void *)(uintptr_t)user_buf, len, pos, file_write);
}

static long fd_transfer_vector_at(int fd, const struct abi_iovec *user_vec, size_t nr, int64_t pos,
				  transfer_fn *transfer)
{
	struct fd_ref ref = fd_borrow(fd);
	struct iov_iter iter;
	ssize_t moved;

	if (!ref.file)
		return -EBADF;
	moved = iov_init_vector(&iter, user_vec, nr);
	if (!moved)
		moved = transfer_at(ref.file, &iter, pos, transfer);
	iov_destroy(&iter);
	fd_return(ref);
	return moved;
}

/* A 64-bit position arrives in one register here; the high half exists for 32-bit machines. */
long sys_preadv(int fd, const struct abi_iovec *user_vec, size_t nr, uint64_t pos_low,
		uint64_t pos_high)
{
	return fd_transfer_vector_at(fd, user_vec, nr, (int64_t)pos_low, file_read);
}

long sys_pwritev(int fd, const struct abi_iovec *user_vec, size_t nr, uint64_t pos_low,
		 uint64_t pos_high)
{
	return fd_transfer_vector_at(fd, user_vec, nr, (int64_t)pos_low, file_write);
}

/* Flags that change nothing for files in memory; the others ask for what is not there. */
#define RWF_HARMLESS (RWF_HIPRI | RWF_DSYNC | RWF_SYNC)

long sys_preadv2(int fd, const struct abi_iovec *user_vec, size_t nr, uint64_t pos_low,
		 uint64_t pos_high, int flags)
{
	if (flags & ~RWF_HARMLESS)
		return -EOPNOTSUPP;
	if ((int64_t)pos_low == -1)
		return sys_readv(fd, user_vec, nr);
	return sys_preadv(fd, user_vec, nr, pos_low, pos_high);
}

long sys_pwritev2(int fd, const struct abi_iovec *user_vec, size_t nr, uint64_t pos_low,
		  uint64_t pos_high, int flags)
{
	if (flags & ~RWF_HARMLESS)
		return -EOPNOTSUPP;
	if ((int64_t)pos_low == -1)
		return sys_writev(fd, user_vec, nr);
	return sys_pwritev(fd, user_vec, nr, pos_low, pos_high);
}

long sys_lseek(int fd, int64_t offset, int whence)
{
	struct fd_ref ref = fd_borrow(fd);
	int64_t pos;

	if (!ref.file)
		return -EBADF;
	if (!ref.file->ops->seek) {
		pos = -ESPIPE;
	} else {
		mutex_lock(&ref.file->pos_lock);
		pos = ref.file->ops->seek(ref.file, offset, whence);
		mutex_unlock(&ref.file->pos_lock);
	}
	fd_return(ref);
	return pos;
}
