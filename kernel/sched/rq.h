/*
 * Run queues: what a CPU has to run. Private to sched/; switch.c uses the first group only.
 *
 * Locking. rq->lock guards the queue, and of every task that belongs to it (task->cpu names the
 * queue): se, affinity, cpu, the setting of on_cpu, a waker's change of state. It is taken with
 * interrupts off and is held *across* a switch: taken by the leaving task, released by the arriving
 * one. So whoever holds the lock of a task's run queue and finds it not queued knows that the task
 * has left its stack for good: there is no on_cpu to wait for (core.c has the whole argument). Two
 * run queues are locked by address (spin_lock_pair). Never held when a timer queue, a wait queue or
 * any lock of lower rank is taken; timer queues come after it.
 *
 * preempt_count is SWITCH_PREEMPT_COUNT in arch_switch_to, always: the one level of rq->lock. The
 * arriving task keeps that level when it releases the lock (rq_finish_switch) and drops it last
 * thing: at the end of schedule(), or of entry_task_start() for a new task.
 */
#ifndef SCHED_RQ_H
#define SCHED_RQ_H

#include <kern/types.h>
#include <kern/assert.h>
#include <kern/atomic.h>
#include <kern/rbtree.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/spinlock.h>
#include <kern/task.h>
#include <uapi/sched.h>
#include <arch/cpu.h>
#include <arch/percpu.h>
#include <arch/time.h>

enum { SWITCH_PREEMPT_COUNT = PREEMPT_ONE };

/* Tasks of SCHED_OTHER, BATCH and IDLE (fair.c). */
struct fair_queue {
	struct rb_root tree; /* queued but not running, by deadline; summary: min_vruntime */
	struct rb_node *first;
	uint64_t v0;	      /* the origin that weighted_key counts from */
	int64_t weighted_key; /* sum of weight * (vruntime - v0), the running task included */
	uint64_t weight;      /* sum of weights, the running task included */
	uint32_t nr_queued;   /* the running task included */
};

/* Tasks of SCHED_FIFO and RR (rt.c). */
struct rt_queue {
	struct rb_root tree; /* queued but not running, by priority, then order of arrival */
	struct rb_node *first;
	uint64_t head_order, tail_order; /* the next orders to give, downwards and upwards */
	uint64_t period_start_ns, used_ns;
	uint32_t nr_queued; /* the running task included */
	bool is_throttled;
};

struct CACHE_ALIGNED rq {
	struct spinlock lock;
	uint32_t cpu;		   /* [const] */
	struct task_struct *curr;  /* [lock, atomic for a look] runs here; its on_cpu is 1 */
	struct task_struct *idle;  /* [const] once online */
	struct mm_struct *prev_mm; /* [cpu] from context_switch to finish_task_switch; see life.h */
	uint64_t nr_switches;	   /* [lock] */

	/* [lock], all the rest. */
	uint32_t nr_running;	/* [atomic for a look] queued, the running one included, idle not */
	uint8_t curr_priority;	/* [atomic for a look] curr's real-time priority */
	bool is_idle_shown;	/* our bit in cpus_idle */
	bool is_crowded_shown;	/* our bit in cpus_crowded */
	uint64_t clock_ns;	/* the last look at the clock */
	uint64_t exec_start_ns; /* curr is charged up to here */
	uint64_t run_start_ns;	/* curr was switched in */
	uint64_t slice_end_ns;	/* then the timer shall interrupt; UINT64_MAX: need not */
	uint64_t crowd_check_ns; /* then it shall see who waits too long; UINT64_MAX: nobody */
	uint64_t sample_ns;	 /* then it shall sample user or system time */
	struct fair_queue fair;
	struct rt_queue rt;
	struct task_struct *push; /* leaves this CPU with the switch under way: may not run here */

	/* Times (account.c). */
	uint64_t online_ns, idle_ns;
	uint64_t user_ns, system_ns, sampled_busy_ns;
	uint64_t nr_uninterruptible; /* mod 2^64: a sleeper may be woken through another queue */
	uint64_t balance_next_ns;
	uint32_t nr_balance_failed;
};
DECLARE_PER_CPU(struct rq, rq);

