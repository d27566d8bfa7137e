/*
 * Job control as a terminal needs it (rank 4; task/job.c keeps sessions and process groups).
 * credentials(7), termios(3). A terminal is an opaque pointer here; it is the terminal that knows
 * its own session and foreground group, by number.
 */
#ifndef KERN_JOB_H
#define KERN_JOB_H

#include <kern/types.h>
#include <kern/task.h>

/* Session and process group of a task; 0 for a kernel thread. Context: any but under
 * task_list_lock; takes it. */
int32_t task_session(const struct task_struct *task);
int32_t task_pgrp(const struct task_struct *task);
bool task_is_session_leader(const struct task_struct *task);

/* The running task's controlling terminal, or NULL. Not referenced: the terminal takes its own lock
 * and sees whether it still belongs to the session. */
void *job_tty(void);
/* tty becomes the controlling terminal of the running task's session (it is its leader and has
 * none; the caller checked). Context: task. */
void job_set_tty(void *tty);
/* Every process of a session forgets its controlling terminal. */
void job_clear_tty(int32_t session);

/* Does a process group exist in a session? (TIOCSPGRP: EPERM if not.) */
bool job_pgrp_in_session(int32_t pgrp, int32_t session);
/* No member has a parent in another group of the same session: nobody could continue it. A stop
 * from the keyboard is then ignored and a background read gets EIO. */
bool job_pgrp_is_orphaned(int32_t pgrp);

/* The running task blocks or ignores the signal (SIGTTOU, SIGTTIN: then a write goes through, a
 * read gets EIO). */
bool job_signal_is_muted(int signal);

/* Filled in by the terminal: the leader of a session ends, its terminal hangs up: SIGHUP and
 * SIGCONT to the foreground group; afterwards job_clear_tty is called by the exiting task. Context:
 * task, no lock, may sleep. */
extern struct job_hooks {
	void (*leader_exit)(void *tty, int32_t session);
	/* Its device number and foreground group, for /proc/PID/stat. tty is one that a session had a
	 * moment ago: it may have hung up, but its memory stays. Context: task, no lock. */
	void (*identify)(void *tty, uint64_t *rdev, int32_t *foreground_pgrp);
} job_hooks;

#endif
