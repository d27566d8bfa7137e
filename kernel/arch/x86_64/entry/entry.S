/*
 * Ways into the kernel and out of it.
 *
 * From user mode, both kinds of entry build a struct trapframe at the top of the task's kernel
 * stack, with GS swapped to the kernel's. System calls leave by SYSRET while their frame is what
 * the entry made of it (kind FRAME_SYSCALL: only rax has changed); everything else leaves by IRET.
 * Whoever changes another register of a frame makes its kind FRAME_PLAIN, and whoever writes rip
 * there sees to it that it is canonical (SDM vol. 2, SYSRET and IRET: else they fault in the
 * kernel with the user's GS).
 */
#include <port/layout.h>
#include <port-offsets.h>

#define ENOSYS 38

/* An instruction that only CPUs with SMAP have; boot/patch.c makes it a NOP on the others. */
.macro SMAP_SITE insn
771:	\insn
	.pushsection .smap_sites, "a", @progbits
	.long 771b - .
	.popsection
.endm

.macro PUSH_REGISTERS
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
.endm

.macro POP_REGISTERS
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
.endm

	.section .text.entry, "ax", @progbits

/*
 * SYSCALL: rcx = user rip, r11 = user rflags; IF, DF, TF, NT, AC and IOPL cleared by FMASK; the stack
 * is still the user's.
 */
	.globl syscall_entry
	.type syscall_entry, @function
	.balign 64
syscall_entry:
	swapgs
	mov %rsp, %gs:cpu_hot + HOT_SCRATCH
	mov %gs:cpu_hot + HOT_KERNEL_SP, %rsp
	push $SEL_USER_DATA
	push %gs:cpu_hot + HOT_SCRATCH
	push %r11
	push $SEL_USER_CODE
	push %rcx
	push %rax
	push $FRAME_KIND_SYSCALL
	PUSH_REGISTERS
	movq $-ENOSYS, FRAME_RAX(%rsp)
	mov %rsp, %rdi
	sti
	call entry_syscall
	cli
	mov %gs:cpu_hot + HOT_TASK, %rcx
	cmpl $0, TASK_WORK(%rcx)
	jne syscall_work
	cmpl $FRAME_KIND_SYSCALL, FRAME_KIND(%rsp)
	jne return_to_user
syscall_return:
	/* C code has kept rbx, rbp and r12 to r15 as the user left them. */
	add $FRAME_R11, %rsp
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	mov FRAME_RIP - FRAME_KIND(%rsp), %rcx
	mov FRAME_RFLAGS - FRAME_KIND(%rsp), %r11
	mov FRAME_RSP - FRAME_KIND(%rsp), %rsp
	swapgs
	sysretq
	.size syscall_entry, . - syscall_entry

/* Work bits are set: signals or a switch. Callee-saved registers survive that too. */
	.type syscall_work, @function
syscall_work:
	mov %rsp, %rdi
	call trap_user_work
	cmpl $FRAME_KIND_SYSCALL, FRAME_KIND(%rsp)
	je syscall_return
	jmp return_to_user
	.size syscall_work, . - syscall_work

/*
 * One stub for each vector, 16 bytes apart: a zero where the CPU pushes no error code, the vector,
 * and on to the common part. Interrupts are off.
 */
	.globl trap_stubs
	.type trap_stubs, @function
	.balign 16
trap_stubs:
	.set vector, 0
	.rept NR_VECTORS
	.balign 16
	/* Error codes: double fault, 10 to 14, alignment check, control protection (SDM 6.3.1). */
	.if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21
	push $0
	.endif
	push $vector
	.if vector == VEC_DEBUG || vector == VEC_NMI || vector == VEC_DOUBLE_FAULT || vector == VEC_MACHINE_CHECK
	jmp paranoid_entry
	.elseif vector == VEC_PAGE_FAULT
	jmp page_fault_entry
	.elseif vector < NR_EXCEPTIONS
	jmp exception_entry
	.else
	jmp interrupt_entry
	.endif
	.set vector, vector + 1
	.endr
	.size trap_stubs, . - trap_stubs

