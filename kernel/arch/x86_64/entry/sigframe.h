/*
 * The signal frame as Linux programs and C libraries know it (x86-64: struct rt_sigframe, ucontext_t,
 * struct sigcontext), and the parts of its handling that are pure and tested on the host.
 */
#ifndef X86_SIGFRAME_H
#define X86_SIGFRAME_H

#include <kern/types.h>
#include <arch/trapframe.h>
#include <uapi/signal.h>

struct sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, trap, old_mask, cr2;
	uint64_t fpstate; /* user address; 0: none */
	uint64_t reserved[8];
};
STATIC_ASSERT(sizeof(struct sigcontext) == 256);

struct ucontext {
	uint64_t flags; /* UC_ */
	uint64_t link;
	struct abi_stack stack;
	struct sigcontext registers;
	uint64_t mask;
};

struct rt_sigframe {
	uint64_t restorer; /* where the handler returns to */
	struct ucontext context;
	struct signal_info info;
	uint8_t info_rest[ABI_SIGINFO_SIZE - sizeof(struct signal_info)];
};
STATIC_ASSERT(sizeof(struct rt_sigframe) == 440);

enum { UC_FP_XSTATE = 1, UC_SIGCONTEXT_SS = 2, UC_STRICT_RESTORE_SS = 4 };

/* Where the frame and the FPU state go below top (the user's stack pointer, its red zone already left
 * out, or the end of an alternate stack): the frame as if called (16n + 8), the state at a multiple
 * of 64. false: they don't fit above address 0. */
MUST_USE bool sigframe_place(uintptr_t top, size_t fpu_size, uintptr_t *frame, uintptr_t *fpstate);

/* The registers of a frame back into tf: selectors and reserved flags are not the user's to choose, and
 * rip becomes canonical. */
void sigcontext_restore(const struct sigcontext *context, struct trapframe *tf);

#endif
