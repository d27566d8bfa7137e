/*
 * Output: processing (OPOST) into the ring, from which the driver takes. Writers wait for room, echo
 * does not: it has a part of the ring for itself, and what does not fit there is lost.
 */
#include <kern/iov.h>
#include <kern/string.h>
#include <uapi/poll.h>
#include "tty.h"

enum { WRITE_CHUNK = 256 };

uint32_t tty_output_room(const struct tty *tty)
{
	return TTY_BUFFER -
	       (atomic_load_relaxed(&tty->output.head) - atomic_load_relaxed(&tty->output.tail));
}

static bool output_is_empty(const struct tty *tty)
{
	return tty_output_room(tty) == TTY_BUFFER;
}

bool tty_output_raw(struct tty *tty, uint8_t c)
{
	struct tty_output *output = &tty->output;

	if (tty_output_room(tty) == 0)
		return false;
	output->bytes[output->head & TTY_MASK] = c;
	atomic_store_relaxed(&output->head, output->head + 1);
	return true;
}

static void output_tab(struct tty *tty)
{
	unsigned width = 8 - (tty->output.column & 7);

	tty->output.column += width;
	if ((tty->termios.oflag & TABDLY) != XTABS) {
		tty_output_raw(tty, '\t');
		return;
	}
	while (width-- > 0)
		tty_output_raw(tty, ' ');
}

static void output_newline(struct tty *tty)
{
	uint32_t oflag = tty->termios.oflag;

	if (oflag & ONLRET)
		tty->output.column = 0;
	if (oflag & ONLCR) {
		tty->output.column = 0;
		tty_output_raw(tty, '\r');
	}
	tty_output_raw(tty, '\n');
}

static void output_return(struct tty *tty)
{
	uint32_t oflag = tty->termios.oflag;

	if ((oflag & ONOCR) && tty->output.column == 0)
		return;
	if (oflag & OCRNL) {
		if (oflag & ONLRET)
			tty->output.column = 0;
		tty_output_raw(tty, '\n');
		return;
	}
	tty->output.column = 0;
	tty_output_raw(tty, '\r');
}

static void output_plain(struct tty *tty, uint8_t c)
{
	bool is_continuation = (tty->termios.iflag & IUTF8) && (c & 0xc0) == 0x80;

	if ((tty->termios.oflag & OLCUC) && c >= 'a' && c <= 'z')
		c &= (uint8_t)~0x20;
	if (c == '\b')
		tty->output.column -= tty->output.column > 0;
	else if (c >= 0x20 && c != 0x7f && !is_continuation)
		tty->output.column++;
	tty_output_raw(tty, c);
}

bool tty_output_char(struct tty *tty, uint8_t c)
{
	if (tty_output_room(tty) < TTY_EXPANSION)
		return false;
	if (!(tty->termios.oflag & OPOST))
		return tty_output_raw(tty, c);
	switch (c) {
	case '\n':
		output_newline(tty);
		break;
	case '\r':
		output_return(tty);
		break;
	case '\t':
		output_tab(tty);
		break;
	default:
		output_plain(tty, c);
	}
	return true;
}

size_t tty_take_output_locked(struct tty *tty, uint8_t *buf, size_t max)
{
	struct tty_output *output = &tty->output;
	size_t done = 0;

	while (!tty->is_stopped && done < max && output->tail != output->head) {
		uint32_t at = output->tail & TTY_MASK;
		size_t n = MIN((size_t)(output->head - output->tail), (size_t)(TTY_BUFFER - at));

		n = MIN(n, max - done);
		memcpy(buf + done, output->bytes + at, n);
		atomic_store_relaxed(&output->tail, output->tail + (uint32_t)n);
		done += n;
	}
	return done;
}

void tty_output_kick(struct tty *tty)
{
	if (!output_is_empty(tty) && !tty->is_stopped)
		tty->driver->output_ready(tty);
}

void tty_output_done(struct tty *tty)
{
	unsigned long flags = spin_lock_irqsave(&tty->lock);

	tty_output_kick(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	wake_up_key(&tty->write_queue, POLLOUT | POLLWRNORM);
}

/* Context: lock held; writers are woken when the caller has let go of it, or by the driver. */
void tty_output_flush(struct tty *tty)
{
	atomic_store_relaxed(&tty->output.tail, tty->output.head);
	pty_notice(tty, TIOCPKT_FLUSHWRITE);
	wake_up_key(&tty->write_queue, POLLOUT | POLLWRNORM);
}

void tty_stop(struct tty *tty)
{
	if (!tty->is_stopped)
		pty_notice(tty, TIOCPKT_STOP);
	tty->is_stopped = true;
}

void tty_start(struct tty *tty)
{
	if (!tty->is_stopped)
		return;
	tty->is_stopped = false;
	pty_notice(tty, TIOCPKT_START);
	tty_output_kick(tty);
}

/* ---- write(2) -------------------------------------------------------------------------------------- */

static bool writer_has_room(const struct tty *tty)
{
	return tty_output_room(tty) >= TTY_ECHO_ROOM;
}

/* Puts what fits; returns how much of it. */
static size_t output_put(struct tty *tty, const uint8_t *bytes, size_t len)
{
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	size_t n = 0;

	while (n < len) {
		if (!writer_has_room(tty))
			tty_output_kick(tty);
		if (!writer_has_room(tty))
			break;
		tty_output_char(tty, bytes[n++]);
	}
	tty_output_kick(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	return n;
}

/* Waits for room: 0, -EAGAIN, -EIO, -ERESTARTSYS. */
static int writer_wait(struct file *file)
{
	struct tty *tty = tty_of(file);

	if (file_is_nonblocking(file))
		return -EAGAIN;
	return wait_event_interruptible(&tty->write_queue, writer_has_room(tty) ||
								   tty_file_is_dead(file) ||
								   pty_is_abandoned(tty));
}

/* Writes all of a chunk, or as much as can be: bytes written, and why not more in *error. */
static size_t write_chunk(struct file *file, const uint8_t *chunk, size_t len, int *error)
{
	struct tty *tty = tty_of(file);
	size_t n = 0;

	*error = 0;
	while (n < len && !*error) {
		if (tty_file_is_dead(file) || pty_is_abandoned(tty)) {
			*error = -EIO;
			break;
		}
		n += output_put(tty, chunk + n, len - n);
		if (n < len)
			*error = writer_wait(file);
	}
	return n;
}

NO_LOCK_ANALYSIS ssize_t tty_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	struct tty *tty = tty_of(file);
	uint8_t chunk[WRITE_CHUNK];
	size_t done = 0;
	int error = 0;

	if (tty_file_is_dead(file))
		return -EIO;
	if (atomic_load_relaxed(&tty->termios.lflag) & TOSTOP)
		error = tty_check_background(tty, SIGTTOU);
	if (!error)
		error = mutex_lock_killable(&tty->write_mutex);
	if (error)
		return error;
	while (iov_left(from) > 0 && !error) {
		size_t len = iov_copy_from(from, chunk, sizeof(chunk));

		if (len == 0)
			error = -EFAULT;
		else
			done += write_chunk(file, chunk, len, &error);
	}
	mutex_unlock(&tty->write_mutex);
	return done ? (ssize_t)done : error;
}

static bool output_is_drained(struct tty *tty)
{
	return output_is_empty(tty) && (!tty->driver->is_drained || tty->driver->is_drained(tty));
}

int tty_drain(struct file *file)
{
	struct tty *tty = tty_of(file);
	int error = wait_event_interruptible(&tty->write_queue,
					     output_is_drained(tty) || tty_file_is_dead(file));

	return error;
}
