/*
 * timerfd_create(2): a timer that can be waited for. lock (taken with interrupts off: the timer's
 * function takes it) guards everything. The timer fires once; later periods are counted when somebody
 * reads, so a short interval costs nothing while nobody looks. Context: task, may sleep.
 */
#include <kern/fs.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/sched.h>
#include <kern/sys_fs.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#define TFD_TIMER_ABSTIME	1
#define TFD_TIMER_CANCEL_ON_SET 2

struct timerfd {
	struct spinlock lock;
	struct timer timer;
	uint64_t deadline_ns; /* [lock] when the next period ends, clock; 0: disarmed */
	uint64_t interval_ns; /* [lock] 0: once */
	uint64_t ticks;	      /* [lock to write, atomic to read] ended and not read yet */
	int clock;	      /* [const] */
	struct wait_queue queue;
};

static const struct file_ops timerfd_ops;

static void timerfd_fire(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	unsigned long flags = spin_lock_irqsave(&t->lock);
	bool is_due = t->deadline_ns && t->deadline_ns <= clock_monotonic_ns();

	if (is_due && !t->ticks)
		atomic_store_relaxed(&t->ticks, 1UL);
	else if (t->deadline_ns && !is_due)
		timer_arm(timer, t->deadline_ns); /* it was set anew meanwhile, or fired early */
	spin_unlock_irqrestore(&t->lock, flags);
	if (is_due)
		wake_up_key(&t->queue, POLLIN | POLLRDNORM);
}

/* Counts the periods that have ended since the timer fired, and arms it for the next. Lock held. */
static void catch_up(struct timerfd *t)
{
	uint64_t now = clock_monotonic_ns(), missed;

	if (!t->ticks)
		return;
	if (!t->interval_ns) {
		t->deadline_ns = 0;
		return;
	}
	if (now < t->deadline_ns)
		return;
	missed = (now - t->deadline_ns) / t->interval_ns;
	atomic_store_relaxed(&t->ticks, t->ticks + missed);
	t->deadline_ns += (missed + 1) * t->interval_ns;
	timer_arm(&t->timer, t->deadline_ns);
}

static uint64_t take_ticks(struct timerfd *t)
{
	unsigned long flags = spin_lock_irqsave(&t->lock);
	uint64_t ticks;

	catch_up(t);
	ticks = t->ticks;
	atomic_store_relaxed(&t->ticks, 0UL);
	spin_unlock_irqrestore(&t->lock, flags);
	return ticks;
}

static ssize_t timerfd_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct timerfd *t = file->private;
	uint64_t ticks;

	if (iov_left(to) < sizeof(ticks))
		return -EINVAL;
	while (!(ticks = take_ticks(t))) {
		int error;

		if (file_is_nonblocking(file))
			return -EAGAIN;
		error = wait_event_interruptible(&t->queue, atomic_load_relaxed(&t->ticks) > 0);
		if (error)
			return error;
	}
	return iov_copy_to(to, &ticks, sizeof(ticks)) == sizeof(ticks) ? (ssize_t)sizeof(ticks)
								       : -EFAULT;
}

static unsigned timerfd_poll(struct file *file, struct poll_table *table)
{
	struct timerfd *t = file->private;

	poll_wait(file, &t->queue, table);
	return atomic_load_relaxed(&t->ticks) ? POLLIN | POLLRDNORM : 0;
}

static void timerfd_release(struct file *file)
{
	struct timerfd *t = file->private;

	timer_cancel_wait(&t->timer);
	kfree(t);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

/* ---- the calls ---- */

long sys_timerfd_create(int clock, int flags)
{
	struct timerfd *t;
	struct file *file;
	int fd;

	if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) ||
	    (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	     clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM))
		return -EINVAL;
	t = kmalloc(sizeof(*t), ALLOC_ZERO);
	if (!t)
		return -ENOMEM;
	spin_init(&t->lock, LOCK_RANK_PIPE, "timerfd");
	timer_init(&t->timer, timerfd_fire);
	wait_queue_init(&t->queue);
	t->clock = clock;
	file = file_alloc(&timerfd_ops, O_RDWR | ((uint32_t)flags & O_NONBLOCK));
	if (!file) {
		kfree(t);
		return -ENOMEM;
	}
	file->private = t;
	file->kind = "anon_inode:[timerfd]";
	fd = fd_install_move(file, 0, (unsigned)flags);
	if (fd < 0)
		file_put(file);
	return fd;
}

