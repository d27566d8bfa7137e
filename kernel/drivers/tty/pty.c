/*
 * Pseudo-terminals (pty(7)): a terminal whose other side is a file, the master, instead of a device.
 * What the master writes is typed; what is printed the master reads. /dev/ptmx makes a pair, whose
 * slave is /dev/pts/N.
 *
 * Both sides work on the slave's struct tty and are guarded by its lock. The pair dies with the last
 * open file of either side; the slave's name goes when the master closes.
 */
#include <kern/bitmap.h>
#include <kern/cred.h>
#include <kern/format.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/log.h>
#include <kern/string.h>
#include <kern/uaccess.h>
#include <uapi/fcntl.h>
#include <uapi/ioctl.h>
#include <uapi/poll.h>
#include "tty.h"

enum { PTS_MAJOR = 136, MAX_PTYS = 1024, PTS_GROUP = 5, PTY_CHUNK = 256 };

struct pty {
	unsigned index;		       /* [const] */
	bool has_master;	       /* [tty lock, atomic to read] */
	bool is_locked;		       /* [tty lock] TIOCSPTLCK: the slave cannot be opened yet */
	bool was_opened;	       /* [tty lock] the slave, at some time */
	uint32_t nr_slaves;	       /* [tty lock] open files of the slave */
	bool is_packet;		       /* [tty lock] TIOCPKT */
	uint8_t notices;	       /* [tty lock] TIOCPKT_ bits not yet read */
	struct wait_queue read_queue;  /* the master's: output of the slave */
	struct wait_queue write_queue; /* the master's: room in the slave's input */
};

static struct spinlock index_lock = SPINLOCK_INIT(LOCK_RANK_TTY, "pty-index");
static uint64_t indices[MAX_PTYS / 64]; /* [index_lock] numbers in use */

static int index_take(unsigned *index)
{
	unsigned long flags = spin_lock_irqsave(&index_lock);
	int error = -ENOSPC;

	for (unsigned i = 0; error && i < MAX_PTYS; i++) {
		if (indices[i / 64] >> (i % 64) & 1)
			continue;
		indices[i / 64] |= 1ULL << (i % 64);
		*index = i;
		error = 0;
	}
	spin_unlock_irqrestore(&index_lock, flags);
	return error;
}

static void index_free(unsigned index)
{
	unsigned long flags = spin_lock_irqsave(&index_lock);

	indices[index / 64] &= ~(1ULL << (index % 64));
	spin_unlock_irqrestore(&index_lock, flags);
}

/* ---- the slave's driver -------------------------------------------------------------------------------- */

static void pty_output_ready(struct tty *tty)
{
	wake_up_key(&tty->pty->read_queue, POLLIN | POLLRDNORM);
}

static void pty_input_room(struct tty *tty)
{
	wake_up_key(&tty->pty->write_queue, POLLOUT | POLLWRNORM);
}

static const struct tty_driver pty_driver = {
	.output_ready = pty_output_ready,
	.input_room = pty_input_room,
};

bool pty_is_abandoned(const struct tty *tty)
{
	return tty->pty && !atomic_load_relaxed(&tty->pty->has_master);
}

void pty_notice(struct tty *tty, uint8_t bits)
{
	struct pty *pty = tty->pty;

	if (!pty || !pty->is_packet)
		return;
	if (bits & TIOCPKT_STOP)
		pty->notices &= (uint8_t)~TIOCPKT_START;
	if (bits & TIOCPKT_START)
		pty->notices &= (uint8_t)~TIOCPKT_STOP;
	pty->notices |= bits;
	wake_up_key(&pty->read_queue, POLLIN | POLLPRI | POLLRDNORM);
}

