/*
 * Sessions and process groups: setsid, setpgid and their like (credentials(7)), and what a terminal
 * asks and is told (kern/job.h). task_list_lock guards memberships and controlling terminals.
 */
#include <kern/assert.h>
#include <kern/process.h>
#include <kern/sys_task.h>
#include <uapi/errno.h>

#include "task_private.h"

struct job_hooks job_hooks;

/* ---- queries -------------------------------------------------------------------------------------- */

static int32_t pid_nr(const struct pid *pid)
{
	return pid ? pid->nr : 0;
}

int32_t task_session(const struct task_struct *task)
{
	unsigned long flags = task_list_lock_irqsave();
	int32_t nr = pid_nr(task->signal->session);

	task_list_unlock_irqrestore(flags);
	return nr;
}

int32_t task_pgrp(const struct task_struct *task)
{
	unsigned long flags = task_list_lock_irqsave();
	int32_t nr = pid_nr(task->signal->pgrp);

	task_list_unlock_irqrestore(flags);
	return nr;
}

bool task_is_session_leader(const struct task_struct *task)
{
	return atomic_load_relaxed(&task->signal->is_session_leader);
}

void *job_tty(void)
{
	return atomic_load_relaxed(&current->signal->tty);
}

void job_set_tty(void *tty)
{
	unsigned long flags = task_list_lock_irqsave();

	current->signal->tty = tty;
	task_list_unlock_irqrestore(flags);
}

void job_clear_tty(int32_t session)
{
	unsigned long flags = task_list_lock_irqsave();
	struct pid *pid = pid_lookup(session);
	struct signal_struct *process;

	if (pid) {
		list_for_each_entry (process, &pid->session_members, session_node)
			process->tty = NULL;
	}
	task_list_unlock_irqrestore(flags);
}

bool job_pgrp_in_session(int32_t pgrp, int32_t session)
{
	unsigned long flags = task_list_lock_irqsave();
	struct pid *pid = pid_lookup(pgrp);
	struct signal_struct *process;
	bool is_member = false;

	if (pid && !list_is_empty(&pid->pgrp_members)) {
		process = list_first(&pid->pgrp_members, struct signal_struct, pgrp_node);
		is_member = pid_nr(process->session) == session;
	}
	task_list_unlock_irqrestore(flags);
	return is_member;
}

bool job_signal_is_muted(int signal)
{
	return (current->blocked & SIGNAL_BIT(signal)) ||
	       signal_handler(current, signal) == SIG_IGN;
}

/* ---- orphaned process groups -------------------------------------------------------------------------- */

/* A parent outside the group but in its session could continue it. leaving: does not count. */
static bool pgrp_is_orphaned(struct pid *pgrp, const struct task_struct *leaving)
{
	struct signal_struct *process, *parent;
	struct task_struct *leader;

	list_for_each_entry (process, &pgrp->pgrp_members, pgrp_node) {
		leader = process->leader;
		parent = leader->parent->signal;
		if (leader == leaving || leader->parent->pid <= 1 ||
		    (leader->exit_state && process->nr_threads == 1))
			continue;
		if (parent->pgrp != pgrp && parent->session == process->session)
			return false;
	}
	return true;
}

bool job_pgrp_is_orphaned(int32_t nr)
{
	unsigned long flags = task_list_lock_irqsave();
	struct pid *pgrp = pid_lookup(nr);
	bool is_orphaned = !pgrp || pgrp_is_orphaned(pgrp, NULL);

	task_list_unlock_irqrestore(flags);
	return is_orphaned;
}

static bool pgrp_has_stopped(struct pid *pgrp)
{
	struct signal_struct *process;

	list_for_each_entry (process, &pgrp->pgrp_members, pgrp_node) {
		if (atomic_load_relaxed(&process->flags) & SIGNAL_STOPPED)
			return true;
	}
	return false;
}

/*
 * A task ends (father NULL), or loses its father: does that leave its process group with stopped
 * members that nobody can continue? They get SIGHUP and SIGCONT (setpgid(2), exit(3)).
 */