static int ns_of(const struct abi_timespec *time, uint64_t *ns)
{
	if (time->sec < 0 || time->nsec < 0 || time->nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)time->sec, NSEC_PER_SEC, ns) ||
	    __builtin_add_overflow(*ns, (uint64_t)time->nsec, ns))
		*ns = INT64_MAX;
	return 0;
}

static struct abi_timespec timespec_of(uint64_t ns)
{
	return (struct abi_timespec){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC)};
}

/* Lock held. */
static struct abi_itimerspec current_setting(struct timerfd *t)
{
	uint64_t now = clock_monotonic_ns(), deadline_ns;

	catch_up(t);
	deadline_ns = t->deadline_ns;
	return (struct abi_itimerspec){
		.interval = timespec_of(t->interval_ns),
		.value = timespec_of(deadline_ns > now ? deadline_ns - now : 0),
	};
}

/* When a period that was given as value ends, on our clock; value > 0. */
static uint64_t deadline_of(const struct timerfd *t, uint64_t value_ns, bool is_absolute)
{
	uint64_t offset_ns = 0, deadline_ns;

	if (!is_absolute)
		offset_ns = clock_monotonic_ns();
	else if (t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM)
		return MAX(1UL, value_ns - MIN(value_ns, clock_realtime_offset_ns()));
	if (__builtin_add_overflow(value_ns, offset_ns, &deadline_ns))
		return UINT64_MAX;
	return MAX(1UL, deadline_ns);
}

static int settime(struct timerfd *t, int flags, const struct abi_itimerspec *given,
		   struct abi_itimerspec *old)
{
	uint64_t value_ns, interval_ns;
	unsigned long irq;
	int error = ns_of(&given->value, &value_ns);

	if (!error)
		error = ns_of(&given->interval, &interval_ns);
	if (error)
		return error;
	timer_cancel_wait(&t->timer);
	irq = spin_lock_irqsave(&t->lock);
	*old = current_setting(t);
	atomic_store_relaxed(&t->ticks, 0UL);
	t->interval_ns = interval_ns;
	t->deadline_ns = value_ns ? deadline_of(t, value_ns, flags & TFD_TIMER_ABSTIME) : 0;
	if (t->deadline_ns)
		timer_arm(&t->timer, t->deadline_ns);
	else
		timer_cancel(&t->timer);
	spin_unlock_irqrestore(&t->lock, irq);
	return 0;
}

long sys_timerfd_settime(int fd, int flags, const struct abi_itimerspec *user_new,
			 struct abi_itimerspec *user_old)
{
	struct abi_itimerspec given, old;
	struct fd_ref ref;
	int error = -EINVAL;

	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (copy_from_user(&given, user_new, sizeof(given)) != 0)
		return -EFAULT;
	ref = fd_borrow(fd);
	if (!ref.file)
		return -EBADF;
	if (ref.file->ops == &timerfd_ops)
		error = settime(ref.file->private, flags, &given, &old);
	fd_return(ref);
	if (!error && user_old)
		error = copy_to_user(user_old, &old, sizeof(old));
	return error;
}

long sys_timerfd_gettime(int fd, struct abi_itimerspec *user_current)
{
	struct fd_ref ref = fd_borrow(fd);
	struct abi_itimerspec now;
	struct timerfd *t;
	unsigned long irq;

	if (!ref.file)
		return -EBADF;
	if (ref.file->ops != &timerfd_ops) {
		fd_return(ref);
		return -EINVAL;
	}
	t = ref.file->private;
	irq = spin_lock_irqsave(&t->lock);
	now = current_setting(t);
	spin_unlock_irqrestore(&t->lock, irq);
	fd_return(ref);
	return copy_to_user(user_current, &now, sizeof(now));
}
