/* Threads inside the port. */
#ifndef X86_THREAD_H
#define X86_THREAD_H

#include <kern/types.h>
#include <arch/mmu.h>

struct task_struct;

/* Where an entry from user mode starts to push: below the FPU area. */
uintptr_t thread_stack_top(const struct task_struct *task);

/* ip, or an address that faults in user mode if it is not one of user memory: IRET to a non-canonical
 * address would fault in the kernel. */
static inline uintptr_t frame_canonical(uintptr_t ip)
{
	return ip < ARCH_USER_END ? ip : UINT64_MAX;
}

#endif
