/*
 * The port contract: processors and the machine they are in.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <kern/types.h>
#include <arch/percpu.h>

struct trapframe;

static inline unsigned arch_cpu_id(void)
{
	return arch_hot(cpu);
}

/* A hint inside a spin loop. */
static inline void arch_cpu_relax(void);

/* CPUs that the firmware's tables name, 1 .. MAX_CPUS. Context: any, after arch bring-up. */
unsigned arch_cpu_count(void);

/*
 * Starts a CPU that has never run or was stopped; it calls entry_cpu_start() on its idle task's
 * stack, interrupts off, init_mm's root loaded. 0; -EIO if it does not answer. May sleep.
 */
MUST_USE int arch_cpu_start(unsigned cpu, struct task_struct *idle);

/* The calling CPU leaves for good (until arch_cpu_start). Context: interrupts off. */
NORETURN void arch_cpu_die(void);

/* Halts this CPU with interrupts off, for panic. */
NORETURN void arch_cpu_halt(void);

/*
 * Ends the machine. status is what the outside can see of it: 0 for an orderly end, MACHINE_PANIC
 * for a panic. Tries the machine's ways in turn. Context: any.
 */
enum { MACHINE_OK = 0, MACHINE_PANIC = 1 };
NORETURN void arch_machine_exit(int status);

/* Registers and call chain of frame, symbolised, into the log. NULL: of the exception that made this
 * CPU panic, and the caller's chain. Context: any. */
void arch_dump_state(const struct trapframe *frame);

/* Where an IPI_STOP found this CPU; NULL: it has not stopped. Context: any. */
const struct trapframe *arch_cpu_stopped_frame(unsigned cpu);

/* What runs on a CPU: a glimpse, for panics. NULL: it never ran. Context: any. */
struct task_struct *arch_cpu_task(unsigned cpu);

/* The calling stack's return addresses, innermost first; returns how many. For ledgers and KASAN. */
unsigned arch_stack_trace(uintptr_t *addresses, unsigned max);

/* What /proc/cpuinfo says of a CPU, in the form that the port's programs expect, with an empty line at
 * its end: into buf, its length (cut to size). Context: task. */
size_t arch_cpu_describe(unsigned cpu, char *buf, size_t size);

/* 64 random bits of the CPU's generator mixed with its clock (RDRAND and TSC on x86-64); quality as
 * the machine has it. Context: any. */
uint64_t arch_random_seed(void);

#include <port/cpu.h>

#endif
