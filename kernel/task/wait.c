/*
 * Waiting for children: wait4(2), waitid(2). A waiter sleeps on its process's child_queue, joined
 * before it looks, so no change of state between look and sleep is missed.
 *
 * task_list_lock guards the children and their exit_state; whoever turns ZOMBIE into DEAD under it
 * owns the release.
 */
#include <kern/assert.h>
#include <kern/file.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <kern/wait.h>
#include <uapi/errno.h>
#include <uapi/wait.h>

#include "task_private.h"

struct wait_request {
	int which; /* P_ */
	int32_t id;
	unsigned options;
	/* Found: */
	int32_t pid;
	uint32_t uid;
	int status;	 /* wait4's format */
	int cause;	 /* CLD_ */
	int cause_value; /* si_status */
	bool wants_rusage;
	struct abi_rusage rusage;
	struct task_struct *dead; /* to be released by us */
	bool has_eligible;	  /* some child may yet change its state */
};

static bool child_matches(const struct task_struct *child, const struct wait_request *request)
{
	const struct pid *pgrp = child->signal->pgrp;

	if (request->which == P_PID && child->pid != request->id)
		return false;
	if (request->which == P_PGID && (!pgrp || pgrp->nr != request->id))
		return false;
	if (request->options & WALL_)
		return true;
	return (child->exit_signal != SIGCHLD) == !!(request->options & WCLONE_);
}

static void found(struct wait_request *request, struct task_struct *child, int cause, int value)
{
	request->pid = child->pid;
	request->uid = child->cred ? child->cred->uid : 0;
	request->cause = cause;
	request->cause_value = value;
	if (request->wants_rusage)
		rusage_of_child(child, &request->rusage);
}

static bool look_exited(struct wait_request *request, struct task_struct *child)
{
	int code = process_exit_code(child);

	if (child->exit_state != EXIT_ZOMBIE)
		return false;
	if (child->signal->nr_threads > 1)
		return false; /* its other threads go on */
	if (!(request->options & WEXITED))
		return false;
	if (code & 0x7f)
		found(request, child, code & WAIT_STATUS_CORE ? CLD_DUMPED : CLD_KILLED,
		      code & 0x7f);
	else
		found(request, child, CLD_EXITED, code >> 8 & 0xff);
	request->status = code;
	if (!(request->options & WNOWAIT)) {
		child->exit_state = EXIT_DEAD;
		request->dead = child;
	}
	return true;
}

static bool look_stopped(struct wait_request *request, struct task_struct *child)
{
	struct signal_struct *process = child->signal;
	int signal = 0;

	if (!(request->options & WSTOPPED))
		return false;
	spin_lock(&process->lock);
	if (process->flags & SIGNAL_STOPPED)
		signal = process->stop_signal;
	if (signal && !(request->options & WNOWAIT))
		process->stop_signal = 0;
	spin_unlock(&process->lock);
	if (!signal)
		return false;
	found(request, child, CLD_STOPPED, signal);
	request->status = WAIT_STATUS_STOP(signal);
	return true;
}

static bool look_continued(struct wait_request *request, struct task_struct *child)
{
	struct signal_struct *process = child->signal;
	bool is_continued;

	if (!(request->options & WCONTINUED))
		return false;
	spin_lock(&process->lock);
	is_continued = process->flags & SIGNAL_CONTINUED;
	if (is_continued && !(request->options & WNOWAIT))
		process->flags &= ~(uint32_t)SIGNAL_CONTINUED;
	spin_unlock(&process->lock);
	if (!is_continued)
		return false;
	found(request, child, CLD_CONTINUED, SIGCONT);
	request->status = WAIT_STATUS_CONTINUED;
	return true;
}

static bool look_at_children(struct wait_request *request, struct task_struct *thread)
{
	struct task_struct *child;

	list_for_each_entry (child, &thread->children, sibling) {
		if (!child_matches(child, request) || child->exit_state == EXIT_DEAD)
			continue;
		request->has_eligible = true;
		if (look_exited(request, child))
			return true;
		if (child->exit_state == EXIT_ZOMBIE && child->signal->nr_threads == 1)
			continue; /* it will not stop or go on any more */
		if (look_stopped(request, child) || look_continued(request, child))
			return true;
	}
	return false;
}

