/*
 * Reading and setting clocks: clock_gettime(2) and its older relatives, and the conversions that all
 * calls with times share. Clocks themselves are the scheduler's (kern/timer.h). No state.
 */
#include <kern/cred.h>
#include <kern/process.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

/* ---- conversions -------------------------------------------------------------------------------------- */

/* Beyond what the clock can show, time stands for "never". */
enum { SECONDS_MAX = INT64_MAX / 1000000000 / 2 };

int timespec_check(const struct abi_timespec *ts, uint64_t *ns)
{
	if (ts->sec < 0 || ts->nsec < 0 || ts->nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	*ns = (uint64_t)MIN(ts->sec, (int64_t)SECONDS_MAX) * NSEC_PER_SEC + (uint64_t)ts->nsec;
	return 0;
}

int timespec_from_user(const struct abi_timespec *user, uint64_t *ns)
{
	struct abi_timespec ts;

	if (copy_from_user(&ts, user, sizeof(ts)))
		return -EFAULT;
	return timespec_check(&ts, ns);
}

struct abi_timespec timespec_of(uint64_t ns)
{
	return (struct abi_timespec){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC)};
}

int timeval_check(const struct abi_timeval *tv, uint64_t *ns)
{
	struct abi_timespec ts = {tv->sec, 0};

	if (tv->usec < 0 || tv->usec >= 1000000)
		return -EINVAL;
	ts.nsec = tv->usec * (int64_t)NSEC_PER_USEC;
	return timespec_check(&ts, ns);
}

struct abi_timeval timeval_of(uint64_t ns)
{
	return (struct abi_timeval){(int64_t)(ns / NSEC_PER_SEC),
				    (int64_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
}

uint64_t deadline_after(uint64_t ns)
{
	return clock_monotonic_ns() + ns;
}

uint64_t deadline_of_realtime(uint64_t realtime_ns)
{
	uint64_t offset = clock_realtime_offset_ns();

	return realtime_ns > offset ? realtime_ns - offset : 0;
}

/* ---- clocks of processes and threads --------------------------------------------------------------- */

/* Negative clock numbers name the CPU time of a process or thread: ~pid << 3, a bit for threads, and
 * which time (clock_getcpuclockid(3), as the C libraries make them). */
enum { CPU_CLOCK_WHICH = 3, CPU_CLOCK_THREAD = 4 };
enum { CPU_CLOCK_PROF = 0, CPU_CLOCK_VIRTUAL = 1, CPU_CLOCK_SCHED = 2 };

bool cpu_clock_is_thread(int32_t clock)
{
	return clock & CPU_CLOCK_THREAD;
}

static uint64_t usage_part(const struct cpu_usage *usage, unsigned which)
{
	return usage->user_ns + (which == CPU_CLOCK_VIRTUAL ? 0 : usage->system_ns);
}

static int cpu_clock_read(int32_t clock, uint64_t *ns)
{
	int32_t pid = ~(clock >> 3);
	bool is_thread = clock & CPU_CLOCK_THREAD;
	unsigned which = (unsigned)clock & CPU_CLOCK_WHICH;
	struct cpu_usage usage;
	struct task_struct *task;

	if (which > CPU_CLOCK_SCHED)
		return -EINVAL;
	task = task_find(pid ? pid : is_thread ? current->pid : current->tgid);
	if (!task)
		return -EINVAL;
	if (is_thread)
		thread_cpu_usage(task, &usage);
	else
		process_cpu_usage(task, &usage);
	put_task_struct(task);
	*ns = usage_part(&usage, which);
	return 0;
}

int clock_read(int32_t clock, uint64_t *ns)
{
	struct cpu_usage usage;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		*ns = clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = clock_monotonic_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		process_cpu_usage(current, &usage);
		*ns = usage.user_ns + usage.system_ns;
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		thread_cpu_usage(current, &usage);
		*ns = usage.user_ns + usage.system_ns;
		return 0;
	default:
		return clock < 0 ? cpu_clock_read(clock, ns) : -EINVAL;
	}
}

bool clock_is_realtime(int32_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

bool clock_is_monotonic(int32_t clock)
{
	return clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_BOOTTIME_ALARM;
}

/* ---- system calls ---------------------------------------------------------------------------------------- */

long sys_clock_gettime(int32_t clock, struct abi_timespec *user_ts)
{
	struct abi_timespec ts;
	uint64_t ns;
	int err = clock_read(clock, &ns);

	if (err)
		return err;
	ts = timespec_of(ns);
	return copy_to_user(user_ts, &ts, sizeof(ts));
}

long sys_clock_settime(int32_t clock, const struct abi_timespec *user_ts)
{
	uint64_t ns;
	int err;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	err = timespec_from_user(user_ts, &ns);
	if (err)
		return err;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	clock_realtime_set(ns);
	return 0;
}

long sys_clock_getres(int32_t clock, struct abi_timespec *user_ts)
{
	const struct abi_timespec resolution = {0, 1};
	uint64_t ns;
	int err = clock_read(clock, &ns);

	if (err)
		return err;
	return user_ts ? copy_to_user(user_ts, &resolution, sizeof(resolution)) : 0;
}

long sys_gettimeofday(struct abi_timeval *user_tv, struct abi_timezone *user_tz)
{
	const struct abi_timezone utc = {0, 0};
	struct abi_timeval tv = timeval_of(clock_realtime_ns());

	if (user_tv && copy_to_user(user_tv, &tv, sizeof(tv)))
		return -EFAULT;
	if (user_tz && copy_to_user(user_tz, &utc, sizeof(utc)))
		return -EFAULT;
	return 0;
}

long sys_settimeofday(const struct abi_timeval *user_tv, const struct abi_timezone *user_tz)
{
	struct abi_timezone tz;
	struct abi_timeval tv;
	uint64_t ns = 0;
	int err;

	if (user_tv) {
		if (copy_from_user(&tv, user_tv, sizeof(tv)))
			return -EFAULT;
		err = timeval_check(&tv, &ns);
		if (err)
			return err;
	}
	/* The kernel keeps UTC and no time zone; a program may say so twice. */
	if (user_tz && copy_from_user(&tz, user_tz, sizeof(tz)))
		return -EFAULT;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (user_tv)
		clock_realtime_set(ns);
	return 0;
}

long sys_time(int64_t *user_seconds)
{
	int64_t seconds = (int64_t)(clock_realtime_ns() / NSEC_PER_SEC);

	if (user_seconds && copy_to_user(user_seconds, &seconds, sizeof(seconds)))
		return -EFAULT;
	return seconds;
}

/* The clock is not disciplined by anybody: it says so, and cannot be asked to. */
long sys_adjtimex(struct abi_timex *user_timex)
{
	struct abi_timex timex;

	if (copy_from_user(&timex, user_timex, sizeof(timex)))
		return -EFAULT;
	if (timex.modes)
		return capable(CAP_SYS_TIME) ? -EINVAL : -EPERM;
	timex = (struct abi_timex){
		.status = STA_UNSYNC,
		.maxerror = 16000000,
		.esterror = 16000000,
		.precision = 1,
		.tolerance = 32768000,
		.time = timeval_of(clock_realtime_ns()),
		.tick = 10000,
	};
	return copy_to_user(user_timex, &timex, sizeof(timex)) ? -EFAULT : TIME_ERROR;
}

long sys_clock_adjtime(int32_t clock, struct abi_timex *user_timex)
{
	return clock == CLOCK_REALTIME ? sys_adjtimex(user_timex) : -EOPNOTSUPP;
}
