/*
 * Waiting (rank 4): queues of sleepers, completions. A sleeper first joins the queue and sets its
 * state, then looks at the condition, then schedules: a wake-up between look and sleep is not lost.
 */
#ifndef KERN_WAIT_H
#define KERN_WAIT_H

#include <kern/types.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <kern/task.h>

struct wait_entry;

struct wait_queue {
	struct spinlock lock;	  /* taken with interrupts off */
	struct list_node waiters; /* [lock] */
};

struct wait_entry {
	struct list_node node; /* [queue lock] */
	struct task_struct *task;
	uint32_t is_waiting; /* [queue lock; atomic for a look] in the queue */
	bool is_exclusive;   /* [const while waiting] wake_up_one and _key stop after the first of
			    * these that they woke */
	/* Called by wakers, queue lock held, interrupts off. key: what happened (poll events, 0
	 * = all), perhaps with WAKE_SYNC. Returns whether it counted as woken. */
	bool (*wake)(struct wait_entry *entry, unsigned key);
	void *private;
};

/* In a key: the waker will sleep soon (pipes, sockets), see task_wake_from(). */
#define WAKE_SYNC (1U << 31)

#define WAIT_QUEUE_INIT(name)                                  \
	{                                                      \
		.lock = SPINLOCK_INIT(LOCK_RANK_WAITQ, #name), \
		.waiters = LIST_INIT((name).waiters)           \
	}

void wait_queue_init(struct wait_queue *queue);

/* An entry that wakes `current` and leaves the queue by itself when woken. */
void wait_entry_init(struct wait_entry *entry);
/* Joins (if not yet in) and sets current's state. Exclusive ones join at the tail. */
void wait_prepare(struct wait_queue *queue, struct wait_entry *entry, uint32_t state);
/* Leaves, state RUNNING. */
void wait_finish(struct wait_queue *queue, struct wait_entry *entry);
/* For entries with a wake of their own (poll). */
void wait_add(struct wait_queue *queue, struct wait_entry *entry);
void wait_remove(struct wait_queue *queue, struct wait_entry *entry);

/*
 * Context: any. Each is a release; costs one load if nobody waits (after a full barrier). _all
 * wakes everybody; _one and _key wake all who are not exclusive and the first exclusive one.
 */
void wake_up_all(struct wait_queue *queue);
void wake_up_one(struct wait_queue *queue);
void wake_up_key(struct wait_queue *queue, unsigned key);
/* Everybody, with a key (a hang-up: POLLHUP). */
void wake_up_all_key(struct wait_queue *queue, unsigned key);

/* Sleep until condition. Interruptible and killable ones return -ERESTARTSYS on a signal; with a
 * deadline (clock ns; UINT64_MAX never) -ETIMEDOUT; 0 when the condition holds. The condition is
 * evaluated without the queue lock, by the sleeper. */
#define wait_event_state(queue, condition, sleep_state, deadline_ns)                 \
	({                                                                           \
		int wait_result_ = 0;                                                \
		if (!(condition)) {                                                  \
			struct wait_entry wait_entry_;                               \
			wait_entry_init(&wait_entry_);                               \
			for (;;) {                                                   \
				wait_prepare(queue, &wait_entry_, sleep_state);      \
				if (condition)                                       \
					break;                                       \
				wait_result_ = wait_sleep(sleep_state, deadline_ns); \
				if (wait_result_)                                    \
					break;                                       \
			}                                                            \
			wait_finish(queue, &wait_entry_);                            \
		}                                                                    \
		wait_result_;                                                        \
	})
#define wait_event(queue, condition) \
	((void)wait_event_state(queue, condition, TASK_UNINTERRUPTIBLE, UINT64_MAX))
#define wait_event_killable(queue, condition) \
	wait_event_state(queue, condition, TASK_KILLABLE, UINT64_MAX)
#define wait_event_interruptible(queue, condition) \
	wait_event_state(queue, condition, TASK_INTERRUPTIBLE, UINT64_MAX)
#define wait_event_interruptible_until(queue, condition, deadline_ns) \
	wait_event_state(queue, condition, TASK_INTERRUPTIBLE, deadline_ns)

/* One sleep of the loop above: 0 after a wake-up, -ERESTARTSYS if a signal that the state
 * listens to is pending, -ETIMEDOUT if the deadline is past. */
int wait_sleep(uint32_t state, uint64_t deadline_ns);

struct completion {
	bool is_done; /* [queue.lock] */
	struct wait_queue queue;
};
void completion_init(struct completion *completion);
void complete(struct completion *completion);
void wait_for_completion(struct completion *completion);
MUST_USE int wait_for_completion_killable(struct completion *completion);

#endif
