/*
 * A process's interval timers: setitimer(2), alarm(2), and RLIMIT_CPU. ITIMER_REAL runs on the clock;
 * the others count the process's CPU time down as the scheduler's sampling charges it.
 *
 * A periodic timer whose signal is still pending is not armed again before the signal is taken, so a
 * period of a microsecond cannot keep a CPU busy. signal->lock guards all of it, against the timer's
 * interrupt too.
 */
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/sys_task.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

enum { CLOCK_VIRTUAL, CLOCK_PROF }; /* cpu_timers[] */

static void process_signal(struct signal_struct *process, int signal)
{
	struct task_struct *leader = process->leader;

	if (leader && leader->sighand)
		signal_notify_locked(leader, signal, NULL);
}

/* ---- ITIMER_REAL ------------------------------------------------------------------------------------------ */

static void real_arm(struct signal_struct *process, uint64_t deadline_ns)
{
	process->real_deadline_ns = deadline_ns;
	timer_arm(&process->real_timer, deadline_ns);
}

static void real_expired(struct timer *timer)
{
	struct signal_struct *process = container_of(timer, struct signal_struct, real_timer);
	unsigned long flags = spin_lock_irqsave(&process->lock);
	uint64_t deadline_ns = process->real_deadline_ns;

	/* It may have been set anew while this interrupt was on its way. */
	if (deadline_ns && clock_monotonic_ns() >= deadline_ns) {
		process->real_deadline_ns = 0;
		process->real_expired_ns = deadline_ns;
		process_signal(process, SIGALRM);
		if (!(process->pending_mask & SIGNAL_BIT(SIGALRM)))
			itimer_taken(process); /* ignored: nobody will take it */
	}
	spin_unlock_irqrestore(&process->lock, flags);
}

void itimer_taken(struct signal_struct *process)
{
	uint64_t interval = process->real_interval_ns, now, nr;

	if (!interval || process->real_deadline_ns)
		return;
	now = clock_monotonic_ns();
	nr = (now - process->real_expired_ns) / interval + 1;
	real_arm(process, process->real_expired_ns + nr * interval);
}

static void real_get(struct signal_struct *process, uint64_t *left, uint64_t *interval)
{
	uint64_t now = clock_monotonic_ns();

	*interval = process->real_interval_ns;
	*left = 0;
	if (process->real_deadline_ns)
		*left = process->real_deadline_ns > now ? process->real_deadline_ns - now
							: NSEC_PER_USEC;
	else if (process->real_interval_ns)
		*left = NSEC_PER_USEC; /* due: its signal is pending */
}

static void real_set(struct signal_struct *process, uint64_t left, uint64_t interval)
{
	timer_cancel(&process->real_timer);
	process->real_deadline_ns = 0;
	process->real_interval_ns = left ? interval : 0;
	if (left)
		real_arm(process, deadline_after(left));
}

/* ---- CPU time --------------------------------------------------------------------------------------------- */

void cpu_clocks_update(struct signal_struct *process)
{
	bool is_armed = process->cpu_timers[CLOCK_VIRTUAL].left_ns ||
			process->cpu_timers[CLOCK_PROF].left_ns ||
			process->rlimits[RLIMIT_CPU].soft != RLIM_INFINITY ||
			posix_timers_count_cpu(process);

	atomic_store_relaxed(&process->cpu_clocks_armed, is_armed);
}

static void count_down(struct signal_struct *process, struct interval_timer *timer,
		       uint64_t delta_ns, int signal)
{
	if (!timer->left_ns)
		return;
	if (timer->left_ns > delta_ns) {
		timer->left_ns -= delta_ns;
		return;
	}
	timer->left_ns = timer->interval_ns;
	process_signal(process, signal);
}

/* RLIMIT_CPU: SIGXCPU each second past the soft limit, SIGKILL at the hard one (setrlimit(2)). */
static void limit_count(struct signal_struct *process, uint64_t delta_ns)
{
	struct abi_rlimit *limit = &process->rlimits[RLIMIT_CPU];
	uint64_t before = process->cpu_limit_used_ns / NSEC_PER_SEC, now;

	if (limit->soft == RLIM_INFINITY)
		return;
	process->cpu_limit_used_ns += delta_ns;
	now = process->cpu_limit_used_ns / NSEC_PER_SEC;
	if (now >= limit->hard)
		process_signal(process, SIGKILL);
	else if (now >= limit->soft && (now != before || before < limit->soft))
		process_signal(process, SIGXCPU);
}

