/* Sleeping, waking, switching on one CPU: no wake-up is lost wherever it falls, contexts are
 * checked. */
#include "fixture.h"

static int steps[16], nr_steps;

static void step(int n)
{
	steps[nr_steps++] = n;
}

static int sleeper_main(void *arg)
{
	step(1);
	set_current_state(TASK_INTERRUPTIBLE);
	schedule();
	step(3);
	return 42;
}

SCHED_TEST(a_task_sleeps_until_it_is_woken)
{
	struct task_struct *task;

	nr_steps = 0;
	task = spawn(sleeper_main, NULL);
	assert_int_equal(nr_steps, 1);
	assert_int_equal(this_cpu(rq).nr_running, 0);
	step(2);
	assert_false(task_wake_state(task, TASK_STOPPED));
	assert_true(task_wake(task));
	assert_int_equal(nr_steps, 3);
	assert_false(task_wake(task));
	join(task);
}

/* ---- signals --------------------------------------------------------------------------------- */

static int signalled_main(void *arg)
{
	uint32_t state = (uint32_t)(uintptr_t)arg;

	set_current_state(state);
	schedule();
	assert_int_equal(current->state, TASK_RUNNING);
	step(1);
	return 0;
}

static bool wakes_for_signal(uint32_t state, uint64_t pending_mask)
{
	struct task_struct *task = spawn(signalled_main, (void *)(uintptr_t)state);
	bool woke;

	nr_steps = 0;
	task->pending_mask = pending_mask;
	atomic_fetch_or_seqcst(&task->work, WORK_SIGNAL);
	task_wake_state(task, TASK_INTERRUPTIBLE | TASK_KILLABLE);
	woke = nr_steps == 1;
	if (!woke)
		task_wake(task);
	join(task);
	return woke;
}

static int pending_main(void *arg)
{
	atomic_fetch_or_seqcst(&current->work, WORK_SIGNAL);
	set_current_state(TASK_INTERRUPTIBLE);
	schedule(); /* does not sleep */
	step(1);
	current->pending_mask = 0;
	assert_int_equal(wait_sleep(TASK_INTERRUPTIBLE, UINT64_MAX), -ERESTARTSYS);
	set_current_state(TASK_KILLABLE);
	schedule(); /* no fatal one: does */
	step(2);
	return 0;
}

SCHED_TEST(signals_end_the_sleeps_that_listen_to_them)
{
	struct task_struct *task;

	assert_true(wakes_for_signal(TASK_INTERRUPTIBLE, 0));
	assert_true(wakes_for_signal(TASK_KILLABLE, 1ULL << 8));

	nr_steps = 0;
	task = spawn(pending_main, NULL);
	assert_int_equal(nr_steps, 1);
	assert_true(task_wake(task));
	assert_int_equal(nr_steps, 2);
	join(task);
}

/* ---- a wake-up at each point ----------------------------------------------------------------- */

static unsigned points_left;
static bool condition;
static struct task_struct *target;

/* At one choice point of the sleeper's way to sleep, or as soon after it as interrupts are on, an
 * interrupt makes the condition true and wakes it. */
static void interrupt_at_point(enum host_point kind, const volatile void *address)
{
	if (points_left > 1)
		points_left--;
	if (points_left != 1 || !host_cpu->irqs_on)
		return;
	points_left = 0;
	host_point_hook = NULL;
	host_cpu->irqs_on = false;
	entry_irq_enter();
	condition = true;
	task_wake(target);
	entry_irq_exit();
	entry_kernel_preempt();
	host_cpu->irqs_on = true;
}

static int waiter_main(void *arg)
{
	target = current;
	host_point_hook = interrupt_at_point;
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (condition)
			break;
		schedule();
	}
	atomic_store_relaxed(&current->state, TASK_RUNNING);
	host_point_hook = NULL;
	return 0;
}

SCHED_TEST(a_wake_up_is_not_lost_at_any_point_of_falling_asleep)
{
	unsigned nr_points = 1;

	for (bool has_slept = false; !has_slept; nr_points++) {
		struct task_struct *task;

		condition = false;
		points_left = nr_points;
		task = spawn(waiter_main, NULL);
		settle();
		host_point_hook = NULL;
		has_slept = !condition; /* the idle task had run to the end before the point came */
		if (has_slept) {
			condition = true;
			task_wake(target);
		}
		join(task);
	}
	assert_true(nr_points > 20);
}

