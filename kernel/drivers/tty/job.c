/*
 * Sessions and process groups as a terminal sees them (credentials(7)): who may read, whose keys
 * send signals, what happens when a session's leader ends.
 */
#include <kern/cred.h>
#include <kern/uaccess.h>
#include "tty.h"

int tty_check_background(struct tty *tty, int signal)
{
	int32_t own = task_pgrp(current);
	int32_t foreground = atomic_load_relaxed(&tty->pgrp);

	if (job_tty() != tty || !foreground || own == foreground)
		return 0;
	if (job_signal_is_muted(signal))
		return signal == SIGTTIN ? -EIO : 0;
	if (job_pgrp_is_orphaned(own))
		return -EIO;
	(void)signal_hooks.send_pgrp(own, signal, NULL);
	return -ERESTARTSYS;
}

/* TIOCSCTTY. argument 1: take it away from another session. */
static long tty_become_controlling(struct file *file, uintptr_t argument)
{
	struct tty *tty = tty_of(file);
	int32_t session = task_session(current), robbed = 0;
	unsigned long flags;
	long error = 0;

	if (job_tty() == tty && atomic_load_relaxed(&tty->session) == session)
		return 0;
	if (!task_is_session_leader(current) || job_tty())
		return -EPERM;
	flags = spin_lock_irqsave(&tty->lock);
	if (tty->session && tty->session != session) {
		if (argument == 1 && capable(CAP_SYS_ADMIN))
			robbed = tty->session;
		else
			error = -EPERM;
	}
	if (!error) {
		atomic_store_relaxed(&tty->session, session);
		atomic_store_relaxed(&tty->pgrp, task_pgrp(current));
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	if (robbed)
		job_clear_tty(robbed);
	if (!error)
		job_set_tty(tty);
	return error;
}

/* TIOCNOTTY: the leader gives the terminal up for the whole session. */
static long tty_give_up(struct tty *tty)
{
	struct tty_signals signals = {.mask = 1ULL << SIGHUP | 1ULL << SIGCONT};
	unsigned long flags;
	int32_t session;

	if (job_tty() != tty)
		return -ENOTTY;
	if (!task_is_session_leader(current))
		return -EPERM;
	flags = spin_lock_irqsave(&tty->lock);
	session = tty->session;
	signals.pgrp = tty->pgrp;
	atomic_store_relaxed(&tty->session, 0);
	atomic_store_relaxed(&tty->pgrp, 0);
	spin_unlock_irqrestore(&tty->lock, flags);
	job_clear_tty(session);
	tty_signals_send(&signals);
	return 0;
}

/* The terminal is the caller's own, or it asks through a pty's master. */
static bool is_allowed_to_ask(struct file *file)
{
	struct tty_file *tf = file->private;

	return tf->is_master || job_tty() == tf->tty;
}

static long tty_set_foreground(struct file *file, uintptr_t argument)
{
	struct tty *tty = tty_of(file);
	int32_t pgrp, session = task_session(current);
	int error = tty_check_background(tty, SIGTTOU);

	if (error)
		return error;
	if (!is_allowed_to_ask(file) || atomic_load_relaxed(&tty->session) != session)
		return -ENOTTY;
	if (copy_from_user(&pgrp, (const void *)argument, sizeof(pgrp)))
		return -EFAULT;
	if (pgrp < 0)
		return -EINVAL;
	if (!job_pgrp_in_session(pgrp, session))
		return -EPERM;
	atomic_store_relaxed(&tty->pgrp, pgrp);
	return 0;
}

long tty_job_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	struct tty *tty = tty_of(file);
	int32_t value;

	switch (command) {
	case TIOCSCTTY:
		return tty_become_controlling(file, argument);
	case TIOCNOTTY:
		return tty_give_up(tty);
	case TIOCSPGRP:
		return tty_set_foreground(file, argument);
	case TIOCGPGRP:
		if (!is_allowed_to_ask(file))
			return -ENOTTY;
		value = atomic_load_relaxed(&tty->pgrp);
		return copy_to_user((void *)argument, &value, sizeof(value));
	case TIOCGSID:
		value = atomic_load_relaxed(&tty->session);
		if (!is_allowed_to_ask(file) || value <= 0)
			return -ENOTTY;
		return copy_to_user((void *)argument, &value, sizeof(value));
	}
	return -ENOIOCTLCMD;
}

/* The session's leader ends: the terminal is hung up, if it still is the session's. */
static void tty_leader_exit(void *address, int32_t session)
{
	struct tty *tty = tty_get_current();

	if (!tty)
		return;
	if (tty == address && atomic_load_relaxed(&tty->session) == session)
		tty_hangup(tty);
	tty_put(tty);
}

void tty_job_init(void)
{
	job_hooks.leader_exit = tty_leader_exit;
}
