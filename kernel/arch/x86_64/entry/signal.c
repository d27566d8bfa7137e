/*
 * Delivery of signals to user mode, and the way back. Touches only the running task: its frame, its
 * FPU registers and its memory, through user copies. May sleep in a fault.
 */
#include <kern/task.h>
#include <uapi/errno.h>
#include <arch/mmu.h>
#include <arch/trapframe.h>
#include <arch/uaccess.h>
#include <port/features.h>
#include <port/layout.h>
#include <port/x86.h>
#include "fpu.h"
#include "sigframe.h"
#include "thread.h"

enum { RED_ZONE = 128 }; /* psABI 3.2.2 */

static bool is_on_altstack(const struct signal_delivery *d, uintptr_t sp)
{
	return d->altstack_size != 0 && sp > d->altstack_base &&
	       sp - d->altstack_base <= d->altstack_size;
}

/* Where the frame goes. false: nowhere. A frame on the alternate stack does not leave it. */
static bool find_place(const struct trapframe *tf, const struct signal_delivery *d,
		       uintptr_t *frame, uintptr_t *fpstate)
{
	uintptr_t top = d->on_stack_top ? d->on_stack_top : tf->rsp - RED_ZONE;
	bool is_bounded = d->on_stack_top != 0 || is_on_altstack(d, tf->rsp);

	if (!sigframe_place(top, fpu_frame_size(), frame, fpstate))
		return false;
	return !is_bounded || d->altstack_size == 0 || *frame >= d->altstack_base;
}

static void fill_context(struct ucontext *context, const struct trapframe *tf,
			 const struct signal_delivery *d, uintptr_t fpstate)
{
	const struct arch_thread *thread = &current->thread;

	*context = (struct ucontext){
		.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS |
			 (x86_features.has_xsave ? UC_FP_XSTATE : 0),
		.stack = {.base = d->altstack_base,
			  .flags = d->altstack_flags,
			  .size = d->altstack_size},
		.mask = d->saved_mask,
	};
	sigcontext_fill(&context->registers, tf);
	context->registers.error = thread->fault_error;
	context->registers.trap = thread->fault_vector;
	context->registers.cr2 = thread->fault_address;
	context->registers.old_mask = d->saved_mask;
	context->registers.fpstate = fpstate;
}

/* Everything but the siginfo, of which handlers without SA_SIGINFO see nothing. */
static int write_frame(struct rt_sigframe *user, const struct trapframe *tf,
		       const struct signal_delivery *d, uintptr_t fpstate)
{
	struct rt_sigframe frame;
	size_t len = offsetof(struct rt_sigframe, info);

	frame.restorer = d->restorer;
	fill_context(&frame.context, tf, d, fpstate);
	if (d->flags & SA_SIGINFO) {
		frame.info = *d->info;
		for (size_t i = 0; i < sizeof(frame.info_rest); i++)
			frame.info_rest[i] = 0;
		len = sizeof(frame);
	}
	return arch_copy_to_user(user, &frame, len) ? -EFAULT : 0;
}

int arch_signal_push(struct trapframe *tf, const struct signal_delivery *d)
{
	uintptr_t frame, fpstate;

	if (!(d->flags & SA_RESTORER) || !find_place(tf, d, &frame, &fpstate))
		return -EFAULT;
	if (fpu_frame_save((void *)fpstate) ||
	    write_frame((struct rt_sigframe *)frame, tf, d, fpstate))
		return -EFAULT;
	tf->rdi = (uint64_t)d->info->signo;
	tf->rsi = frame + offsetof(struct rt_sigframe, info);
	tf->rdx = frame + offsetof(struct rt_sigframe, context);
	tf->rax = 0;
	tf->rip = frame_canonical(d->handler);
	tf->rsp = frame;
	tf->cs = SEL_USER_CODE;
	tf->ss = SEL_USER_DATA;
	tf->rflags &= ~(uint64_t)(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	arch_frame_end_syscall(tf);
	return 0;
}

/* The handler has returned to the restorer: the stack pointer is behind that address. */
int arch_signal_pop(struct trapframe *tf, struct signal_restored *restored)
{
	const struct rt_sigframe *user = (const struct rt_sigframe *)(tf->rsp - 8);
	struct ucontext context;
	uintptr_t fpstate;

	if ((uintptr_t)user > ARCH_USER_END - sizeof(*user) ||
	    arch_copy_from_user(&context, &user->context, sizeof(context)))
		return -EFAULT;
	fpstate = context.registers.fpstate;
	if (fpstate && fpstate > ARCH_USER_END - fpu_frame_size())
		return -EFAULT;
	if (fpu_frame_load((const void *)fpstate))
		return -EFAULT;
	sigcontext_restore(&context.registers, tf);
	*restored = (struct signal_restored){
		.mask = context.mask,
		.altstack_base = context.stack.base,
		.altstack_size = context.stack.size,
		.altstack_flags = context.stack.flags,
	};
	return 0;
}
