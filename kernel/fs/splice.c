/*
 * splice(2) and tee(2): between a pipe and another file, or two pipes. What leaves a pipe has arrived: the
 * source pipe stays locked until the target has taken the bytes. Two pipes are locked by address.
 * Context: task, may sleep.
 */
#include <kern/fs.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/signal.h>
#include <kern/sys_fs.h>
#include <uapi/errno.h>
#include "copy.h"
#include "file.h"
#include "pipe.h"

struct splice {
	struct file *from, *to;
	int64_t from_pos, to_pos;
	size_t len;
	bool is_nonblocking; /* as the call says, not the files */
};

/* ---- a file into a pipe ---- */

static int wait_writable(struct pipe *pipe, bool is_nonblocking)
{
	bool has_waited = false;
	int error;

	mutex_lock(&pipe->lock);
	error = pipe_wait_writable(pipe, is_nonblocking, &has_waited);
	mutex_unlock(&pipe->lock);
	return error;
}

/* One page at a time: it fits the slot that was seen to be free. */
static ssize_t file_to_pipe(struct splice *s)
{
	struct pipe *pipe = file_pipe(s->to);
	char *buf = kmalloc(PAGE_SIZE, ALLOC_KERNEL);
	ssize_t done = 0, step = -ENOMEM;

	while (buf && (size_t)done < s->len) {
		struct iov_iter iter;
		size_t want = MIN(s->len - (size_t)done, PAGE_SIZE);

		step = wait_writable(pipe, s->is_nonblocking || done);
		if (step)
			break;
		iov_init_kernel(&iter, buf, want);
		step = file_read(s->from, &iter, &s->from_pos);
		if (step <= 0)
			break;
		iov_init_kernel(&iter, buf, (size_t)step);
		step = file_write(s->to, &iter, &s->to_pos);
		if (step <= 0)
			break;
		done += step;
		if ((size_t)step < want)
			break;
	}
	kfree(buf);
	return done ? done : step;
}

/* ---- a pipe into a file ---- */

/* Context: pipe->lock held. */
static ssize_t slot_to_file(struct splice *s, struct pipe *pipe, size_t left)
{
	struct pipe_slot *slot = pipe_slot(pipe, pipe->tail);
	struct iov_iter iter;
	ssize_t step;

	iov_init_kernel(&iter, (char *)page_address(slot->page) + slot->offset,
			MIN(left, (size_t)slot->len));
	step = file_write(s->to, &iter, &s->to_pos);
	if (step <= 0)
		return step;
	slot->offset += (uint32_t)step;
	slot->len -= (uint32_t)step;
	if (!slot->len)
		pipe_drop_first(pipe);
	return step;
}

static ssize_t pipe_to_file(struct splice *s)
{
	struct pipe *pipe = file_pipe(s->from);
	bool has_waited = false;
	ssize_t done = 0, step;

	mutex_lock(&pipe->lock);
	step = pipe_wait_readable(pipe, s->is_nonblocking, &has_waited);
	while (!step && !pipe_is_empty(pipe) && (size_t)done < s->len) {
		step = slot_to_file(s, pipe, s->len - (size_t)done);
		if (step <= 0)
			break;
		done += step;
		step = 0;
	}
	has_waited &= !pipe_is_empty(pipe);
	mutex_unlock(&pipe->lock);
	if (done)
		pipe_wake_writers(pipe);
	if (has_waited)
		pipe_wake_readers(pipe);
	return done ? done : step;
}

/* ---- two pipes ---- */

static void lock_pair(struct pipe *a, struct pipe *b) NO_LOCK_ANALYSIS
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	mutex_lock(a < b ? &b->lock : &a->lock);
}

/* The first slot of from, up to len bytes of it, is the newest of to. Context: both locks held. */
static size_t move_slot(struct pipe *from, struct pipe *to, size_t len)
{
	struct pipe_slot *slot = pipe_slot(from, from->tail);
	struct pipe_slot *fresh = pipe_slot(to, to->head);

	*fresh = *slot;
	if (slot->len <= len) { /* its reference moves */
		atomic_store_release(&from->tail, from->tail + 1);
	} else {
		page_get(slot->page);
		slot->is_shared = fresh->is_shared = true;
		fresh->len = (uint32_t)len;
		slot->offset += (uint32_t)len;
		slot->len -= (uint32_t)len;
	}
	atomic_store_release(&to->head, to->head + 1);
	return fresh->len;
}

/* tee: the slot at index also shows in to. Context: both locks held. */
static size_t share_slot(struct pipe *from, uint32_t index, struct pipe *to, size_t len)
{
	struct pipe_slot *slot = pipe_slot(from, index), *fresh = pipe_slot(to, to->head);

	page_get(slot->page);
	slot->is_shared = true;
	*fresh = *slot;
	fresh->len = (uint32_t)MIN((size_t)slot->len, len);
	atomic_store_release(&to->head, to->head + 1);
	return fresh->len;
}

