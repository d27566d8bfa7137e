/*
 * The part of a run queue that every switch runs, inline; queue.c has the rest and explains it.
 * Private to sched/. Context of all: rq->lock held, interrupts off.
 */
#ifndef SCHED_QUEUE_H
#define SCHED_QUEUE_H

#include "fair.h"
#include "rq.h"

/* Charges the running task with the time since the last charge; marks it if its turn is over. */
static inline void rq_charge(struct rq *rq) HOLDS(rq->lock)
{
	struct task_struct *curr = rq->curr;
	uint64_t delta_ns = rq->clock_ns - rq->exec_start_ns;
	bool turn_is_over;

	rq->exec_start_ns = rq->clock_ns;
	curr->se.sum_exec_ns += delta_ns;
	if (unlikely(curr->flags & (PF_KTHREAD | PF_IDLE))) {
		if (task_is_idle(curr)) {
			rq->idle_ns += delta_ns;
			return;
		}
		rq->system_ns += delta_ns; /* no need to sample that */
		rq->sampled_busy_ns += delta_ns;
	}
	if (unlikely(!curr->se.is_queued))
		return;
	if (unlikely(task_is_rt(curr)))
		turn_is_over = rt_charge(rq, &curr->se, delta_ns);
	else
		turn_is_over = fair_charge(&rq->fair, &curr->se, delta_ns);
	if (unlikely(turn_is_over) && rq->nr_running > 1)
		rq_resched(rq);
}

/* Who runs next. curr: the running task if it may go on, else NULL. is_yield: rather not it. */
static ALWAYS_INLINE struct task_struct *rq_pick(struct rq *rq, struct task_struct *curr,
						 bool is_yield)
{
	bool curr_is_rt = curr && task_is_rt(curr);
	struct task_struct *task;

	if (unlikely(rq->rt.nr_queued) && !(rt_update_throttle(rq) && rq->fair.nr_queued)) {
		task = rt_pick(rq, curr_is_rt ? curr : NULL, is_yield);
		if (task)
			return task;
	}
	task = fair_pick(&rq->fair, curr_is_rt ? NULL : curr, is_yield);
	return task ? task : rq->idle;
}

/* next begins to run in curr's place; curr stays queued or has been dequeued. */
static ALWAYS_INLINE void rq_replace(struct rq *rq, struct task_struct *curr,
				     struct task_struct *next, bool is_yield)
{
	bool is_idle = next == rq->idle;

	if (!is_idle) {
		if (unlikely(task_is_rt(next)))
			rt_take(&rq->rt, &next->se);
		else
			fair_take(&rq->fair, &next->se);
	}
	if (curr->se.is_queued) {
		curr->se.queued_ns = rq->clock_ns;
		if (unlikely(task_is_rt(curr)))
			rt_put(&rq->rt, &curr->se, is_yield);
		else
			fair_put(&rq->fair, &curr->se, is_yield);
	}
	atomic_store_relaxed(&next->on_cpu, 1); /* cleared by finish_task_switch() */
	atomic_store_relaxed(&rq->curr, next);
	atomic_fence_seqcst(); /* I22; curr before next's work bits: pairs with task_kick() */
	atomic_store_relaxed(&rq->curr_priority, next->se.rt_priority);
	rq->run_start_ns = rq->clock_ns;
	rq->nr_switches++;
	if (unlikely(rq->is_idle_shown != is_idle))
		cpu_mask_show(&cpus_idle, &rq->is_idle_shown, rq->cpu, is_idle);
}

/* Sets when the timer must interrupt the task that runs from now on. On rq's own CPU. */
static ALWAYS_INLINE void rq_set_slice(struct rq *rq) HOLDS(rq->lock)
{
	struct task_struct *curr = rq->curr;
	uint64_t end = UINT64_MAX;

	if (unlikely(task_is_idle(curr))) {
		rq->slice_end_ns = end;
		return;
	}
	if (rq->nr_running > 1) {
		if (likely(!task_is_rt(curr)))
			end = rq->clock_ns + fair_turn_left_ns(&curr->se);
		else if (curr->se.policy == SCHED_RR)
			end = rq->clock_ns + curr->se.slice_ns;
		if (unlikely(rq->rt.nr_queued) && rq->fair.nr_queued)
			end = MIN(end, rt_throttle_time(rq));
		if (unlikely(atomic_load_relaxed(&cpus_idle)))
			rq_expect_crowd(rq);
	}
	rq->slice_end_ns = end;
	if (unlikely(rq->sample_ns <= rq->clock_ns))
		rq->sample_ns = rq->clock_ns + SAMPLE_NS;
	timer_hw_want(MIN(end, rq->sample_ns));
}

#endif
