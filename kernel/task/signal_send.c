/*
 * Sending signals: what a signal does at the moment it is sent (stops and continues cancel each
 * other, an ignored one vanishes, a fatal one ends the whole process), and who is woken for it.
 *
 * signal->lock of the target's process guards everything here; a task whose sighand is NULL under
 * that lock has been released and gets no more signals.
 */
#include <kern/assert.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <uapi/errno.h>

#include "task_private.h"

struct signal_hooks signal_hooks;

bool fatal_signal_pending(const struct task_struct *task)
{
	return signal_pending(task) &&
	       (atomic_load_relaxed(&task->pending_mask) & SIGNAL_BIT(SIGKILL));
}

uintptr_t signal_handler(const struct task_struct *task, int signal)
{
	return atomic_load_relaxed(&task->sighand->action[signal - 1].handler);
}

bool signal_recalc(struct task_struct *task)
{
	uint64_t pending = task->pending_mask | task->signal->pending_mask;

	if ((pending & ~task->blocked) || (task->jobctl & JOBCTL_STOP_PENDING) ||
	    (task->signal->flags & SIGNAL_TELL)) {
		atomic_fetch_or_relaxed(&task->work, WORK_SIGNAL);
		return true;
	}
	/* Only the task itself may unsay it: it may be about to return -ERESTARTSYS because of it. */
	if (task == current)
		atomic_fetch_and_relaxed(&task->work, ~(uint32_t)WORK_SIGNAL);
	return false;
}

void signal_wake(struct task_struct *task, bool is_fatal)
{
	uint32_t states = TASK_INTERRUPTIBLE;

	atomic_fetch_or_seqcst(&task->work, WORK_SIGNAL);
	if (task == current)
		return;
	if (is_fatal)
		states |= TASK_KILLABLE | TASK_STOPPED;
	if (!task_wake_state(task, states))
		task_kick(task);
}

/* ---- at the moment of sending --------------------------------------------------------------------- */

static bool handler_ignores(uintptr_t handler, int signal)
{
	return handler == SIG_IGN || (handler == SIG_DFL && (SIGNAL_BIT(signal) & SIGNALS_IGNORED));
}

/* It would have no effect, now or later: a blocked one may yet get a handler. */
static bool signal_is_ignored(const struct task_struct *task, int signal)
{
	uintptr_t handler = signal_handler(task, signal);

	if ((task->blocked | task->real_blocked) & SIGNAL_BIT(signal))
		return false;
	if ((task->signal->flags & SIGNAL_UNKILLABLE) && handler == SIG_DFL)
		return true;
	return handler_ignores(handler, signal);
}

void process_flush(struct signal_struct *signal, uint64_t set)
{
	struct task_struct *thread;

	signal_queue_flush(&signal->pending_mask, &signal->pending_list, set);
	for_each_thread (thread, signal)
		signal_queue_flush(&thread->pending_mask, &thread->pending_list, set);
}

/* SIGCONT goes on with what was stopped even if it is blocked or ignored. */
static void process_continue(struct signal_struct *signal)
{
	struct task_struct *thread;
	uint32_t tell = 0;

	process_flush(signal, SIGNALS_STOP);
	for_each_thread (thread, signal) {
		thread->jobctl &= ~(uint32_t)(JOBCTL_STOP_PENDING | JOBCTL_STOPPED);
		task_wake_state(thread, TASK_STOPPED);
	}
	/* The parent hears of a stop that was complete or under way, and of its end. The thread that
	 * goes on first tells it. */
	if (signal->flags & SIGNAL_STOPPED)
		tell = SIGNAL_TELL_CONTINUED | SIGNAL_CONTINUED;
	else if (signal->nr_to_stop)
		tell = SIGNAL_TELL_STOPPED;
	if (tell) {
		signal->flags = (signal->flags & ~(uint32_t)SIGNAL_STOPPED) | tell;
		signal->nr_to_stop = 0;
		signal->stop_signal = 0;
	}
}

/* What sending does by itself. false: nothing is left to deliver. */
static bool signal_prepare(struct task_struct *task, int signal)
{
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		return !signal_is_ignored(task, signal);
	if (SIGNAL_BIT(signal) & SIGNALS_STOP)
		process_flush(task->signal, SIGNAL_BIT(SIGCONT));
	else if (signal == SIGCONT)
		process_continue(task->signal);
	return !signal_is_ignored(task, signal);
}

/* ---- who gets it ------------------------------------------------------------------------------------ */

