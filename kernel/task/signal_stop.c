/*
 * Stopping and going on: job control's half of signals. A stop signal that is taken by one thread
 * stops all of them; each stops at its own next return to user mode, and the last one tells the
 * parent.
 *
 *	running -- stop signal taken --> STOP_PENDING in every thread, nr_to_stop of them
 *	STOP_PENDING -- return to user --> STOPPED; the last: SIGNAL_STOPPED, parent is told
 *	STOPPED -- SIGCONT, SIGKILL (signal_send.c) --> running; the first tells the parent
 *
 * signal->lock guards it; telling the parent takes task_list_lock first and so happens outside.
 */
#include <kern/assert.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <uapi/wait.h>

#include "task_private.h"

/* Tells leader's parent that the process stopped or went on. */
static void parent_tell(struct task_struct *leader, int code, int status)
{
	struct task_struct *parent = leader->parent;
	struct signal_struct *process = parent->signal;
	struct signal_info info = {.code = code};
	struct abi_sigaction *action;
	struct cpu_usage usage;
	unsigned long flags;

	assert(spin_is_held(&task_list_lock));
	process_cpu_usage(leader, &usage);
	info.child.pid = leader->tgid;
	info.child.uid = leader->cred ? leader->cred->uid : 0;
	info.child.status = status;
	info.child.utime = (int64_t)(usage.user_ns / NSEC_PER_TICK);
	info.child.stime = (int64_t)(usage.system_ns / NSEC_PER_TICK);

	flags = spin_lock_irqsave(&process->lock);
	if (parent->sighand) {
		action = &parent->sighand->action[SIGCHLD - 1];
		if (action->handler != SIG_IGN && !(action->flags & SA_NOCLDSTOP))
			signal_notify_locked(parent, SIGCHLD, &info);
	}
	spin_unlock_irqrestore(&process->lock, flags);
	wake_up_all(&process->child_queue);
}

static void stop_tell(int code, int status)
{
	unsigned long flags = task_list_lock_irqsave();

	parent_tell(current->group_leader, code, status);
	task_list_unlock_irqrestore(flags);
}

/* One thread fewer to wait for in the stop under way. true: it was the last; the parent is to be
 * told. */
static bool stop_participate(struct task_struct *task)
{
	struct signal_struct *process = task->signal;

	assert(spin_is_held(&process->lock));
	if (!(task->jobctl & JOBCTL_STOP_PENDING))
		return false;
	task->jobctl &= ~(uint32_t)JOBCTL_STOP_PENDING;
	if (process->nr_to_stop == 0 || --process->nr_to_stop > 0)
		return false;
	if (process->flags & SIGNAL_STOPPED)
		return false;
	process->flags |= SIGNAL_STOPPED;
	process->flags &= ~(uint32_t)SIGNAL_CONTINUED;
	return true;
}

/* The current thread has taken a stop signal: all shall stop. false: the process is ending. */
bool stop_begin(int signal)
{
	struct signal_struct *process = current->signal;
	struct task_struct *thread;

	assert(spin_is_held(&process->lock));
	if ((process->flags & SIGNAL_GROUP_EXIT) || process->exec_task)
		return false;
	if (!(process->flags & SIGNAL_STOPPED))
		process->stop_signal = signal;
	process->nr_to_stop = 0;
	for_each_thread (thread, process) {
		if ((thread->flags & PF_EXITING) || (thread->jobctl & JOBCTL_STOPPED))
			continue;
		thread->jobctl |= JOBCTL_STOP_PENDING;
		process->nr_to_stop++;
		signal_wake(thread, false);
	}
	return true;
}

/* A new thread of a process that is stopping stops with it. */
void stop_join(struct task_struct *child)
{
	struct signal_struct *process = child->signal;

	assert(spin_is_held(&process->lock));
	if (!(current->jobctl & JOBCTL_STOP_PENDING))
		return;
	child->jobctl |= JOBCTL_STOP_PENDING;
	process->nr_to_stop++;
	atomic_fetch_or_relaxed(&child->work, WORK_SIGNAL);
}

/*
 * Stops the current thread until SIGCONT or SIGKILL. Context: signal->lock held with interrupts off
 * since flags; released on return.
 */
void stop_here(unsigned long flags)
{
	struct signal_struct *process = current->signal;
	int signal = process->stop_signal;
	bool is_last;

	is_last = stop_participate(current);
	current->jobctl |= JOBCTL_STOPPED;
	/* Under the lock: SIGCONT and SIGKILL are sent under it and find us asleep or not yet here. */
	set_current_state(TASK_STOPPED);
	spin_unlock_irqrestore(&process->lock, flags);
	if (is_last)
		stop_tell(CLD_STOPPED, signal);
	schedule();

	flags = spin_lock_irqsave(&process->lock);
	current->jobctl &= ~(uint32_t)JOBCTL_STOPPED;
	spin_unlock_irqrestore(&process->lock, flags);
}

/* What process_continue() left to be said. Context: signal->lock held since flags; released. */
void stop_tell_pending(unsigned long flags)
{
	struct signal_struct *process = current->signal;
	uint32_t tell = process->flags & SIGNAL_TELL;

	process->flags &= ~(uint32_t)SIGNAL_TELL;
	spin_unlock_irqrestore(&process->lock, flags);
	if (tell & SIGNAL_TELL_CONTINUED)
		stop_tell(CLD_CONTINUED, SIGCONT);
	else if (tell & SIGNAL_TELL_STOPPED)
		stop_tell(CLD_STOPPED, SIGSTOP);
}

/* A thread that exits takes no part in a stop. true: the stop is complete without it. */
void stop_exit(struct task_struct *task)
{
	struct signal_struct *process = task->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	bool is_last = stop_participate(task);
	int signal = process->stop_signal;

	spin_unlock_irqrestore(&process->lock, flags);
	if (is_last)
		stop_tell(CLD_STOPPED, signal);
}
