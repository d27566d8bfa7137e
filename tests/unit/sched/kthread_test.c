/* Kernel threads and work queues. */
#include "fixture.h"

static int nr_runs;

static int counting_main(void *arg)
{
	nr_runs++;
	return 7;
}

static int until_stopped_main(void *arg)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	atomic_store_relaxed(&current->state, TASK_RUNNING);
	return 13;
}

/* kthread_stop sleeps, so a thread does it. */
static int stopper_main(void *arg)
{
	struct task_struct *ended, *waiting;

	ended = kthread_create(counting_main, NULL, 0, "ended");
	waiting = kthread_create(until_stopped_main, NULL, 0, "waiting");
	assert_string_equal(waiting->comm, "waiting");
	sched_yield();
	assert_int_equal(nr_runs, 1);
	assert_int_equal(kthread_stop(ended), 7);
	assert_int_equal(kthread_stop(waiting), 13);
	nr_runs = 100;
	return 0;
}

SCHED_TEST(stopping_waits_and_returns_the_status)
{
	struct task_struct *stopper;

	nr_runs = 0;
	stopper = spawn(stopper_main, NULL);
	settle();
	assert_int_equal(nr_runs, 100);
	join(stopper);
}

static int offline_main(void *arg)
{
	struct task_struct *task = kthread_create(counting_main, NULL, 1ULL << 9, "on/%d", 9);

	assert_non_null(task);
	assert_string_equal(task->comm, "on/9");
	assert_int_equal(task->state, TASK_NEW); /* CPU 9 is not there */
	assert_int_equal(kthread_stop(task), 0);
	return 0;
}

SCHED_TEST(a_thread_of_an_absent_cpu_does_not_run)
{
	struct task_struct *task;

	nr_runs = 0;
	task = spawn(offline_main, NULL);
	settle();
	assert_int_equal(nr_runs, 0);
	join(task);
}

static int refuse(struct task_struct *task)
{
	return -EAGAIN;
}

static void create_and_forget(void)
{
	struct task_struct *task = kthread_create(counting_main, NULL, 0, "t");

	if (task)
		put_task_struct(task);
	settle();
	task_drain_stacks();
}

SCHED_TEST(creation_fails_cleanly)
{
	kthread_hooks.born = refuse;
	assert_null(kthread_create(counting_main, NULL, 0, "t"));
	kthread_hooks.born = NULL;
	task_drain_stacks();
	assert_true(test_each_allocation_failing(create_and_forget) >= 2);
}

/* ---- work queues ----------------------------------------------------------------------------- */

static struct workqueue *bound, *unbound;
static struct work works[20], slow;
static int done[20], nr_done;

static void work_fn(struct work *work)
{
	assert_true(current->flags & PF_KTHREAD);
	done[nr_done++] = (int)(work - works);
}

static void slow_fn(struct work *work)
{
	nr_done++;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_until(clock_monotonic_ns() + 2 * MS);
	if (nr_done < 3)
		work_queue(unbound, work); /* itself, while it runs */
}

static int flusher_main(void *arg)
{
	workqueue_flush(arg);
	nr_runs = nr_done;
	return 0;
}

MACHINE_TEST(workqueues_are_made_for_good)
{
	bound = workqueue_create("bound", true);
	unbound = workqueue_create("unbound", false);
	assert_non_null(bound);
	assert_non_null(unbound);
	(void)machine_setup(state); /* from here on they belong to the baseline */
}

SCHED_TEST(works_run_once_in_order)
{
	struct workqueue *queues[] = {bound, unbound};

	for (int q = 0; q < 2; q++) {
		nr_done = 0;
		preempt_disable();
		for (int i = 0; i < 20; i++) {
			work_init(&works[i], work_fn);
			assert_true(work_queue(queues[q], &works[i]));
			assert_false(work_queue(queues[q], &works[i]));
		}
		preempt_enable();
		settle();
		assert_int_equal(nr_done, 20);
		for (int i = 0; i < 20; i++)
			assert_int_equal(done[i], i);
	}
}

SCHED_TEST(flush_waits_for_what_was_queued)
{
	struct task_struct *flusher;

	nr_done = nr_runs = 0;
	work_init(&slow, slow_fn);
	work_queue(unbound, &slow);
	flusher = spawn(flusher_main, unbound);
	settle();
	assert_int_equal(nr_runs, 0);
	pass(3 * MS);
	assert_int_equal(nr_runs, 2); /* the first is over, the second has begun */
	pass(10 * MS);
	assert_int_equal(nr_done, 3);
	join(flusher);
}
