/*
 * The registers of a user program on the host: none are real. A test writes "what the program did"
 * into the frame and calls entry_syscall or entry_fault with it.
 */
#ifndef PORT_TRAPFRAME_H
#define PORT_TRAPFRAME_H

#include <kern/types.h>

struct trapframe {
	uintptr_t ip, sp, tls;
	uint64_t arg[6];
	long syscall_nr;
	long result;
	bool is_user;
	bool in_syscall;
	uint32_t restarts;	 /* how often a system call was made to happen again */
	uint64_t handler_arg[3]; /* what a signal handler is called with */
};

enum { HOST_SYSCALL_INSN_LEN = 2 };

static inline bool arch_frame_is_user(const struct trapframe *tf)
{
	return tf->is_user;
}

static inline uintptr_t arch_frame_ip(const struct trapframe *tf)
{
	return tf->ip;
}

static inline uintptr_t arch_frame_sp(const struct trapframe *tf)
{
	return tf->sp;
}

static inline long arch_frame_syscall(const struct trapframe *tf)
{
	return tf->syscall_nr;
}

static inline uint64_t arch_frame_arg(const struct trapframe *tf, unsigned n)
{
	return tf->arg[n];
}

static inline void arch_frame_set_result(struct trapframe *tf, long result)
{
	tf->result = result;
}

static inline long arch_frame_result(const struct trapframe *tf)
{
	return tf->result;
}

static inline bool arch_frame_in_syscall(const struct trapframe *tf)
{
	return tf->in_syscall;
}

static inline void arch_frame_end_syscall(struct trapframe *tf)
{
	tf->in_syscall = false;
}

static inline void arch_frame_restart(struct trapframe *tf, long nr)
{
	tf->ip -= HOST_SYSCALL_INSN_LEN;
	tf->syscall_nr = nr;
	tf->restarts++;
	arch_frame_end_syscall(tf);
}

#endif
