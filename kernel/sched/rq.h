/*
 * Run queues: what a CPU has to run. Private to sched/; switch.c uses the first group only.
 *
 * Locking. rq->lock guards the queue, and of every task that belongs to it (task->cpu names the
 * queue): on_cpu's setting, state's change by a waker, se, affinity. It is taken with interrupts off
 * and is held *across* a switch: taken by the leaving task, released by the arriving one. So whoever
 * holds the lock of a task's run queue and finds it not queued knows that the task has left its
 * stack for good: there is no on_cpu to wait for (core.c has the whole argument).
 * Two run queues are locked by address (spin_lock_pair).
 *
 * preempt_count is SWITCH_PREEMPT_COUNT in arch_switch_to, always: the one level of rq->lock. The
 * arriving task keeps that level when it releases the lock (rq_finish_switch) and drops it last
 * thing: at the end of schedule(), or of entry_task_start() for a new task.
 */
#ifndef SCHED_RQ_H
#define SCHED_RQ_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/rbtree.h>
#include <kern/sched.h>
#include <kern/spinlock.h>
#include <kern/task.h>
#include <arch/cpu.h>
#include <arch/percpu.h>

enum { SWITCH_PREEMPT_COUNT = PREEMPT_ONE };

/* Tasks of SCHED_OTHER, BATCH and IDLE (fair.c). */
struct fair_queue {
	struct rb_root tree; /* runnable ones that do not run, by deadline; summary: min_vruntime */
	struct rb_node *first;
	uint64_t v0;	     /* the origin that weighted_key counts from */
	int64_t weighted_key; /* sum of weight * (vruntime - v0), the running task included */
	uint64_t weight;      /* sum of weights, the running task included */
	uint32_t nr_queued;   /* the running task included */
	uint32_t nr_idle_policy; /* of those, SCHED_IDLE */
};

/* Tasks of SCHED_FIFO and RR (rt.c). */
struct rt_queue {
	struct rb_root tree; /* by priority, then order of arrival */
	uint64_t head_sequence, tail_sequence;
	uint64_t period_start_ns, used_ns; /* throttling: a spinning FIFO task must not end the machine */
	uint32_t nr_queued;
	bool is_throttled;
};

struct CACHE_ALIGNED rq {
	struct spinlock lock;
	uint32_t cpu;		  /* [const] */
	struct task_struct *curr; /* [lock, atomic for a look] runs here; on_cpu */
	struct task_struct *idle; /* [const] once online */
	struct mm_struct *prev_mm; /* [cpu] from context_switch to finish_task_switch; see life.h */
	uint64_t nr_switches;	   /* [lock] */

	/* [lock], the rest: */
	uint32_t nr_running; /* [atomic for a look] queued, the running one included, idle not */
	bool is_idle_shown;  /* our bit in cpus_idle */
	bool is_crowded_shown; /* our bit in cpus_crowded */
	uint64_t clock_ns;   /* last look at the clock under the lock */
	uint64_t exec_start_ns; /* curr is accounted up to here */
	uint64_t run_start_ns;	/* curr was switched in */
	uint64_t slice_end_ns;	/* [cpu+lock] the timer shall interrupt curr; UINT64_MAX: need not */
	struct fair_queue fair;
	struct rt_queue rt;
	struct task_struct *push; /* leaves this CPU with the switch under way: may not run here */

	uint64_t idle_ns;		/* time of the idle task, up to clock_ns */
	uint64_t idle_start_ns;
	int64_t nr_uninterruptible; /* sleepers counted in the load; their sum over all CPUs matters */
	uint64_t balance_next_ns;
	uint32_t nr_balance_failed;
};
DECLARE_PER_CPU(struct rq, rq);

/*
 * Last step of a switch on the scheduler's side. Called by finish_task_switch() in the arriving task,
 * after it cleared prev->on_cpu and before it enables interrupts. Releases rq->lock; preempt_count
 * stays at SWITCH_PREEMPT_COUNT. Places prev elsewhere if it may no longer run on this CPU.
 */
void rq_push(struct rq *rq) RELEASES(rq->lock);
static inline void rq_finish_switch(struct rq *rq) NO_LOCK_ANALYSIS
{
	if (unlikely(rq->push))
		rq_push(rq);
	else
		spin_unlock_no_resched(&rq->lock);
}

/*
 * switch.c. Gives the CPU from prev to next; rq->curr is next, next->on_cpu is 1. Returns in the
 * task that arrives here again later (on any CPU): lock released, interrupts on, preempt_count
 * SWITCH_PREEMPT_COUNT. Context: interrupts off, rq->lock held.
 */
void context_switch(struct rq *rq, struct task_struct *prev,
		    struct task_struct *next) NO_LOCK_ANALYSIS;

#endif
