/*
 * POSIX timers: timer_create(2) and its relatives. A timer has one queue entry of its own, so its
 * signal never fails; while that still waits, further expirations only count as overruns, and a
 * periodic timer is armed again when its signal is taken.
 *
 * signal->lock guards a process's timers and their fields, against their interrupts too.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/process.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

enum { POSIX_TIMERS_MAX = 65536 };

struct posix_timer {
	struct list_node node; /* in process->posix_timers */
	struct signal_struct *process;
	int32_t id;
	int32_t clock;	 /* [const] CLOCK_ */
	bool counts_cpu; /* [const] of the process, or of thread alone */
	int notify;	 /* [const] SIGEV_ */
	struct task_struct
		*thread; /* [const] SIGEV_THREAD_ID's or a thread clock's; owns a reference */
	struct signal_entry *entry; /* [const] NULL with SIGEV_NONE */
	struct timer timer;
	uint64_t deadline_ns; /* when due; for CPU clocks what is left; 0: not armed */
	uint64_t expired_ns;  /* when it was due last */
	uint64_t interval_ns;
	int32_t overruns, last_overruns;
};

static struct posix_timer *timer_lookup(struct signal_struct *process, int32_t id)
{
	struct posix_timer *timer;

	list_for_each_entry (timer, &process->posix_timers, node) {
		if (timer->id == id)
			return timer;
	}
	return NULL;
}

/* ---- expiring -------------------------------------------------------------------------------------------- */

static void arm(struct posix_timer *timer, uint64_t deadline_ns)
{
	timer->deadline_ns = deadline_ns;
	if (!timer->counts_cpu && timer->notify != SIGEV_NONE)
		timer_arm(&timer->timer, deadline_ns);
}

/* The next period after now; the ones that have passed are overruns. */
static void arm_next(struct posix_timer *timer)
{
	uint64_t now = clock_monotonic_ns(), nr;

	if (!timer->interval_ns || timer->deadline_ns)
		return;
	if (timer->counts_cpu) {
		arm(timer, timer->interval_ns);
		return;
	}
	nr = (now - timer->expired_ns) / timer->interval_ns;
	timer->overruns = (int32_t)MIN((uint64_t)timer->overruns + nr, (uint64_t)INT32_MAX);
	arm(timer, timer->expired_ns + (nr + 1) * timer->interval_ns);
}

static void expire(struct posix_timer *timer)
{
	struct signal_struct *process = timer->process;
	struct task_struct *target = process->leader;
	enum signal_scope scope = SCOPE_PROCESS;

	timer->expired_ns = timer->deadline_ns;
	timer->deadline_ns = 0;
	if (timer->notify == SIGEV_NONE) {
		arm_next(timer);
		return;
	}
	if (timer->notify & SIGEV_THREAD_ID) {
		target = timer->thread;
		scope = SCOPE_THREAD;
	}
	/* An ignored signal is taken by nobody, so the period goes on here; not faster than by ticks. */
	if (!target || signal_send_entry_locked(target, timer->entry, scope)) {
		if (!timer->counts_cpu && timer->interval_ns)
			timer->expired_ns = MAX(timer->expired_ns,
						clock_monotonic_ns() + NSEC_PER_TICK -
							MIN(timer->interval_ns, NSEC_PER_TICK));
		timer->overruns = 0;
		arm_next(timer);
	}
}

static void timer_fired(struct timer *hardware)
{
	struct posix_timer *timer = container_of(hardware, struct posix_timer, timer);
	struct signal_struct *process = timer->process;
	unsigned long flags = spin_lock_irqsave(&process->lock);

	if (timer->deadline_ns && clock_monotonic_ns() >= timer->deadline_ns)
		expire(timer);
	spin_unlock_irqrestore(&process->lock, flags);
}

void posix_timers_charge(struct signal_struct *process, const struct task_struct *task,
			 uint64_t delta_ns)
{
	struct posix_timer *timer;

	list_for_each_entry (timer, &process->posix_timers, node) {
		if (!timer->counts_cpu || !timer->deadline_ns)
			continue;
		if (timer->clock == CLOCK_THREAD_CPUTIME_ID && timer->thread != task)
			continue;
		if (timer->deadline_ns > delta_ns)
			timer->deadline_ns -= delta_ns;
		else
			expire(timer);
	}
}

bool posix_timers_count_cpu(struct signal_struct *process)
{
	struct posix_timer *timer;

	list_for_each_entry (timer, &process->posix_timers, node) {
		if (timer->counts_cpu)
			return true;
	}
	return false;
}

void posix_timer_taken(struct signal_struct *process, struct signal_info *info)
{
	struct posix_timer *timer = timer_lookup(process, info->timer.id);

	if (!timer)
		return;
	arm_next(timer);
	timer->last_overruns = timer->overruns;
	timer->overruns = 0;
	info->timer.overrun = timer->last_overruns;
}

/* ---- life -------------------------------------------------------------------------------------------------- */

