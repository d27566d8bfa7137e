/* Waiting for several files at once, between the files of fs/. */
#ifndef FS_POLL_H
#define FS_POLL_H

#include <kern/file.h>
#include <uapi/poll.h>
#include <uapi/time.h>

/* One queue that a sleeper has joined. */
struct poll_entry {
	struct wait_entry wait;
	struct wait_queue *queue;
	struct file *file; /* owns a reference: the queue lives as long */
	struct poll_waiter *waiter;
	unsigned events; /* which keys concern it */
};

enum { POLL_INLINE = 6 };

struct poll_chunk;

/* A task that polls: on its stack for the length of the call. */
struct poll_waiter {
	struct poll_table table;
	struct task_struct *task;
	uint32_t is_triggered; /* [atomic] set by wakers */
	unsigned events;       /* what the file that is being polled is asked for */
	int error;	       /* -ENOMEM: an entry could not be made */
	unsigned nr_inline;
	struct poll_chunk *chunks;
	struct poll_entry entries[POLL_INLINE];
};

void poll_waiter_init(struct poll_waiter *waiter);
/* Leaves every queue. */
void poll_waiter_destroy(struct poll_waiter *waiter);
/* Sleeps until a waker, a signal or the deadline (clock ns): 0, -EINTR, -ETIMEDOUT. */
MUST_USE int poll_waiter_sleep(struct poll_waiter *waiter, uint64_t deadline_ns);

/* When a time-out that starts now ends, in clock ns. Negative milliseconds: never. */
uint64_t poll_deadline_ms(int timeout_ms);
/* The same for seconds and nanoseconds >= 0: 0 for none at all, UINT64_MAX beyond the end of time. */
uint64_t poll_deadline_after(int64_t sec, int64_t nsec);
/* -EINVAL: not a time. NULL timespec: never. */
MUST_USE int poll_deadline_of(const struct abi_timespec *user_timeout, uint64_t *deadline_ns);
/* What is left of it, for ppoll and pselect6 to write back; a fault is ignored (ppoll(2)). */
void poll_store_left(struct abi_timespec *user_timeout, uint64_t deadline_ns);
/* The signal mask of ppoll, pselect6, epoll_pwait; user_mask NULL: none. -EINVAL, -EFAULT. Ends with
 * poll_mask_end, which says what becomes of the call's result. */
MUST_USE int poll_mask_begin(const uint64_t *user_mask, size_t mask_size);
long poll_mask_end(const uint64_t *user_mask, long result);

#endif