int pty_slave_open(struct tty *tty)
{
	struct pty *pty = tty->pty;
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	int error = pty->is_locked || !pty->has_master ? -EIO : 0;

	if (!error) {
		pty->nr_slaves++;
		pty->was_opened = true;
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	return error;
}

void pty_slave_close(struct tty *tty)
{
	struct pty *pty = tty->pty;
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	bool is_last = --pty->nr_slaves == 0;

	spin_unlock_irqrestore(&tty->lock, flags);
	if (is_last) {
		wake_up_all_key(&pty->read_queue, POLLIN | POLLHUP);
		wake_up_all_key(&pty->write_queue, POLLOUT | POLLHUP);
	}
}

void pty_free(struct pty *pty)
{
	index_free(pty->index);
	kfree(pty);
}

/* ---- the master ------------------------------------------------------------------------------------------ */

/* Nobody has the slave open any more: what it printed can still be read, then -EIO. */
static bool slave_is_gone(const struct pty *pty)
{
	return atomic_load_relaxed(&pty->was_opened) && !atomic_load_relaxed(&pty->nr_slaves);
}

static bool master_can_read(struct tty *tty)
{
	return (tty_output_room(tty) < TTY_BUFFER && !atomic_load_relaxed(&tty->is_stopped)) ||
	       atomic_load_relaxed(&tty->pty->notices) || slave_is_gone(tty->pty);
}

/* What a read gives now, up to max bytes, in packet mode behind a byte that says what it is. */
static size_t master_take(struct tty *tty, uint8_t *buf, size_t max)
{
	struct pty *pty = tty->pty;
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	size_t n = 0;

	if (pty->is_packet && pty->notices) {
		buf[n++] = pty->notices;
		pty->notices = 0;
	} else {
		size_t prefix = pty->is_packet;

		n = max > prefix ? tty_take_output_locked(tty, buf + prefix, max - prefix) : 0;
		if (prefix && n) {
			buf[0] = TIOCPKT_DATA;
			n += prefix;
		}
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	if (n)
		wake_up_key(&tty->write_queue, POLLOUT | POLLWRNORM);
	return n;
}

/* One read gives one packet, or else as much as there is. */
static ssize_t master_read_ready(struct tty *tty, struct iov_iter *to)
{
	uint8_t chunk[PTY_CHUNK];
	ssize_t done = 0;
	size_t n;

	do {
		n = master_take(tty, chunk, MIN(iov_left(to), sizeof(chunk)));
		if (n && iov_copy_to(to, chunk, n) < n)
			return done ? done : -EFAULT;
		done += (ssize_t)n;
	} while (n && iov_left(to) > 0 && !atomic_load_relaxed(&tty->pty->is_packet));
	return done;
}

/* 0, -EAGAIN, -ERESTARTSYS. */
static int master_wait_output(struct file *file)
{
	struct tty *tty = tty_of(file);

	if (file_is_nonblocking(file))
		return -EAGAIN;
	return wait_event_interruptible(&tty->pty->read_queue, master_can_read(tty));
}

static ssize_t master_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct tty *tty = tty_of(file);
	ssize_t done;
	int error;

	if (iov_left(to) == 0)
		return 0;
	for (;;) {
		bool is_gone = slave_is_gone(tty->pty);

		done = master_read_ready(tty, to);
		if (done)
			return done;
		error = is_gone ? -EIO : master_wait_output(file);
		if (error)
			return error;
	}
}

/* The slave's input is full: waits. 0, -EIO, -EAGAIN, -ERESTARTSYS. */
static int master_wait_room(struct file *file)
{
	struct tty *tty = tty_of(file);
	struct pty *pty = tty->pty;

	if (slave_is_gone(pty))
		return -EIO;
	if (file_is_nonblocking(file))
		return -EAGAIN;
	return wait_event_interruptible(&pty->write_queue,
					!atomic_load_relaxed(&tty->input.is_short) ||
						slave_is_gone(pty));
}

static ssize_t master_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	struct tty *tty = tty_of(file);
	uint8_t chunk[PTY_CHUNK];
	ssize_t done = 0;
	int error = 0;

	while (iov_left(from) > 0 && !error) {
		size_t len = iov_copy_from(from, chunk, sizeof(chunk)), n = 0;

		if (len == 0)
			error = -EFAULT;
		while (n < len && !error) {
			n += tty_receive(tty, chunk + n, len - n);
			if (n < len)
				error = master_wait_room(file);
		}
		done += (ssize_t)n;
	}
	return done ? done : error;
}

static unsigned master_poll(struct file *file, struct poll_table *table)
{
	struct tty *tty = tty_of(file);
	unsigned events = 0;

	poll_wait(file, &tty->pty->read_queue, table);
	poll_wait(file, &tty->pty->write_queue, table);
	if (master_can_read(tty))
		events |= POLLIN | POLLRDNORM;
	if (atomic_load_relaxed(&tty->pty->notices))
		events |= POLLPRI;
	if (!atomic_load_relaxed(&tty->input.is_short))
		events |= POLLOUT | POLLWRNORM;
	if (slave_is_gone(tty->pty))
		events |= POLLHUP;
	return events;
}

static void master_release(struct file *file)
{
	struct tty_file *tf = file->private;
	struct tty *tty = tf->tty;
	unsigned long flags = spin_lock_irqsave(&tty->lock);

	atomic_store_relaxed(&tty->pty->has_master, false);
	spin_unlock_irqrestore(&tty->lock, flags);
	devfs_unregister(tty->name, tty->rdev);
	tty_leave(tty);
	tty_hangup(tty);
	tty_put(tty);
	kfree(tf);
}

