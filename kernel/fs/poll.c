/* poll(2), ppoll(2). Context: task, may sleep. */
#include "poll.h"
#include <kern/kcache.h>
#include <kern/rlimit.h>
#include <kern/signal.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "files.h"

enum { INLINE_FDS = 24, ALWAYS = POLLERR | POLLHUP };

/* table NULL: only looks. */
static int16_t poll_one(const struct abi_pollfd *fd, struct poll_waiter *waiter, bool joins)
{
	struct fd_ref ref;
	unsigned events;

	if (fd->fd < 0)
		return 0;
	ref = fd_borrow(fd->fd);
	if (!ref.file)
		return POLLNVAL;
	waiter->events = (uint16_t)fd->events;
	events = file_poll(ref.file, joins ? &waiter->table : NULL);
	fd_return(ref);
	return (int16_t)(events & ((uint16_t)fd->events | ALWAYS));
}

static int poll_round(struct abi_pollfd *fds, unsigned nr, struct poll_waiter *waiter, bool joins)
{
	int ready = 0;

	for (unsigned i = 0; i < nr; i++) {
		fds[i].revents = poll_one(&fds[i], waiter, joins && !ready);
		if (fds[i].revents)
			ready++;
	}
	return ready;
}

/* How many are ready; 0: the deadline came; -EINTR, -ENOMEM. */
static int poll_wait_ready(struct abi_pollfd *fds, unsigned nr, uint64_t deadline_ns)
{
	struct poll_waiter waiter;
	bool joins = deadline_ns != 0;
	int ready, error = 0;

	poll_waiter_init(&waiter);
	for (;;) {
		ready = poll_round(fds, nr, &waiter, joins);
		if (ready || error == -ETIMEDOUT || deadline_ns == 0 || waiter.error)
			break;
		joins = false; /* it stays in the queues */
		error = poll_waiter_sleep(&waiter, deadline_ns);
		if (error == -EINTR)
			break;
	}
	poll_waiter_destroy(&waiter);
	if (ready)
		return ready;
	if (waiter.error)
		return waiter.error;
	return error == -EINTR ? error : 0;
}

static int store_results(struct abi_pollfd *user_fds, const struct abi_pollfd *fds, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		if (copy_to_user(&user_fds[i].revents, &fds[i].revents, sizeof(fds[i].revents)) !=
		    0)
			return -EFAULT;
	}
	return 0;
}

static long poll_user(struct abi_pollfd *user_fds, unsigned nr, uint64_t deadline_ns)
{
	struct abi_pollfd inline_fds[INLINE_FDS], *fds = inline_fds;
	long result;

	if (nr > MIN(rlimit_current(RLIMIT_NOFILE), (uint64_t)FILES_MAX))
		return -EINVAL;
	if (nr > INLINE_FDS) {
		fds = kmalloc(nr * sizeof(*fds), ALLOC_KERNEL);
		if (!fds)
			return -ENOMEM;
	}
	result = copy_from_user(fds, user_fds, nr * sizeof(*fds));
	if (!result)
		result = poll_wait_ready(fds, nr, deadline_ns);
	if (result >= 0 && store_results(user_fds, fds, nr) != 0)
		result = -EFAULT;
	if (fds != inline_fds)
		kfree(fds);
	return result;
}

/* Goes on after a signal without handler, until the deadline that was set at first. */
static long poll_restart(struct task_struct *task);

static long poll_until(struct abi_pollfd *user_fds, unsigned nr, uint64_t deadline_ns)
{
	long result = poll_user(user_fds, nr, deadline_ns);

	if (result != -EINTR)
		return result;
	current->restart[0] = (uintptr_t)user_fds;
	current->restart[1] = nr;
	current->restart[2] = deadline_ns;
	current->restart_fn = poll_restart;
	return -ERESTART_RESTARTBLOCK;
}

static long poll_restart(struct task_struct *task)
{
	return poll_until((void *)(uintptr_t)task->restart[0], (unsigned)task->restart[1],
			  task->restart[2]);
}

long sys_poll(struct abi_pollfd *user_fds, unsigned nr, int timeout_ms)
{
	return poll_until(user_fds, nr, timeout_ms ? poll_deadline_ms(timeout_ms) : 0);
}

long sys_ppoll(struct abi_pollfd *user_fds, unsigned nr, struct abi_timespec *user_timeout,
	       const uint64_t *user_mask, size_t mask_size)
{
	uint64_t deadline_ns;
	long result = poll_deadline_of(user_timeout, &deadline_ns);

	if (!result)
		result = poll_mask_begin(user_mask, mask_size);
	if (result)
		return result;
	result = poll_mask_end(user_mask, poll_user(user_fds, nr, deadline_ns));
	poll_store_left(user_timeout, deadline_ns);
	return result;
}
