/* kernel/task/pid.c: numbers, and who goes by them. */
#include "fixture.h"

static struct pid *pids[PID_MAX];

static int32_t take(unsigned i)
{
	int err = pid_create(&pids[i]);

	return err ? err : pids[i]->nr;
}

TASK_TEST(numbers_go_round_before_one_comes_again)
{
	int32_t first = take(0), nr, last = first;
	bool has_wrapped = false;

	assert_true(first > 0);
	pid_destroy(pids[0]);
	for (unsigned i = 0; i < 2 * PID_MAX; i++) {
		nr = take(0);
		assert_true(nr > 0 && nr < PID_MAX && nr != last);
		if (nr < last) {
			assert_false(has_wrapped && nr > last);
			has_wrapped = true;
			assert_true(nr >= 300 ||
				    nr > last); /* the low ones are for early programs */
		}
		last = nr;
		pid_destroy(pids[0]);
	}
	assert_true(has_wrapped);
}

TASK_TEST(when_all_are_taken_there_is_none)
{
	unsigned n = 0;
	int32_t nr;

	while ((nr = take(n)) > 0)
		n++;
	assert_int_equal(nr, -EAGAIN);
	assert_true(n > 30000);
	pid_destroy(pids[7]);
	assert_true(take(7) > 0);
	assert_int_equal(take(n), -EAGAIN);
	while (n)
		pid_destroy(pids[--n]);
}

static int idle_thread(void *arg)
{
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
	}
	set_current_state(TASK_RUNNING);
	return 0;
}

static int stop_all(void *arg)
{
	struct task_struct **threads = arg;

	while (*threads)
		kthread_stop(*threads++);
	return 0;
}

TASK_TEST(a_thread_is_found_while_it_is_there)
{
	struct task_struct *threads[3] = {NULL}, *found, *stopper;
	int32_t pid;

	threads[0] = kthread_create(idle_thread, NULL, 0, "one");
	threads[1] = kthread_create(idle_thread, NULL, 0, "two");
	settle();
	pid = threads[0]->pid;
	assert_true(pid > 0 && threads[1]->pid != pid);
	found = task_find(pid);
	assert_ptr_equal(found, threads[0]);
	put_task_struct(found);
	found = process_next(pid);
	assert_ptr_equal(found, threads[0]);
	found = process_next_put(found);
	assert_ptr_equal(found, threads[1]);
	found = process_next_put(found);
	assert_null(found);
	assert_int_equal(task_count(), 2);
	stopper = kthread_create(stop_all, threads, 0, "stop");
	settle();
	put_task_struct(stopper);
	assert_null(task_find(pid));
	assert_int_equal(task_count(), 0);
}

TASK_TEST(a_reference_outlives_the_number)
{
	struct pid *pid;

	assert_int_equal(pid_create(&pid), 0);
	pid_get(pid);
	pid_destroy(pid);
	assert_false(pid->is_taken);
	pid_put(pid);
}

static int short_thread(void *arg)
{
	return 0;
}

static void create_one(void)
{
	struct task_struct *thread = kthread_create(short_thread, NULL, 0, "one");

	if (thread) {
		settle();
		put_task_struct(thread);
	}
	task_drain_stacks();
}

TASK_TEST(each_allocation_of_a_thread_may_fail)
{
	assert_true(test_each_allocation_failing(create_one) >= 4);
}