static const struct file_ops master_ops = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = tty_ioctl,
	.release = master_release,
};

/* ---- requests of the master --------------------------------------------------------------------------------- */

static int ptmx_open(struct inode *inode, struct file *file);

static const struct file_ops ptmx_ops = {.open = ptmx_open};

/* TIOCGPTPEER: the slave as a descriptor, whatever its name leads to. */
static long master_open_peer(struct tty *tty, unsigned flags)
{
	struct file *file = file_alloc(&tty_file_ops, flags & ~(unsigned)O_CLOEXEC);
	int error, fd;

	if (!file)
		return -ENOMEM;
	error = tty_file_attach(file, tty, false);
	if (error) {
		file->ops = &ptmx_ops; /* which have no release */
		file_put(file);
		return error;
	}
	tty_opened(tty, file);
	fd = fd_install_move(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

static long master_set_flag(struct tty *tty, bool *flag, uintptr_t argument)
{
	unsigned long flags;
	int32_t value;

	if (copy_from_user(&value, (const void *)argument, sizeof(value)))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty->lock);
	*flag = value;
	tty->pty->notices = 0;
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

/* TIOCSIG: the master sends the signal that a key would. */
static long master_signal(struct tty *tty, uintptr_t signal)
{
	struct tty_signals signals = {.pgrp = atomic_load_relaxed(&tty->pgrp)};

	if (signal != SIGINT && signal != SIGQUIT && signal != SIGTSTP)
		return -EINVAL;
	signals.mask = 1ULL << signal;
	tty_signals_send(&signals);
	return 0;
}

static long put_int(uintptr_t user, int32_t value)
{
	return copy_to_user((void *)user, &value, sizeof(value));
}

long pty_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	struct tty_file *tf = file->private;
	struct tty *tty = tf->tty;

	if (!tf->is_master)
		return -ENOTTY;
	switch (command) {
	case TIOCGPTN:
		return put_int(argument, (int32_t)tty->pty->index);
	case TIOCSPTLCK:
		return master_set_flag(tty, &tty->pty->is_locked, argument);
	case TIOCGPTLCK:
		return put_int(argument, tty->pty->is_locked);
	case TIOCPKT:
		return master_set_flag(tty, &tty->pty->is_packet, argument);
	case TIOCGPKT:
		return put_int(argument, tty->pty->is_packet);
	case TIOCSIG:
		return master_signal(tty, argument);
	case TIOCGPTPEER:
		return master_open_peer(tty, (unsigned)argument);
	}
	return -ENOTTY;
}

/* A new pair; the slave with one reference, its name registered. */
static int pty_create(struct tty **result)
{
	struct pty *pty = kmalloc(sizeof(*pty), ALLOC_ZERO);
	int error = pty ? index_take(&pty->index) : -ENOMEM;
	struct tty *tty;

	if (error) {
		kfree(pty);
		return error;
	}
	tty = tty_alloc(&pty_driver, NULL);
	if (!tty) {
		pty_free(pty);
		return -ENOMEM;
	}
	wait_queue_init(&pty->read_queue);
	wait_queue_init(&pty->write_queue);
	pty->has_master = true;
	pty->is_locked = true;
	tty->pty = pty;
	tty->rdev = device_number(PTS_MAJOR, pty->index);
	format_string(tty->name, sizeof(tty->name), "pts/%u", pty->index);
	error = devfs_register(tty->name, S_IFCHR | 0620, tty->rdev, &tty_file_ops);
	if (error) {
		tty_put(tty);
		return error;
	}
	devfs_set_owner(tty->name, current_cred()->fsuid, PTS_GROUP);
	tty_enter(tty);
	*result = tty;
	return 0;
}

static int ptmx_open(struct inode *inode, struct file *file)
{
	struct tty *tty;
	int error = pty_create(&tty);

	if (error)
		return error;
	error = tty_file_attach(file, tty, true);
	if (error) {
		devfs_unregister(tty->name, tty->rdev);
		tty_leave(tty);
	} else {
		file->ops = &master_ops;
	}
	tty_put(tty);
	return error;
}

void pty_init(void)
{
	int error = devfs_mkdir("pts", 0755);

	if (!error || error == -EEXIST)
		error = devfs_register("ptmx", S_IFCHR | 0666, device_number(5, 2), &ptmx_ops);
	if (!error)
		error = devfs_symlink("pts/ptmx", "../ptmx");
	if (error)
		log_print("/dev/ptmx: error %d\n", error);
}
