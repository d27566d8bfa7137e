/*
 * Moving waiting tasks between CPUs. Tasks are only ever pulled, by the CPU that will run them,
 * with both run queues locked; a task that is not running can be moved at any time.
 *
 * A CPU on which somebody has waited for PULL_AGE_NS shows itself in cpus_crowded, one word for all
 * CPUs, and sends for an idle CPU if there is one. That word is all that an idle or a busy CPU
 * looks at as long as nobody waits: without load no CPU touches another's run queue. The delay is
 * deliberate: most tasks that are queued behind a running one get the CPU within microseconds
 * (wake.c).
 *
 * A busy CPU looks from its timer, each BALANCE_NS while cpus_crowded is not 0, and takes a task if
 * that makes the two weights more equal. When no single task can (three equal ones on two CPUs), it
 * takes one anyway each BALANCE_PATIENCE looks, so that over time all get the same.
 */
#include <arch/ipi.h>

#include "queue.h"

enum {
	BALANCE_NS = 32000000,
	BALANCE_PATIENCE = 4,
	BALANCE_MAX_MOVES = 8,	/* in one go, interrupts off */
	BALANCE_MAX_LOOKS = 32, /* at waiting tasks */
};

uint64_t cpus_idle, cpus_crowded;

/* What to look for among the tasks that wait. */
struct wanted {
	unsigned cpu;		   /* may run there */
	uint64_t queued_before_ns; /* has waited since then or longer */
	uint64_t max_weight;	   /* of fair tasks */
};

static bool is_wanted(const struct task_struct *task, const struct wanted *wanted)
{
	return ((task->affinity >> wanted->cpu) & 1) &&
	       task->se.queued_ns <= wanted->queued_before_ns &&
	       (task_is_rt(task) || task->se.weight <= wanted->max_weight);
}

/* In the order in which they would run: the first suits best. NULL: none. */
static struct task_struct *find_waiting(struct rb_node *first, const struct wanted *wanted)
{
	struct rb_node *node = first;

	for (unsigned i = 0; node && i < BALANCE_MAX_LOOKS; i++, node = rb_next(node)) {
		struct task_struct *task = rb_entry(node, struct task_struct, se.node);

		if (is_wanted(task, wanted))
			return task;
	}
	return NULL;
}

static void move_task(struct rq *from, struct rq *to, struct task_struct *task) HOLDS(from->lock)
	HOLDS(to->lock)
{
	rq_dequeue(from, task);
	task->se.is_moving = true;
	atomic_store_relaxed(&task->cpu, to->cpu);
	rq_enqueue(to, task, ENQUEUE_MOVE);
	rq_check_preempt(to, task, false);
}

static void lock_both(struct rq *a, struct rq *b) NO_LOCK_ANALYSIS
{
	spin_lock_pair(&a->lock, &b->lock);
	rq_update_clock(a);
	rq_update_clock(b);
	rq_charge(a);
	rq_charge(b);
}

/* ---- idle CPUs ------------------------------------------------------------------------------- */

/* Takes up to half of what waits on from. */
static bool pull_waiting(struct rq *to, struct rq *from) NO_LOCK_ANALYSIS
{
	struct wanted wanted = {.cpu = to->cpu, .max_weight = UINT64_MAX};
	unsigned nr_moved = 0;

	lock_both(to, from);
	wanted.queued_before_ns = from->clock_ns - PULL_AGE_NS / 2;
	while (nr_moved < BALANCE_MAX_MOVES && from->nr_running > to->nr_running + 1) {
		struct task_struct *task = find_waiting(from->rt.first, &wanted);

		if (!task)
			task = find_waiting(from->fair.first, &wanted);
		if (!task)
			break;
		move_task(from, to, task);
		nr_moved++;
	}
	spin_unlock_pair(&to->lock, &from->lock);
	return nr_moved;
}

bool balance_pull_idle(void)
{
	struct rq *mine = &this_cpu(rq);
	uint64_t others = atomic_load_seqcst(&cpus_crowded) & ~(1ULL << mine->cpu);
	uint64_t behind_me = others & ~((1ULL << mine->cpu) - 1);
	unsigned cpu;

	/* From here upwards, and round: not everybody at the lowest one first. */
	for_each_cpu (cpu, behind_me)
		if (pull_waiting(mine, &per_cpu(rq, cpu)))
			return true;
	for_each_cpu (cpu, others & ~behind_me)
		if (pull_waiting(mine, &per_cpu(rq, cpu)))
			return true;
	return false;
}

