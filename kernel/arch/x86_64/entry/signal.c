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
#include <port/smap.h>
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

/* The frame's parts are written where they belong, word by word: building it in the kernel first would
 * cost as much again. */
static UACCESS int write_registers(struct sigcontext *user, const struct trapframe *tf)
{
	smap_open();
	USER_PUT(tf->r8, &user->r8, fault);
	USER_PUT(tf->r9, &user->r9, fault);
	USER_PUT(tf->r10, &user->r10, fault);
	USER_PUT(tf->r11, &user->r11, fault);
	USER_PUT(tf->r12, &user->r12, fault);
	USER_PUT(tf->r13, &user->r13, fault);
	USER_PUT(tf->r14, &user->r14, fault);
	USER_PUT(tf->r15, &user->r15, fault);
	USER_PUT(tf->rdi, &user->rdi, fault);
	USER_PUT(tf->rsi, &user->rsi, fault);
	USER_PUT(tf->rbp, &user->rbp, fault);
	USER_PUT(tf->rbx, &user->rbx, fault);
	USER_PUT(tf->rdx, &user->rdx, fault);
	USER_PUT(tf->rax, &user->rax, fault);
	USER_PUT(tf->rcx, &user->rcx, fault);
	USER_PUT(tf->rsp, &user->rsp, fault);
	USER_PUT(tf->rip, &user->rip, fault);
	USER_PUT(tf->rflags, &user->rflags, fault);
	USER_PUT(SEL_USER_CODE | (uint64_t)SEL_USER_DATA << 48, (uint64_t *)&user->cs, fault);
	smap_close();
	return 0;
fault:
	smap_close();
	return -EFAULT;
}

static UACCESS int write_context(struct ucontext *user, const struct signal_delivery *d,
				 uintptr_t fpstate)
{
	const struct arch_thread *thread = &current->thread;

	smap_open();
	USER_PUT(UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS |
			 (x86_features.has_xsave ? UC_FP_XSTATE : 0),
		 &user->flags, fault);
	USER_PUT(0, &user->link, fault);
	USER_PUT(d->altstack_base, &user->stack.base, fault);
	USER_PUT(d->altstack_flags, (uint64_t *)&user->stack.flags, fault);
	USER_PUT(d->altstack_size, &user->stack.size, fault);
	USER_PUT(thread->fault_error, &user->registers.error, fault);
	USER_PUT(thread->fault_vector, &user->registers.trap, fault);
	USER_PUT(d->saved_mask, &user->registers.old_mask, fault);
	USER_PUT(thread->fault_address, &user->registers.cr2, fault);
	USER_PUT(fpstate, &user->registers.fpstate, fault);
	for (unsigned i = 0; i < ARRAY_LEN(user->registers.reserved); i++)
		USER_PUT(0, &user->registers.reserved[i], fault);
	USER_PUT(d->saved_mask, &user->mask, fault);
	smap_close();
	return 0;
fault:
	smap_close();
	return -EFAULT;
}

/* Handlers without SA_SIGINFO see nothing of it. */
static UACCESS int write_info(struct rt_sigframe *user, const struct signal_info *info)
{
	const uint64_t *words = (const uint64_t *)info;
	uint64_t *to = (uint64_t *)&user->info, *rest = (uint64_t *)user->info_rest;

	smap_open();
	for (unsigned i = 0; i < sizeof(*info) / 8; i++)
		USER_PUT(words[i], &to[i], fault);
	for (unsigned i = 0; i < sizeof(user->info_rest) / 8; i++)
		USER_PUT(0, &rest[i], fault);
	smap_close();
	return 0;
fault:
	smap_close();
	return -EFAULT;
}

static int write_frame(struct rt_sigframe *user, const struct trapframe *tf,
		       const struct signal_delivery *d, uintptr_t fpstate)
{
	if (arch_copy_to_user(&user->restorer, &d->restorer, sizeof(user->restorer)) ||
	    write_context(&user->context, d, fpstate) ||
	    write_registers(&user->context.registers, tf))
		return -EFAULT;
	return d->flags & SA_SIGINFO ? write_info(user, d->info) : 0;
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
	uintptr_t frame = tf->rsp - 8; /* anywhere, at 0 too: not a pointer to look through */
	struct ucontext context;
	uintptr_t fpstate;

	if (frame > ARCH_USER_END - sizeof(struct rt_sigframe) ||
	    arch_copy_from_user(&context,
				(const void *)(frame + offsetof(struct rt_sigframe, context)),
				sizeof(context)))
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
