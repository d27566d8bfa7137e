/*
 * A run queue as a whole: real-time tasks before fair ones before the idle task. Everything here is
 * guarded by rq->lock and called by the other files of sched/ with it held, interrupts off.
 *
 * No periodic tick. The timer interrupts a running task only - at slice_end_ns, when its turn is
 * over and others wait for the CPU; - at crowd_check_ns, when another task has waited so long that
 * an idle CPU should take it; - at sample_ns, each 10 ms of not being idle: user and system time
 * are told apart by what it finds,
 *    limits on CPU time are looked at, and other CPUs' queues if one of them shows that it is crowded.
 * The hardware timer is set earlier when needed and never later: an interrupt that comes too early
 * finds nothing to do and sets the right time. So a switch almost never touches the device, which
 * costs a trip out of the emulated CPU.
 */
#include <arch/ipi.h>

#include "rq.h"

DEFINE_PER_CPU(struct rq, rq);

struct rq *task_rq_lock(struct task_struct *task)
{
	for (;;) {
		uint32_t cpu = atomic_load_relaxed(&task->cpu);
		struct rq *rq = &per_cpu(rq, cpu);

		rq_lock(rq);
		if (likely(atomic_load_relaxed(&task->cpu) == cpu))
			return rq;
		rq_unlock(rq);
	}
}

void cpu_mask_show(uint64_t *mask, bool *shown, unsigned cpu, bool wanted)
{
	if (*shown == wanted)
		return;
	*shown = wanted;
	if (wanted)
		atomic_fetch_or_seqcst(mask, 1ULL << cpu);
	else
		atomic_fetch_and_seqcst(mask, ~(1ULL << cpu));
}

static void set_nr_running(struct rq *rq, uint32_t nr_running)
{
	atomic_store_relaxed(&rq->nr_running, nr_running);
	if (nr_running < 2)
		cpu_mask_show(&cpus_crowded, &rq->is_crowded_shown, rq->cpu, false);
}

void rq_resched(struct rq *rq)
{
	struct task_struct *curr = rq->curr;
	uint32_t old;

	/* Only schedule() clears it, under this lock. */
	if (task_has_work(curr, WORK_RESCHED))
		return;
	old = atomic_fetch_or_seqcst(&curr->work,
				     WORK_RESCHED); /* pairs with idle_stop_polling() */
	if (rq->cpu != arch_cpu_id() && !(old & WORK_POLLING))
		arch_ipi_send(rq->cpu, IPI_RESCHEDULE);
}

void rq_charge(struct rq *rq)
{
	struct task_struct *curr = rq->curr;
	uint64_t delta_ns = rq->clock_ns - rq->exec_start_ns;
	bool turn_is_over;

	if (!delta_ns)
		return;
	rq->exec_start_ns = rq->clock_ns;
	curr->se.sum_exec_ns += delta_ns;
	if (task_is_idle(curr)) {
		rq->idle_ns += delta_ns;
		return;
	}
	if (curr->flags & PF_KTHREAD) { /* no need to sample that */
		rq->system_ns += delta_ns;
		rq->sampled_busy_ns += delta_ns;
	}
	if (!curr->se.is_queued)
		return;
	if (task_is_rt(curr))
		turn_is_over = rt_charge(rq, &curr->se, delta_ns);
	else
		turn_is_over = fair_charge(&rq->fair, &curr->se, delta_ns);
	if (turn_is_over && rq->nr_running > 1)
		rq_resched(rq);
}

void rq_enqueue(struct rq *rq, struct task_struct *task, enum enqueue_how how)
{
	debug_assert(!task->se.is_queued && task->cpu == rq->cpu && !task_is_idle(task));

	rq_charge(rq);
	if (task_is_rt(task))
		rt_enqueue(rq, task);
	else
		fair_enqueue(rq, task, how);
	task->se.is_queued = true;
	task->se.is_moving = false;
	task->se.queued_ns = rq->clock_ns;
	set_nr_running(rq, rq->nr_running + 1);
	/* Taken at once, so that the next waker looks for another CPU. */
	cpu_mask_show(&cpus_idle, &rq->is_idle_shown, rq->cpu, false);
}

