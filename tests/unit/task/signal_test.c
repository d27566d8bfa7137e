/* Queues, sending and masks: kernel/task/signal_queue.c, signal_send.c, signal_mask.c, signal_deliver.c. */
#include "fixture.h"

/*
 * A process without a program: a kernel thread whose signals are those of a user process. It runs fn on
 * its own stack, as the running task.
 */
static struct sighand_struct *handlers;

static void become_process(void)
{
	struct sighand_struct *old = current->sighand;

	handlers = sighand_create(NULL);
	assert(handlers);
	current->sighand = handlers;
	current->signal->rlimits[RLIMIT_SIGPENDING] = (struct abi_rlimit){100, 100};
	sighand_put(old);
}

static void set_handler(int signal, uintptr_t handler)
{
	current->sighand->action[signal - 1].handler = handler;
}

static int run_in_process(void (*fn)(void))
{
	become_process();
	fn();
	return 0;
}

static int thread_main(void *fn)
{
	return run_in_process((void (*)(void))fn);
}

static void in_process(void (*fn)(void))
{
	struct task_struct *task = kthread_create(thread_main, fn, 0, "process");

	assert_non_null(task);
	settle();
	assert_int_equal(task->state, TASK_DEAD);
	put_task_struct(task);
}

/* In another thread's stack cmocka's checks do not work: the kernel's own are used. */

static int take(struct signal_info *info)
{
	unsigned long flags = spin_lock_irqsave(&current->signal->lock);
	int signal = signal_dequeue(current->blocked, info);

	spin_unlock_irqrestore(&current->signal->lock, flags);
	return signal;
}

static int queue_value(int signal, uint64_t value)
{
	struct signal_info info = {.code = SI_QUEUE};

	info.sender.value = value;
	return signal_send_process(current, signal, &info);
}

static void order(void)
{
	struct signal_info info;

	signal_mask_set(~0ULL);
	set_handler(SIGUSR1, 0x1000);
	assert(queue_value(40, 1) == 0 && queue_value(35, 2) == 0 && queue_value(40, 3) == 0);
	assert(queue_value(SIGUSR1, 4) == 0 && queue_value(SIGUSR1, 5) == 0);
	assert(queue_value(SIGSEGV, 6) == 0);
	assert(!signal_pending(current)); /* all blocked */
	signal_mask_set(0);
	assert(signal_pending(current));
	assert(take(&info) == SIGSEGV && info.sender.value == 6); /* a fault comes first */
	assert(take(&info) == SIGUSR1 && info.sender.value == 4); /* once */
	assert(take(&info) == 35 && info.sender.value == 2);
	assert(take(&info) == 40 && info.sender.value == 1);
	assert(signal_pending(current));
	assert(take(&info) == 40 && info.sender.value == 3);
	assert(take(&info) == 0 && !signal_pending(current));
}

TASK_TEST(signals_come_in_order)
{
	in_process(order);
}

static void limit(void)
{
	struct signal_info info;
	unsigned n = 0;

	signal_mask_set(~0ULL);
	while (queue_value(40, n) == 0)
		n++;
	assert(n > 90 && n <= 100);
	assert(queue_value(40, 0) == -EAGAIN);
	assert(queue_value(SIGTERM, 7) == 0); /* is pending all the same, without details */
	signal_mask_set(0);
	assert(take(&info) == SIGTERM && info.code == SI_USER);
	while (n--)
		assert(take(&info) == 40);
	assert(take(&info) == 0 && root_user.nr_queued == 0);
}

TASK_TEST(the_queue_has_a_limit)
{
	in_process(limit);
}

static void ignored(void)
{
	struct signal_info info;

	set_handler(SIGUSR1, SIG_IGN);
	assert(signal_send_process(current, SIGUSR1, NULL) == 0);
	assert(signal_send_process(current, SIGCHLD, NULL) == 0);
	assert(!signal_pending(current) && !current->signal->pending_mask);
	signal_mask_set(SIGNAL_BIT(SIGUSR1));
	assert(signal_send_process(current, SIGUSR1, NULL) == 0);
	assert(current->signal->pending_mask == SIGNAL_BIT(SIGUSR1)); /* it may get a handler yet */
	signal_mask_set(0);
	assert(take(&info) == SIGUSR1);
}

TASK_TEST(what_is_ignored_vanishes_unless_it_is_blocked)
{
	in_process(ignored);
}

