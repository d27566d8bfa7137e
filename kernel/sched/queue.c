/*
 * A run queue as a whole: real-time tasks before fair ones before the idle task. Everything here is
 * guarded by rq->lock and called by the other files of sched/ with it held, interrupts off.
 *
 * No periodic tick. The timer interrupts a running task only
 *  - at slice_end_ns, when its turn is over and others wait for the CPU;
 *  - at crowd_check_ns, when another task has waited so long that an idle CPU should take it;
 *  - at sample_ns, each 10 ms of not being idle: user and system time are told apart by what it
 *    finds, limits on CPU time are looked at, and other CPUs' queues if one shows to be crowded.
 *
 * The hardware timer is set earlier when needed and never later: an interrupt that comes too early
 * finds nothing to do and sets the right time. So a switch almost never touches the device, which
 * costs a trip out of the emulated CPU.
 */
#include <arch/ipi.h>

#include "queue.h"

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

/* ---- when the timer must interrupt ----------------------------------------------------------- */

void rq_expect_crowd(struct rq *rq)
{
	if (rq->crowd_check_ns != UINT64_MAX || !atomic_load_relaxed(&cpus_idle))
		return;
	rq->crowd_check_ns = rq->clock_ns + PULL_AGE_NS;
	timer_hw_want(rq->crowd_check_ns);
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
	rq_expect_crowd(rq);
}