static bool thread_wants(const struct task_struct *task, int signal)
{
	if ((task->blocked & SIGNAL_BIT(signal)) || (task->flags & PF_EXITING))
		return false;
	if (signal == SIGKILL)
		return true;
	if (task->jobctl & JOBCTL_STOPPED)
		return false;
	return task == current || !signal_pending(task);
}

static struct task_struct *choose_thread(struct task_struct *task, int signal,
					 enum signal_scope scope)
{
	struct task_struct *thread;

	if (thread_wants(task, signal))
		return task;
	if (scope == SCOPE_THREAD)
		return NULL;
	for_each_thread (thread, task->signal) {
		if (thread_wants(thread, signal))
			return thread;
	}
	return NULL;
}

/* current is about to block signals that wait for the whole process: others shall look. */
void signal_retarget(uint64_t set)
{
	struct task_struct *thread;

	for_each_thread (thread, current->signal) {
		if (!set)
			break;
		if (thread == current || (thread->flags & PF_EXITING) || !(set & ~thread->blocked))
			continue;
		set &= thread->blocked;
		if (!signal_pending(thread))
			signal_wake(thread, false);
	}
}

void process_kill_threads(struct signal_struct *signal, const struct task_struct *except)
{
	struct task_struct *thread;

	signal->nr_to_stop = 0;
	for_each_thread (thread, signal) {
		thread->jobctl &= ~(uint32_t)JOBCTL_STOP_PENDING;
		if (thread == except || thread->exit_state)
			continue;
		thread->pending_mask |= SIGNAL_BIT(SIGKILL);
		signal_wake(thread, true);
	}
}

static bool signal_is_fatal(const struct task_struct *task, int signal)
{
	uint64_t bit = SIGNAL_BIT(signal);

	if (task->signal->flags & (SIGNAL_GROUP_EXIT | SIGNAL_UNKILLABLE))
		return false;
	if ((bit & (SIGNALS_STOP | SIGNALS_IGNORED)) || (task->real_blocked & bit))
		return false;
	return signal == SIGKILL || signal_handler(task, signal) == SIG_DFL;
}

/* A signal has been queued: wakes a thread for it, or all of them if it ends the process. */
static void signal_announce(struct task_struct *task, int signal, enum signal_scope scope)
{
	struct signal_struct *process = task->signal;
	struct task_struct *thread = choose_thread(task, signal, scope);

	wake_up_all(&process->signalfd_queue);
	if (!thread)
		return;
	if (signal_is_fatal(thread, signal)) {
		process->flags |= SIGNAL_GROUP_EXIT;
		process->group_exit_code = signal;
		process_kill_threads(process, NULL);
		return;
	}
	signal_wake(thread, signal == SIGKILL);
}

static void info_fill(struct signal_info *to, int signal, const struct signal_info *info)
{
	if (info)
		*to = *info;
	else
		*to = (struct signal_info){.code = SI_KERNEL};
	to->signo = signal;
}

struct pending_queue {
	uint64_t *mask;
	struct list_node *list;
};

static struct pending_queue queue_of(struct task_struct *task, enum signal_scope scope)
{
	if (scope == SCOPE_THREAD)
		return (struct pending_queue){&task->pending_mask, &task->pending_list};
	return (struct pending_queue){&task->signal->pending_mask, &task->signal->pending_list};
}

/* A child that is being made will be one of the group: it shall not miss what the group gets. */
static void forks_note(struct signal_struct *process, int signal)
{
	struct fork_watch *fork;

	list_for_each_entry (fork, &process->forks, node) {
		if (signal == SIGCONT)
			fork->signals &= ~SIGNALS_STOP;
		else if (SIGNAL_BIT(signal) & SIGNALS_STOP)
			fork->signals &= ~SIGNAL_BIT(SIGCONT);
		fork->signals |= SIGNAL_BIT(signal);
	}
}

int signal_send_locked(struct task_struct *task, int signal, const struct signal_info *info,
		       enum signal_scope scope)
{
	struct pending_queue queue = queue_of(task, scope);
	struct signal_entry *entry;
	bool is_kernels = !info || info->code == SI_KERNEL || info->code > 0;

	assert(spin_is_held(&task->signal->lock) && task->sighand);
	if (scope == SCOPE_GROUP)
		forks_note(task->signal, signal);
	if (!signal_prepare(task, signal))
		return 0;
	if (signal < SIGRTMIN && (*queue.mask & SIGNAL_BIT(signal)))
		return 0;
	if (signal != SIGKILL) { /* nobody will ask for SIGKILL's details */
		entry = signal_entry_create(task->signal, signal < SIGRTMIN && is_kernels);
		if (entry) {
			info_fill(&entry->info, signal, info);
			list_add_tail(queue.list, &entry->node);
		} else if (signal >= SIGRTMIN && info && info->code != SI_USER) {
			return -EAGAIN;
		}
	}
	*queue.mask |= SIGNAL_BIT(signal);
	signal_announce(task, signal, scope);
	return 0;
}

