/*
 * What a task may ask of the scheduler, and what a child inherits: nice value, policy, CPUs.
 * Guarded by rq->lock of the task's CPU; a queued task is taken off its queue for the change and
 * put back.
 */
#include <arch/irq.h>
#include <uapi/errno.h>

#include "queue.h"

void sched_fork(struct task_struct *child)
{
	struct task_struct *parent = current;
	struct sched_entity *se = &child->se;

	*se = (struct sched_entity){.nice = parent->se.nice, .policy = parent->se.policy};
	rb_clear(&se->node);
	child->cpu = arch_cpu_id();
	child->affinity = parent->affinity;
	if (parent->flags & PF_KTHREAD) {
		/* A kernel thread, or the boot thread, has nothing to pass on. */
		se->nice = 0;
		se->policy = SCHED_OTHER;
		child->affinity = UINT64_MAX;
	} else if (parent->se.reset_on_fork) {
		se->nice = MAX(se->nice, (int8_t)0);
		se->policy = SCHED_OTHER;
	} else {
		se->rt_priority = parent->se.rt_priority;
	}
	se->slice_ns = se->policy == SCHED_RR ? RR_SLICE_NS : SLICE_NS;
	fair_set_weight(se);
	atomic_store_relaxed(&child->state, TASK_NEW);
}

/* Off its queue for a change. Returns whether it was on one. */
static bool change_begin(struct rq *rq, struct task_struct *task) HOLDS(rq->lock)
{
	bool was_queued = task->se.is_queued;

	rq_update_clock(rq);
	rq_charge(rq);
	if (was_queued)
		rq_dequeue(rq, task);
	return was_queued;
}

/* Back to where it was. It, or somebody else, may now be the one to run. */
static void change_end(struct rq *rq, struct task_struct *task, bool was_queued) HOLDS(rq->lock)
{
	if (was_queued) {
		rq_enqueue(rq, task, ENQUEUE_MOVE);
		rq_resched(rq);
	}
	if (rq->curr == task)
		atomic_store_relaxed(&rq->curr_priority, task->se.rt_priority);
}

/* A fair task's weight changes: its lag and what is left of its turn are time, not virtual time. */
static void change_weight(struct sched_entity *se)
{
	int64_t old_weight = se->weight, turn = (int64_t)(se->deadline - se->vruntime);

	fair_set_weight(se);
	se->vlag = se->vlag * old_weight / (int64_t)se->weight;
	se->deadline = se->vruntime + (uint64_t)(turn * old_weight / (int64_t)se->weight);
}

int sched_set_nice(struct task_struct *task, int nice) NO_LOCK_ANALYSIS
{
	unsigned long flags;
	struct rq *rq;
	bool was_queued;

	if (nice < -20 || nice > 19)
		return -EINVAL;
	flags = arch_irq_save();
	rq = task_rq_lock(task);
	was_queued = change_begin(rq, task);
	task->se.nice = (int8_t)nice;
	change_weight(&task->se);
	change_end(rq, task, was_queued);
	rq_unlock(rq);
	arch_irq_restore(flags);
	preempt_check();
	return 0;
}

int sched_set_policy(struct task_struct *task, int policy, int rt_priority) NO_LOCK_ANALYSIS
{
	bool reset_on_fork = policy & SCHED_RESET_ON_FORK, was_queued, was_rt;
	unsigned long flags;
	struct rq *rq;

	policy &= ~SCHED_RESET_ON_FORK;
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		if (rt_priority < 1 || rt_priority > 99)
			return -EINVAL;
		break;
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
		if (rt_priority != 0)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}

	flags = arch_irq_save();
	rq = task_rq_lock(task);
	was_queued = change_begin(rq, task);
	was_rt = task_is_rt(task);
	task->se.policy = (uint8_t)policy;
	task->se.rt_priority = (uint8_t)rt_priority;
	task->se.reset_on_fork = reset_on_fork;
	task->se.slice_ns = policy == SCHED_RR ? RR_SLICE_NS : SLICE_NS;
	if (was_rt && !rt_priority) {
		/* It had no share of the fair queue: it starts like a new task. */
		task->se.vlag = 0;
		task->se.vruntime = 0;
		fair_set_weight(&task->se);
		task->se.deadline = (task->se.slice_ns << 10) / task->se.weight;
	} else {
		change_weight(&task->se);
	}
	change_end(rq, task, was_queued);
	rq_unlock(rq);
	arch_irq_restore(flags);
	preempt_check();
	return 0;
}

int sched_set_affinity(struct task_struct *task, uint64_t mask) NO_LOCK_ANALYSIS
{
	unsigned long flags = arch_irq_save();
	struct rq *rq = task_rq_lock(task);
	int err = 0;

	if (!(mask & atomic_load_acquire(&cpus_online)) || (task->flags & PF_BOUND)) {
		err = -EINVAL;
	} else {
		task->affinity = mask;
		if (!((mask >> rq->cpu) & 1) && task->se.is_queued) {
			if (task == rq->curr) {
				rq_resched(rq); /* schedule() pushes it away */
			} else {
				rq_update_clock(rq);
				rq_charge(rq);
				rq_dequeue(rq, task);
				task->se.is_moving = true;
				rq = task_settle(task, rq, ENQUEUE_MOVE, false);
			}
		}
	}
	rq_unlock(rq);
	arch_irq_restore(flags);
	preempt_check();
	return err;
}

uint64_t sched_slice_ns(struct task_struct *task)
{
	switch (task->se.policy) {
	case SCHED_FIFO:
		return 0;
	case SCHED_RR:
		return RR_SLICE_NS;
	default:
		return SLICE_NS;
	}
}
