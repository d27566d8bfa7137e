/*
 * The ends of pipes: pipe(2), opening a fifo (fifo(7)), closing, polling. Which ends are open is
 * guarded by pipe->lock, the life of the pipe itself by the inode's lock: it exists while a file has
 * it open. Context: task, may sleep.
 */
#include "pipe.h"
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/ioctl.h>
#include <uapi/poll.h>

struct pipe *file_pipe(const struct file *file)
{
	return file->ops == &pipe_ops ? file->private : NULL;
}

/* ---- ends come and go ---- */

static void end_open(struct pipe *pipe, unsigned mode)
{
	if (mode & FILE_READ) {
		atomic_store_relaxed(&pipe->readers, pipe->readers + 1);
		atomic_store_relaxed(&pipe->read_opens, pipe->read_opens + 1);
	}
	if (mode & FILE_WRITE) {
		atomic_store_relaxed(&pipe->writers, pipe->writers + 1);
		atomic_store_relaxed(&pipe->write_opens, pipe->write_opens + 1);
	}
}

/* The last file of a pipe takes it along. */
static void drop_file(struct inode *inode, struct pipe *pipe)
{
	bool is_last;

	rwsem_write_lock(&inode->lock);
	is_last = --pipe->nr_files == 0;
	if (is_last)
		inode->pipe = NULL;
	rwsem_write_unlock(&inode->lock);
	if (is_last)
		pipe_destroy(pipe);
}

static void end_close(struct inode *inode, struct pipe *pipe, unsigned mode)
{
	mutex_lock(&pipe->lock);
	if (mode & FILE_READ)
		atomic_store_relaxed(&pipe->readers, pipe->readers - 1);
	if (mode & FILE_WRITE)
		atomic_store_relaxed(&pipe->writers, pipe->writers - 1);
	if (!pipe->readers != !pipe->writers) { /* one side is gone: the other shall see it */
		wake_up_all_key(&pipe->read_queue, POLLIN | POLLRDNORM | POLLERR | POLLHUP);
		wake_up_all_key(&pipe->write_queue, POLLOUT | POLLWRNORM | POLLERR | POLLHUP);
	}
	mutex_unlock(&pipe->lock);
	drop_file(inode, pipe);
}

void pipe_release(struct file *file)
{
	end_close(file->inode, file->private, file->mode);
}

/* ---- pipe(2) ---- */

static struct file *open_end(struct inode *inode, struct pipe *pipe, uint32_t flags)
{
	struct file *file = file_alloc(&pipe_ops, flags);

	if (!file)
		return NULL;
	file->inode = inode;
	inode_get(inode);
	file->private = pipe;
	file->kind = "pipe";
	pipe->nr_files++;
	end_open(pipe, file->mode);
	return file;
}

int pipe_open_pair(struct file *files[2], int flags)
{
	uint32_t kept = (uint32_t)flags & (O_NONBLOCK | O_DIRECT);
	struct inode *inode = inode_create_anonymous(NULL, S_IFIFO | 0600);
	struct pipe *pipe;

	if (!inode)
		return -ENOMEM;
	pipe = pipe_create();
	if (!pipe)
		goto put_inode;
	pipe->is_unnamed = true;
	inode->pipe = pipe;
	files[0] = open_end(inode, pipe, O_RDONLY | kept);
	if (!files[0])
		goto free_pipe;
	files[1] = open_end(inode, pipe, O_WRONLY | kept);
	inode_put(inode);
	if (!files[1]) {
		file_put(files[0]); /* takes the pipe along */
		return -ENOMEM;
	}
	return 0;
free_pipe:
	inode->pipe = NULL;
	pipe_destroy(pipe);
put_inode:
	inode_put(inode);
	return -ENOMEM;
}

int files_install_pair_move(struct file *files[2], int flags, int32_t *user_fds)
{
	int32_t fds[2];
	int error;

	fds[0] = error = fd_reserve(0, (unsigned)flags);
	if (error < 0)
		goto put_files;
	fds[1] = error = fd_reserve(0, (unsigned)flags);
	if (error < 0)
		goto cancel_first;
	error = copy_to_user(user_fds, fds, sizeof(fds));
	if (error)
		goto cancel_second;
	fd_install_reserved_move(fds[0], files[0]);
	fd_install_reserved_move(fds[1], files[1]);
	return 0;
cancel_second:
	fd_cancel(fds[1]);
cancel_first:
	fd_cancel(fds[0]);
put_files:
	file_put(files[0]);
	file_put(files[1]);
	return error;
}

