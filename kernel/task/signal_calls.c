/*
 * System calls of a thread about its own signals: handlers, masks, waiting, the alternate stack.
 * sigaction(2), sigprocmask(2), sigpending(2), sigsuspend(2), sigwaitinfo(2), sigaltstack(2),
 * sigreturn(2), pause(2). Locking is that of signal_send.c.
 */
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <arch/trapframe.h>

#include "task_private.h"

#define SA_KNOWN                                                                                   \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK | \
	 SA_RESTART | SA_NODEFER | SA_RESETHAND)

static bool signal_is_valid(int signal)
{
	return signal >= 1 && signal <= NR_SIGNALS;
}

/* A signal that is ignored from now on does not stay pending (sigaction(2)). */
static void forget_ignored(int signal, uint64_t handler)
{
	uint64_t bit = SIGNAL_BIT(signal);

	if (handler == SIG_IGN || (handler == SIG_DFL && (bit & SIGNALS_IGNORED)))
		process_flush(current->signal, bit);
}

static void action_exchange(int signal, const struct abi_sigaction *action,
			    struct abi_sigaction *old)
{
	struct sighand_struct *sighand = current->sighand;
	struct abi_sigaction *slot = &sighand->action[signal - 1];
	unsigned long flags = spin_lock_irqsave(&current->signal->lock);

	spin_lock(&sighand->lock);
	*old = *slot;
	if (action) {
		slot->flags = action->flags;
		slot->restorer = action->restorer;
		slot->mask = action->mask;
		atomic_store_relaxed(&slot->handler, action->handler);
	}
	spin_unlock(&sighand->lock);
	if (action)
		forget_ignored(signal, action->handler);
	spin_unlock_irqrestore(&current->signal->lock, flags);
}

long sys_rt_sigaction(int signal, const struct abi_sigaction *user_action,
		      struct abi_sigaction *user_old, size_t set_size)
{
	struct abi_sigaction action = {0}, old;