/* ---- the run queue's lock and clock ---------------------------------------------------------- */

/* Context of all: interrupts off. */
static inline void rq_lock(struct rq *rq) ACQUIRES(rq->lock)
{
	spin_lock(&rq->lock);
}
/* No look at WORK_RESCHED: whoever enables interrupts again calls preempt_check(). */
static inline void rq_unlock(struct rq *rq) RELEASES(rq->lock)
{
	spin_unlock_no_resched(&rq->lock);
	preempt_enable_no_resched();
}
/* Locks the run queue that task belongs to. */
struct rq *task_rq_lock(struct task_struct *task) NO_LOCK_ANALYSIS;

/* Other CPUs' clocks may differ a little: a run queue's own never goes back. */
static inline void rq_update_clock(struct rq *rq)
{
	uint64_t now = arch_clock_ns();

	if (likely(now > rq->clock_ns))
		rq->clock_ns = now;
}

/*
 * Last step of a switch on the scheduler's side. Called by finish_task_switch() in the arriving
 * task, after it cleared prev->on_cpu and before it enables interrupts. Releases rq->lock;
 * preempt_count stays at SWITCH_PREEMPT_COUNT. Places prev elsewhere if it may no longer run on
 * this CPU.
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

/* ---- queue.c: policies put together. Context of all: rq->lock held --------------------------- */

enum enqueue_how {
	ENQUEUE_NEW,
	ENQUEUE_WAKE,	    /* slept, and returns to the same run queue */
	ENQUEUE_WAKE_MOVED, /* slept, and comes from another one */
	ENQUEUE_MOVE,	    /* goes on where rq_dequeue() left off, here or elsewhere */
};
/* task->cpu is rq's and not queued. rq->clock_ns must be up to date. */
void rq_enqueue(struct rq *rq, struct task_struct *task, enum enqueue_how how) HOLDS(rq->lock);
/* rq->clock_ns must be up to date, curr charged. */
void rq_dequeue(struct rq *rq, struct task_struct *task) HOLDS(rq->lock);
/* The running task shall go through schedule() soon: sets its WORK_RESCHED, sends an IPI if
 * needed. */
void rq_resched(struct rq *rq) HOLDS(rq->lock);
/* task was queued here: does it take the CPU from the running one, and when? is_sync: not at once,
 * the running one is about to sleep. */
void rq_check_preempt(struct rq *rq, struct task_struct *task, bool is_sync) HOLDS(rq->lock);
/* Somebody waits here while other CPUs may be idle: have the timer look after him in a while. */
void rq_expect_crowd(struct rq *rq) HOLDS(rq->lock);

static inline bool task_is_rt(const struct task_struct *task)
{
	return task->se.rt_priority != 0;
}
/* The CPUs that task may run on now. Never empty. */
static inline uint64_t task_allowed_cpus(const struct task_struct *task)
{
	uint64_t online = atomic_load_acquire(&cpus_online);
	uint64_t allowed = task->affinity & online;

	return likely(allowed) ? allowed
			       : online; /* its CPUs went offline: better here than nowhere */
}
static inline bool task_is_idle(const struct task_struct *task)
{
	return task->flags & PF_IDLE;
}

/* ---- fair.c, rt.c: the policies. Context of all: rq->lock held ------------------------------- */

enum { NICE_0_WEIGHT = 1024, SLICE_NS = 4000000, RR_SLICE_NS = 100000000 };

void fair_set_weight(struct sched_entity *se);
/* The task goes to sleep: how long was it busy? */
void fair_learn_burst(struct sched_entity *se);
void fair_enqueue(struct rq *rq, struct task_struct *task, enum enqueue_how how);
void fair_dequeue(struct rq *rq, struct task_struct *task);
/* When the newly queued task may run instead of curr: a clock time, UINT64_MAX: when curr's turn is
 * over anyway. */