/* The scheduler's sampling has charged a task. Context: hard interrupt. */
static void cpu_charged(struct task_struct *task, bool is_user, uint64_t delta_ns)
{
	struct signal_struct *process = task->signal;
	unsigned long flags;

	if (!process || !atomic_load_relaxed(&process->cpu_clocks_armed))
		return;
	flags = spin_lock_irqsave(&process->lock);
	if (is_user)
		count_down(process, &process->cpu_timers[CLOCK_VIRTUAL], delta_ns, SIGVTALRM);
	count_down(process, &process->cpu_timers[CLOCK_PROF], delta_ns, SIGPROF);
	limit_count(process, delta_ns);
	posix_timers_charge(process, task, delta_ns);
	spin_unlock_irqrestore(&process->lock, flags);
}

void cpu_limit_changed(struct signal_struct *process, uint64_t used_ns)
{
	process->cpu_limit_used_ns = used_ns;
	cpu_clocks_update(process);
}

/* ---- life -------------------------------------------------------------------------------------------------- */

void itimer_init(struct signal_struct *process)
{
	timer_init(&process->real_timer, real_expired);
	sched_hooks.charged = cpu_charged;
}

void itimer_exit(struct signal_struct *process)
{
	unsigned long flags = spin_lock_irqsave(&process->lock);

	real_set(process, 0, 0);
	process->cpu_timers[CLOCK_VIRTUAL].left_ns = 0;
	process->cpu_timers[CLOCK_PROF].left_ns = 0;
	spin_unlock_irqrestore(&process->lock, flags);
	timer_cancel_wait(&process->real_timer);
}

/* ---- system calls ------------------------------------------------------------------------------------------- */

static struct interval_timer *cpu_timer_of(struct signal_struct *process, int which)
{
	return &process->cpu_timers[which == ITIMER_VIRTUAL ? CLOCK_VIRTUAL : CLOCK_PROF];
}

static void itimer_read(struct signal_struct *process, int which, struct abi_itimerval *value)
{
	uint64_t left, interval;

	if (which == ITIMER_REAL) {
		real_get(process, &left, &interval);
	} else {
		left = cpu_timer_of(process, which)->left_ns;
		interval = cpu_timer_of(process, which)->interval_ns;
	}
	value->value = timeval_of(left);
	value->interval = timeval_of(interval);
}

static void itimer_exchange(int which, uint64_t left, uint64_t interval, struct abi_itimerval *old)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);

	itimer_read(process, which, old);
	if (which == ITIMER_REAL) {
		real_set(process, left, interval);
	} else {
		*cpu_timer_of(process, which) = (struct interval_timer){left, interval};
		cpu_clocks_update(process);
	}
	spin_unlock_irqrestore(&process->lock, flags);
}

static bool which_is_valid(int which)
{
	return which == ITIMER_REAL || which == ITIMER_VIRTUAL || which == ITIMER_PROF;
}

long sys_getitimer(int which, struct abi_itimerval *user_value)
{
	struct signal_struct *process = current->signal;
	struct abi_itimerval value;
	unsigned long flags;

	if (!which_is_valid(which))
		return -EINVAL;
	flags = spin_lock_irqsave(&process->lock);
	itimer_read(process, which, &value);
	spin_unlock_irqrestore(&process->lock, flags);
	return copy_to_user(user_value, &value, sizeof(value));
}

long sys_setitimer(int which, const struct abi_itimerval *user_value,
		   struct abi_itimerval *user_old)
{
	struct abi_itimerval value = {0}, old;
	uint64_t left, interval;
	int err;

	if (user_value && copy_from_user(&value, user_value, sizeof(value)))
		return -EFAULT;
	if (!which_is_valid(which))
		return -EINVAL;
	err = timeval_check(&value.value, &left);
	if (!err)
		err = timeval_check(&value.interval, &interval);
	if (err)
		return err;
	itimer_exchange(which, left, interval, &old);
	return user_old ? copy_to_user(user_old, &old, sizeof(old)) : 0;
}

long sys_alarm(unsigned seconds)
{
	struct abi_itimerval old;

	itimer_exchange(ITIMER_REAL, seconds * NSEC_PER_SEC, 0, &old);
	/* Part of a second counts as one, for there was an alarm. */
	if ((!old.value.sec && old.value.usec) || old.value.usec >= 500000)
		old.value.sec++;
	return old.value.sec;
}
