/* A terminal's requests: settings, size, queues, flow (ioctl_tty(2)). */
#include <kern/cred.h>
#include <kern/string.h>
#include <kern/uaccess.h>
#include <uapi/ioctl.h>
#include <uapi/poll.h>
#include "tty.h"

/* What a set request waits for and throws away first. */
enum set_mode { SET_NOW, SET_DRAIN, SET_FLUSH };

static void termios_get(struct tty *tty, struct abi_termios *termios)
{
	unsigned long flags = spin_lock_irqsave(&tty->lock);

	*termios = tty->termios;
	spin_unlock_irqrestore(&tty->lock, flags);
}

static void termios_apply(struct tty *tty, const struct abi_termios *new, bool wants_flush)
{
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	struct abi_termios old = tty->termios;
	bool is_ready;

	if (wants_flush)
		tty_input_flush(tty);
	tty->termios = *new;
	if ((old.lflag ^ new->lflag) & ICANON)
		tty_input_mode_changed(tty, new->lflag &ICANON);
	if (!(new->iflag &IXON) && (old.iflag & IXON))
		tty_start(tty);
	if ((old.lflag ^ new->lflag) & EXTPROC)
		pty_notice(tty, TIOCPKT_IOCTL);
	is_ready = tty_input_ready(tty) > 0;
	spin_unlock_irqrestore(&tty->lock, flags);
	/* Who waits may wait for less now. */
	if (is_ready)
		wake_up_key(&tty->read_queue, POLLIN | POLLRDNORM);
	if (wants_flush && tty->driver->input_room)
		tty->driver->input_room(tty);
}

static long termios_set(struct file *file, const struct abi_termios *new, enum set_mode mode)
{
	struct tty *tty = tty_of(file);
	int error = tty_check_background(tty, SIGTTOU);

	if (!error && mode != SET_NOW)
		error = tty_drain(file);
	if (!error)
		termios_apply(tty, new, mode == SET_FLUSH);
	return error;
}

static void termio_from(const struct abi_termios *termios, struct abi_termio *termio)
{
	memset(termio, 0, sizeof(*termio));
	termio->iflag = (uint16_t)termios->iflag;
	termio->oflag = (uint16_t)termios->oflag;
	termio->cflag = (uint16_t)termios->cflag;
	termio->lflag = (uint16_t)termios->lflag;
	termio->line = termios->line;
	memcpy(termio->cc, termios->cc, sizeof(termio->cc));
}

/* The lower halves of the flags change, the rest stays. */
static void termio_to(const struct abi_termio *termio, struct abi_termios *termios)
{
	termios->iflag = (termios->iflag & 0xffff0000U) | termio->iflag;
	termios->oflag = (termios->oflag & 0xffff0000U) | termio->oflag;
	termios->cflag = (termios->cflag & 0xffff0000U) | termio->cflag;
	termios->lflag = (termios->lflag & 0xffff0000U) | termio->lflag;
	termios->line = termio->line;
	memcpy(termios->cc, termio->cc, sizeof(termio->cc));
}

static long ioctl_get_termios(struct tty *tty, unsigned command, void *user)
{
	struct abi_termios2 termios = {.ispeed = 38400, .ospeed = 38400};
	struct abi_termio termio;

	termios_get(tty, &termios.base);
	switch (command) {
	case TCGETS:
		return copy_to_user(user, &termios.base, sizeof(termios.base));
	case TCGETS2:
		return copy_to_user(user, &termios, sizeof(termios));
	default:
		termio_from(&termios.base, &termio);
		return copy_to_user(user, &termio, sizeof(termio));
	}
}

/* command counts from the request without waiting: + 1 drains, + 2 also flushes. */
static long ioctl_set_termios(struct file *file, unsigned first, unsigned command, const void *user)
{
	struct abi_termios termios;
	struct abi_termio termio;

	termios_get(tty_of(file), &termios);
	if (first == TCSETA) {
		if (copy_from_user(&termio, user, sizeof(termio)))
			return -EFAULT;
		termio_to(&termio, &termios);
	} else if (copy_from_user(&termios, user, sizeof(termios))) {
		return -EFAULT; /* the speeds behind it mean nothing here */
	}
	return termios_set(file, &termios, (enum set_mode)(command - first));
}

static long ioctl_set_size(struct tty *tty, const void *user)
{
	struct tty_signals signals = {.mask = 1ULL << SIGWINCH};
	struct abi_winsize size;
	unsigned long flags;

	if (copy_from_user(&size, user, sizeof(size)))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty->lock);
	if (memcmp(&size, &tty->winsize, sizeof(size)) != 0)
		signals.pgrp = tty->pgrp;
	tty->winsize = size;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (signals.pgrp)
		tty_signals_send(&signals);
	return 0;
}

