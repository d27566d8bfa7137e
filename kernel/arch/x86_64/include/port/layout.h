/*
 * Numbers that C and assembly share: selectors, vectors, stack sizes. The selectors of user mode are
 * the ones that Linux programs see in their signal frames.
 */
#ifndef PORT_LAYOUT_H
#define PORT_LAYOUT_H

/* Segment selectors. 0x20, Linux's 32-bit user code, stays empty: such programs are not run. */
#define SEL_KERNEL_CODE 0x10
#define SEL_KERNEL_DATA 0x18
#define SEL_USER_BASE	0x23 /* what SYSRET counts from: + 8 data, + 16 code */
#define SEL_USER_DATA	0x2b
#define SEL_USER_CODE	0x33
#define SEL_TSS		0x40
#define GDT_ENTRIES	10

/* Exceptions (SDM vol. 3, table 6-1). */
#define VEC_DIVIDE	   0
#define VEC_DEBUG	   1
#define VEC_NMI		   2
#define VEC_BREAKPOINT	   3
#define VEC_OVERFLOW	   4
#define VEC_BOUND	   5
#define VEC_INVALID_OPCODE 6
#define VEC_NO_FPU	   7
#define VEC_DOUBLE_FAULT   8
#define VEC_INVALID_TSS	   10
#define VEC_NO_SEGMENT	   11
#define VEC_STACK_SEGMENT  12
#define VEC_PROTECTION	   13
#define VEC_PAGE_FAULT	   14
#define VEC_X87		   16
#define VEC_ALIGNMENT	   17
#define VEC_MACHINE_CHECK  18
#define VEC_SIMD	   19
#define NR_EXCEPTIONS	   32

/* Interrupts. Devices take what lies between; higher vectors go first. */
#define VEC_DEVICE_FIRST 0x30
#define VEC_DEVICE_END	 0xe0
#define VEC_TIMER	 0xec
#define VEC_CALL	 0xfb
#define VEC_RESCHEDULE	 0xfd
#define VEC_ERROR	 0xfe
#define VEC_SPURIOUS	 0xff
#define NR_VECTORS	 256

/* Interrupt stacks of each CPU (the TSS's numbers). A machine check shares the double fault's:
 * neither returns. */
#define IST_DOUBLE_FAULT 1
#define IST_NMI		 2
#define IST_DEBUG	 3
#define NR_ISTS		 3
#define IST_STACK_SIZE	 8192

#endif
