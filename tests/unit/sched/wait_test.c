/* Wait queues and completions on one CPU. */
#include "fixture.h"

static struct wait_queue queue = WAIT_QUEUE_INIT(queue);
static int nr_ready, nr_woken, order[16];

struct waiter {
	int name;
	bool is_exclusive;
};

static int waiter_main(void *arg)
{
	struct waiter *waiter = arg;
	struct wait_entry entry;

	wait_entry_init(&entry);
	entry.is_exclusive = waiter->is_exclusive;
	wait_prepare(&queue, &entry, TASK_UNINTERRUPTIBLE);
	schedule();
	wait_finish(&queue, &entry);
	order[nr_woken++] = waiter->name;
	return 0;
}

static struct task_struct *tasks[8];

static void start_waiters(struct waiter *waiters, int nr)
{
	nr_woken = 0;
	for (int i = 0; i < nr; i++)
		tasks[i] = spawn(waiter_main, &waiters[i]);
}

static void end_waiters(int nr)
{
	wake_up_all(&queue);
	settle();
	assert_true(list_is_empty(&queue.waiters));
	for (int i = 0; i < nr; i++)
		join(tasks[i]);
}

SCHED_TEST(wake_one_wakes_all_that_share_and_one_exclusive)
{
	struct waiter waiters[] = {{1, true}, {2, false}, {3, true}, {4, false}, {5, true}};

	start_waiters(waiters, 5);
	wake_up_one(&queue);
	settle();
	assert_int_equal(nr_woken, 3);
	wake_up_key(&queue, 1);
	settle();
	assert_int_equal(nr_woken, 4);
	assert_int_equal(order[3], 3); /* exclusive ones in order of arrival */
	end_waiters(5);
	assert_int_equal(nr_woken, 5);
}

SCHED_TEST(wake_all_wakes_everybody)
{
	struct waiter waiters[] = {{1, true}, {2, false}, {3, true}};

	start_waiters(waiters, 3);
	wake_up_all(&queue);
	settle();
	assert_int_equal(nr_woken, 3);
	end_waiters(3);
}

/* ---- wait_event ------------------------------------------------------------------------------ */

static int result;

static int event_main(void *arg)
{
	result = wait_event_interruptible_until(&queue, nr_ready > 0, (uint64_t)(uintptr_t)arg);
	return 0;
}

SCHED_TEST(wait_event_ends_by_condition_deadline_or_signal)
{
	struct task_struct *task;

	nr_ready = 0;
	task = spawn(event_main, (void *)UINT64_MAX);
	wake_up_all(&queue); /* the condition is false: it sleeps again */
	assert_int_equal(task->state, TASK_INTERRUPTIBLE);
	nr_ready = 1;
	wake_up_all(&queue);
	assert_int_equal(result, 0);
	join(task);

	nr_ready = 0;
	task = spawn(event_main, (void *)(clock_monotonic_ns() + 3 * MS));
	pass(5 * MS);
	assert_int_equal(result, -ETIMEDOUT);
	join(task);

	task = spawn(event_main, (void *)UINT64_MAX);
	atomic_fetch_or_seqcst(&task->work, WORK_SIGNAL);
	task_wake_state(task, TASK_INTERRUPTIBLE);
	assert_int_equal(result, -ERESTARTSYS);
	join(task);
	assert_true(list_is_empty(&queue.waiters));
}

/* ---- entries with a wake of their own -------------------------------------------------------- */

static unsigned seen_key;

static bool note_key(struct wait_entry *entry, unsigned key)
{
	seen_key = key;
	return false;
}

MACHINE_TEST(own_entries_stay_and_see_the_key)
{
	struct wait_entry entry;

	wait_entry_init(&entry);
	entry.wake = note_key;
	wait_add(&queue, &entry);
	wake_up_key(&queue, 5 | WAKE_SYNC);
	assert_int_equal(seen_key, 5 | WAKE_SYNC);
	wake_up_all_key(&queue, 16);
	assert_int_equal(seen_key, 16);
	wait_remove(&queue, &entry);
	wake_up_all(&queue);
	assert_int_equal(seen_key, 16);
	wait_remove(&queue, &entry); /* twice does no harm */
}

/* ---- completions ----------------------------------------------------------------------------- */

static struct completion completion;

static int completion_main(void *arg)
{
	wait_for_completion(&completion);
	nr_ready++;
	return 0;
}

SCHED_TEST(completions_let_everybody_through_from_then_on)
{
	completion_init(&completion);
	nr_ready = 0;
	for (int i = 0; i < 3; i++)
		tasks[i] = spawn(completion_main, NULL);
	assert_int_equal(nr_ready, 0);
	complete(&completion);
	settle();
	assert_int_equal(nr_ready, 3);
	for (int i = 0; i < 3; i++)
		join(tasks[i]);
	tasks[0] = spawn(completion_main, NULL);
	assert_int_equal(nr_ready, 4);
	join(tasks[0]);
}
