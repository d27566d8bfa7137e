/*
 * Where the time went. How long a task ran is exact: charged at each switch and interrupt of the
 * scheduler. Whether that was user or system time is sampled: the timer attributes what was charged
 * since its last sample to the mode that it interrupted, and readers split the exact sum in that
 * proportion. To read the clock at each entry and exit of the kernel instead would cost a tenth of
 * a null system call. Guarded by rq->lock of the task's CPU.
 */
#include <kern/string.h>
#include <kern/timer.h>
#include <arch/irq.h>

#include "queue.h"

struct sched_hooks sched_hooks;

/* ---- sampling -------------------------------------------------------------------------------- */

static uint64_t busy_ns(const struct rq *rq)
{
	return rq->clock_ns - rq->online_ns - rq->idle_ns;
}

/* Attributes what the CPU's user tasks, and the running one, did since the last sample. Returns the
 * running task's part. */
static uint64_t take_sample(struct rq *rq, bool is_user)
{
	struct task_struct *curr = rq->curr;
	uint64_t cpu_ns = busy_ns(rq) - rq->sampled_busy_ns;
	uint64_t task_ns = curr->se.sum_exec_ns - curr->se.sampled_exec_ns;

	rq->sampled_busy_ns += cpu_ns;
	curr->se.sampled_exec_ns += task_ns;
	if (is_user) {
		rq->user_ns += cpu_ns;
		curr->user_time_ns += task_ns;
	} else {
		rq->system_ns += cpu_ns;
		curr->system_time_ns += task_ns;
	}
	return task_ns;
}

static void load_average_tick(uint64_t now_ns);

uint64_t sched_tick(bool from_user)
{
	struct rq *rq = &this_cpu(rq);
	uint64_t sampled_ns = 0, next_ns;
	struct task_struct *curr = rq->curr; /* does not change in an interrupt */
	bool is_idle = task_is_idle(curr);

	rq_lock(rq);
	rq_update_clock(rq);
	rq_charge(rq);
	if (!is_idle && rq->clock_ns >= rq->sample_ns) {
		if (!(curr->flags & PF_KTHREAD))
			sampled_ns = take_sample(rq, from_user);
		rq->sample_ns = rq->clock_ns + SAMPLE_NS;
	}
	if (rq->clock_ns >= rq->slice_end_ns) {
		rq->slice_end_ns = UINT64_MAX; /* schedule() sets the next one */
		if (rq->nr_running > 1)
			rq_resched(rq);
	}
	if (rq->nr_running > 1 || rq->clock_ns >= rq->crowd_check_ns)
		balance_check_crowd(rq);
	rq_unlock(rq);

	if (sampled_ns && sched_hooks.charged)
		sched_hooks.charged(curr, from_user, sampled_ns);
	if (!is_idle)
		balance_periodic(rq);
	load_average_tick(rq->clock_ns);

	next_ns = MIN(rq->slice_end_ns, rq->crowd_check_ns);
	if (!is_idle)
		next_ns = MIN(next_ns, rq->sample_ns);
	return next_ns;
}

/* ---- for readers ----------------------------------------------------------------------------- */

/* total split like part to rest; all of it is in the result or in total minus it. */
static uint64_t split(uint64_t total, uint64_t part, uint64_t rest)
{
	uint64_t whole = part + rest;

	/* So that the products fit: total % whole and part are below 2^32. */
	while (whole >> 32) {
		whole >>= 1;
		part >>= 1;
	}
	if (!whole)
		return 0;
	return total / whole * part + total % whole * part / whole;
}

void sched_cpu_times(unsigned cpu, struct cpu_times *times)
{
	struct rq *rq = &per_cpu(rq, cpu);
	unsigned long flags = arch_irq_save();
	uint64_t busy;

	rq_lock(rq);
	if (rq->curr) {
		rq_update_clock(rq);
		rq_charge(rq);
	}
	busy = rq->curr ? busy_ns(rq) : 0;
	*times = (struct cpu_times){
		.user_ns = split(busy, rq->user_ns, rq->system_ns),
		.idle_ns = rq->idle_ns,
		.nr_switches = rq->nr_switches,
		.nr_running = rq->nr_running,
	};
	rq_unlock(rq);
	arch_irq_restore(flags);
	times->system_ns = busy - times->user_ns;
	preempt_check();
}

struct borrower sched_borrower(unsigned cpu)
{
	struct rq *rq = &per_cpu(rq, cpu);
	unsigned long flags = arch_irq_save();
	struct borrower borrower = {0};