/* true: request says what was found. */
static bool wait_look(struct wait_request *request)
{
	struct task_struct *thread;
	unsigned long flags = task_list_lock_irqsave();
	bool is_found = false;

	request->has_eligible = false;
	if (request->options & WNOTHREAD_) {
		is_found = look_at_children(request, current);
	} else {
		for_each_thread (thread, current->signal) {
			is_found = look_at_children(request, thread);
			if (is_found)
				break;
		}
	}
	task_list_unlock_irqrestore(flags);
	return is_found;
}

/* The times of a child that was waited for count as its parent's children's. */
static void child_reap(struct task_struct *child)
{
	struct signal_struct *process = current->signal;
	struct process_usage own, its_children;
	unsigned long flags;

	process_usage_read(child, &own);
	process_children_usage(child, &its_children);
	task_release(child);
	flags = spin_lock_irqsave(&process->lock);
	usage_add(&process->children, &own);
	usage_add(&process->children, &its_children);
	spin_unlock_irqrestore(&process->lock, flags);
}

/* 1: found; 0: nothing now (WNOHANG); -ECHILD; -ERESTARTSYS. */
static int wait_for_child(struct wait_request *request)
{
	struct wait_queue *queue = &current->signal->child_queue;
	struct wait_entry entry;
	int result = 1;

	if (wait_look(request))
		goto reap;
	if (!request->has_eligible)
		return -ECHILD;
	if (request->options & WNOHANG)
		return 0;
	wait_entry_init(&entry);
	for (;;) {
		wait_prepare(queue, &entry, TASK_INTERRUPTIBLE);
		if (wait_look(request))
			break;
		result = request->has_eligible ? wait_sleep(TASK_INTERRUPTIBLE, UINT64_MAX)
					       : -ECHILD;
		if (result)
			break;
		result = 1;
	}
	wait_finish(queue, &entry);
reap:
	if (result > 0 && request->dead)
		child_reap(request->dead);
	return result;
}

long sys_wait4(int32_t pid, int *user_status, int options, struct abi_rusage *user_rusage)
{
	const unsigned allowed = WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD_ | WALL_ | WCLONE_;
	struct wait_request request = {
		.which = P_ALL,
		.options = (unsigned)options | WEXITED,
		.wants_rusage = user_rusage,
	};
	int result;

	if ((unsigned)options & ~allowed)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid > 0) {
		request.which = P_PID;
		request.id = pid;
	} else if (pid != -1) {
		request.which = P_PGID;
		request.id = pid ? -pid : task_pgrp(current);
	}
	result = wait_for_child(&request);
	if (result <= 0)
		return result;
	if (user_status && copy_to_user(user_status, &request.status, sizeof(request.status)))
		return -EFAULT;
	if (user_rusage && copy_to_user(user_rusage, &request.rusage, sizeof(request.rusage)))
		return -EFAULT;
	return request.pid;
}

static int waitid_target(struct wait_request *request, int which, int32_t id)
{
	request->which = which;
	request->id = id;
	switch (which) {
	case P_ALL:
		return 0;
	case P_PID:
		return id > 0 ? 0 : -EINVAL;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		if (!id)
			request->id = task_pgrp(current);
		return 0;
	case P_PIDFD:
		request->which = P_PID;
		return pidfd_number(id, &request->id);
	default:
		return -EINVAL;
	}
}

static int waitid_info_store(const struct wait_request *request, bool is_found, void *user_info)
{
	struct signal_info info = {.signo = 0};

	if (is_found) {
		info.signo = SIGCHLD;
		info.code = request->cause;
		info.child.pid = request->pid;
		info.child.uid = request->uid;
		info.child.status = request->cause_value;
	}
	/* waitid(2) writes these fields and no others. */
	return copy_to_user(user_info, &info,
			    offsetof(struct signal_info, child.status) + sizeof(info.child.status));
}

long sys_waitid(int which, int32_t id, void *user_info, int options, struct abi_rusage *user_rusage)
{
	const unsigned allowed =
		WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | WNOTHREAD_ | WALL_ | WCLONE_;
	struct wait_request request = {
		.options = (unsigned)options,
		.wants_rusage = user_rusage,
	};
	int result;

	if (((unsigned)options & ~allowed) || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	result = waitid_target(&request, which, id);
	if (result)
		return result;
	result = wait_for_child(&request);
	if (result < 0)
		return result;
	if (result > 0 && user_rusage &&
	    copy_to_user(user_rusage, &request.rusage, sizeof(request.rusage)))
		return -EFAULT;
	if (user_info && waitid_info_store(&request, result > 0, user_info))
		return -EFAULT;
	return 0;
}
