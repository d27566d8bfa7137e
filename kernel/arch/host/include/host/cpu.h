/*
 * A virtual CPU of the host port. Only one runs at any time; which one, the host's scheduler
 * decides (host/machine.h), so no field needs a guard.
 */
#ifndef HOST_CPU_H
#define HOST_CPU_H

#include <kern/types.h>
#include <arch/percpu.h>
#include <host/point.h>

struct host_fibre;

enum { HOST_TLB_ENTRIES = 512, HOST_PENDING_TIMER = 1 << 8 };

/* A translation as it was when it was loaded; it stays until it is flushed. */
struct host_tlb_entry {
	vaddr_t page; /* page-aligned */
	uint64_t pte; /* 0: the entry is empty */
};

struct host_cpu {
	struct cpu_hot hot;
	struct host_fibre *fibre; /* what it runs, or will run on when it is its turn */
	bool irqs_on;
	bool is_started;      /* takes part in scheduling */
	bool is_halted;	      /* waits for an interrupt */
	bool is_done;	      /* its function has returned: it only serves interrupts */
	uint32_t pending;     /* bits: 1 << enum ipi_kind, HOST_PENDING_TIMER */
	uint64_t deadline_ns; /* of its timer; UINT64_MAX: not armed */
	paddr_t root;	      /* the root register */
	unsigned tlb_used;
	unsigned tlb_victim;
	struct host_tlb_entry tlb[HOST_TLB_ENTRIES];
};

extern struct host_cpu host_cpus[MAX_CPUS];
/* The one that runs. volatile: a task can be moved to another at any access of an instrumented build. */
extern struct host_cpu *volatile host_cpu;

#endif