	if (set_size != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (user_action && copy_from_user(&action, user_action, sizeof(action)))
		return -EFAULT;
	if (!signal_is_valid(signal) || (user_action && (SIGNAL_BIT(signal) & SIGNALS_UNBLOCKABLE)))
		return -EINVAL;
	action.mask &= ~SIGNALS_UNBLOCKABLE;
	action.flags &= SA_KNOWN;
	action_exchange(signal, user_action ? &action : NULL, &old);
	if (user_old && copy_to_user(user_old, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

long sys_rt_sigprocmask(int how, const uint64_t *user_set, uint64_t *user_old, size_t set_size)
{
	uint64_t set, old = current->blocked;

	if (set_size != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (user_set) {
		if (copy_from_user(&set, user_set, sizeof(set)))
			return -EFAULT;
		if (how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
			return -EINVAL;
		signal_mask_change(how, set);
	}
	if (user_old && copy_to_user(user_old, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

long sys_rt_sigpending(uint64_t *user_set, size_t set_size)
{
	unsigned long flags;
	uint64_t set;

	if (set_size > ABI_SIGSET_SIZE)
		return -EINVAL;
	flags = spin_lock_irqsave(&current->signal->lock);
	set = (current->pending_mask | current->signal->pending_mask) & current->blocked;
	spin_unlock_irqrestore(&current->signal->lock, flags);
	return copy_to_user(user_set, &set, set_size);
}

/* Sleeps until a signal is there; the call then ends in -EINTR after its handler. */
static long sleep_for_signal(void)
{
	while (!signal_pending(current)) {
		set_current_state(TASK_INTERRUPTIBLE);
		schedule();
	}
	set_current_state(TASK_RUNNING);
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(const uint64_t *user_set, size_t set_size)
{
	uint64_t set;

	if (set_size != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (copy_from_user(&set, user_set, sizeof(set)))
		return -EFAULT;
	signal_mask_begin(set);
	current->restore_blocked = true;
	return sleep_for_signal();
}

long sys_pause(void)
{
	return sleep_for_signal();
}

int signal_info_to_user(void *user, const struct signal_info *info)
{
	if (copy_to_user(user, info, sizeof(*info)))
		return -EFAULT;
	return clear_user((char *)user + sizeof(*info), ABI_SIGINFO_SIZE - sizeof(*info));
}

/* Takes one of set, or waits for it until deadline_ns. The number, -EAGAIN or -EINTR. */
static int signal_wait(uint64_t set, struct signal_info *info, uint64_t deadline_ns)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	int signal = signal_dequeue(~set, info);
	bool is_late = false;

	if (!signal && deadline_ns) {
		/* Lifted, so that senders wake us; real_blocked keeps them from taking effect. */
		current->real_blocked = current->blocked;
		current->blocked &= ~set;
		signal_recalc(current);
		set_current_state(TASK_INTERRUPTIBLE);
		spin_unlock_irqrestore(&process->lock, flags);
		is_late = !schedule_until(deadline_ns);
		flags = spin_lock_irqsave(&process->lock);
		signal_mask_set_locked(current->real_blocked);
		current->real_blocked = 0;
		signal = signal_dequeue(~set, info);
	}
	spin_unlock_irqrestore(&process->lock, flags);
	if (signal)
		return signal;
	return is_late || !deadline_ns ? -EAGAIN : -EINTR;
}

long sys_rt_sigtimedwait(const uint64_t *user_set, void *user_info,
			 const struct abi_timespec *user_timeout, size_t set_size)
{
	uint64_t set, timeout_ns, deadline_ns = UINT64_MAX;
	struct signal_info info;
	int signal, err;

	if (set_size != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (copy_from_user(&set, user_set, sizeof(set)))
		return -EFAULT;
	if (user_timeout) {
		err = timespec_from_user(user_timeout, &timeout_ns);
		if (err)
			return err;
		deadline_ns = timeout_ns ? deadline_after(timeout_ns) : 0;
	}
	signal = signal_wait(set & ~SIGNALS_UNBLOCKABLE, &info, deadline_ns);
	if (signal > 0 && user_info && signal_info_to_user(user_info, &info))
		return -EFAULT;
	return signal;
}

/* ---- the alternate stack ---------------------------------------------------------------------------- */

int altstack_set(uintptr_t base, uintptr_t size, uint32_t flags)
{
	uint32_t mode = flags & ~SS_AUTODISARM;

	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		base = 0;
		size = 0;
	} else if (size < MINSIGSTKSZ) {
		return -ENOMEM;
	}
	current->altstack_base = base;
	current->altstack_size = size;
	current->altstack_flags = flags;
	return 0;
}

long sys_sigaltstack(const struct abi_stack *user_stack, struct abi_stack *user_old)
{
	uintptr_t sp = arch_frame_sp(arch_task_frame(current));
	uint32_t state = altstack_state(sp);
	struct abi_stack stack, old = {
					.base = current->altstack_base,
					.flags = state | (current->altstack_flags & SS_AUTODISARM),
					.size = current->altstack_size,
				};
	int err;

	if (user_stack) {
		if (copy_from_user(&stack, user_stack, sizeof(stack)))
			return -EFAULT;
		if (state == SS_ONSTACK)
			return -EPERM;
		err = altstack_set(stack.base, stack.size, stack.flags);
		if (err)
			return err;
	}
	if (user_old && copy_to_user(user_old, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

long sys_rt_sigreturn(void)
{
	struct trapframe *tf = arch_task_frame(current);
	struct signal_restored restored;
	struct signal_info info = {.signo = SIGSEGV, .code = SI_KERNEL};

	current->restart_fn = NULL;
	if (arch_signal_pop(tf, &restored)) {
		signal_force(SIGSEGV, &info);
		return 0;
	}
	signal_mask_set(restored.mask);
	/* A program may have scribbled on the saved one: then it just stays as it is. */
	if (altstack_set(restored.altstack_base, restored.altstack_size,
			 restored.altstack_flags & ~SS_ONSTACK))
		return arch_frame_result(tf);
	return arch_frame_result(tf);
}