static long ioctl_get_size(struct tty *tty, void *user)
{
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	struct abi_winsize size = tty->winsize;

	spin_unlock_irqrestore(&tty->lock, flags);
	return copy_to_user(user, &size, sizeof(size));
}

static long ioctl_flow(struct file *file, uintptr_t what)
{
	struct tty *tty = tty_of(file);
	int error = tty_check_background(tty, SIGTTOU);
	unsigned long flags;

	if (error)
		return error;
	flags = spin_lock_irqsave(&tty->lock);
	switch (what) {
	case TCOOFF:
		tty_stop(tty);
		break;
	case TCOON:
		tty_start(tty);
		break;
	case TCIOFF:
	case TCION:
		/* Asks the other side to hold on or go on. */
		if (tty->termios.cc[what == TCIOFF ? VSTOP : VSTART])
			tty_output_raw(tty, tty->termios.cc[what == TCIOFF ? VSTOP : VSTART]);
		tty_output_kick(tty);
		break;
	default:
		error = -EINVAL;
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	return error;
}

static long ioctl_flush(struct file *file, uintptr_t what)
{
	struct tty *tty = tty_of(file);
	int error = tty_check_background(tty, SIGTTOU);
	unsigned long flags;

	if (error)
		return error;
	if (what > TCIOFLUSH)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	if (what != TCOFLUSH) {
		tty_input_flush(tty);
		pty_notice(tty, TIOCPKT_FLUSHREAD);
	}
	if (what != TCIFLUSH)
		tty_output_flush(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	if (what != TCOFLUSH && tty->driver->input_room)
		tty->driver->input_room(tty);
	return 0;
}

/* TIOCSTI: as if it had been typed. */
static long ioctl_type(struct tty *tty, const void *user)
{
	uint8_t c;

	if (job_tty() != tty && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&c, user, sizeof(c)))
		return -EFAULT;
	tty_receive(tty, &c, 1);
	return 0;
}

static long put_int(uintptr_t user, int32_t value)
{
	return copy_to_user((void *)user, &value, sizeof(value));
}

static long ioctl_discipline(uintptr_t argument)
{
	int32_t number;

	if (copy_from_user(&number, (const void *)argument, sizeof(number)))
		return -EFAULT;
	return number == 0 ? 0 : -EINVAL; /* N_TTY is the only one */
}

static long ioctl_exclusive(struct tty *tty, bool value)
{
	atomic_store_relaxed(&tty->is_exclusive, value);
	return 0;
}

static long ioctl_hangup(struct tty *tty)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	tty_hangup(tty);
	return 0;
}

/* TCSBRK: a terminal that is no line has no break to send; with an argument it means tcdrain(3). */
static long ioctl_break(struct file *file)
{
	int error = tty_check_background(tty_of(file), SIGTTOU);

	return error ? error : tty_drain(file);
}

long tty_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	struct tty *tty = tty_of(file);
	void *user = (void *)argument;
	long result;

	if (tty_file_is_dead(file))
		return command == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (command) {
	case TCGETS:
	case TCGETS2:
	case TCGETA:
		return ioctl_get_termios(tty, command, user);
	case TCSETS ... TCSETSF:
		return ioctl_set_termios(file, TCSETS, command, user);
	case TCSETS2 ... TCSETSF2:
		return ioctl_set_termios(file, TCSETS2, command, user);
	case TCSETA ... TCSETAF:
		return ioctl_set_termios(file, TCSETA, command, user);
	case TIOCGWINSZ:
		return ioctl_get_size(tty, user);
	case TIOCSWINSZ:
		return ioctl_set_size(tty, user);
	case TCXONC:
		return ioctl_flow(file, argument);
	case TCFLSH:
		return ioctl_flush(file, argument);
	case TCSBRK:
	case TCSBRKP:
		return ioctl_break(file);
	case FIONREAD:
		return put_int(argument, (int32_t)tty_input_ready(tty));
	case TIOCOUTQ:
		return put_int(argument, (int32_t)(TTY_BUFFER - tty_output_room(tty)));
	case TIOCSTI:
		return ioctl_type(tty, user);
	case TIOCEXCL:
	case TIOCNXCL:
		return ioctl_exclusive(tty, command == TIOCEXCL);
	case TIOCGEXCL:
		return put_int(argument, atomic_load_relaxed(&tty->is_exclusive));
	case TIOCGETD:
		return put_int(argument, 0);
	case TIOCSETD:
		return ioctl_discipline(argument);
	case TIOCVHANGUP:
		return ioctl_hangup(tty);
	}
	result = tty_job_ioctl(file, command, argument);
	if (result == -ENOIOCTLCMD)
		result = pty_ioctl(file, command, argument);
	return result;
}