/* Out of the list already. The entry may be queued: then whoever takes it frees it. */
static void timer_destroy(struct posix_timer *timer)
{
	struct signal_struct *process = timer->process;
	unsigned long flags;

	timer_cancel_wait(&timer->timer);
	flags = spin_lock_irqsave(&process->lock);
	if (timer->entry) {
		if (list_is_empty(&timer->entry->node))
			signal_entry_destroy(timer->entry);
		else
			timer->entry->is_preallocated = false;
	}
	spin_unlock_irqrestore(&process->lock, flags);
	if (timer->thread)
		put_task_struct(timer->thread);
	kfree(timer);
}

static void timer_unlink(struct posix_timer *timer)
{
	list_remove(&timer->node);
	timer->process->nr_posix_timers--;
	timer->deadline_ns = 0;
	timer_cancel(&timer->timer);
	cpu_clocks_update(timer->process);
}

void posix_timers_exit(struct signal_struct *process)
{
	struct posix_timer *timer;
	unsigned long flags;

	for (;;) {
		flags = spin_lock_irqsave(&process->lock);
		timer = NULL;
		if (!list_is_empty(&process->posix_timers)) {
			timer = list_first(&process->posix_timers, struct posix_timer, node);
			timer_unlink(timer);
		}
		spin_unlock_irqrestore(&process->lock, flags);
		if (!timer)
			return;
		timer_destroy(timer);
	}
}

static int event_check(const struct abi_sigevent *event)
{
	switch (event->notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		return event->signo > 0 && event->signo <= NR_SIGNALS ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* The thread that a timer signals or counts. */
static int thread_choose(struct posix_timer *timer, const struct abi_sigevent *event)
{
	if (event->notify & SIGEV_THREAD_ID) {
		timer->thread = task_find(event->tid);
		if (!timer->thread)
			return -EINVAL;
		return timer->thread->signal == current->signal ? 0 : -EINVAL;
	}
	if (timer->clock == CLOCK_THREAD_CPUTIME_ID) {
		get_task_struct(current);
		timer->thread = current;
	}
	return 0;
}

static int entry_create(struct posix_timer *timer, const struct abi_sigevent *event)
{
	struct signal_struct *process = current->signal;
	unsigned long flags;

	if (event->notify == SIGEV_NONE)
		return 0;
	flags = spin_lock_irqsave(&process->lock);
	timer->entry = signal_entry_create(process, false);
	spin_unlock_irqrestore(&process->lock, flags);
	if (!timer->entry)
		return -EAGAIN;
	timer->entry->is_preallocated = true;
	timer->entry->is_timers = true;
	timer->entry->info = (struct signal_info){.signo = event->signo, .code = SI_TIMER};
	timer->entry->info.timer.value = event->value;
	return 0;
}

/* Gives it a number and links it. */
static int timer_publish(struct posix_timer *timer)
{
	struct signal_struct *process = timer->process;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	int err = -EAGAIN;

	if (process->nr_posix_timers >= POSIX_TIMERS_MAX)
		goto out;
	err = 0;
	do {
		timer->id = process->next_timer_id;
		process->next_timer_id = timer->id == INT32_MAX ? 0 : timer->id + 1;
	} while (timer_lookup(process, timer->id));
	if (timer->entry)
		timer->entry->info.timer.id = timer->id;
	list_add_tail(&process->posix_timers, &timer->node);
	process->nr_posix_timers++;
	cpu_clocks_update(process);
out:
	spin_unlock_irqrestore(&process->lock, flags);
	return err;
}

/* The caller's own CPU clocks come by number too (pid 0). Those of others cannot have timers. */
static int clock_check(int32_t *clock, bool *counts_cpu)
{
	if (*clock < 0 && ~(*clock >> 3) == 0)
		*clock = cpu_clock_is_thread(*clock) ? CLOCK_THREAD_CPUTIME_ID
						     : CLOCK_PROCESS_CPUTIME_ID;
	*counts_cpu = *clock == CLOCK_PROCESS_CPUTIME_ID || *clock == CLOCK_THREAD_CPUTIME_ID;
	return *counts_cpu || clock_is_realtime(*clock) || clock_is_monotonic(*clock) ? 0 : -EINVAL;
}

long sys_timer_create(int32_t clock, const struct abi_sigevent *user_event, int32_t *user_id)
{
	struct abi_sigevent event = {.notify = SIGEV_SIGNAL, .signo = SIGALRM};
	struct posix_timer *timer;
	bool counts_cpu;
	int err = clock_check(&clock, &counts_cpu);

	if (err)
		return err;
	if (user_event && copy_from_user(&event, user_event, sizeof(event)))
		return -EFAULT;
	err = event_check(&event);
	if (err)
		return err;
	timer = kmalloc(sizeof(*timer), ALLOC_ZERO);
	if (!timer)
		return -EAGAIN;
	list_init(&timer->node);
	timer_init(&timer->timer, timer_fired);
	timer->process = current->signal;
	timer->clock = clock;
	timer->counts_cpu = counts_cpu;
	timer->notify = event.notify;
	err = thread_choose(timer, &event);
	if (!err)
		err = entry_create(timer, &event);
	if (!err)
		err = timer_publish(timer);
	if (err) {
		timer_destroy(timer);
		return err;
	}
	if (!user_event && timer->entry)
		timer->entry->info.timer.value = (uint64_t)timer->id;
	if (copy_to_user(user_id, &timer->id, sizeof(timer->id))) {
		sys_timer_delete(timer->id);
		return -EFAULT;
	}
	return 0;
}

long sys_timer_delete(int32_t id)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	struct posix_timer *timer = timer_lookup(process, id);

	if (timer)
		timer_unlink(timer);
	spin_unlock_irqrestore(&process->lock, flags);
	if (!timer)
		return -EINVAL;
	timer_destroy(timer);
	return 0;
}

/* ---- setting and reading ---------------------------------------------------------------------------------------- */

static void timer_read(struct posix_timer *timer, struct abi_itimerspec *value)
{
	uint64_t now = clock_monotonic_ns(), left = timer->deadline_ns;

	/* Nobody arms a silent timer's hardware: its expirations are seen when one looks. */
	if (timer->notify == SIGEV_NONE && !timer->counts_cpu && left && left <= now)
		expire(timer);
	left = timer->deadline_ns;
	if (!timer->counts_cpu && left)
		left = left > now ? left - now : 1;
	if (!left && timer->interval_ns && timer->notify != SIGEV_NONE && timer->expired_ns)
		left = 1; /* due: its signal is pending */
	value->value = timespec_of(left);
	value->interval = timespec_of(timer->interval_ns);
}

/* What both CPU clocks show; taken before signal->lock, which reading them takes. */
struct cpu_now {
	uint64_t process_ns, thread_ns;
};

static int cpu_now_read(struct cpu_now *now)
{
	int err = clock_read(CLOCK_PROCESS_CPUTIME_ID, &now->process_ns);

	return err ? err : clock_read(CLOCK_THREAD_CPUTIME_ID, &now->thread_ns);
}

/* What is asked for as a deadline of the monotonic clock, or as CPU time left. now NULL: relative. */
static uint64_t deadline_choose(const struct posix_timer *timer, const struct cpu_now *now,
				uint64_t value_ns)
{
	uint64_t used;

	if (timer->counts_cpu) {
		if (!now)
			return value_ns;
		used = timer->clock == CLOCK_THREAD_CPUTIME_ID ? now->thread_ns : now->process_ns;
		return value_ns > used ? value_ns - used : 1;
	}
	if (!now)
		return deadline_after(value_ns);
	if (clock_is_realtime(timer->clock))
		return MAX(deadline_of_realtime(value_ns), (uint64_t)1);
	return value_ns;
}

static int timer_set(int32_t id, const struct cpu_now *now, uint64_t value_ns, uint64_t interval_ns,
		     struct abi_itimerspec *old)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	struct posix_timer *timer = timer_lookup(process, id);

	if (timer) {
		timer_read(timer, old);
		timer_cancel(&timer->timer);
		timer->deadline_ns = 0;
		timer->expired_ns = 0;
		timer->overruns = 0;
		timer->interval_ns = interval_ns;
		if (value_ns)
			arm(timer, deadline_choose(timer, now, value_ns));
	}
	spin_unlock_irqrestore(&process->lock, flags);
	return timer ? 0 : -EINVAL;
}

