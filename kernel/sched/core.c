/*
 * Giving the CPU away. schedule() runs on the leaving task's stack; the switch itself is switch.c.
 *
 * Why no wake-up is lost, and why nobody runs twice.
 *
 *	sleeper					waker
 *	  state = S, full barrier (A)		  makes the condition true
 *	  looks at the condition		  full barrier (B), looks at the state
 *	  schedule():				  rq->lock of the sleeper
 *	    rq->lock				    state among those asked for?
 *	    state still S: off the queue	    is queued:     state = RUNNING
 *	    switch				    is not queued: RUNNING, onto a queue
 *	  next task: on_cpu = 0, unlock		  unlock
 *
 * - A pairs with B: either the waker sees S, or the sleeper sees the condition and does not sleep.
 * - The decisions "off the queue" and "is it queued" are made under one lock, that of the run queue
 *   that task->cpu names (task_rq_lock). A waker that comes first finds the task queued and takes S
 *   back, so that schedule() finds RUNNING; one that comes second queues it.
 * - The lock is held until the next task has cleared on_cpu. So "not queued", read under the lock,
 *   means that the task's registers are saved and that nobody stands on its stack: it may be
 *   started on any CPU at once, and no waker ever waits for on_cpu.
 * - task->cpu changes only under the lock of the queue that it named before, and only while the
 *   task is off every queue (is_moving, on its way: task_settle) or with both queues locked
 *   (pulling).
 * - A waker replaces just the state that it saw (compare and exchange): one that comes late to a
 *   task which has gone on to DEAD cannot revive it. To a task that sleeps again it is a spurious
 *   wake-up; every sleeper looks at its condition again.
 *
 * preempt_count: 0 on entry to schedule(), SWITCH_PREEMPT_COUNT from the locking of the run queue
 * to the end, on whichever CPU that is. An interrupt that wants a switch meanwhile leaves
 * WORK_RESCHED behind, and the loop goes round again.
 */
#include <kern/signal.h>
#include <arch/ipi.h>
#include <arch/irq.h>

#include "queue.h"

enum switch_reason { SWITCH_SLEEP, SWITCH_PREEMPT, SWITCH_YIELD };

/* A signal that the state listens to waits. */
static bool sleep_is_interrupted(const struct task_struct *task, uint32_t state)
{
	if (!(state & (TASK_INTERRUPTIBLE | TASK_KILLABLE)) || likely(!signal_pending(task)))
		return false;
	return (state & TASK_INTERRUPTIBLE) || fatal_signal_pending(task);
}

/* The running task wants to sleep: takes it off the queue, unless a wake-up or a signal came
 * first. */
static void leave_queue(struct rq *rq, struct task_struct *task) HOLDS(rq->lock)
{
	uint32_t state = atomic_load_relaxed(&task->state);

	assert(!task_is_idle(task));
	if (sleep_is_interrupted(task, state)) {
		atomic_store_relaxed(&task->state, TASK_RUNNING);
		return;
	}
	if (!task_is_rt(task))
		fair_learn_burst(&task->se);
	rq_dequeue(rq, task);
	if (state & (TASK_UNINTERRUPTIBLE | TASK_KILLABLE)) {
		task->se.is_load_sleeper = true;
		atomic_store_relaxed(&rq->nr_uninterruptible, rq->nr_uninterruptible + 1);
	}
}

/* May not run on this CPU any more: leaves its queue now, and the CPU with the switch. */
static void leave_cpu(struct rq *rq, struct task_struct *task) HOLDS(rq->lock)
{
	rq_dequeue(rq, task);
	task->se.is_moving = true;
	rq->push = task;
}

void rq_push(struct rq *rq) NO_LOCK_ANALYSIS
{
	struct task_struct *task = rq->push;

	rq->push = NULL;
	debug_assert(!atomic_load_relaxed(&task->on_cpu));
	rq = task_settle(task, rq, ENQUEUE_MOVE, false);
	spin_unlock_no_resched(&rq->lock);
}

