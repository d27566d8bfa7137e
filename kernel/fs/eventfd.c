/*
 * eventfd(2): a counter that can be waited for. lock guards the count; sleepers wait for it to be above
 * zero (readers) or to have room (writers). Context: task, may sleep.
 */
#include <kern/fs.h>
#include <kern/format.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/sched.h>
#include <kern/sys_fs.h>
#include <uapi/errno.h>

struct eventfd {
	struct spinlock lock;
	uint64_t count;	   /* [lock to write, atomic to read] at most COUNT_MAX */
	bool is_semaphore; /* [const] */
	struct wait_queue queue;
};

#define COUNT_MAX (UINT64_MAX - 1)

/* Takes the count, or one of it; 0: there is nothing. */
static uint64_t take(struct eventfd *event)
{
	uint64_t value;

	spin_lock(&event->lock);
	value = event->is_semaphore && event->count ? 1 : event->count;
	atomic_store_relaxed(&event->count, event->count - value);
	spin_unlock(&event->lock);
	return value;
}

static bool add(struct eventfd *event, uint64_t value)
{
	bool has_room;

	spin_lock(&event->lock);
	has_room = value <= COUNT_MAX - event->count;
	if (has_room)
		atomic_store_relaxed(&event->count, event->count + value);
	spin_unlock(&event->lock);
	return has_room;
}

static ssize_t eventfd_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct eventfd *event = file->private;
	uint64_t value;

	if (iov_left(to) < sizeof(value))
		return -EINVAL;
	while (!(value = take(event))) {
		int error;

		if (file_is_nonblocking(file))
			return -EAGAIN;
		error = wait_event_interruptible(&event->queue,
						 atomic_load_relaxed(&event->count) > 0);
		if (error)
			return error;
	}
	wake_up_key(&event->queue, POLLOUT | POLLWRNORM);
	return iov_copy_to(to, &value, sizeof(value)) == sizeof(value) ? (ssize_t)sizeof(value)
								       : -EFAULT;
}

static ssize_t eventfd_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	struct eventfd *event = file->private;
	uint64_t value;

	if (iov_left(from) < sizeof(value))
		return -EINVAL;
	if (iov_copy_from(from, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	while (!add(event, value)) {
		int error;

		if (file_is_nonblocking(file))
			return -EAGAIN;
		error = wait_event_interruptible(
			&event->queue, value <= COUNT_MAX - atomic_load_relaxed(&event->count));
		if (error)
			return error;
	}
	if (value)
		wake_up_key(&event->queue, POLLIN | POLLRDNORM);
	return sizeof(value);
}

static unsigned eventfd_poll(struct file *file, struct poll_table *table)
{
	struct eventfd *event = file->private;
	uint64_t count;
	unsigned events = 0;

	poll_wait(file, &event->queue, table);
	count = atomic_load_relaxed(&event->count);
	if (count)
		events |= POLLIN | POLLRDNORM;
	if (count < COUNT_MAX)
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static void eventfd_release(struct file *file)
{
	kfree(file->private);
}

static size_t eventfd_fdinfo(struct file *file, char *buf, size_t size)
{
	struct eventfd *event = file->private;
	int len = format_string(buf, size, "eventfd-count: %16llx\n",
				(unsigned long long)atomic_load_relaxed(&event->count));

	return MIN((size_t)len, size - 1);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.fdinfo = eventfd_fdinfo,
};

long sys_eventfd2(unsigned value, int flags)
{
	struct eventfd *event;
	struct file *file;
	int fd;

	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	event = kmalloc(sizeof(*event), ALLOC_ZERO);
	if (!event)
		return -ENOMEM;
	spin_init(&event->lock, LOCK_RANK_PIPE, "eventfd");
	wait_queue_init(&event->queue);
	event->count = value;
	event->is_semaphore = flags & EFD_SEMAPHORE;
	file = file_alloc(&eventfd_ops, O_RDWR | ((uint32_t)flags & O_NONBLOCK));
	if (!file) {
		kfree(event);
		return -ENOMEM;
	}
	file->private = event;
	file->kind = "anon_inode:[eventfd]";
	fd = fd_install_move(file, 0, (unsigned)flags);
	if (fd < 0)
		file_put(file);
	return fd;
}

long sys_eventfd(unsigned value)
{
	return sys_eventfd2(value, 0);
}