void rq_dequeue(struct rq *rq, struct task_struct *task)
{
	debug_assert(task->se.is_queued && task->cpu == rq->cpu);

	if (task_is_rt(task))
		rt_dequeue(rq, task);
	else
		fair_dequeue(rq, task);
	task->se.is_queued = false;
	set_nr_running(rq, rq->nr_running - 1);
}

struct task_struct *rq_pick(struct rq *rq, struct task_struct *curr, bool is_yield)
{
	bool curr_is_rt = curr && task_is_rt(curr);
	struct task_struct *task;

	if (unlikely(rq->rt.nr_queued) && !(rt_update_throttle(rq) && rq->fair.nr_queued)) {
		task = rt_pick(rq, curr_is_rt ? curr : NULL, is_yield);
		if (task)
			return task;
	}
	if (rq->fair.nr_queued) {
		task = fair_pick(rq, curr_is_rt ? NULL : curr, is_yield);
		if (task)
			return task;
	}
	return rq->idle;
}

void rq_replace(struct rq *rq, struct task_struct *curr, struct task_struct *next, bool is_yield)
{
	bool is_idle = next == rq->idle;

	if (!is_idle) {
		if (task_is_rt(next))
			rt_take(&rq->rt, &next->se);
		else
			fair_take(&rq->fair, &next->se);
	}
	if (curr->se.is_queued) {
		curr->se.queued_ns = rq->clock_ns;
		if (task_is_rt(curr))
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
	cpu_mask_show(&cpus_idle, &rq->is_idle_shown, rq->cpu, is_idle);
}

/* ---- when the timer must interrupt ----------------------------------------------------------- */

/* Somebody waits here while other CPUs may be idle: look after him in a while. */
static void expect_crowd(struct rq *rq)
{
	if (rq->crowd_check_ns != UINT64_MAX || !atomic_load_relaxed(&cpus_idle))
		return;
	rq->crowd_check_ns = rq->clock_ns + PULL_AGE_NS;
	timer_hw_want(rq->crowd_check_ns);
}

void rq_set_slice(struct rq *rq)
{
	struct task_struct *curr = rq->curr;
	uint64_t end = UINT64_MAX;

	if (rq->nr_running > 1) {
		if (!task_is_rt(curr))
			end = rq->clock_ns + fair_turn_left_ns(&curr->se);
		else if (curr->se.policy == SCHED_RR)
			end = rq->clock_ns + curr->se.slice_ns;
		if (unlikely(rq->rt.nr_queued) && rq->fair.nr_queued)
			end = MIN(end, rt_throttle_time(rq));
		expect_crowd(rq);
	}
	rq->slice_end_ns = end;
	if (!task_is_idle(curr)) {
		if (rq->sample_ns <= rq->clock_ns)
			rq->sample_ns = rq->clock_ns + SAMPLE_NS;
		end = MIN(end, rq->sample_ns);
	}
	if (end != UINT64_MAX)
		timer_hw_want(end);
}

void rq_check_preempt(struct rq *rq, struct task_struct *task, bool is_sync)
{
	struct task_struct *curr = rq->curr;
	uint64_t when = UINT64_MAX;

	if (task_is_idle(curr) || task->se.rt_priority > curr->se.rt_priority) {
		rq_resched(rq);
		return;
	}
	if (!task_is_rt(curr)) {
		when = fair_preempt_time(rq, curr, task);
		if (is_sync && when <= rq->clock_ns)
			when = rq->clock_ns + PULL_AGE_NS;
		if (when <= rq->clock_ns) {
			rq_resched(rq);
			return;
		}
		when = MIN(when, rq->clock_ns + fair_turn_left_ns(&curr->se));
	}
	if (rq->cpu != arch_cpu_id()) {
		/* It ran alone, perhaps without a timer: only it can set its own. */
		if (rq->slice_end_ns == UINT64_MAX)
			rq_resched(rq);
		return;
	}
	if (task_is_rt(curr)) {
		rq_set_slice(rq);
		return;
	}
	if (when < rq->slice_end_ns) {
		rq->slice_end_ns = when;
		timer_hw_want(when);
	}
	expect_crowd(rq);
}
