/* Signal frames: layout and registers, without a look at user memory; see sigframe.h. Pure. */
#include <arch/mmu.h>
#include <port/layout.h>
#include <port/x86.h>
#include "sigframe.h"
#include "thread.h"

/* What a program may change of its flags (as Linux's FIX_EFLAGS). */
#define USER_RFLAGS (RFLAGS_ARITHMETIC | RFLAGS_AC | RFLAGS_DF | RFLAGS_TF | RFLAGS_RF)

bool sigframe_place(uintptr_t top, size_t fpu_size, uintptr_t *frame, uintptr_t *fpstate)
{
	if (top > ARCH_USER_END || top < fpu_size + sizeof(struct rt_sigframe) + 128)
		return false;
	*fpstate = ROUND_DOWN(top - fpu_size, 64);
	*frame = ROUND_DOWN(*fpstate - sizeof(struct rt_sigframe), 16) - 8;
	return true;
}

void sigcontext_fill(struct sigcontext *context, const struct trapframe *tf)
{
	*context = (struct sigcontext){
		.r8 = tf->r8,
		.r9 = tf->r9,
		.r10 = tf->r10,
		.r11 = tf->r11,
		.r12 = tf->r12,
		.r13 = tf->r13,
		.r14 = tf->r14,
		.r15 = tf->r15,
		.rdi = tf->rdi,
		.rsi = tf->rsi,
		.rbp = tf->rbp,
		.rbx = tf->rbx,
		.rdx = tf->rdx,
		.rax = tf->rax,
		.rcx = tf->rcx,
		.rsp = tf->rsp,
		.rip = tf->rip,
		.rflags = tf->rflags,
		.cs = (uint16_t)tf->cs,
		.ss = (uint16_t)tf->ss,
	};
}

void sigcontext_restore(const struct sigcontext *context, struct trapframe *tf)
{
	uint64_t rflags = tf->rflags;

	*tf = (struct trapframe){
		.r15 = context->r15,
		.r14 = context->r14,
		.r13 = context->r13,
		.r12 = context->r12,
		.rbp = context->rbp,
		.rbx = context->rbx,
		.r11 = context->r11,
		.r10 = context->r10,
		.r9 = context->r9,
		.r8 = context->r8,
		.rax = context->rax,
		.rcx = context->rcx,
		.rdx = context->rdx,
		.rsi = context->rsi,
		.rdi = context->rdi,
		.kind = FRAME_PLAIN,
		.rip = frame_canonical(context->rip),
		.cs = SEL_USER_CODE,
		.rflags = (rflags & ~USER_RFLAGS) | (context->rflags & USER_RFLAGS),
		.rsp = context->rsp,
		.ss = SEL_USER_DATA,
	};
}