long sys_pipe2(int32_t *user_fds, int flags)
{
	struct file *files[2];
	int error;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	error = pipe_open_pair(files, flags);
	return error ? error : files_install_pair_move(files, flags, user_fds);
}

long sys_pipe(int32_t *user_fds)
{
	return sys_pipe2(user_fds, 0);
}

/* ---- opening a fifo ---- */

static int get_pipe(struct inode *inode, struct pipe **pipe)
{
	int error = 0;

	rwsem_write_lock(&inode->lock);
	if (!inode->pipe)
		inode->pipe = pipe_create();
	*pipe = inode->pipe;
	if (*pipe)
		(*pipe)->nr_files++;
	else
		error = -ENOMEM;
	rwsem_write_unlock(&inode->lock);
	return error;
}

/* Counts this end in and, for a fifo, waits for one of the other side to be opened, however briefly. */
static int fifo_join(struct inode *inode, struct file *file, struct pipe *pipe)
{
	struct wait_queue *queue = NULL;
	const uint32_t *opens = NULL;
	uint32_t before = 0;

	mutex_lock(&pipe->lock);
	end_open(pipe, file->mode);
	wake_up_all(&pipe->read_queue);
	wake_up_all(&pipe->write_queue);
	if (pipe->is_unnamed) {
		/* Both ends have been open: the other one's absence is the end, not to be waited for. */
	} else if ((file->mode & (FILE_READ | FILE_WRITE)) == FILE_READ && !pipe->writers) {
		queue = &pipe->read_queue;
		opens = &pipe->write_opens;
	} else if ((file->mode & (FILE_READ | FILE_WRITE)) == FILE_WRITE && !pipe->readers) {
		queue = &pipe->write_queue;
		opens = &pipe->read_opens;
	}
	if (opens)
		before = *opens;
	if (opens &&
	    file_is_nonblocking(file)) { /* a reader: no hang-up before a writer has come */
		file->pos = before;
		queue = NULL;
	}
	mutex_unlock(&pipe->lock);
	if (!queue)
		return 0;
	return wait_event_interruptible(queue, atomic_load_relaxed(opens) != before);
}

static int fifo_open(struct inode *inode, struct file *file)
{
	struct pipe *pipe;
	int error = get_pipe(inode, &pipe);

	if (error)
		return error;
	file->pos = pipe->is_unnamed ? -1 : 0;
	if (!pipe->is_unnamed && !(file->mode & FILE_READ) && file_is_nonblocking(file) &&
	    !atomic_load_relaxed(&pipe->readers)) {
		drop_file(inode, pipe);
		return -ENXIO;
	}
	error = fifo_join(inode, file, pipe);
	if (error) {
		end_close(inode, pipe, file->mode);
		return error;
	}
	file->private = pipe;
	file->ops = &pipe_ops;
	return 0;
}

const struct file_ops fifo_ops = {.open = fifo_open};

/* ---- poll, ioctl ---- */

/* A reader who came before any writer is not told of a hang-up until one has been there. */
static bool had_writer(const struct file *file, const struct pipe *pipe)
{
	return (uint32_t)file->pos != atomic_load_relaxed(&pipe->write_opens);
}

unsigned pipe_poll(struct file *file, struct poll_table *table)
{
	struct pipe *pipe = file->private;
	unsigned events = 0;

	if (table && !atomic_load_relaxed(&pipe->is_polled))
		atomic_store_relaxed(&pipe->is_polled, 1U);
	if (file->mode & FILE_READ)
		poll_wait(file, &pipe->read_queue, table);
	if (file->mode & FILE_WRITE)
		poll_wait(file, &pipe->write_queue, table);
	if (file->mode & FILE_READ) {
		if (!pipe_is_empty(pipe))
			events |= POLLIN | POLLRDNORM;
		if (!atomic_load_relaxed(&pipe->writers) && had_writer(file, pipe))
			events |= POLLHUP;
	}
	if (file->mode & FILE_WRITE) {
		if (!pipe_is_full(pipe))
			events |= POLLOUT | POLLWRNORM;
		if (!atomic_load_relaxed(&pipe->readers))
			events |= POLLERR;
	}
	return events;
}

long pipe_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	struct pipe *pipe = file->private;
	int32_t bytes = 0;

	if (command != FIONREAD)
		return -ENOTTY;
	mutex_lock(&pipe->lock);
	for (uint32_t i = pipe->tail; i != pipe->head; i++)
		bytes += (int32_t)pipe_slot(pipe, i)->len;
	mutex_unlock(&pipe->lock);
	return copy_to_user((void *)argument, &bytes, sizeof(bytes));
}
