/* Signal frames: layout and registers, without a look at user memory; see sigframe.h. Pure. */
#include <arch/mmu.h>
#include <port/layout.h>
#include <port/x86.h>
#include "sigframe.h"
#include "thread.h"

/* What a program may change of its flags (as Linux's FIX_EFLAGS). */
#define USER_RFLAGS (uint64_t)(RFLAGS_ARITHMETIC | RFLAGS_AC | RFLAGS_DF | RFLAGS_TF | RFLAGS_RF)

bool sigframe_place(uintptr_t top, size_t fpu_size, uintptr_t *frame, uintptr_t *fpstate)
{
	if (top > ARCH_USER_END || top < fpu_size + sizeof(struct rt_sigframe) + 128)
		return false;
	*fpstate = ROUND_DOWN(top - fpu_size, 64);
	*frame = ROUND_DOWN(*fpstate - sizeof(struct rt_sigframe), 16) - 8;
	return true;
}

void sigcontext_restore(const struct sigcontext *context, struct trapframe *tf)
{
	tf->r15 = context->r15;
	tf->r14 = context->r14;
	tf->r13 = context->r13;
	tf->r12 = context->r12;
	tf->rbp = context->rbp;
	tf->rbx = context->rbx;
	tf->r11 = context->r11;
	tf->r10 = context->r10;
	tf->r9 = context->r9;
	tf->r8 = context->r8;
	tf->rax = context->rax;
	tf->rcx = context->rcx;
	tf->rdx = context->rdx;
	tf->rsi = context->rsi;
	tf->rdi = context->rdi;
	tf->kind = FRAME_PLAIN;
	tf->number = 0;
	tf->rip = frame_canonical(context->rip);
	tf->cs = SEL_USER_CODE;
	tf->rflags = (tf->rflags & ~USER_RFLAGS) | (context->rflags & USER_RFLAGS);
	tf->rsp = context->rsp;
	tf->ss = SEL_USER_DATA;
}
