/*
 * The upcalls: the short list of what a port calls. Nothing else of the portable kernel is known
 * to a port, except ranks 0 and 1.
 */
#ifndef KERN_ENTRY_H
#define KERN_ENTRY_H

#include <kern/types.h>

struct trapframe;
struct task_struct;
struct boot_info;

/* The boot CPU, long mode or its like, on the boot stack (init_task's), interrupts off, all RAM in
 * the direct map. The port's own console may already be registered. */
NORETURN void entry_start(const struct boot_info *boot);

/* A secondary CPU, on its idle task's stack, per-CPU data ready, interrupts off. */
NORETURN void entry_cpu_start(void);

/* First code of a new task, on its own stack: finishes the switch from prev. Interrupts off. */
void entry_task_start(struct task_struct *prev);

/* A system call; the result goes into the frame. Interrupts on. */
void entry_syscall(struct trapframe *tf);

/*
 * A page fault at va. 0: resolved, return to the frame and try again. -EFAULT in kernel mode: the
 * port goes to the instruction's fixup. In user mode all failures are turned into signals here and 0 is
 * returned. Context: task; interrupts as they were where it happened (off: it isn't resolved). In kernel
 * mode only instructions that have a fixup come here: the port panics on others, since an access
 * that the tables allow but the processor refuses (SMAP) would be tried for ever.
 */
enum { FAULT_WRITE = 1, FAULT_EXEC = 2, FAULT_USER = 4, FAULT_PRESENT = 8 };
MUST_USE int entry_fault(struct trapframe *tf, vaddr_t va, unsigned flags);

/* Any other exception from user mode: becomes the signal (SIGILL, SIGFPE, SIGTRAP, SIGSEGV, SIGBUS)
 * with si_code and si_addr. Interrupts on. */
void entry_user_exception(struct trapframe *tf, int signal, int code, uintptr_t address);

/* Hard interrupts, interrupts off, between entry_irq_enter and entry_irq_exit. entry_timer is told
 * whether it interrupted user mode: that is how user and system time are told apart. */
void entry_irq_enter(void);
void entry_irq_exit(void);
void entry_timer(bool from_user);
void entry_ipi_call(void);

/* Work bits were set on the way to user mode (arch_return path re-checks afterwards, interrupts off).
 * Called with interrupts on: signals, rescheduling. */
void entry_user_work(struct trapframe *tf);

/* An interrupt returns to preemptible kernel code and a switch is due. Interrupts off. */
void entry_kernel_preempt(void);

#endif
