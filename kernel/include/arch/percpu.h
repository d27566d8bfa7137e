/*
 * The port contract: data of which every CPU has its own copy.
 *
 *	DEFINE_PER_CPU(struct foo, foo_state);		at file scope, zero-initialised
 *	DECLARE_PER_CPU(struct foo, foo_state);		in a header
 *	this_cpu(foo_state).field			this CPU's copy (an lvalue)
 *	per_cpu(foo_state, cpu).field			that CPU's copy (an lvalue)
 *
 * Context: this_cpu() names one copy only while preemption or interrupts are off.
 *
 * The few words that the port's entry code reads by itself are in struct cpu_hot:
 * arch_hot(field) reads, arch_hot_set(field, v) writes one, each in one instruction that an
 * interrupt cannot split, so both are right with preemption on when the field belongs to the
 * running task (current) and not to the CPU.
 */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include <kern/types.h>

struct task_struct;

struct cpu_hot {
	uintptr_t self;		  /* [const] the port's: base or offset of this CPU's data */
	struct task_struct *task; /* [cpu] the running task, set by arch_switch_to */
	uint32_t cpu;		  /* [const] this CPU's number, 0 .. MAX_CPUS - 1 */
	uint32_t preempt_count;	  /* [cpu] see kern/preempt.h */
	uintptr_t kernel_sp;	  /* [cpu] stack top that an entry from user mode starts on */
	uintptr_t scratch; /* [cpu] the port's: user stack pointer during system call entry */
};

#include <port/percpu.h>

#endif