uint64_t fair_preempt_time(struct rq *rq, struct task_struct *curr, struct task_struct *task);
/* The weighted average of all vruntimes: who is below it is owed service. */
uint64_t fair_average(const struct fair_queue *fair);
/* For tests and debug builds: asserts all that must hold between the sums, the tree and curr. */
void fair_check(const struct rq *rq);

void rt_enqueue(struct rq *rq, struct task_struct *task);
void rt_dequeue(struct rq *rq, struct task_struct *task);
bool rt_charge(struct rq *rq, struct sched_entity *se, uint64_t delta_ns);
struct task_struct *rt_pick(struct rq *rq, struct task_struct *curr, bool is_yield);
void rt_put(struct rt_queue *rt, struct sched_entity *se, bool is_yield);
void rt_take(struct rt_queue *rt, struct sched_entity *se);
/* A new period begins if the last one is over; true: real-time tasks have used up this one. */
bool rt_update_throttle(struct rq *rq);
/* The clock time when the throttle changes by itself. */
uint64_t rt_throttle_time(const struct rq *rq);

static inline bool resched_is_due(void)
{
	return unlikely(task_has_work(current, WORK_RESCHED));
}

/* ---- core.c ---------------------------------------------------------------------------------- */

/* An interrupt returns to preemptible kernel code and WORK_RESCHED is set. Interrupts off, and off
 * again on return. */
void schedule_from_interrupt(void);

/* ---- wake.c, balance.c, idle.c, account.c, timer.c ------------------------------------------- */

/*
 * task is runnable and on no queue, is_moving, and belongs to rq, whose lock is held: chooses a CPU
 * for it and queues it there. Returns that CPU's run queue, locked, instead of rq.
 */
MUST_USE struct rq *task_settle(struct task_struct *task, struct rq *rq, enum enqueue_how how,
				bool is_sync) NO_LOCK_ANALYSIS;

extern uint64_t cpus_idle;    /* [atomic] CPUs that run their idle task */
extern uint64_t cpus_crowded; /* [atomic] CPUs where a task has waited for PULL_AGE_NS or more */
enum { PULL_AGE_NS = 300000 };

/* Sets our bit in a word of CPUs if it is not as wanted; shown: what it is. */
void cpu_mask_show(uint64_t *mask, bool *shown, unsigned cpu, bool wanted);
/* true: cpu runs its idle task, which watches its work word. A look only. */
bool cpu_is_polling(unsigned cpu);
/* The timer at crowd_check_ns. */
void balance_check_crowd(struct rq *rq) HOLDS(rq->lock);
/* An idle CPU looks for work elsewhere; true: it got some. Context: interrupts off, idle task. */
bool balance_pull_idle(void);
/* A busy CPU takes from a much busier one, from the timer. Context: interrupts off. */
void balance_periodic(struct rq *rq);

enum { SAMPLE_NS = 10000000 };
/* The timer interrupted the running task in user mode or not: charges, samples, balances.
 * Returns when it must interrupt again. Context: hard interrupt. */
uint64_t sched_tick(bool from_user);

/* What this CPU's hardware is set to; UINT64_MAX: nothing. [cpu] */
DECLARE_PER_CPU(uint64_t, timer_hw_ns);
void timer_hw_set(uint64_t deadline_ns);
/* Interrupt this CPU at or before deadline_ns. Context: interrupts off. */
static inline void timer_hw_want(uint64_t deadline_ns)
{
	if (unlikely(deadline_ns < this_cpu(timer_hw_ns)))
		timer_hw_set(deadline_ns);
}
/* Runs the timers of this CPU that are due. Context: hard interrupt. */
void timer_expire(void);
/* When the next one is due; UINT64_MAX: none. Context: interrupts off. */
uint64_t timer_next_ns(void);
/* The hardware's deadline has come: nothing is set any more. Context: interrupts off. */
void timer_hw_fired(void);
void timer_init_cpu(void);
void realtime_init(void);
/* Kernel threads that are bound to cpu, and waited for it, start. */
void workqueue_cpu_online(unsigned cpu);

#endif