static ssize_t transfer_slots(struct pipe *from, struct pipe *to, size_t len, bool is_tee)
{
	uint32_t index = from->tail;
	size_t done = 0;

	if (!to->readers)
		return -EPIPE;
	while (index != from->head && done < len && !pipe_is_full(to)) {
		if (is_tee)
			done += share_slot(from, index++, to, len - done);
		else {
			done += move_slot(from, to, len - done);
			index = from->tail;
		}
	}
	return (ssize_t)done;
}

/* Both are looked at under both locks; whoever must be waited for is waited for with none but his. */
static ssize_t pipe_to_pipe(struct splice *s, bool is_tee) NO_LOCK_ANALYSIS
{
	struct pipe *from = file_pipe(s->from), *to = file_pipe(s->to);
	bool has_waited = false, is_end;
	ssize_t done = 0;
	int error = 0;

	do {
		mutex_lock(&from->lock);
		error = pipe_wait_readable(from, s->is_nonblocking, &has_waited);
		mutex_unlock(&from->lock);
		if (!error)
			error = wait_writable(to, s->is_nonblocking);
		if (error)
			return error;
		lock_pair(from, to);
		is_end = pipe_is_empty(from) && !from->writers;
		done = transfer_slots(from, to, s->len, is_tee);
		mutex_unlock(&to->lock);
		mutex_unlock(&from->lock);
	} while (!done && !is_end);
	if (done == -EPIPE)
		signal_hooks.send_task(current, SIGPIPE, NULL);
	if (done > 0)
		pipe_wake_readers(to);
	if (done > 0 && !is_tee)
		pipe_wake_writers(from);
	if (has_waited)
		pipe_wake_readers(from);
	return done;
}

/* ---- the calls ---- */

static ssize_t splice_files(struct splice *s, int64_t *user_in, int64_t *user_out)
{
	bool from_pipe = file_pipe(s->from), to_pipe = file_pipe(s->to);
	ssize_t done;
	int error;

	if (!(s->from->mode & FILE_READ) || !(s->to->mode & FILE_WRITE))
		return -EBADF;
	if ((!from_pipe && !to_pipe) || (from_pipe && file_pipe(s->from) == file_pipe(s->to)))
		return -EINVAL;
	if (atomic_load_relaxed(&s->to->flags) & O_APPEND)
		return -EINVAL;
	error = copy_position_begin(s->from, user_in, &s->from_pos);
	if (!error)
		error = copy_position_begin(s->to, user_out, &s->to_pos);
	if (error)
		return error;
	if (!s->len)
		return 0;
	if (from_pipe && to_pipe)
		return pipe_to_pipe(s, false);
	done = from_pipe ? pipe_to_file(s) : file_to_pipe(s);
	if (done <= 0)
		return done;
	if (from_pipe)
		error = copy_position_end(s->to, user_out, s->to_pos);
	else
		error = copy_position_end(s->from, user_in, s->from_pos);
	return error ? error : done;
}

static ssize_t tee_files(struct splice *s)
{
	if (!(s->from->mode & FILE_READ) || !(s->to->mode & FILE_WRITE))
		return -EBADF;
	if (!file_pipe(s->from) || !file_pipe(s->to) || file_pipe(s->from) == file_pipe(s->to))
		return -EINVAL;
	return s->len ? pipe_to_pipe(s, true) : 0;
}

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

long sys_splice(int in_fd, int64_t *user_in_pos, int out_fd, int64_t *user_out_pos, size_t len,
		unsigned flags)
{
	struct fd_ref in, out;
	ssize_t result = -EBADF;

	if (flags & ~(unsigned)SPLICE_FLAGS)
		return -EINVAL;
	in = fd_borrow(in_fd);
	if (!in.file)
		return -EBADF;
	out = fd_borrow(out_fd);
	if (out.file) {
		struct splice s = {.from = in.file,
				   .to = out.file,
				   .len = MIN(len, RW_COUNT_MAX),
				   .is_nonblocking = flags & SPLICE_F_NONBLOCK};
		result = splice_files(&s, user_in_pos, user_out_pos);
		fd_return(out);
	}
	fd_return(in);
	return result;
}

long sys_tee(int in_fd, int out_fd, size_t len, unsigned flags)
{
	struct fd_ref in, out;
	ssize_t result = -EBADF;

	if (flags & ~(unsigned)SPLICE_FLAGS)
		return -EINVAL;
	in = fd_borrow(in_fd);
	if (!in.file)
		return -EBADF;
	out = fd_borrow(out_fd);
	if (out.file) {
		struct splice s = {.from = in.file,
				   .to = out.file,
				   .len = MIN(len, RW_COUNT_MAX),
				   .is_nonblocking = flags & SPLICE_F_NONBLOCK};
		result = tee_files(&s);
		fd_return(out);
	}
	fd_return(in);
	return result;
}