void job_orphan_check(struct task_struct *task, struct task_struct *father)
{
	struct task_struct *parent = father ? father : task->parent;
	const struct task_struct *leaving = father ? NULL : task;
	struct pid *pgrp = task->signal->pgrp;

	assert(spin_is_held(&task_list_lock));
	if (!pgrp || parent->signal->pgrp == pgrp ||
	    parent->signal->session != task->signal->session)
		return;
	if (!pgrp_has_stopped(pgrp) || !pgrp_is_orphaned(pgrp, leaving))
		return;
	(void)signal_send_pgrp_locked(pgrp, SIGHUP, NULL);
	(void)signal_send_pgrp_locked(pgrp, SIGCONT, NULL);
}

/* The last thread of a process ends: a session leader's terminal hangs up. */
void session_exit(void)
{
	void *tty = job_tty();
	int32_t session;

	if (!tty || !task_is_session_leader(current))
		return;
	session = task_session(current);
	if (job_hooks.leader_exit)
		job_hooks.leader_exit(tty, session);
	job_clear_tty(session);
}

/* ---- system calls ------------------------------------------------------------------------------------- */

static void pgrp_change(struct signal_struct *process, struct pid *pgrp)
{
	struct pid *old = process->pgrp;

	list_remove(&process->pgrp_node);
	process->pgrp = pgrp;
	list_add_tail(&pgrp->pgrp_members, &process->pgrp_node);
	if (old != pgrp)
		pid_release_if_unused(old);
}

static void session_change(struct signal_struct *process, struct pid *session)
{
	struct pid *old = process->session;

	list_remove(&process->session_node);
	process->session = session;
	list_add_tail(&session->session_members, &process->session_node);
	if (old != session)
		pid_release_if_unused(old);
}

/* Whether the running process may move task (itself or a child of its) at all. */
static int pgrp_check_target(struct task_struct *task)
{
	struct signal_struct *mine = current->signal;

	if (task->tgid != task->pid || task->exit_state == EXIT_DEAD)
		return -EINVAL;
	if (task->parent->signal == mine) {
		if (task->signal->session != mine->session)
			return -EPERM;
		if (task->attributes & TASK_ATTR_EXEC_DONE)
			return -EACCES;
	} else if (task->signal != mine) {
		return -ESRCH;
	}
	return task->signal->is_session_leader ? -EPERM : 0;
}

long sys_setpgid(int32_t pid, int32_t pgrp)
{
	unsigned long flags;
	struct task_struct *task;
	struct signal_struct *member;
	struct pid *target;
	int err = -ESRCH;

	if (!pid)
		pid = current->tgid;
	if (!pgrp)
		pgrp = pid;
	if (pgrp < 0)
		return -EINVAL;
	flags = task_list_lock_irqsave();
	task = task_lookup(pid);
	if (!task)
		goto out;
	err = pgrp_check_target(task);
	if (err)
		goto out;
	target = task->pid_object;
	if (pgrp != pid) {
		err = -EPERM;
		target = pid_lookup(pgrp);
		if (!target || list_is_empty(&target->pgrp_members))
			goto out;
		member = list_first(&target->pgrp_members, struct signal_struct, pgrp_node);
		if (member->session != current->signal->session)
			goto out;
	}
	err = 0;
	pgrp_change(task->signal, target);
out:
	task_list_unlock_irqrestore(flags);
	return err;
}

long sys_setsid(void)
{
	unsigned long flags = task_list_lock_irqsave();
	struct signal_struct *process = current->signal;
	struct pid *pid = current->group_leader->pid_object;
	long result = -EPERM;

	if (process->is_session_leader || !list_is_empty(&pid->pgrp_members))
		goto out;
	process->is_session_leader = true;
	process->tty = NULL;
	session_change(process, pid);
	pgrp_change(process, pid);
	result = pid->nr;
out:
	task_list_unlock_irqrestore(flags);
	return result;
}

/* The number of a membership of process pid (0: the caller's). */
static long membership(int32_t pid, bool is_session)
{
	unsigned long flags = task_list_lock_irqsave();
	struct task_struct *task = pid ? task_lookup(pid) : current;
	long result = -ESRCH;

	if (task)
		result = pid_nr(is_session ? task->signal->session : task->signal->pgrp);
	task_list_unlock_irqrestore(flags);
	return result;
}

long sys_getpgid(int32_t pid)
{
	return membership(pid, false);
}

long sys_getpgrp(void)
{
	return membership(0, false);
}

long sys_getsid(int32_t pid)
{
	return membership(pid, true);
}
