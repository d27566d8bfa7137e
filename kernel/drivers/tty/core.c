/*
 * Terminals as objects: making, finding, opening, hanging up, freeing. tty_list_lock guards the
 * registry; a terminal in it has a reference left, or is about to be taken out.
 */
#include <kern/cred.h>
#include <kern/kcache.h>
#include <kern/log.h>
#include <kern/string.h>
#include <uapi/fcntl.h>
#include <uapi/poll.h>
#include "tty.h"

static struct spinlock tty_list_lock = SPINLOCK_INIT(LOCK_RANK_TTY, "tty-list");
static struct list_node ttys = LIST_INIT(ttys); /* [tty_list_lock] */

/* As a login on a serial line would have set it up; what Linux gives a new terminal. */
static const struct abi_termios default_termios = {
	.iflag = ICRNL | IXON | IUTF8,
	.oflag = OPOST | ONLCR,
	.cflag = B38400 | CS8 | CREAD | HUPCL,
	.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.cc = {[VINTR] = 'C' - 64,
	       [VQUIT] = '\\' - 64,
	       [VERASE] = 0x7f,
	       [VKILL] = 'U' - 64,
	       [VEOF] = 'D' - 64,
	       [VMIN] = 1,
	       [VSTART] = 'Q' - 64,
	       [VSTOP] = 'S' - 64,
	       [VSUSP] = 'Z' - 64,
	       [VREPRINT] = 'R' - 64,
	       [VDISCARD] = 'O' - 64,
	       [VWERASE] = 'W' - 64,
	       [VLNEXT] = 'V' - 64},
};

struct tty *tty_alloc(const struct tty_driver *driver, void *private)
{
	struct tty *tty = kmalloc(sizeof(*tty), ALLOC_ZERO);

	if (!tty)
		return NULL;
	tty->input.bytes = kmalloc(TTY_BUFFER, ALLOC_KERNEL);
	tty->output.bytes = kmalloc(TTY_BUFFER, ALLOC_KERNEL);
	if (!tty->input.bytes || !tty->output.bytes) {
		kfree(tty->input.bytes);
		kfree(tty->output.bytes);
		kfree(tty);
		return NULL;
	}
	refcount_init(&tty->refs, 1);
	spin_init(&tty->lock, LOCK_RANK_TTY, "tty");
	list_init(&tty->node);
	mutex_init(&tty->write_mutex);
	wait_queue_init(&tty->read_queue);
	wait_queue_init(&tty->write_queue);
	tty->driver = driver;
	tty->private = private;
	tty->termios = default_termios;
	return tty;
}

void tty_get(struct tty *tty)
{
	refcount_get(&tty->refs);
}

void tty_put(struct tty *tty)
{
	if (!refcount_put(&tty->refs))
		return;
	assert(list_is_empty(&tty->node));
	if (tty->pty)
		pty_free(tty->pty);
	kfree(tty->input.bytes);
	kfree(tty->output.bytes);
	kfree(tty);
}

void tty_enter(struct tty *tty)
{
	unsigned long flags = spin_lock_irqsave(&tty_list_lock);

	list_add_tail(&ttys, &tty->node);
	spin_unlock_irqrestore(&tty_list_lock, flags);
}

void tty_leave(struct tty *tty)
{
	unsigned long flags = spin_lock_irqsave(&tty_list_lock);

	list_remove(&tty->node);
	list_init(&tty->node);
	spin_unlock_irqrestore(&tty_list_lock, flags);
}

/* The one with that number, or at that address (which may be stale), with a reference; or NULL. */
static struct tty *tty_find(uint64_t rdev, const void *address)
{
	unsigned long flags = spin_lock_irqsave(&tty_list_lock);
	struct tty *tty, *found = NULL;

	list_for_each_entry (tty, &ttys, node) {
		if ((address ? tty == address : tty->rdev == rdev) && refcount_tryget(&tty->refs)) {
			found = tty;
			break;
		}
	}
	spin_unlock_irqrestore(&tty_list_lock, flags);
	return found;
}

struct tty *tty_get_current(void)
{
	void *address = job_tty();
	struct tty *tty = address ? tty_find(0, address) : NULL;

	/* A new one could lie where the old one was: it would not be this session's. */
	if (tty && atomic_load_relaxed(&tty->session) != task_session(current)) {
		tty_put(tty);
		tty = NULL;
	}
	return tty;
}

