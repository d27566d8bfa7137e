/*
 * Delivering signals: on the way back to user mode a thread takes its pending signals one by one and
 * does what each asks for: nothing, stop, end the process, or run a handler. It is also here that an
 * interrupted system call learns how it goes on: restarted or -EINTR (signal(7)).
 *
 * Context: the running user task, interrupts on. signal->lock guards what is looked at.
 */
#include <kern/assert.h>
#include <kern/entry.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/unistd.h>
#include <arch/trapframe.h>

#include "task_private.h"

int signal_dequeue(uint64_t blocked, struct signal_info *info)
{
	struct signal_struct *process = current->signal;
	bool is_timers;
	int signal;

	assert(spin_is_held(&process->lock));
	signal = signal_queue_take(&current->pending_mask, &current->pending_list, ~blocked, info,
				   &is_timers);
	if (!signal) {
		signal = signal_queue_take(&process->pending_mask, &process->pending_list, ~blocked,
					   info, &is_timers);
		if (signal == SIGALRM)
			itimer_taken(process);
	}
	if (signal && is_timers)
		posix_timer_taken(process, info);
	signal_recalc(current);
	return signal;
}

/* ---- choosing ----------------------------------------------------------------------------------- */

struct choice {
	int signal; /* 0: nothing to handle */
	struct signal_info info;
	struct abi_sigaction action;
};

/* The handler of a signal, consumed if it is a one-shot. */
static struct abi_sigaction action_take(int signal)
{
	struct sighand_struct *sighand = current->sighand;
	struct abi_sigaction *slot = &sighand->action[signal - 1], action;

	spin_lock(&sighand->lock);
	action = *slot;
	if ((action.flags & SA_RESETHAND) && action.handler > SIG_IGN)
		atomic_store_relaxed(&slot->handler, SIG_DFL);
	spin_unlock(&sighand->lock);
	return action;
}

enum verdict { VERDICT_NEXT, VERDICT_STOP, VERDICT_HANDLE, VERDICT_EXIT };

static enum verdict signal_judge(int signal, const struct signal_info *info,
				 const struct abi_sigaction *action)
{
	uint64_t bit = SIGNAL_BIT(signal);

	if (action->handler == SIG_IGN)
		return VERDICT_NEXT;
	if (action->handler != SIG_DFL)
		return VERDICT_HANDLE;
	if (bit & SIGNALS_IGNORED)
		return VERDICT_NEXT;
	if (current->signal->flags & SIGNAL_UNKILLABLE)
		return VERDICT_NEXT;
	if (bit & SIGNALS_STOP)
		return VERDICT_STOP;
	return VERDICT_EXIT;
}

/* A stop from the keyboard or for terminal access is void where nobody could continue the process. */
static bool stop_is_void(int signal)
{
	return signal != SIGSTOP && job_pgrp_is_orphaned(task_pgrp(current));
}

/* Chooses what to do next. Ends the process if that is it; returns with signal 0 if there is
 * nothing for user mode to handle. */
static NO_LOCK_ANALYSIS void signal_choose(struct choice *choice)
{
	struct signal_struct *process = current->signal;
	unsigned long flags;
	enum verdict verdict;

	for (;;) {
		flags = spin_lock_irqsave(&process->lock);
		if (unlikely(process->flags & SIGNAL_TELL)) {
			stop_tell_pending(flags);
			continue;
		}
		if (unlikely(process->flags & SIGNAL_GROUP_EXIT) ||
		    unlikely(current->pending_mask & SIGNAL_BIT(SIGKILL))) {
			spin_unlock_irqrestore(&process->lock, flags);
			process_exit(SIGKILL);
		}
		if (unlikely(current->jobctl & JOBCTL_STOP_PENDING)) {
			stop_here(flags);
			continue;
		}
		choice->signal = signal_dequeue(current->blocked, &choice->info);
		if (choice->signal)
			choice->action = action_take(choice->signal);
		spin_unlock_irqrestore(&process->lock, flags);
		if (!choice->signal)
			return;

		verdict = signal_judge(choice->signal, &choice->info, &choice->action);
		if (verdict == VERDICT_HANDLE)
			return;
		if (verdict == VERDICT_EXIT)
			process_exit(choice->signal);
		if (verdict == VERDICT_STOP && !stop_is_void(choice->signal)) {
			flags = spin_lock_irqsave(&process->lock);
			(void)stop_begin(choice->signal);
			spin_unlock_irqrestore(&process->lock, flags);
		}
	}
}

/* ---- going on with an interrupted system call ------------------------------------------------------- */