	rq_lock(rq); /* keeps the running task's struct */
	if (rq->curr && !rq->curr->mm) {
		borrower.mm = rq->curr->active_mm;
		borrower.pid = rq->curr->pid;
		string_copy(borrower.comm, rq->curr->comm, sizeof(borrower.comm));
	}
	rq_unlock(rq);
	arch_irq_restore(flags);
	preempt_check();
	return borrower;
}

void sched_task_times(struct task_struct *task, uint64_t *user_ns,
		      uint64_t *system_ns) NO_LOCK_ANALYSIS
{
	unsigned long flags = arch_irq_save();
	struct rq *rq = task_rq_lock(task);
	struct sched_entity *se = &task->se;
	uint64_t system, user;

	if (rq->curr == task) {
		rq_update_clock(rq);
		rq_charge(rq);
	}
	if (task->flags & PF_KTHREAD)
		system = se->sum_exec_ns;
	else
		system = split(se->sum_exec_ns, task->system_time_ns, task->user_time_ns);

	/* What was reported once stays; the rest goes to the other part. */
	system = MAX(system, se->system_shown_ns);
	user = MAX(se->sum_exec_ns - system, se->user_shown_ns);
	system = se->sum_exec_ns - user;
	se->user_shown_ns = user;
	se->system_shown_ns = system;
	rq_unlock(rq);
	arch_irq_restore(flags);
	*user_ns = user;
	*system_ns = system;
	preempt_check();
}

/* ---- load averages --------------------------------------------------------------------------- */

/*
 * As in Unix since 4.2BSD: every 5 s, load = load * e^(-5 s / T) + active * (1 - e^(-5 s / T)),
 * active being the tasks that run, wait for a CPU or sleep uninterruptibly. There is no tick while
 * all CPUs are idle: the periods that were missed are made up for, as periods without running
 * tasks.
 */
enum { LOAD_SHIFT = 11, LOAD_ONE = 1 << LOAD_SHIFT, LOAD_NR = 3 };
static const uint64_t load_period_ns = 5 * NSEC_PER_SEC;
static const uint32_t load_decay[LOAD_NR] = {1884, 2014,
					     2037}; /* 2^11 * e^(-5/60, -5/300, -5/900) */

static struct spinlock load_lock = SPINLOCK_INIT(LOCK_RANK_NONE, "load");
static uint64_t load_average[LOAD_NR]; /* [load_lock] */
static uint64_t load_next_ns;	       /* [load_lock, atomic for a look] */

static uint64_t count_active(bool with_running)
{
	uint64_t nr_running = 0, nr_sleeping = 0;
	unsigned cpu;

	for_each_online_cpu (cpu) {
		nr_running += atomic_load_relaxed(&per_cpu(rq, cpu).nr_running);
		nr_sleeping += atomic_load_relaxed(&per_cpu(rq, cpu).nr_uninterruptible);
	}
	if ((int64_t)nr_sleeping < 0)
		nr_sleeping = 0; /* the CPUs were not all looked at in the same instant */
	return (with_running ? nr_running : 0) + nr_sleeping;
}

/* One period: rounded up while the load grows, so that it reaches what it approaches. */
static uint64_t decay(uint64_t load, uint64_t decay_factor, uint64_t active)
{
	uint64_t target = active << LOAD_SHIFT;
	uint64_t next = load * decay_factor + target * (LOAD_ONE - decay_factor);

	if (target >= load)
		next += LOAD_ONE - 1;
	return next >> LOAD_SHIFT;
}

static void load_average_tick(uint64_t now_ns)
{
	uint64_t next_ns = atomic_load_relaxed(&load_next_ns), nr_missed;
	unsigned long flags;

	if (likely(now_ns < next_ns))
		return;
	flags = spin_lock_irqsave(&load_lock);
	next_ns = load_next_ns;
	if (now_ns >= next_ns) {
		uint64_t asleep = count_active(false), active = count_active(true);

		nr_missed = (now_ns - next_ns) / load_period_ns;
		atomic_store_relaxed(&load_next_ns, next_ns + (nr_missed + 1) * load_period_ns);
		nr_missed = MIN(nr_missed, (uint64_t)2000); /* then nothing is left of it */
		for (unsigned i = 0; i < LOAD_NR; i++) {
			for (uint64_t n = 0; n < nr_missed; n++)
				load_average[i] = decay(load_average[i], load_decay[i], asleep);
			load_average[i] = decay(load_average[i], load_decay[i], active);
		}
	}
	spin_unlock_irqrestore(&load_lock, flags);
}

void sched_load_average(uint64_t load[3])
{
	unsigned long flags;

	load_average_tick(arch_clock_ns());
	flags = spin_lock_irqsave(&load_lock);
	for (unsigned i = 0; i < LOAD_NR; i++)
		load[i] = load_average[i];
	spin_unlock_irqrestore(&load_lock, flags);
}