/* ---- open and release -------------------------------------------------------------------------------- */

int tty_file_attach(struct file *file, struct tty *tty, bool is_master)
{
	struct tty_file *tf = kmalloc(sizeof(*tf), ALLOC_KERNEL);
	int error = tf ? 0 : -ENOMEM;

	if (!error && tty->pty && !is_master)
		error = pty_slave_open(tty);
	if (error) {
		kfree(tf);
		return error;
	}
	refcount_get(&tty->refs);
	tf->tty = tty;
	tf->is_master = is_master;
	tf->nr_hangups = atomic_load_acquire(&tty->nr_hangups);
	file->private = tf;
	return 0;
}

/* The first terminal that a session leader without one opens becomes its controlling terminal. */
void tty_opened(struct tty *tty, struct file *file)
{
	unsigned long flags;
	bool is_taken;

	if ((file->flags & O_NOCTTY) || !task_is_session_leader(current) || job_tty() ||
	    !(file->mode & FILE_READ))
		return;
	flags = spin_lock_irqsave(&tty->lock);
	is_taken = tty->session != 0;
	if (!is_taken) {
		atomic_store_relaxed(&tty->session, task_session(current));
		tty->pgrp = task_pgrp(current);
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	if (!is_taken)
		job_set_tty(tty);
}

static int tty_file_open(struct inode *inode, struct file *file)
{
	struct tty *tty = tty_find(inode->rdev, NULL);
	int error = tty ? 0 : -ENXIO;

	if (!error && atomic_load_relaxed(&tty->is_exclusive) && !capable(CAP_SYS_ADMIN))
		error = -EBUSY;
	if (!error)
		error = tty_file_attach(file, tty, false);
	if (!error)
		tty_opened(tty, file);
	if (tty)
		tty_put(tty);
	return error;
}

static void tty_file_release(struct file *file)
{
	struct tty_file *tf = file->private;

	if (tf->tty->pty)
		pty_slave_close(tf->tty);
	tty_put(tf->tty);
	kfree(tf);
}

const struct file_ops tty_file_ops = {
	.open = tty_file_open,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.release = tty_file_release,
};

/* /dev/tty: whatever terminal the opener's session has. */
static int current_tty_open(struct inode *inode, struct file *file)
{
	struct tty *tty = tty_get_current();
	int error;

	if (!tty)
		return -ENXIO;
	error = tty_file_attach(file, tty, false);
	if (!error)
		file->ops = &tty_file_ops;
	tty_put(tty);
	return error;
}

static const struct file_ops current_tty_ops = {.open = current_tty_open};

void tty_hangup(struct tty *tty)
{
	struct tty_signals signals = {.mask = 1ULL << SIGHUP | 1ULL << SIGCONT};
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	int32_t session = tty->session;

	atomic_store_release(&tty->nr_hangups, tty->nr_hangups + 1);
	signals.pgrp = tty->pgrp;
	atomic_store_relaxed(&tty->session, 0);
	tty->pgrp = 0;
	tty->is_stopped = false;
	tty->is_exclusive = false;
	tty->termios = default_termios;
	tty_input_flush(tty);
	tty_output_kick(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	tty_signals_send(&signals);
	if (session)
		job_clear_tty(session);
	wake_up_all_key(&tty->read_queue, POLLIN | POLLHUP);
	wake_up_all_key(&tty->write_queue, POLLOUT | POLLHUP);
}

/* ---- devices' terminals --------------------------------------------------------------------------------- */

struct tty *tty_create(const char *name, uint64_t rdev, const struct tty_driver *driver,
		       void *private)
{
	struct tty *tty = tty_alloc(driver, private);

	if (!tty)
		return NULL;
	string_copy(tty->name, name, sizeof(tty->name));
	tty->rdev = rdev;
	tty->winsize = (struct abi_winsize){.rows = 24, .cols = 80};
	tty_enter(tty);
	if (devfs_register(name, S_IFCHR | 0620, rdev, &tty_file_ops) != 0) {
		tty_leave(tty);
		tty_put(tty);
		return NULL;
	}
	return tty;
}

void *tty_private(const struct tty *tty)
{
	return tty->private;
}

void tty_init(void)
{
	int error = devfs_register("tty", S_IFCHR | 0666, device_number(5, 0), &current_tty_ops);

	if (error)
		log_print("/dev/tty: error %d\n", error);
	tty_job_init();
	console_init();
	pty_init();
}
