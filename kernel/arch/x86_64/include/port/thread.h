/*
 * What a thread keeps while it does not run. Its integer registers lie on its kernel stack, its FPU
 * registers in an area at the very top of that stack, above the frame of user registers:
 *
 *	stack + KERNEL_STACK_SIZE  ->  +-----------------------+
 *	                               | FPU area (XSAVE)      |  fpu_area_size() bytes
 *	kernel_sp                  ->  +-----------------------+
 *	                               | struct trapframe      |  user tasks, while in the kernel
 *	                               +-----------------------+
 *	                               | calls                 |
 */
#ifndef PORT_THREAD_H
#define PORT_THREAD_H

#include <kern/types.h>

struct arch_thread {
	uintptr_t sp;	   /* [self] kernel stack pointer while switched out */
	uintptr_t fs_base; /* [self] user thread pointer */
	uintptr_t gs_base; /* [self] user GS base */
	uint32_t user_cpu; /* [self] CPU + 1 whose registers last held its user state; 0: none */
	/* [self] of the last exception in user mode, for signal frames */
	uint32_t fault_vector, fault_error;
	uint64_t fault_address;
	bool is_user; /* [self] it has user registers: a frame and an FPU area */
};

/* The boot CPU's first stack, KERNEL_STACK_SIZE bytes with a guard page below: init_task's. */
extern char arch_boot_stack[];

#endif
