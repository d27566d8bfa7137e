/*
 * read(2) and poll(2) of a terminal. With ICANON a read gives at most one line; without, VMIN and
 * VTIME say when it is enough (termios(3), "Canonical and noncanonical mode").
 */
#include <kern/iov.h>
#include <kern/timer.h>
#include <uapi/poll.h>
#include "tty.h"

enum { READ_CHUNK = 256, VTIME_UNIT_MS = 100 };

/* How one read waits. */
struct read_rules {
	bool is_canonical;
	size_t min;	      /* bytes that are enough */
	uint64_t timeout_ns;  /* 0: none */
	uint64_t deadline_ns; /* of the next wait; UINT64_MAX: none */
};

static void rules_read(struct tty *tty, struct read_rules *rules)
{
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	uint8_t min = tty->termios.cc[VMIN], time = tty->termios.cc[VTIME];

	rules->is_canonical = tty->termios.lflag & ICANON;
	spin_unlock_irqrestore(&tty->lock, flags);
	rules->min = rules->is_canonical ? 1 : min;
	rules->timeout_ns = rules->is_canonical ? 0 : time * (VTIME_UNIT_MS * NSEC_PER_MSEC);
	rules->deadline_ns = UINT64_MAX;
	/* Without a minimum the time counts from the start, else from the first byte on. */
	if (rules->min == 0)
		rules->deadline_ns = clock_monotonic_ns() + rules->timeout_ns;
}

static size_t input_take(struct tty *tty, uint8_t *chunk, size_t max, bool *is_line_end)
{
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	size_t n = tty_input_take(tty, chunk, max, is_line_end);
	bool was_short = tty->input.is_short && tty_input_room(tty) > TTY_BUFFER / 4;

	if (was_short)
		tty->input.is_short = false;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (was_short && tty->driver->input_room)
		tty->driver->input_room(tty);
	return n;
}

/* Copies what is there. Bytes or -EFAULT; *is_enough: the line ended. */
static ssize_t read_ready(struct tty *tty, struct iov_iter *to, bool *is_line_end)
{
	uint8_t chunk[READ_CHUNK];
	ssize_t done = 0;

	*is_line_end = false;
	while (iov_left(to) > 0 && !*is_line_end) {
		size_t n = input_take(tty, chunk, MIN(iov_left(to), sizeof(chunk)), is_line_end);

		if (n && iov_copy_to(to, chunk, n) < n)
			return done ? done : -EFAULT;
		done += (ssize_t)n;
		if (n == 0)
			break;
	}
	return done;
}

/* Waits for more: 0; -ETIMEDOUT: it is enough now; -EAGAIN, -ERESTARTSYS. */
static int read_wait(struct file *file, const struct read_rules *rules)
{
	struct tty *tty = tty_of(file);

	if (file_is_nonblocking(file))
		return rules->min == 0 && !rules->timeout_ns ? -ETIMEDOUT : -EAGAIN;
	return wait_event_interruptible_until(&tty->read_queue,
					      tty_input_ready(tty) > 0 || tty_file_is_dead(file) ||
						      pty_is_abandoned(tty),
					      rules->deadline_ns);
}

ssize_t tty_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct tty *tty = tty_of(file);
	struct read_rules rules;
	bool is_line_end;
	ssize_t done = 0, n;
	int error = 0;

	if (iov_left(to) == 0)
		return 0;
	rules_read(tty, &rules);
	for (;;) {
		if (tty_file_is_dead(file))
			return done;
		error = tty_check_background(tty, SIGTTIN);
		if (error)
			break;
		n = read_ready(tty, to, &is_line_end);
		if (n < 0)
			return done ? done : n;
		done += n;
		if (is_line_end || iov_left(to) == 0 || (done && (size_t)done >= rules.min))
			return done;
		if (pty_is_abandoned(tty) && tty_input_ready(tty) == 0)
			return done ? done : -EIO;
		if (n && rules.min && rules.timeout_ns)
			rules.deadline_ns = clock_monotonic_ns() + rules.timeout_ns;
		error = read_wait(file, &rules);
		if (error)
			break;
	}
	if (done || error == -ETIMEDOUT)
		return done;
	return error;
}

unsigned tty_poll(struct file *file, struct poll_table *table)
{
	struct tty *tty = tty_of(file);
	unsigned events = 0;
	unsigned long flags;
	uint32_t enough = 1;

	poll_wait(file, &tty->read_queue, table);
	poll_wait(file, &tty->write_queue, table);
	flags = spin_lock_irqsave(&tty->lock);
	if (!(tty->termios.lflag & ICANON) && !tty->termios.cc[VTIME] && tty->termios.cc[VMIN])
		enough = tty->termios.cc[VMIN];
	if (tty_input_ready(tty) >= enough)
		events |= POLLIN | POLLRDNORM;
	if (tty_output_room(tty) >= TTY_ECHO_ROOM)
		events |= POLLOUT | POLLWRNORM;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (tty_file_is_dead(file) || pty_is_abandoned(tty))
		events |= POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP;
	return events;
}
