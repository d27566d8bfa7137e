/*
 * Mutexes. owner is the lock: NULL is free. mutex->queue.lock guards heir and the queue.
 *
 * A mutex that is freed may be taken by anybody who runs, woken or not: to hand it to a sleeper
 * each time would cost two switches for every holding. But a waiter that was woken and came too
 * late becomes the *heir*: the next unlock makes it the owner. So nobody waits for more than two
 * holdings after it reached the head of the queue.
 *
 *	unlock				waiter
 *	  owner = NULL, full barrier	  nr_waiters + 1, full barrier
 *	  looks at nr_waiters		  joins the queue, tries to take it, sleeps
 *
 * A waiter first spins a little while the owner is running on another CPU: it will probably be done
 * before a switch is.
 */
#include <kern/assert.h>
#include <kern/mutex.h>
#include <kern/sched.h>
#include <arch/time.h>

#include "rq.h"

enum { SPIN_NS = 20000 };

void mutex_init(struct mutex *mutex)
{
	*mutex = (struct mutex){.owner = NULL};
	wait_queue_init(&mutex->queue);
}

bool mutex_trylock(struct mutex *mutex) NO_LOCK_ANALYSIS
{
	struct task_struct *expect = NULL;

	if (!atomic_cmpxchg_acquire(&mutex->owner, &expect, current))
		return false;
	mutex->owner_cpu = arch_cpu_id();
	return true;
}

/* The owner runs on another CPU. A look: the owner is compared, never followed, it may be gone. */
static bool owner_is_running(const struct mutex *mutex)
{
	struct task_struct *owner = atomic_load_relaxed(&mutex->owner);
	uint32_t cpu = atomic_load_relaxed(&mutex->owner_cpu);

	return !owner || (cpu != arch_cpu_id() &&
			  atomic_load_relaxed(&per_cpu(rq, cpu % MAX_CPUS).curr) == owner);
}

static bool spin_for(struct mutex *mutex) NO_LOCK_ANALYSIS
{
	uint64_t end_ns = arch_clock_ns() + SPIN_NS;

	while (owner_is_running(mutex) && !resched_is_due()) {
		if (!atomic_load_relaxed(&mutex->owner) && mutex_trylock(mutex))
			return true;
		if (arch_clock_ns() >= end_ns)
			break;
		arch_cpu_relax();
	}
	return false;
}

/* An entry in the queue, woken too late once: the next owner. */
static void become_heir(struct mutex *mutex)
{
	unsigned long flags = spin_lock_irqsave(&mutex->queue.lock);

	if (!mutex->heir)
		mutex->heir = current;
	spin_unlock_irqrestore(&mutex->queue.lock, flags);
}

/* Gives up what become_heir() got. true: the mutex has been handed over already. */
static bool stop_being_heir(struct mutex *mutex)
{
	unsigned long flags = spin_lock_irqsave(&mutex->queue.lock);
	bool is_owner = atomic_load_relaxed(&mutex->owner) == current;

	if (mutex->heir == current)
		mutex->heir = NULL;
	spin_unlock_irqrestore(&mutex->queue.lock, flags);
	return is_owner;
}

/* Mine: taken now, or handed over. */
static bool try_or_inherited(struct mutex *mutex)
{
	return atomic_load_acquire(&mutex->owner) == current || mutex_trylock(mutex);
}

static NOINLINE int lock_slowly(struct mutex *mutex, uint32_t state)
{
	struct wait_entry entry;
	int err = 0;

	if (spin_for(mutex))
		return 0;
	wait_entry_init(&entry);
	entry.is_exclusive = true;
	atomic_fetch_add_seqcst(&mutex->nr_waiters, 1); /* pairs with mutex_unlock() */
	for (;;) {
		wait_prepare(&mutex->queue, &entry, state);
		if (try_or_inherited(mutex))
			break;
		err = wait_sleep(state, UINT64_MAX);
		if (try_or_inherited(mutex)) {
			err = 0;
			break;
		}
		if (err)
			break;
		become_heir(mutex);
	}
	wait_finish(&mutex->queue, &entry);
	if (stop_being_heir(mutex))
		err = 0;
	atomic_fetch_add_relaxed(&mutex->nr_waiters, -1U);
	if (err) /* it may have been us whom the last unlock woke */
		wake_up_one(&mutex->queue);
	else
		atomic_store_relaxed(&mutex->owner_cpu, arch_cpu_id());
	return err;
}

void mutex_lock(struct mutex *mutex) NO_LOCK_ANALYSIS
{
	might_sleep();
	assert(mutex->owner != current);
	if (!mutex_trylock(mutex))
		(void)lock_slowly(mutex, TASK_UNINTERRUPTIBLE);
}

int mutex_lock_killable(struct mutex *mutex)
{
	might_sleep();
	assert(mutex->owner != current);
	return mutex_trylock(mutex) ? 0 : lock_slowly(mutex, TASK_KILLABLE);
}

/* Somebody waits, or did a moment ago. */
static NOINLINE void unlock_slowly(struct mutex *mutex)
{
	unsigned long flags = spin_lock_irqsave(&mutex->queue.lock);
	struct task_struct *heir = mutex->heir;

	mutex->heir = NULL;
	atomic_store_release(&mutex->owner, heir); /* pairs with try_or_inherited() */
	if (heir)
		task_wake(heir); /* it leaves lock_slowly() only through this lock */
	spin_unlock_irqrestore(&mutex->queue.lock, flags);
	if (!heir)
		wake_up_one(&mutex->queue);
}

void mutex_unlock(struct mutex *mutex) NO_LOCK_ANALYSIS
{
	assert(mutex->owner == current);
	if (atomic_load_relaxed(&mutex->nr_waiters)) {
		unlock_slowly(mutex);
		return;
	}
	atomic_store_release(&mutex->owner, NULL);
	atomic_fence_seqcst(); /* pairs with lock_slowly() */
	if (atomic_load_relaxed(&mutex->nr_waiters))
		wake_up_one(&mutex->queue);
}

bool mutex_is_held(const struct mutex *mutex)
{
	return atomic_load_relaxed(&mutex->owner) == current;
}