/* ---- contexts -------------------------------------------------------------------------------- */

static void schedule_with_lock(void)
{
	struct spinlock lock;

	spin_init(&lock, LOCK_RANK_NONE, "test");
	spin_lock(&lock);
	schedule();
}

static void schedule_with_interrupts_off(void)
{
	unsigned long flags = arch_irq_save();

	schedule();
	arch_irq_restore(flags);
}

static void idle_task_sleeps(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
	schedule();
}

SCHED_TEST(schedule_refuses_wrong_contexts)
{
	host_expect_panic("preempt_count() == 0", schedule_with_lock());
	host_expect_panic("arch_irqs_enabled()", schedule_with_interrupts_off());
	host_expect_panic("!task_is_idle", idle_task_sleeps());
}

static int spinner_main(void *arg)
{
	uint64_t end_ns = clock_monotonic_ns() + 20 * MS;

	preempt_disable();
	while (clock_monotonic_ns() < end_ns)
		burn(MS);
	step(1);
	preempt_enable();
	step(3);
	return 0;
}

static int other_main(void *arg)
{
	step(2);
	return 0;
}

static int pair_main(void *arg)
{
	struct task_struct *other;

	other = kthread_create(other_main, NULL, 0, "other");
	put_task_struct(other);
	return spinner_main(NULL);
}

SCHED_TEST(preemption_waits_for_the_count_to_be_zero)
{
	struct task_struct *task;

	nr_steps = 0;
	task = spawn(pair_main, NULL);
	settle();
	assert_int_equal(nr_steps, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(steps[i], i + 1);
	join(task);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static int until_main(void *arg)
{
	uint64_t start = clock_monotonic_ns();

	set_current_state(TASK_INTERRUPTIBLE);
	assert_false(schedule_until(start + 5 * MS)); /* nobody woke it */
	assert_true(clock_monotonic_ns() - start >= 5 * MS);
	step(1);
	set_current_state(TASK_INTERRUPTIBLE);
	assert_true(schedule_until(clock_monotonic_ns() + 5 * MS)); /* somebody did */
	step(2);
	set_current_state(TASK_INTERRUPTIBLE);
	assert_false(schedule_until(0));
	assert_int_equal(current->state, TASK_RUNNING);
	step(3);
	return 0;
}

SCHED_TEST(a_sleep_with_a_deadline_ends_by_itself)
{
	struct task_struct *task;

	nr_steps = 0;
	task = spawn(until_main, NULL);
	assert_int_equal(nr_steps, 0);
	pass(4 * MS);
	assert_int_equal(nr_steps, 0);
	pass(2 * MS);
	assert_int_equal(nr_steps, 1);
	pass(MS);
	task_wake(task);
	assert_int_equal(nr_steps, 3);
	join(task);
}

/* ---- time accounts --------------------------------------------------------------------------- */

static int busy_main(void *arg)
{
	burn(30 * MS);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	return 0;
}

SCHED_TEST(times_add_up)
{
	struct cpu_times before, after;
	uint64_t user, system, start = clock_monotonic_ns();
	struct task_struct *task;

	sched_cpu_times(0, &before);
	task = spawn(busy_main, NULL);
	pass(70 * MS);
	sched_cpu_times(0, &after);
	sched_task_times(task, &user, &system);
	assert_int_equal(user, 0);
	assert_int_equal(system, 30 * MS);
	assert_int_equal(after.system_ns - before.system_ns, 30 * MS);
	assert_int_equal(after.idle_ns - before.idle_ns, 70 * MS);
	assert_int_equal(after.user_ns + after.system_ns + after.idle_ns -
				 (before.user_ns + before.system_ns + before.idle_ns),
			 clock_monotonic_ns() - start);
	task_wake(task);
	join(task);
}

SCHED_TEST(load_average_approaches_the_number_of_active_tasks)
{
	struct task_struct *task = spawn(busy_main, NULL); /* sleeps uninterruptibly */
	uint64_t load[3];

	for (int i = 0; i < 600; i++) {
		host_time_advance(NSEC_PER_SEC);
		sched_load_average(load);
	}
	assert_in_range(load[0], 2040, 2048);
	assert_in_range(load[1], 1600, 2048);
	assert_in_range(load[2], 900, 1300);
	task_wake(task);
	join(task);
	host_time_advance(3600 * NSEC_PER_SEC);
	sched_load_average(load);
	assert_int_equal(load[0], 0);
	assert_in_range(load[2], 0, 60);
}