/* One look at who should run. Interrupts are off on entry and on on return. */
static ALWAYS_INLINE void switch_once(enum switch_reason reason) NO_LOCK_ANALYSIS
{
	struct rq *rq = &this_cpu(rq);
	struct task_struct *prev = rq->curr, *next;
	bool may_go_on;

	rq_lock(rq); /* preempt_count is SWITCH_PREEMPT_COUNT from here */
	rq_update_clock(rq);
	rq_charge(rq);
	if (reason != SWITCH_PREEMPT && atomic_load_relaxed(&prev->state) != TASK_RUNNING)
		leave_queue(rq, prev);
	may_go_on = prev->se.is_queued;
	if (may_go_on && unlikely(!((prev->affinity >> rq->cpu) & 1)) &&
	    !((task_allowed_cpus(prev) >> rq->cpu) & 1)) {
		leave_cpu(rq, prev);
		may_go_on = false;
	}
	next = rq_pick(rq, may_go_on ? prev : NULL, reason == SWITCH_YIELD);
	if (task_has_work(prev, WORK_RESCHED))
		atomic_fetch_and_relaxed(&prev->work, ~(uint32_t)WORK_RESCHED);

	if (next == prev) {
		rq_set_slice(rq);
		spin_unlock_no_resched(&rq->lock);
		arch_irq_enable();
	} else {
		if (prev->se.is_queued)
			prev->se.nr_switches_involuntary++;
		else
			prev->se.nr_switches_voluntary++;
		rq_replace(rq, prev, next, reason == SWITCH_YIELD);
		rq_set_slice(rq);
		context_switch(rq, prev, next); /* releases rq->lock in whoever arrives */
	}
	/* Perhaps another CPU, at another time; nothing from above is true any more. */
	preempt_enable_no_resched();
}

/* One copy for each reason. Interrupts are off on entry and on on return. */
static NOINLINE void switch_sleep(void)
{
	switch_once(SWITCH_SLEEP);
}
static NOINLINE void switch_yield(void)
{
	switch_once(SWITCH_YIELD);
}
static NOINLINE void switch_preempt(void)
{
	switch_once(SWITCH_PREEMPT);
}

static inline void switch_begin(void)
{
	assert(preempt_count() == 0); /* no spinlock held, no interrupt being served */
	assert(arch_irqs_enabled());
	arch_irq_disable();
}

/* Somebody else became due meanwhile. The reason for the first switch was dealt with. */
static void switch_while_due(void)
{
	while (resched_is_due()) {
		switch_begin();
		switch_preempt();
	}
}

void schedule(void)
{
	switch_begin();
	switch_sleep();
	switch_while_due();
}

void sched_yield(void)
{
	/* Alone: nobody to yield to. A look at a stranger's queue, were we moved just now, is as
	 * good. */
	if (atomic_load_relaxed(&this_cpu(rq).nr_running) <= 1 && !resched_is_due())
		return;
	switch_begin();
	switch_yield();
	switch_while_due();
}

void schedule_dead(void)
{
	assert(current->flags & (PF_EXITING | PF_KTHREAD));
	switch_begin();
	/* From the store on it must not be preempted: the next task puts whom it finds DEAD. */
	atomic_store_seqcst(&current->state, TASK_DEAD);
	switch_sleep();
	panic("a dead task (pid %d) runs", current->pid);
}

void preempt_check(void)
{
	if (preempt_count() == 0 && resched_is_due() && arch_irqs_enabled())
		switch_while_due();
}

/* Called on the way out of an interrupt, see entry.c. Interrupts are off on entry and on return. */
void schedule_from_interrupt(void)
{
	do {
		assert(preempt_count() == 0 && !arch_irqs_enabled());
		switch_preempt();
		arch_irq_disable();
	} while (resched_is_due());
}

void task_kick(struct task_struct *task)
{
	unsigned long flags = arch_irq_save();
	uint32_t cpu = atomic_load_relaxed(&task->cpu);

	/*
	 * The caller has set work bits with a full barrier. If the task is in user mode over there,
	 * it sees them when it returns from this interrupt; if it is in the kernel, on its way out;
	 * if it is just being switched in, it reads them after the barrier of that switch (I22).
	 */
	if (cpu != arch_cpu_id() && atomic_load_seqcst(&per_cpu(rq, cpu).curr) == task)
		arch_ipi_send(cpu, IPI_RESCHEDULE);
	arch_irq_restore(flags);
}
