/*
 * The port contract: threads of control. struct arch_thread (port/thread.h) sits in task_struct.
 */
#ifndef ARCH_SWITCH_H
#define ARCH_SWITCH_H

#include <kern/types.h>
#include <port/thread.h>

struct task_struct;
struct trapframe;

/*
 * Saves prev's registers and stack, takes up next's, makes it `current`, switches FPU state and
 * thread pointer. Returns on next's stack the task that was left (not, in general, the prev that
 * this very call was made with). Does not touch the root. Context: interrupts off.
 */
struct task_struct *arch_switch_to(struct task_struct *prev, struct task_struct *next);

/* Prepares a task whose stack is allocated so that its first switch-in calls entry_task_start(prev)
 * and then fn(arg), on a kernel thread; fn does not return. */
void arch_thread_init_kernel(struct task_struct *task, void (*fn)(void *), void *arg);

/*
 * Prepares a child of the running task: its first switch-in calls entry_task_start(prev) and then
 * returns to user mode with the caller's frame, result 0, sp (0: the caller's own), and the thread
 * pointer if set_tls. Copies the FPU state. -ENOMEM.
 */
MUST_USE int arch_thread_init_user(struct task_struct *task, const struct trapframe *tf,
				   uintptr_t sp, bool set_tls, uintptr_t tls);

/* A kernel thread that became a user process by exec gets what user mode needs. -ENOMEM. */
MUST_USE int arch_thread_make_user(struct task_struct *task);

/* Gives back what the thread holds (FPU area); accepts half-built ones. Never sleeps. */
void arch_thread_release(struct task_struct *task);

/* Leaves the kernel for user mode with the frame of the running task: the end of a first exec. */
NORETURN void arch_return_to_user(void);

/* arch_prctl(2), where the port has it: the thread pointers of the running task. -EINVAL, -EPERM,
 * -EFAULT. */
long arch_sys_arch_prctl(int code, uintptr_t address);

#endif
