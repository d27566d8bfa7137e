/*
 * The upcall of a page fault: an access that the running task's tables don't allow, from user mode or
 * from one of the few kernel instructions that touch user memory. It ends in one of three ways: the
 * access is tried again and works; the task gets a signal; or, in the kernel, the copy stops there.
 */
#include <kern/assert.h>
#include <kern/entry.h>
#include <kern/mm.h>
#include <kern/preempt.h>
#include <kern/signal.h>
#include <uapi/errno.h>
#include <uapi/signal.h>

/* A fault that must not sleep: an interrupt, a spinlock held, or the task asked for it. */
static bool cannot_resolve(const struct task_struct *task, vaddr_t va)
{
	return !task->mm || va >= ARCH_USER_END || task->nofault || in_atomic() ||
	       !arch_irqs_enabled();
}

static void send_fault_signal(struct trapframe *tf, vaddr_t va, int error, int si_code)
{
	assert(mm_hooks.fault_signal);
	if (error == -ENOMEM) /* and nobody else is left to kill */
		mm_hooks.fault_signal(tf, SIGKILL, 0, va);
	else if (error == -EIO)
		mm_hooks.fault_signal(tf, SIGBUS, BUS_ADRERR, va);
	else
		mm_hooks.fault_signal(tf, SIGSEGV, si_code, va);
}

int entry_fault(struct trapframe *tf, vaddr_t va, unsigned flags)
{
	struct task_struct *task = current;
	int si_code = SEGV_MAPERR;
	int error = -EFAULT;

	if (likely(!cannot_resolve(task, va))) {
		task->min_faults++;
		error = mm_fault(task->mm, va, flags, &si_code);
	}
	if (likely(!error))
		return 0;
	if (error == -ENOMEM)
		error = oom_wait(); /* 0: the access is tried again */
	if (!(flags & FAULT_USER))
		return error ? -EFAULT : 0;
	if (error && error != -EINTR) /* -EINTR: the signal waits on the way out */
		send_fault_signal(tf, va, error, si_code);
	return 0;
}
