/* Processors: their tables, their memory, and starting them. */
#ifndef X86_SMP_H
#define X86_SMP_H

#include <kern/types.h>
#include <arch/percpu.h>
#include <port/layout.h>

/* SDM vol. 3, 7.7: stacks for entries from user mode and for the vectors that have their own. */
struct PACKED tss {
	uint32_t reserved0;
	uint64_t rsp0, rsp1, rsp2;
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map_base;
};
STATIC_ASSERT(sizeof(struct tss) == 104);

DECLARE_PER_CPU(struct tss, tss); /* [cpu] after set-up */

static inline struct cpu_hot *cpu_hot_at(unsigned cpu)
{
	return (struct cpu_hot *)((uintptr_t)&cpu_hot + percpu_offset[cpu]);
}

/* What a CPU that starts finds here (boot/pvh.S); written by arch_cpu_start. */
struct ap_boot {
	uintptr_t stack;  /* its idle task's stack top */
	uintptr_t percpu; /* its GS base */
};
extern struct ap_boot ap_boot;

/* The boot CPU's per-CPU data and tables. Context: boot, before anything that may fault. */
void cpu_first_init(void);

/* Gives each CPU its per-CPU data and interrupt stacks. Context: boot, after machine_find. */
void cpus_set_up(void);

/* Loads this CPU's GDT, TSS, IDT, control registers and system call MSRs. Context: each CPU, early;
 * its per-CPU data are reachable. */
void cpu_tables_load(void);

/* Makes the trampoline page and the tables for starting CPUs. Context: boot. */
void ap_start_init(void);

/* First C code of a starting CPU. */
NORETURN void ap_main(void);

#endif
