/*
 * The FPU, SSE and AVX registers of user tasks. The kernel itself never uses them: while a user task
 * runs, in user mode or in the kernel, they are its own; a kernel thread leaves them alone.
 */
#ifndef X86_FPU_H
#define X86_FPU_H

#include <kern/types.h>

struct task_struct;

/* Finds out the size of the state. Context: boot CPU, after features_apply. */
void fpu_init(void);
/* Enables the state components on this CPU and makes the registers those of a new program. */
void fpu_enable(void);

/* Bytes at the top of each kernel stack that the state takes, a multiple of 64. */
size_t fpu_area_size(void);

/* This CPU's registers into the task's area, for a switch. Interrupts off. */
void fpu_save(struct task_struct *task);
/* The reverse. Interrupts off. */
void fpu_load(struct task_struct *task);
/* This CPU's registers, the running task's, into the area of a child. Context: fork. */
void fpu_copy_to(struct task_struct *child);
/* The state of a new program: into a task's area; into this CPU's registers. */
void fpu_area_reset(struct task_struct *task);
void fpu_reset(void);

/* si_code of the exception that the registers show: x87's, or SSE's. Context: the task's own trap. */
int fpu_exception_code(bool is_simd);

/* Bytes of the user's copy in a signal frame, with what follows it. */
size_t fpu_frame_size(void);
/* Writes the running task's registers to user memory in Linux's layout, 64-byte aligned, range
 * checked. -EFAULT. */
MUST_USE int fpu_frame_save(void *user);
/* Loads them from such a copy, of any contents; user NULL: as in a new program. -EFAULT: unreadable or
 * impossible; the registers are then those of a new program. */
MUST_USE int fpu_frame_load(const void *user);

#endif
