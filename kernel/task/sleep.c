/*
 * Sleeping for a time: nanosleep(2), clock_nanosleep(2), and restart_syscall(2), by which a call that
 * a signal without handler has interrupted goes on towards its original deadline. Only the running
 * task's own fields are touched.
 */
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/sys_task.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

/* restart[] of a sleep. */
enum { RESTART_DEADLINE, RESTART_REMAINING };

/* 0: the time has come. -EINTR: a signal came first. */
static int sleep_until(uint64_t deadline_ns)
{
	while (clock_monotonic_ns() < deadline_ns) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (signal_pending(current)) {
			set_current_state(TASK_RUNNING);
			return -EINTR;
		}
		schedule_until(deadline_ns);
	}
	return 0;
}

/* What is left is stored first; then the call may be asked to go on. */
static long relative_sleep(uint64_t deadline_ns, struct abi_timespec *user_remaining);

static long sleep_restart(struct task_struct *task)
{
	return relative_sleep(task->restart[RESTART_DEADLINE],
			      (struct abi_timespec *)task->restart[RESTART_REMAINING]);
}

static long relative_sleep(uint64_t deadline_ns, struct abi_timespec *user_remaining)
{
	struct abi_timespec remaining;
	uint64_t now;

	if (!sleep_until(deadline_ns))
		return 0;
	now = clock_monotonic_ns();
	remaining = timespec_of(deadline_ns > now ? deadline_ns - now : 0);
	if (user_remaining && copy_to_user(user_remaining, &remaining, sizeof(remaining)))
		return -EFAULT;
	current->restart_fn = sleep_restart;
	current->restart[RESTART_DEADLINE] = deadline_ns;
	current->restart[RESTART_REMAINING] = (uintptr_t)user_remaining;
	return -ERESTART_RESTARTBLOCK;
}

long sys_nanosleep(const struct abi_timespec *user_request, struct abi_timespec *user_remaining)
{
	uint64_t ns;
	int err = timespec_from_user(user_request, &ns);

	return err ? err : relative_sleep(deadline_after(ns), user_remaining);
}

long sys_clock_nanosleep(int32_t clock, int flags, const struct abi_timespec *user_request,
			 struct abi_timespec *user_remaining)
{
	uint64_t ns;
	int err;

	if (!clock_is_realtime(clock) && !clock_is_monotonic(clock))
		return clock == CLOCK_PROCESS_CPUTIME_ID ? -EOPNOTSUPP : -EINVAL;
	err = timespec_from_user(user_request, &ns);
	if (err)
		return err;
	if (!(flags & TIMER_ABSTIME))
		return relative_sleep(deadline_after(ns), user_remaining);
	if (clock_is_realtime(clock))
		ns = deadline_of_realtime(ns);
	return sleep_until(ns) ? -ERESTARTNOHAND : 0;
}

long sys_restart_syscall(void)
{
	long (*restart)(struct task_struct * task) = current->restart_fn;

	current->restart_fn = NULL;
	return restart ? restart(current) : -EINTR;
}