/* Whether result asks for a restart, and whether a handler with these flags permits it. */
bool restart_is_wanted(long result, bool has_handler, uint64_t handler_flags)
{
	switch (result) {
	case -ERESTARTNOINTR:
		return true;
	case -ERESTARTSYS:
		return !has_handler || (handler_flags & SA_RESTART);
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return !has_handler;
	default:
		return false;
	}
}

static bool result_is_restart(long result)
{
	return result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTARTNOHAND ||
	       result == -ERESTART_RESTARTBLOCK;
}

static void syscall_go_on(struct trapframe *tf, bool has_handler, uint64_t handler_flags)
{
	long result;

	if (!arch_frame_in_syscall(tf))
		return;
	result = arch_frame_result(tf);
	if (!result_is_restart(result))
		return;
	if (!restart_is_wanted(result, has_handler, handler_flags)) {
		arch_frame_set_result(tf, -EINTR);
		return;
	}
	arch_frame_restart(tf, result == -ERESTART_RESTARTBLOCK ? NR_restart_syscall
								: arch_frame_syscall(tf));
}

/* ---- running a handler -------------------------------------------------------------------------------- */

static bool on_altstack(uintptr_t sp)
{
	return current->altstack_size && sp > current->altstack_base &&
	       sp - current->altstack_base <= current->altstack_size;
}

uint32_t altstack_state(uintptr_t sp)
{
	if (!current->altstack_size)
		return SS_DISABLE;
	if (current->altstack_flags & SS_AUTODISARM)
		return current->altstack_flags;
	return on_altstack(sp) ? SS_ONSTACK : 0;
}

/* The stack cannot take the frame: SIGSEGV, and if that was the one that failed, for good. */
static void frame_failed(int signal)
{
	struct signal_info info = {.signo = SIGSEGV, .code = SI_KERNEL};

	if (signal == SIGSEGV)
		signal_force_default(SIGSEGV, &info);
	else
		signal_force(SIGSEGV, &info);
}

static void handler_run(struct trapframe *tf, const struct choice *choice)
{
	const struct abi_sigaction *action = &choice->action;
	struct signal_delivery delivery = {
		.handler = action->handler,
		.restorer = action->restorer,
		.flags = action->flags,
		.saved_mask = current->restore_blocked ? current->saved_blocked : current->blocked,
		.altstack_base = current->altstack_base,
		.altstack_size = current->altstack_size,
		.info = &choice->info,
	};
	uintptr_t sp = arch_frame_sp(tf);
	uint64_t mask;

	syscall_go_on(tf, true, action->flags);
	delivery.altstack_flags = altstack_state(sp);
	if ((action->flags & SA_ONSTACK) && current->altstack_size &&
	    ((current->altstack_flags & SS_AUTODISARM) || !on_altstack(sp)))
		delivery.on_stack_top = current->altstack_base + current->altstack_size;
	if (arch_signal_push(tf, &delivery)) {
		frame_failed(choice->signal);
		return;
	}
	arch_frame_end_syscall(tf);
	current->restore_blocked = false;
	if (current->altstack_flags & SS_AUTODISARM) {
		current->altstack_base = current->altstack_size = 0;
		current->altstack_flags = SS_DISABLE;
	}
	mask = current->blocked | action->mask;
	if (!(action->flags & SA_NODEFER))
		mask |= SIGNAL_BIT(choice->signal);
	signal_mask_set(mask);
}

static void signal_deliver(struct trapframe *tf)
{
	struct choice choice;

	signal_choose(&choice);
	if (choice.signal) {
		handler_run(tf, &choice);
		return;
	}
	syscall_go_on(tf, false, 0);
	if (current->restore_blocked) {
		current->restore_blocked = false;
		signal_mask_set(current->saved_blocked);
	}
}

/* First return to user mode of a child that is to find its tid (CLONE_CHILD_SETTID). */
static void child_tid_store(void)
{
	int32_t *user = (int32_t *)current->set_child_tid;

	if (!user)
		return;
	current->set_child_tid = NULL;
	if (copy_to_user(user, &current->pid, sizeof(current->pid)))
		return; /* a bad address is the program's own loss: clone(2) has returned */
}

void entry_user_work(struct trapframe *tf)
{
	if (task_has_work(current, WORK_RESCHED))
		schedule();
	if (task_has_work(current, WORK_NOTIFY)) {
		atomic_fetch_and_relaxed(&current->work, ~(uint32_t)WORK_NOTIFY);
		child_tid_store();
	}
	if (task_has_work(current, WORK_SIGNAL))
		signal_deliver(tf);
}

void entry_user_exception(struct trapframe *tf, int signal, int code, uintptr_t address)
{
	struct signal_info info = {.signo = signal, .code = code};

	info.fault.address = address;
	signal_force(signal, &info);
}
