/*
 * The port contract: the registers of user mode as saved on entry, and what the portable kernel may
 * do with them. struct trapframe is the port's own (port/trapframe.h); only these look inside.
 */
#ifndef ARCH_TRAPFRAME_H
#define ARCH_TRAPFRAME_H

#include <kern/types.h>

struct trapframe;
struct task_struct;
struct signal_info; /* uapi/signal.h: the kernel's view of siginfo_t */

static inline bool arch_frame_is_user(const struct trapframe *tf);
static inline uintptr_t arch_frame_ip(const struct trapframe *tf);
static inline uintptr_t arch_frame_sp(const struct trapframe *tf);

/* System calls: the number, arguments 0..5, and the result register. */
static inline long arch_frame_syscall(const struct trapframe *tf);
static inline uint64_t arch_frame_arg(const struct trapframe *tf, unsigned n);
static inline void arch_frame_set_result(struct trapframe *tf, long result);
static inline long arch_frame_result(const struct trapframe *tf);
/* Makes the system call happen again at return to user, as call number nr. */
static inline void arch_frame_restart(struct trapframe *tf, long nr);
/* True if the frame is of a system call that has not been turned into a plain return. */
static inline bool arch_frame_in_syscall(const struct trapframe *tf);
/* From now on it is a plain return: no restart will be considered. */
static inline void arch_frame_end_syscall(struct trapframe *tf);

/* The running task's frame: at the top of its kernel stack. NULL for kernel threads. */
struct trapframe *arch_task_frame(struct task_struct *task);

/* A fresh program: every register as the ABI wants it at entry (x86-64 psABI 3.4.1), FPU state
 * reset, thread pointer 0. */
void arch_frame_exec(struct trapframe *tf, uintptr_t ip, uintptr_t sp);

/*
 * Pushes a signal frame in Linux's layout (rt_sigframe: siginfo, ucontext with mask, FPU state with
 * its magic words) and points the frame at the handler. on_stack_top: address to build below (0:
 * the present stack pointer). -EFAULT: the stack cannot take it; nothing has changed.
 */
struct signal_delivery {
	uintptr_t handler, restorer;
	uint64_t flags;				/* SA_ */
	uint64_t saved_mask;			/* what sigreturn restores */
	uintptr_t altstack_base, altstack_size; /* as the task has it, for ucontext.uc_stack */
	uint32_t altstack_flags;
	uintptr_t on_stack_top;
	const struct signal_info *info;
};
MUST_USE int arch_signal_push(struct trapframe *tf, const struct signal_delivery *delivery);
/* rt_sigreturn: restores frame and FPU state from the user's stack; hostile contents get -EFAULT
 * or are made harmless. Writes the mask and the saved alternate stack. */
struct signal_restored {
	uint64_t mask;
	uintptr_t altstack_base, altstack_size;
	uint32_t altstack_flags;
};
MUST_USE int arch_signal_pop(struct trapframe *tf, struct signal_restored *restored);

#include <port/trapframe.h>

#endif
