/*
 * Wait queues and completions. queue->lock guards the list; it is taken with interrupts off, and
 * held while entries' wake functions run, so what they do must be short: usually task_wake().
 *
 *	sleeper: joins the queue, sets its state, full barrier, looks at the condition, sleeps
 *	waker: makes the condition true, full barrier, looks whether the queue is empty, wakes
 *
 * One of them sees the other. An entry lies on its sleeper's stack; the sleeper leaves
 * wait_finish() only when is_waiting is 0, which is the last thing that a waker stores to it, or
 * after taking queue->lock.
 */
#include <kern/assert.h>
#include <kern/sched.h>
#include <kern/signal.h>
#include <kern/timer.h>
#include <kern/wait.h>
#include <uapi/errno.h>

void wait_queue_init(struct wait_queue *queue)
{
	spin_init(&queue->lock, LOCK_RANK_WAITQ, "wait_queue");
	list_init(&queue->waiters);
}

/* queue->lock held. */
static void entry_leave(struct wait_entry *entry)
{
	list_remove(&entry->node);
	atomic_store_release(&entry->is_waiting, 0); /* pairs with wait_finish() */
}

static bool entry_wake_task(struct wait_entry *entry, unsigned key)
{
	if (!task_wake_from(entry->task, TASK_SLEEPING, key & WAKE_SYNC))
		return false;
	entry_leave(entry);
	return true;
}

void wait_entry_init(struct wait_entry *entry)
{
	entry->task = current;
	entry->is_waiting = 0;
	entry->is_exclusive = false;
	entry->wake = entry_wake_task;
	entry->private = NULL;
}

static void entry_join(struct wait_queue *queue, struct wait_entry *entry)
{
	if (entry->is_waiting)
		return;
	atomic_store_relaxed(&entry->is_waiting, 1);
	if (entry->is_exclusive)
		list_add_tail(&queue->waiters, &entry->node);
	else
		list_add(&queue->waiters, &entry->node);
}

void wait_prepare(struct wait_queue *queue, struct wait_entry *entry, uint32_t state)
{
	unsigned long flags = spin_lock_irqsave(&queue->lock);

	entry_join(queue, entry);
	set_current_state(state); /* its full barrier pairs with queue_is_empty() */
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wait_finish(struct wait_queue *queue, struct wait_entry *entry)
{
	unsigned long flags;

	atomic_store_relaxed(&current->state, TASK_RUNNING);
	if (!atomic_load_acquire(&entry->is_waiting))
		return;
	flags = spin_lock_irqsave(&queue->lock);
	if (entry->is_waiting)
		entry_leave(entry);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wait_add(struct wait_queue *queue, struct wait_entry *entry)
{
	unsigned long flags = spin_lock_irqsave(&queue->lock);

	entry_join(queue, entry);
	spin_unlock_irqrestore(&queue->lock, flags);
	/* The caller looks at the condition next: pairs with queue_is_empty(). */
	atomic_fence_seqcst();
}

void wait_remove(struct wait_queue *queue, struct wait_entry *entry)
{
	unsigned long flags = spin_lock_irqsave(&queue->lock);

	if (entry->is_waiting)
		entry_leave(entry);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* ---- waking ---------------------------------------------------------------------------------- */

/* The waker's condition before its look: pairs with wait_prepare() and wait_add(). */
static bool queue_is_empty(struct wait_queue *queue)
{
	atomic_fence_seqcst();
	return atomic_load_relaxed(&queue->waiters.next) == &queue->waiters;
}

/* queue->lock held. nr_exclusive: stop after so many exclusive ones. */
static void queue_wake(struct wait_queue *queue, unsigned key, unsigned nr_exclusive)
{
	struct wait_entry *entry, *next;

	list_for_each_entry_safe (entry, next, &queue->waiters, node) {
		bool is_exclusive = entry->is_exclusive;

		if (entry->wake(entry, key) && is_exclusive && --nr_exclusive == 0)
			break;
	}
}

static void wake(struct wait_queue *queue, unsigned key, unsigned nr_exclusive)
{
	unsigned long flags;

	if (queue_is_empty(queue))
		return;
	flags = spin_lock_irqsave(&queue->lock);
	queue_wake(queue, key, nr_exclusive);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wake_up_all(struct wait_queue *queue)
{
	wake(queue, 0, UINT32_MAX);
}

void wake_up_one(struct wait_queue *queue)
{
	wake(queue, 0, 1);
}

void wake_up_key(struct wait_queue *queue, unsigned key)
{
	wake(queue, key, 1);
}

void wake_up_all_key(struct wait_queue *queue, unsigned key)
{
	wake(queue, key, UINT32_MAX);
}

/* ---- sleeping -------------------------------------------------------------------------------- */

struct sleep_timer {
	struct timer timer;
	struct task_struct *task;
};

static void sleep_timer_fire(struct timer *timer)
{
	task_wake(container_of(timer, struct sleep_timer, timer)->task);
}

bool schedule_until(uint64_t deadline_ns)
{
	struct sleep_timer sleep;

	if (deadline_ns == UINT64_MAX) {
		schedule();
		return true;
	}
	if (deadline_ns <= clock_monotonic_ns()) {
		atomic_store_relaxed(&current->state, TASK_RUNNING);
		return false;
	}
	timer_init(&sleep.timer, sleep_timer_fire);
	sleep.task = current;
	timer_arm(&sleep.timer, deadline_ns);
	schedule();
	/* Not armed any more: it has fired. It lies on this stack, so wait until it is done. */
	return timer_cancel_wait(&sleep.timer);
}

int wait_sleep(uint32_t state, uint64_t deadline_ns)
{
	if ((state & TASK_INTERRUPTIBLE) && signal_pending(current))
		return -ERESTARTSYS;
	if ((state & TASK_KILLABLE) && signal_pending(current) && fatal_signal_pending(current))
		return -ERESTARTSYS;
	if (deadline_ns != UINT64_MAX && deadline_ns <= clock_monotonic_ns())
		return -ETIMEDOUT;
	schedule_until(deadline_ns);
	return 0;
}

/* ---- completions ----------------------------------------------------------------------------- */

void completion_init(struct completion *completion)
{
	completion->is_done = false;
	wait_queue_init(&completion->queue);
}

void complete(struct completion *completion)
{
	unsigned long flags = spin_lock_irqsave(&completion->queue.lock);

	completion->is_done = true;
	queue_wake(&completion->queue, 0, UINT32_MAX);
	spin_unlock_irqrestore(&completion->queue.lock, flags);
}

/*
 * Reads is_done under the lock always: a completion may lie on the waiter's stack, and complete()
 * is done with it only when it has released the lock.
 */
static bool completion_is_done(struct completion *completion)
{
	unsigned long flags = spin_lock_irqsave(&completion->queue.lock);
	bool is_done = completion->is_done;

	spin_unlock_irqrestore(&completion->queue.lock, flags);
	return is_done;
}

void wait_for_completion(struct completion *completion)
{
	might_sleep();
	wait_event(&completion->queue, completion_is_done(completion));
}

int wait_for_completion_killable(struct completion *completion)
{
	might_sleep();
	return wait_event_killable(&completion->queue, completion_is_done(completion));
}