static void stop_and_continue(void)
{
	struct signal_info info;

	signal_mask_set(~0ULL);
	assert(signal_send_process(current, SIGCONT, NULL) == 0);
	assert(current->signal->pending_mask & SIGNAL_BIT(SIGCONT));
	assert(signal_send_process(current, SIGTSTP, NULL) == 0);
	assert(current->signal->pending_mask == SIGNAL_BIT(SIGTSTP));
	assert(signal_send_task(current, SIGTTIN, NULL) == 0);
	assert(signal_send_process(current, SIGCONT, NULL) == 0);
	assert(current->signal->pending_mask == SIGNAL_BIT(SIGCONT) && !current->pending_mask);
	signal_mask_set(0);
	assert(take(&info) == SIGCONT);
}

TASK_TEST(stops_and_continues_cancel_each_other)
{
	in_process(stop_and_continue);
}

static void fatal(void)
{
	assert(!fatal_signal_pending(current));
	assert(signal_send_process(current, SIGTERM, NULL) == 0);
	assert(fatal_signal_pending(current));
	assert((current->signal->flags & SIGNAL_GROUP_EXIT) &&
	       current->signal->group_exit_code == SIGTERM);
}

TASK_TEST(a_fatal_signal_ends_the_process)
{
	in_process(fatal);
}

static void unkillable(void)
{
	current->signal->flags |= SIGNAL_UNKILLABLE;
	assert(signal_send_process(current, SIGKILL, NULL) == 0);
	assert(signal_send_process(current, SIGTERM, NULL) == 0);
	assert(!signal_pending(current));
	set_handler(SIGTERM, 0x1000);
	assert(signal_send_process(current, SIGTERM, NULL) == 0);
	assert(signal_pending(current) && !fatal_signal_pending(current));
	signal_force(SIGSEGV, NULL); /* its own fault kills it all the same */
	assert(fatal_signal_pending(current));
}

TASK_TEST(the_first_process_gets_only_what_it_handles)
{
	in_process(unkillable);
}

static void forced(void)
{
	set_handler(SIGSEGV, SIG_IGN);
	signal_mask_set(SIGNAL_BIT(SIGSEGV));
	signal_force(SIGSEGV, NULL);
	assert(handlers->action[SIGSEGV - 1].handler == SIG_DFL);
	assert(!(current->blocked & SIGNAL_BIT(SIGSEGV)) && fatal_signal_pending(current));
}

TASK_TEST(a_fault_cannot_be_ignored)
{
	in_process(forced);
}

static void kernel_threads(void)
{
	assert(signal_send_process(current, SIGKILL, NULL) == 0);
}

static int plain_thread(void *arg)
{
	kernel_threads();
	assert(!signal_pending(current) && !current->signal->pending_mask);
	return 0;
}

TASK_TEST(no_signal_reaches_a_kernel_thread)
{
	struct task_struct *task = kthread_create(plain_thread, NULL, 0, "kernel");

	settle();
	put_task_struct(task);
}

static void masks(void)
{
	assert(signal_mask_change(SIG_BLOCK, 0x30) == 0 && current->blocked == 0x30);
	assert(signal_mask_change(SIG_UNBLOCK, 0x10) == 0x30 && current->blocked == 0x20);
	assert(signal_mask_change(SIG_SETMASK, ~0ULL) == 0x20);
	assert(current->blocked == ~SIGNALS_UNBLOCKABLE);
	signal_mask_begin(0x7);
	assert(current->blocked == 0x7);
	signal_mask_end(false);
	assert(current->blocked == ~SIGNALS_UNBLOCKABLE && !current->restore_blocked);
	signal_mask_begin(0x7);
	signal_mask_end(true); /* until the signal has been delivered */
	assert(current->blocked == 0x7 && current->restore_blocked);
}

TASK_TEST(masks_change_as_asked_for)
{
	in_process(masks);
}

TEST(interrupted_calls_go_on_as_they_say)
{
	static const struct {
		long result;
		bool without, with, with_restart;
	} rows[] = {
		{-ERESTARTNOINTR, true, true, true},
		{-ERESTARTSYS, true, false, true},
		{-ERESTARTNOHAND, true, false, false},
		{-ERESTART_RESTARTBLOCK, true, false, false},
		{-EINTR, false, false, false},
		{0, false, false, false},
		{5, false, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(restart_is_wanted(rows[i].result, false, 0), rows[i].without);
		assert_int_equal(restart_is_wanted(rows[i].result, true, 0), rows[i].with);
		assert_int_equal(restart_is_wanted(rows[i].result, true, SA_RESTART),
				 rows[i].with_restart);
	}
}
