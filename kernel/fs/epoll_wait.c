/* epoll_wait(2) and its relatives: taking events off an instance's ready list. Locks: see epoll.c. Context:
 * task, may sleep. */
#include "epoll.h"
#include <kern/signal.h>
#include <kern/sys_fs.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "poll.h"

struct harvest {
	struct abi_epoll_event *user_events;
	int max, stored, error;
};

static void store_event(struct harvest *harvest, struct epoll_item *item, unsigned events)
{
	struct abi_epoll_event event = {events, item->event.data};

	if (copy_to_user(&harvest->user_events[harvest->stored], &event, sizeof(event)) != 0)
		harvest->error = -EFAULT;
	else
		harvest->stored++;
}

/* Looks at one item that was on the ready list. true: it stays there. Context: epoll->mutex held. */
static bool look_at(struct harvest *harvest, struct epoll_item *item)
{
	unsigned events = epoll_item_poll(item, NULL);
	struct epoll *epoll = item->epoll;
	unsigned long flags;

	if (!events || !(item->event.events & ~EPOLL_PRIVATE))
		return false;
	store_event(harvest, item, events);
	if (harvest->error)
		return true;
	if (item->event.events & EPOLLONESHOT) {
		flags = spin_lock_irqsave(&epoll->lock);
		item->event.events &= EPOLL_PRIVATE; /* until EPOLL_CTL_MOD */
		spin_unlock_irqrestore(&epoll->lock, flags);
		return false;
	}
	return !(item->event.events & EPOLLET);
}

/*
 * Takes the items off the ready list one by one. One that is level-triggered goes to a list of its own,
 * which is put back at the end, behind what became ready meanwhile: nobody is starved, and this round
 * ends. An item that a waker puts back on the ready list while it is looked at is met again.
 */
static int collect(struct epoll *epoll, struct harvest *harvest)
{
	struct list_node again = LIST_INIT(again);
	unsigned long flags;

	mutex_lock(&epoll->mutex);
	while (harvest->stored < harvest->max && !harvest->error) {
		struct epoll_item *item = NULL;

		flags = spin_lock_irqsave(&epoll->lock);
		if (!list_is_empty(&epoll->ready)) {
			item = list_first(&epoll->ready, struct epoll_item, ready_node);
			list_remove(&item->ready_node);
		}
		spin_unlock_irqrestore(&epoll->lock, flags);
		if (!item)
			break;
		if (!look_at(harvest, item))
			continue;
		flags = spin_lock_irqsave(&epoll->lock);
		if (!list_is_empty(&item->ready_node))
			list_remove(&item->ready_node); /* else it would be met twice */
		list_add_tail(&again, &item->ready_node);
		spin_unlock_irqrestore(&epoll->lock, flags);
	}
	flags = spin_lock_irqsave(&epoll->lock);
	list_splice_tail(&epoll->ready, &again);
	spin_unlock_irqrestore(&epoll->lock, flags);
	mutex_unlock(&epoll->mutex);
	return harvest->stored ? harvest->stored : harvest->error;
}

static bool has_ready(const struct epoll *epoll)
{
	return atomic_load_acquire(&epoll->ready.next) != &epoll->ready;
}

/* Waits exclusively: an event wakes one of several threads. */
static int wait_ready(struct epoll *epoll, uint64_t deadline_ns)
{
	struct wait_entry entry;
	int error = 0;

	if (has_ready(epoll))
		return 0;
	if (deadline_ns == 0)
		return -ETIMEDOUT;
	wait_entry_init(&entry);
	entry.is_exclusive = true;
	for (;;) {
		wait_prepare(&epoll->waiters, &entry, TASK_INTERRUPTIBLE);
		if (has_ready(epoll))
			break;
		error = wait_sleep(TASK_INTERRUPTIBLE, deadline_ns);
		if (error)
			break;
	}
	wait_finish(&epoll->waiters, &entry);
	return error && has_ready(epoll) ? 0 : error;
}

static long wait_events(struct epoll *epoll, struct abi_epoll_event *user_events, int max,
			uint64_t deadline_ns)
{
	struct harvest harvest = {user_events, max, 0, 0};
	int result;

	for (;;) {
		result = wait_ready(epoll, deadline_ns);
		if (result)
			break;
		result = collect(epoll, &harvest);
		if (result || deadline_ns == 0)
			break;
	}
	if (harvest.stored && has_ready(epoll))
		wake_up_one(&epoll->waiters); /* the next thread goes on */
	if (result == -ETIMEDOUT)
		return 0;
	return result == -ERESTARTSYS ? -EINTR : result;
}

static long epoll_wait_until(int epoll_fd, struct abi_epoll_event *user_events, int max,
			     uint64_t deadline_ns)
{
	struct fd_ref ref;
	long result;

	if (max <= 0 || max > INT32_MAX / (int)sizeof(*user_events))
		return -EINVAL;
	if (!user_range_ok(user_events, (size_t)max * sizeof(*user_events)))
		return -EFAULT;
	ref = fd_borrow(epoll_fd);
	if (!ref.file)
		return -EBADF;
	result = -EINVAL;
	if (file_epoll(ref.file))
		result = wait_events(file_epoll(ref.file), user_events, max, deadline_ns);
	fd_return(ref);
	return result;
}

long sys_epoll_wait(int epoll_fd, struct abi_epoll_event *user_events, int max, int timeout_ms)
{
	return epoll_wait_until(epoll_fd, user_events, max,
				timeout_ms ? poll_deadline_ms(timeout_ms) : 0);
}

/* A signal ends the call for good: it is not restarted (signal(7)). */
static long masked_wait(int epoll_fd, struct abi_epoll_event *user_events, int max,
			uint64_t deadline_ns, const uint64_t *user_mask, size_t mask_size)
{
	long result = poll_mask_begin(user_mask, mask_size);

	if (result)
		return result;
	result = epoll_wait_until(epoll_fd, user_events, max, deadline_ns);
	if (user_mask)
		signal_hooks.mask_end(result == -EINTR);
	return result;
}

long sys_epoll_pwait(int epoll_fd, struct abi_epoll_event *user_events, int max, int timeout_ms,
		     const uint64_t *user_mask, size_t mask_size)
{
	return masked_wait(epoll_fd, user_events, max,
			   timeout_ms ? poll_deadline_ms(timeout_ms) : 0, user_mask, mask_size);
}

long sys_epoll_pwait2(int epoll_fd, struct abi_epoll_event *user_events, int max,
		      const struct abi_timespec *user_timeout, const uint64_t *user_mask,
		      size_t mask_size)
{
	uint64_t deadline_ns;
	int error = poll_deadline_of(user_timeout, &deadline_ns);

	if (error)
		return error;
	return masked_wait(epoll_fd, user_events, max, deadline_ns, user_mask, mask_size);
}