.macro TRAP_ENTRY name, handler
	.type \name, @function
	.balign 16
\name:
	SMAP_SITE clac
	cld
	testb $3, FRAME_CS - FRAME_KIND(%rsp)
	jz 1f
	swapgs
1:	PUSH_REGISTERS
	mov %rsp, %rdi
	call \handler
	jmp trap_exit
	.size \name, . - \name
.endm

TRAP_ENTRY page_fault_entry, trap_page_fault
TRAP_ENTRY interrupt_entry, trap_interrupt
TRAP_ENTRY exception_entry, trap_exception

/* The frame at rsp is left, interrupts off. */
	.type trap_exit, @function
	.balign 16
trap_exit:
	testb $3, FRAME_CS(%rsp)
	jz 1f
	mov %gs:cpu_hot + HOT_TASK, %rcx
	cmpl $0, TASK_WORK(%rcx)
	jne 2f
return_to_user:
	swapgs
1:	POP_REGISTERS
	add $16, %rsp
	iretq
2:	mov %rsp, %rdi
	call trap_user_work
	jmp return_to_user
	.size trap_exit, . - trap_exit

/*
 * Vectors with interrupt stacks of their own may come at any instruction, also where kernel code
 * runs with the user's GS (between entry and SWAPGS). The user's GS base is never in the kernel
 * half (user code can't write it: no CR4.FSGSBASE) and the kernel's always is.
 */
	.type paranoid_entry, @function
	.balign 16
paranoid_entry:
	SMAP_SITE clac
	cld
	PUSH_REGISTERS
	xor %ebx, %ebx
	mov $MSR_GS_BASE, %ecx
	rdmsr
	test %edx, %edx
	js 1f
	swapgs
	inc %ebx
1:	testb $3, FRAME_CS(%rsp)
	jz 2f
	cmpl $VEC_DEBUG, FRAME_KIND(%rsp)
	je debug_from_user
2:	mov %rsp, %rdi
	call trap_paranoid
	test %ebx, %ebx
	jz 3f
	swapgs
3:	POP_REGISTERS
	add $16, %rsp
	iretq

/* A single step of user code is an ordinary exception: on the task's stack, where it may sleep. */
debug_from_user:
	mov %rsp, %rsi
	mov %gs:cpu_hot + HOT_KERNEL_SP, %rdi
	sub $FRAME_SIZE, %rdi
	mov %rdi, %rsp
	mov $FRAME_SIZE / 8, %ecx
	rep movsq
	mov %rsp, %rdi
	call trap_exception
	jmp trap_exit
	.size paranoid_entry, . - paranoid_entry

/*
 * struct task_struct *switch_stacks(struct task_struct *prev, struct task_struct *next): rdi stays prev
 * across the change of stacks and so becomes the result on the other one.
 */
	.globl switch_stacks
	.type switch_stacks, @function
	.balign 16
switch_stacks:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, TASK_SP(%rdi)
	mov TASK_SP(%rsi), %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	mov %rdi, %rax
	ret
	.size switch_stacks, . - switch_stacks

/* First return of a new task's switch_stacks: rax = prev. Kernel thread: rbx = fn, r12 = arg. */
	.globl thread_start_kernel
	.type thread_start_kernel, @function
thread_start_kernel:
	mov %rax, %rdi
	call entry_task_start
	sti
	mov %r12, %rdi
	call *%rbx
	ud2
	.size thread_start_kernel, . - thread_start_kernel

/* A user task: its frame is what the stack holds. */
	.globl thread_start_user
	.type thread_start_user, @function
thread_start_user:
	mov %rax, %rdi
	call entry_task_start
	cli
	jmp trap_exit
	.size thread_start_user, . - thread_start_user

/* NORETURN void frame_return(struct trapframe *tf): leaves for user mode. Interrupts off. */
	.globl frame_return
	.type frame_return, @function
frame_return:
	mov %rdi, %rsp
	jmp trap_exit
	.size frame_return, . - frame_return
