/*
 * Making tasks runnable, and choosing the CPU on which they will run.
 *
 * Where a woken task goes. On this kernel's machine (virtual CPUs, often emulated) a halted CPU is
 * woken by way of the host's scheduler: that costs from fifty microseconds to milliseconds, where a
 * switch on the waker's own CPU costs a few. And a task that is woken by somebody who goes to sleep
 * in the next moment (the reader of a pipe, the parent of an exiting child, the other side of a
 * futex) has nothing to win elsewhere. So such a *synchronous* wake-up stays on the waker's CPU, if
 * the waker is alone there. It counts as one if the caller says so, if the waker is exiting, or if
 * the two woke each other the last time. Should the waker not sleep after all, the task is not
 * lost: after PULL_AGE_NS an idle CPU is sent for it (balance.c). Any other wake-up looks for an
 * idle CPU, the former one first, those that still poll before those that halt. If all are busy it
 * returns to where it was, unless that is clearly busier than here.
 */
#include <arch/irq.h>

#include "queue.h"

static uint32_t nr_running_on(unsigned cpu)
{
	return atomic_load_relaxed(&per_cpu(rq, cpu).nr_running);
}

/* An idle CPU of mask, preferring prev, and before that one that polls. mask is not empty. */
static unsigned choose_idle(uint64_t mask, unsigned prev)
{
	bool prev_is_idle = (mask >> prev) & 1;
	unsigned cpu;

	if (prev_is_idle && cpu_is_polling(prev))
		return prev;
	for_each_cpu (cpu, mask)
		if (cpu_is_polling(cpu))
			return cpu;
	return prev_is_idle ? prev : bit_lowest(mask);
}

/* Real-time: the CPU whose task is the least important, prev among equals. */
static unsigned choose_lowest(uint64_t mask, unsigned prev)
{
	unsigned best = bit_lowest(mask), best_priority = 100, cpu;

	for_each_cpu (cpu, mask) {
		unsigned priority = atomic_load_relaxed(&per_cpu(rq, cpu).curr_priority);

		if (priority < best_priority || (priority == best_priority && cpu == prev)) {
			best = cpu;
			best_priority = priority;
		}
	}
	return best;
}

/* All are busy: prev, unless another one has clearly less to do. */
static unsigned choose_shortest(uint64_t mask, unsigned prev)
{
	unsigned best = (mask >> prev) & 1 ? prev : bit_lowest(mask), cpu;
	uint32_t best_nr = nr_running_on(best);

	if (best_nr < 2)
		return best;
	best_nr--;
	for_each_cpu (cpu, mask) {
		uint32_t nr = nr_running_on(cpu);

		if (nr < best_nr) {
			best = cpu;
			best_nr = nr;
		}
	}
	return best;
}

/* is_sync: the waker, which runs here, is about to sleep. Interrupts off. */
static unsigned choose_cpu(struct task_struct *task, bool is_sync)
{
	uint64_t allowed = task_allowed_cpus(task), idle;
	unsigned here = arch_cpu_id(), prev = task->cpu;
	bool may_here = (allowed >> here) & 1;

	if (!(allowed & (allowed - 1)))
		return bit_lowest(allowed);
	if (may_here && nr_running_on(here) <= (is_sync ? 1 : 0))
		return here; /* nobody runs here (an interrupt wakes), or only the waker */
	idle = atomic_load_relaxed(&cpus_idle) & allowed;
	if (idle)
		return choose_idle(idle, prev);
	if (task_is_rt(task))
		return choose_lowest(allowed, prev);
	return choose_shortest(allowed, prev);
}

struct rq *task_settle(struct task_struct *task, struct rq *rq, enum enqueue_how how, bool is_sync)
{
	debug_assert(task->se.is_moving && !task->se.is_queued && !task->on_cpu);

	for (;;) {
		unsigned cpu = choose_cpu(task, is_sync);

		if (cpu != rq->cpu) {
			if (how == ENQUEUE_WAKE)
				how = ENQUEUE_WAKE_MOVED;
			/* From here on the other queue's lock guards it; nobody queues it but
			 * us. */
			atomic_store_relaxed(&task->cpu, cpu);
			rq_unlock(rq);
			rq = &per_cpu(rq, cpu);
			rq_lock(rq);
		}
		/* Its affinity may have changed between the locks. */
		if (likely((task_allowed_cpus(task) >> cpu) & 1))
			break;
	}
	rq_update_clock(rq);
	rq_enqueue(rq, task, how);
	rq_check_preempt(rq, task, is_sync);
	return rq;
}

/* The sleep is over: takes it back, or queues the task. rq is its queue, locked, and is
 * unlocked. */
static void end_sleep(struct rq *rq, struct task_struct *task, bool is_sync) NO_LOCK_ANALYSIS
{
	if (task->se.is_load_sleeper) {
		task->se.is_load_sleeper = false;
		atomic_store_relaxed(&rq->nr_uninterruptible, rq->nr_uninterruptible - 1);
	}
	if (!in_irq()) {
		struct task_struct *waker = current;

		if (waker->se.last_waker == task && task->se.last_waker == waker)
			is_sync = true;
		else if (waker->flags & PF_EXITING)
			is_sync = true;
		task->se.last_waker = waker;
	}
	task->se.is_moving = true;
	rq = task_settle(task, rq, ENQUEUE_WAKE, is_sync);
	rq_unlock(rq);
}

bool task_wake_from(struct task_struct *task, uint32_t states, bool is_sync) NO_LOCK_ANALYSIS
{
	unsigned long flags;
	uint32_t state;
	struct rq *rq;

	/* The waker's condition before the sleeper's state: pairs with set_current_state(). */
	atomic_fence_seqcst();
	if (!(atomic_load_relaxed(&task->state) & states))
		return false;

	flags = arch_irq_save();
	rq = task_rq_lock(task);
	state = atomic_load_relaxed(&task->state);
	do {
		if (!(state & states)) {
			rq_unlock(rq);
			arch_irq_restore(flags);
			return false;
		}
	} while (!atomic_cmpxchg_acqrel(&task->state, &state, TASK_RUNNING));

	if (task->se.is_queued || task->se.is_moving)
		rq_unlock(rq); /* it has not left yet: schedule() will find RUNNING */
	else
		end_sleep(rq, task, is_sync);
	arch_irq_restore(flags);
	preempt_check();
	return true;
}

void task_wake_new(struct task_struct *task) NO_LOCK_ANALYSIS
{
	unsigned long flags = arch_irq_save();
	struct rq *rq = task_rq_lock(task);

	assert(task->state == TASK_NEW && !task->se.is_queued && !task->on_cpu);
	atomic_store_relaxed(&task->state, TASK_RUNNING);
	task->se.last_waker = current;
	task->se.is_moving = true;
	/* As a synchronous one: most parents wait for a child at once, and most children exec. */
	rq = task_settle(task, rq, ENQUEUE_NEW, true);
	rq_unlock(rq);
	arch_irq_restore(flags);
	preempt_check();
}
