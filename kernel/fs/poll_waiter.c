/*
 * The sleeper behind poll and select: it joins the queues of every file that is not ready, and leaves
 * them all when one of them wakes it. Only its task uses it; wakers touch is_triggered. Context: task.
 */
#include "poll.h"
#include <kern/kcache.h>
#include <kern/sched.h>
#include <kern/signal.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

enum { CHUNK_ENTRIES = 32 };

struct poll_chunk {
	struct poll_chunk *next;
	unsigned used;
	struct poll_entry entries[CHUNK_ENTRIES];
};

static bool poll_wake(struct wait_entry *wait, unsigned key)
{
	struct poll_entry *entry = container_of(wait, struct poll_entry, wait);
	struct poll_waiter *waiter = entry->waiter;
	unsigned events = key & ~WAKE_SYNC;

	if (events && !(events & entry->events))
		return false;
	/* Pairs with the exchange in poll_waiter_sleep: the flag is set before the state is looked at. */
	atomic_store_seqcst(&waiter->is_triggered, 1U);
	return task_wake_from(waiter->task, TASK_INTERRUPTIBLE, key & WAKE_SYNC);
}

static struct poll_entry *entry_alloc(struct poll_waiter *waiter)
{
	struct poll_chunk *chunk = waiter->chunks;

	if (waiter->nr_inline < POLL_INLINE)
		return &waiter->entries[waiter->nr_inline++];
	if (!chunk || chunk->used == CHUNK_ENTRIES) {
		chunk = kmalloc(sizeof(*chunk), ALLOC_KERNEL);
		if (!chunk)
			return NULL;
		chunk->used = 0;
		chunk->next = waiter->chunks;
		waiter->chunks = chunk;
	}
	return &chunk->entries[chunk->used++];
}

static void join(struct poll_table *table, struct file *file, struct wait_queue *queue)
{
	struct poll_waiter *waiter = container_of(table, struct poll_waiter, table);
	struct poll_entry *entry = entry_alloc(waiter);

	if (!entry) {
		waiter->error = -ENOMEM;
		return;
	}
	wait_entry_init(&entry->wait);
	entry->wait.wake = poll_wake;
	entry->queue = queue;
	entry->file = file;
	entry->waiter = waiter;
	entry->events = waiter->events | POLLERR | POLLHUP;
	file_get(file);
	wait_add(queue, &entry->wait);
}

void poll_waiter_init(struct poll_waiter *waiter)
{
	waiter->table.join = join;
	waiter->task = current;
	waiter->is_triggered = 0;
	waiter->error = 0;
	waiter->nr_inline = 0;
	waiter->chunks = NULL;
}

static void entries_leave(struct poll_entry *entries, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		wait_remove(entries[i].queue, &entries[i].wait);
		file_put(entries[i].file);
	}
}

void poll_waiter_destroy(struct poll_waiter *waiter)
{
	entries_leave(waiter->entries, waiter->nr_inline);
	while (waiter->chunks) {
		struct poll_chunk *chunk = waiter->chunks;
		waiter->chunks = chunk->next;
		entries_leave(chunk->entries, chunk->used);
		kfree(chunk);
	}
}

int poll_waiter_sleep(struct poll_waiter *waiter, uint64_t deadline_ns)
{
	int result = 0;

	if (signal_pending(current))
		return -EINTR;
	set_current_state(TASK_INTERRUPTIBLE);
	if (!atomic_load_relaxed(&waiter->is_triggered) && !schedule_until(deadline_ns))
		result = -ETIMEDOUT;
	set_current_state(TASK_RUNNING);
	atomic_exchange_acquire(&waiter->is_triggered, 0U);
	return result;
}

/* ---- time-outs ---- */

uint64_t poll_deadline_ms(int timeout_ms)
{
	if (timeout_ms < 0)
		return UINT64_MAX;
	return clock_monotonic_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
}

uint64_t poll_deadline_after(int64_t sec, int64_t nsec)
{
	uint64_t ns;

	if (!sec && !nsec)
		return 0;
	if (__builtin_mul_overflow((uint64_t)sec, NSEC_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)nsec, &ns) ||
	    __builtin_add_overflow(ns, clock_monotonic_ns(), &ns))
		return UINT64_MAX;
	return ns;
}

int poll_deadline_of(const struct abi_timespec *user_timeout, uint64_t *deadline_ns)
{
	struct abi_timespec timeout;

	*deadline_ns = UINT64_MAX;
	if (!user_timeout)
		return 0;
	if (copy_from_user(&timeout, user_timeout, sizeof(timeout)) != 0)
		return -EFAULT;
	if (timeout.sec < 0 || timeout.nsec < 0 || timeout.nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	*deadline_ns = poll_deadline_after(timeout.sec, timeout.nsec);
	return 0;
}

void poll_store_left(struct abi_timespec *user_timeout, uint64_t deadline_ns)
{
	uint64_t now = clock_monotonic_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct abi_timespec timeout = {(int64_t)(left / NSEC_PER_SEC),
				       (int64_t)(left % NSEC_PER_SEC)};
	int error;

	if (!user_timeout || deadline_ns == UINT64_MAX)
		return;
	error = copy_to_user(user_timeout, &timeout, sizeof(timeout));
	(void)error; /* it may be in read-only memory: the result of the call stands */
}

/* ---- signal masks ---- */

int poll_mask_begin(const uint64_t *user_mask, size_t mask_size)
{
	uint64_t mask;

	if (!user_mask)
		return 0;
	if (mask_size != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (copy_from_user(&mask, user_mask, sizeof(mask)) != 0)
		return -EFAULT;
	signal_hooks.mask_begin(mask);
	return 0;
}

long poll_mask_end(const uint64_t *user_mask, long result)
{
	bool is_interrupted = result == -EINTR;

	if (user_mask)
		signal_hooks.mask_end(is_interrupted);
	return is_interrupted ? -ERESTARTNOHAND : result;
}
