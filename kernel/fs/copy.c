/*
 * Moving bytes between two files without a stop in user memory: sendfile, copy_file_range. Bytes pass
 * through one kernel page; the source has a position, so what the target does not take is not lost.
 * Context: task, may sleep.
 */
#include <kern/fs.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "copy.h"
#include "file.h"

struct copy {
	struct file *from, *to;
	int64_t from_pos, to_pos;
	size_t left;
};

static ssize_t write_all(struct copy *copy, const char *buf, size_t len)
{
	ssize_t done = 0;

	while ((size_t)done < len) {
		struct iov_iter iter;
		ssize_t step;

		iov_init_kernel(&iter, buf + done, len - (size_t)done);
		step = file_write(copy->to, &iter, &copy->to_pos);
		if (step <= 0)
			return done ? done : step;
		done += step;
	}
	return done;
}

static ssize_t copy_chunk(struct copy *copy, char *buf)
{
	int64_t before = copy->from_pos;
	struct iov_iter iter;
	ssize_t got, put;

	iov_init_kernel(&iter, buf, MIN(copy->left, PAGE_SIZE));
	got = file_read(copy->from, &iter, &copy->from_pos);
	if (got <= 0)
		return got;
	put = write_all(copy, buf, (size_t)got);
	if (put < got)
		copy->from_pos = before + MAX(put, 0);
	return put;
}

static ssize_t copy_run(struct copy *copy)
{
	char *buf = kmalloc(PAGE_SIZE, ALLOC_KERNEL);
	ssize_t done = 0, step = 0;

	if (!buf)
		return -ENOMEM;
	while (copy->left) {
		step = copy_chunk(copy, buf);
		if (step <= 0)
			break;
		done += step;
		copy->left -= (size_t)step;
		if (signal_pending(current))
			break;
	}
	kfree(buf);
	return done ? done : step;
}

/* ---- positions: the file's own, or the program's ---- */

int copy_position_begin(struct file *file, const int64_t *user_pos, int64_t *pos)
{
	if (user_pos) {
		if (!(file->mode & FILE_SEEK))
			return -ESPIPE;
		if (copy_from_user(pos, user_pos, sizeof(*pos)) != 0)
			return -EFAULT;
		return *pos < 0 ? -EINVAL : 0;
	}
	*pos = 0;
	if (file->mode & FILE_SEEK) {
		spin_lock(&file->lock);
		*pos = file->pos;
		spin_unlock(&file->lock);
	}
	return 0;
}

int copy_position_end(struct file *file, int64_t *user_pos, int64_t pos)
{
	if (user_pos)
		return copy_to_user(user_pos, &pos, sizeof(pos));
	if (file->mode & FILE_SEEK) {
		mutex_lock(&file->pos_lock);
		file->pos = pos;
		mutex_unlock(&file->pos_lock);
	}
	return 0;
}

static long copy_files(struct copy *copy, int64_t *user_from, int64_t *user_to)
{
	ssize_t done;
	int error;

	if (!(copy->from->mode & FILE_READ) || !(copy->to->mode & FILE_WRITE))
		return -EBADF;
	error = copy_position_begin(copy->from, user_from, &copy->from_pos);
	if (!error)
		error = copy_position_begin(copy->to, user_to, &copy->to_pos);
	if (error)
		return error;
	copy->left = MIN(copy->left, RW_COUNT_MAX);
	done = copy->left ? copy_run(copy) : 0;
	if (done < 0)
		return done;
	error = copy_position_end(copy->from, user_from, copy->from_pos);
	if (!error)
		error = copy_position_end(copy->to, user_to, copy->to_pos);
	return error ? error : done;
}

static long copy_fds(int in_fd, int64_t *user_in, int out_fd, int64_t *user_out, size_t len,
		     int (*check)(const struct copy *copy))
{
	struct fd_ref in = fd_borrow(in_fd), out = {NULL, false};
	struct copy copy;
	long result = -EBADF;

	if (!in.file)
		return -EBADF;
	out = fd_borrow(out_fd);
	if (!out.file)
		goto put_in;
	copy = (struct copy){.from = in.file, .to = out.file, .left = len};
	result = check(&copy);
	if (!result)
		result = copy_files(&copy, user_in, user_out);
	fd_return(out);
put_in:
	fd_return(in);
	return result;
}

/* ---- the calls ---- */

static int check_sendfile(const struct copy *copy)
{
	if (!(copy->from->mode & FILE_SEEK) ||
	    (copy->from->inode && S_ISDIR(copy->from->inode->mode)))
		return -EINVAL; /* what cannot be read again cannot be given back */
	return atomic_load_relaxed(&copy->to->flags) & O_APPEND ? -EINVAL : 0;
}

long sys_sendfile(int out_fd, int in_fd, int64_t *user_offset, size_t count)
{
	return copy_fds(in_fd, user_offset, out_fd, NULL, count, check_sendfile);
}

static int check_copy_range(const struct copy *copy)
{
	const struct inode *from = copy->from->inode, *to = copy->to->inode;

	if (!from || !to)
		return -EINVAL;
	if (S_ISDIR(from->mode) || S_ISDIR(to->mode))
		return -EISDIR;
	if (!S_ISREG(from->mode) || !S_ISREG(to->mode))
		return -EINVAL;
	return atomic_load_relaxed(&copy->to->flags) & O_APPEND ? -EBADF : 0;
}

/* Within one file the two ranges must not overlap. */
static int check_overlap(int in_fd, const int64_t *user_in, int out_fd, const int64_t *user_out,
			 size_t len)
{
	struct fd_ref in = fd_borrow(in_fd), out = {NULL, false};
	int64_t a, b;
	int error = -EBADF;

	if (!in.file)
		return -EBADF;
	out = fd_borrow(out_fd);
	if (!out.file)
		goto put_in;
	error = copy_position_begin(in.file, user_in, &a);
	if (!error)
		error = copy_position_begin(out.file, user_out, &b);
	if (!error && in.file->inode == out.file->inode && (uint64_t)(a > b ? a - b : b - a) < len)
		error = -EINVAL;
	fd_return(out);
put_in:
	fd_return(in);
	return error;
}

long sys_copy_file_range(int in_fd, int64_t *user_in_pos, int out_fd, int64_t *user_out_pos,
			 size_t len, unsigned flags)
{
	int error;

	if (flags)
		return -EINVAL;
	error = check_overlap(in_fd, user_in_pos, out_fd, user_out_pos, len);
	if (error)
		return error;
	return copy_fds(in_fd, user_in_pos, out_fd, user_out_pos, len, check_copy_range);
}
