/*
 * The registers of the interrupted code, in the order in which entry/entry.S pushes them. The frame
 * of user mode lies at the top of the task's kernel stack.
 */
#ifndef PORT_TRAPFRAME_H
#define PORT_TRAPFRAME_H

#include <kern/types.h>

struct trapframe {
	uint64_t r15, r14, r13, r12, rbp, rbx; /* what calls preserve */
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t kind;	 /* vector number, or FRAME_SYSCALL, FRAME_PLAIN */
	uint64_t number; /* system call number, or error code of an exception, or 0 */
	uint64_t rip, cs, rflags, rsp, ss; /* pushed by the CPU on interrupts */
};
STATIC_ASSERT(sizeof(struct trapframe) % 16 == 0);

enum {
	FRAME_SYSCALL =
		0x100,	     /* inside a system call; may leave by SYSRET: untouched but for rax */
	FRAME_PLAIN = 0x101, /* any user state: leaves by IRET */
};

#define PORT_SYSCALL_INSN_LEN 2

static inline bool arch_frame_is_user(const struct trapframe *tf)
{
	return tf->cs & 3;
}

static inline uintptr_t arch_frame_ip(const struct trapframe *tf)
{
	return tf->rip;
}

static inline uintptr_t arch_frame_sp(const struct trapframe *tf)
{
	return tf->rsp;
}

static inline long arch_frame_syscall(const struct trapframe *tf)
{
	return (long)tf->number;
}

static inline uint64_t arch_frame_arg(const struct trapframe *tf, unsigned n)
{
	switch (n) {
	case 0:
		return tf->rdi;
	case 1:
		return tf->rsi;
	case 2:
		return tf->rdx;
	case 3:
		return tf->r10;
	case 4:
		return tf->r8;
	default:
		return tf->r9;
	}
}

static inline void arch_frame_set_result(struct trapframe *tf, long result)
{
	tf->rax = (uint64_t)result;
}

static inline long arch_frame_result(const struct trapframe *tf)
{
	return (long)tf->rax;
}

static inline bool arch_frame_in_syscall(const struct trapframe *tf)
{
	return tf->kind == FRAME_SYSCALL;
}

static inline void arch_frame_end_syscall(struct trapframe *tf)
{
	tf->kind = FRAME_PLAIN;
}

static inline void arch_frame_restart(struct trapframe *tf, long nr)
{
	tf->rip -= PORT_SYSCALL_INSN_LEN;
	tf->rax = (uint64_t)nr;
	arch_frame_end_syscall(tf);
}

#endif