/* Wakes a halted idle CPU of mask, unless one of them polls and will see cpus_crowded by itself. */
static void send_for_idle(uint64_t mask)
{
	uint64_t idle = atomic_load_seqcst(&cpus_idle) & mask;
	unsigned cpu;

	if (!idle)
		return;
	for_each_cpu (cpu, idle)
		if (cpu_is_polling(cpu)) /* pairs with idle_stop_polling() */
			return;
	arch_ipi_send(bit_lowest(idle), IPI_RESCHEDULE);
}

/* Who has waited too long here? */
static struct task_struct *find_impatient(struct rq *rq, struct rb_node *first)
{
	struct rb_node *node = first;

	for (unsigned i = 0; node && i < BALANCE_MAX_LOOKS; i++, node = rb_next(node)) {
		struct task_struct *task = rb_entry(node, struct task_struct, se.node);

		if (task->se.queued_ns + PULL_AGE_NS <= rq->clock_ns &&
		    (task_allowed_cpus(task) & ~(1ULL << rq->cpu)))
			return task;
	}
	return NULL;
}

void balance_check_crowd(struct rq *rq)
{
	struct task_struct *task;

	rq->crowd_check_ns = UINT64_MAX;
	if (rq->nr_running < 2)
		return;
	task = find_impatient(rq, rq->rt.first);
	if (!task)
		task = find_impatient(rq, rq->fair.first);
	if (task) {
		cpu_mask_show(&cpus_crowded, &rq->is_crowded_shown, rq->cpu, true);
		send_for_idle(task_allowed_cpus(task) & ~(1ULL << rq->cpu));
	} else if (atomic_load_relaxed(&cpus_idle)) {
		rq->crowd_check_ns = rq->clock_ns + PULL_AGE_NS;
	}
}

/* ---- busy CPUs ------------------------------------------------------------------------------- */

static uint64_t load_of(struct rq *rq)
{
	return atomic_load_relaxed(&rq->fair.weight);
}

/* The crowded CPU with the most weight; NULL: none. A look without locks. */
static struct rq *find_busiest(uint64_t crowded)
{
	struct rq *busiest = NULL;
	unsigned cpu;

	for_each_cpu (cpu, crowded) {
		struct rq *rq = &per_cpu(rq, cpu);

		if (!busiest || load_of(rq) > load_of(busiest))
			busiest = rq;
	}
	return busiest;
}

/* A real-time task that waits over there while less important work runs here. */
static bool pull_rt(struct rq *to, struct rq *from) HOLDS(from->lock) HOLDS(to->lock)
{
	struct wanted wanted = {.cpu = to->cpu, .queued_before_ns = UINT64_MAX, .max_weight = 0};
	struct task_struct *task = find_waiting(from->rt.first, &wanted);

	if (!task || task->se.rt_priority <= to->curr->se.rt_priority)
		return false;
	move_task(from, to, task);
	return true;
}

/* Both locked. Takes what makes the weights more equal; returns how many. */
static unsigned pull_weight(struct rq *to, struct rq *from) HOLDS(from->lock) HOLDS(to->lock)
{
	unsigned nr_moved = 0;
	bool is_impatient = to->nr_balance_failed >= BALANCE_PATIENCE;

	while (nr_moved < BALANCE_MAX_MOVES && from->nr_running > 1) {
		uint64_t more = from->fair.weight - MIN(to->fair.weight, from->fair.weight);
		struct wanted wanted = {
			.cpu = to->cpu,
			.queued_before_ns = UINT64_MAX,
			/* Less than the difference; all of it only turns the tables. */
			.max_weight = is_impatient && !nr_moved ? more : more - !!more,
		};
		struct task_struct *task = find_waiting(from->fair.first, &wanted);

		if (!task)
			break;
		move_task(from, to, task);
		nr_moved++;
	}
	return nr_moved;
}

void balance_periodic(struct rq *rq) NO_LOCK_ANALYSIS
{
	uint64_t crowded = atomic_load_relaxed(&cpus_crowded) & ~(1ULL << rq->cpu);
	struct rq *busiest;

	if (likely(!crowded) || rq->clock_ns < rq->balance_next_ns)
		return;
	rq->balance_next_ns = rq->clock_ns + BALANCE_NS;
	busiest = find_busiest(crowded);
	if (!busiest)
		return;
	lock_both(rq, busiest);
	if (pull_rt(rq, busiest) || pull_weight(rq, busiest))
		rq->nr_balance_failed = 0;
	else
		rq->nr_balance_failed++;
	spin_unlock_pair(&rq->lock, &busiest->lock);
}