long sys_timer_settime(int32_t id, int flags, const struct abi_itimerspec *user_value,
		       struct abi_itimerspec *user_old)
{
	struct abi_itimerspec value, old = {0};
	uint64_t value_ns, interval_ns;
	struct cpu_now now;
	bool is_absolute = flags & TIMER_ABSTIME;
	int err;

	if (copy_from_user(&value, user_value, sizeof(value)))
		return -EFAULT;
	err = timespec_check(&value.value, &value_ns);
	if (!err)
		err = timespec_check(&value.interval, &interval_ns);
	if (!err && is_absolute)
		err = cpu_now_read(&now);
	if (!err)
		err = timer_set(id, is_absolute ? &now : NULL, value_ns, interval_ns, &old);
	if (!err && user_old)
		err = copy_to_user(user_old, &old, sizeof(old));
	return err;
}

long sys_timer_gettime(int32_t id, struct abi_itimerspec *user_value)
{
	struct signal_struct *process = current->signal;
	struct abi_itimerspec value;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	struct posix_timer *timer = timer_lookup(process, id);

	if (timer)
		timer_read(timer, &value);
	spin_unlock_irqrestore(&process->lock, flags);
	return timer ? copy_to_user(user_value, &value, sizeof(value)) : -EINVAL;
}

long sys_timer_getoverrun(int32_t id)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	struct posix_timer *timer = timer_lookup(process, id);
	long result = timer ? timer->last_overruns : -EINVAL;

	spin_unlock_irqrestore(&process->lock, flags);
	return result;
}
