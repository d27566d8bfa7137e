/*
 * Per-CPU data: the section .percpu of the image is CPU 0's copy; every other CPU has one made at
 * boot. GS holds the distance from the image's copy to this CPU's, so %gs:symbol reaches it in one
 * instruction. The distance is always a kernel-half address (CPU 0 uses its copy through the direct
 * map): that is how the NMI entry tells a kernel GS from a user one.
 */
#ifndef PORT_PERCPU_H
#define PORT_PERCPU_H

#include <kern/types.h>

extern struct cpu_hot cpu_hot;		  /* the image's copy; never touched by this name */
extern uintptr_t percpu_offset[MAX_CPUS]; /* [const] distance of each CPU's copy; 0: no such CPU */

/* Never write through this: the compiler may keep what it read until the next barrier or call. */
#define PORT_HOT ((__seg_gs struct cpu_hot *)(uintptr_t)&cpu_hot)

#define arch_hot(field) (PORT_HOT->field)

#define arch_hot_set(field, v)                                                        \
	do {                                                                          \
		__typeof__(((struct cpu_hot *)0)->field) hot_v_ = (v);                \
		__asm__ volatile("mov %1, %0" : "=m"(PORT_HOT->field) : "r"(hot_v_)); \
	} while (0)

#define arch_hot_add(field, n)                                                 \
	__asm__ volatile("addl %1, %0"                                         \
			 : "+m"(PORT_HOT->field)                               \
			 : "ri"((__typeof__(((struct cpu_hot *)0)->field))(n)) \
			 : "cc")

/* Named .bss so that the compiler makes it NOBITS; kernel.ld gathers it before .bss. */
#define DEFINE_PER_CPU(type, name)  SECTION(".bss..percpu") __typeof__(type) percpu_##name
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) percpu_##name

#define PORT_PER_CPU_AT(name, offset) \
	(*(__typeof__(percpu_##name) *)((uintptr_t)&percpu_##name + (offset)))

#define this_cpu(name)	   PORT_PER_CPU_AT(name, arch_hot(self))
#define per_cpu(name, cpu) PORT_PER_CPU_AT(name, percpu_offset[cpu])

#endif