void signal_notify_locked(struct task_struct *task, int signal, const struct signal_info *info)
{
	if (signal_send_locked(task, signal, info, SCOPE_PROCESS))
		return; /* a full queue of a real-time signal: the parent asked for that one */
}

int signal_send_entry_locked(struct task_struct *task, struct signal_entry *entry,
			     enum signal_scope scope)
{
	struct pending_queue queue = queue_of(task, scope);
	int signal = entry->info.signo;

	assert(spin_is_held(&task->signal->lock));
	if (!task->sighand || !signal_prepare(task, signal))
		return 1;
	if (!list_is_empty(&entry->node))
		return 0; /* still waiting from last time: the timer counts an overrun */
	list_add_tail(queue.list, &entry->node);
	*queue.mask |= SIGNAL_BIT(signal);
	signal_announce(task, signal, scope);
	return 0;
}

/* ---- from everywhere ---------------------------------------------------------------------------------- */

static int send(struct task_struct *task, int signal, const struct signal_info *info,
		enum signal_scope scope)
{
	unsigned long flags;
	int err = -ESRCH;

	if (signal < 0 || signal > NR_SIGNALS)
		return -EINVAL;
	if (!task->signal)
		return -ESRCH;
	flags = spin_lock_irqsave(&task->signal->lock);
	if (task->sighand)
		err = signal ? signal_send_locked(task, signal, info, scope) : 0;
	spin_unlock_irqrestore(&task->signal->lock, flags);
	return err;
}

int signal_send_task(struct task_struct *task, int signal, const struct signal_info *info)
{
	return send(task, signal, info, SCOPE_THREAD);
}

int signal_send_process(struct task_struct *task, int signal, const struct signal_info *info)
{
	return send(task, signal, info, SCOPE_PROCESS);
}

int signal_send_group(struct task_struct *task, int signal, const struct signal_info *info)
{
	return send(task, signal, info, SCOPE_GROUP);
}

int signal_send_pgrp_locked(struct pid *pgrp, int signal, const struct signal_info *info)
{
	struct signal_struct *process;
	int err = -ESRCH;

	list_for_each_entry (process, &pgrp->pgrp_members, pgrp_node) {
		if (!send(process->leader, signal, info, SCOPE_GROUP))
			err = 0;
	}
	return err;
}

static int signal_send_pgrp(int32_t nr, int signal, const struct signal_info *info)
{
	unsigned long flags = task_list_lock_irqsave();
	struct pid *pgrp = pid_lookup(nr);
	int err = pgrp ? signal_send_pgrp_locked(pgrp, signal, info) : -ESRCH;

	task_list_unlock_irqrestore(flags);
	return err;
}

static void force(int signal, const struct signal_info *info, bool to_default)
{
	struct task_struct *task = current;
	uint64_t bit = SIGNAL_BIT(signal);
	struct sighand_struct *sighand = task->sighand;
	unsigned long flags = spin_lock_irqsave(&task->signal->lock);
	uintptr_t handler = signal_handler(task, signal);

	if (to_default || handler == SIG_IGN || (task->blocked & bit)) {
		spin_lock(&sighand->lock);
		atomic_store_relaxed(&sighand->action[signal - 1].handler, SIG_DFL);
		spin_unlock(&sighand->lock);
		task->blocked &= ~bit;
		handler = SIG_DFL;
	}
	if (handler == SIG_DFL)
		task->signal->flags &= ~(uint32_t)SIGNAL_UNKILLABLE;
	/* A fault repeats until it is handled: a full queue must not hide it. */
	if (signal_send_locked(task, signal, info, SCOPE_THREAD))
		task->pending_mask |= bit;
	signal_recalc(task);
	spin_unlock_irqrestore(&task->signal->lock, flags);
}

void signal_force(int signal, const struct signal_info *info)
{
	force(signal, info, false);
}

void signal_force_default(int signal, const struct signal_info *info)
{
	force(signal, info, true);
}

void signal_hooks_init(void)
{
	signal_hooks.send_task = signal_send_task;
	signal_hooks.send_process = signal_send_process;
	signal_hooks.send_pgrp = signal_send_pgrp;
	signal_hooks.force = signal_force;
	signal_hooks.mask_begin = signal_mask_begin;
	signal_hooks.mask_end = signal_mask_end;
}
