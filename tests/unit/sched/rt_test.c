/* SCHED_FIFO and RR: order, turns, and the limit that leaves something to others. */
#include "fixture.h"

static int order[64], nr_order;

struct worker {
	int name;
	int policy, priority;
	uint64_t work_ns;
	int nr_parts;
};

static int worker_main(void *arg)
{
	struct worker *worker = arg;

	gate_pass();
	for (int i = 0; i < worker->nr_parts; i++) {
		order[nr_order++] = worker->name;
		burn(worker->work_ns);
	}
	return 0;
}

static struct task_struct *tasks[8];

static void run_workers(struct worker *workers, int nr)
{
	gate_close();
	nr_order = 0;
	for (int i = 0; i < nr; i++) {
		tasks[i] = spawn(worker_main, &workers[i]);
		assert_int_equal(sched_set_policy(tasks[i], workers[i].policy, workers[i].priority),
				 0);
	}
	gate_open();
	settle();
	for (int i = 0; i < nr; i++)
		join(tasks[i]);
}

static void assert_order(const int *wanted, int nr)
{
	assert_int_equal(nr_order, nr);
	for (int i = 0; i < nr; i++)
		assert_int_equal(order[i], wanted[i]);
}

SCHED_TEST(higher_priority_runs_first_equals_in_order_of_arrival)
{
	struct worker workers[] = {{1, SCHED_FIFO, 10, 5 * MS, 2},
				   {2, SCHED_OTHER, 0, 5 * MS, 1},
				   {3, SCHED_FIFO, 50, 5 * MS, 2},
				   {4, SCHED_FIFO, 10, 5 * MS, 2}};

	/* The gate's queue is a stack: the last to come is the first to be woken. */
	run_workers(workers, 4);
	assert_order((int[]){3, 3, 4, 4, 1, 1, 2}, 7);
}

SCHED_TEST(round_robin_takes_turns_of_a_tenth_of_a_second)
{
	struct worker workers[] = {{1, SCHED_RR, 5, 100 * MS, 3}, {2, SCHED_RR, 5, 100 * MS, 3}};

	run_workers(workers, 2);
	assert_order((int[]){2, 1, 2, 1, 2, 1}, 6);
}

static struct task_struct *low, *high;
static int phase;

static int high_main(void *arg)
{
	set_current_state(TASK_INTERRUPTIBLE);
	schedule();
	assert_int_equal(phase, 1);
	phase = 2;
	return 0;
}

static int low_main(void *arg)
{
	phase = 1;
	task_wake(high); /* takes the CPU at once */
	assert_int_equal(phase, 2);
	phase = 3;
	return 0;
}

SCHED_TEST(waking_a_higher_priority_preempts_at_once)
{
	phase = 0;
	high = spawn(high_main, NULL);
	assert_int_equal(sched_set_policy(high, SCHED_FIFO, 2), 0);
	low = spawn(low_main, NULL);
	settle();
	assert_int_equal(phase, 3);
	join(low);
	join(high);
}

static uint64_t end_ns;

static int spinner_main(void *arg)
{
	gate_pass();
	while (clock_monotonic_ns() < end_ns)
		burn(MS);
	return 0;
}

SCHED_TEST(a_spinning_real_time_task_leaves_a_twentieth)
{
	struct task_struct *fifo, *other;

	gate_close();
	fifo = spawn(spinner_main, NULL);
	other = spawn(spinner_main, NULL);
	assert_int_equal(sched_set_policy(fifo, SCHED_FIFO, 99), 0);
	end_ns = clock_monotonic_ns() + 10 * NSEC_PER_SEC;
	gate_open();
	settle();
	assert_in_range(other->se.sum_exec_ns, 450 * MS, 550 * MS);
	join(fifo);
	join(other);
}

SCHED_TEST(bad_policies_are_refused)
{
	struct task_struct *task = spawn(spinner_main, NULL);

	join(task); /* the gate is open: it has run */
	task = &init_task;
	assert_int_equal(sched_set_policy(task, SCHED_FIFO, 0), -EINVAL);
	assert_int_equal(sched_set_policy(task, SCHED_FIFO, 100), -EINVAL);
	assert_int_equal(sched_set_policy(task, SCHED_OTHER, 1), -EINVAL);
	assert_int_equal(sched_set_policy(task, SCHED_DEADLINE, 0), -EINVAL);
	assert_int_equal(sched_set_policy(task, 4, 0), -EINVAL);
	assert_int_equal(sched_set_nice(task, -21), -EINVAL);
	assert_int_equal(sched_set_nice(task, 20), -EINVAL);
	assert_int_equal(sched_set_affinity(task, 0), -EINVAL);
	assert_int_equal(sched_set_affinity(task, 1ULL << 40), -EINVAL);
}
