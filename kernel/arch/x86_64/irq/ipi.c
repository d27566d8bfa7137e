/*
 * Messages between CPUs. Owns the stop request [atomic]. Context: any; interrupts are turned off
 * around the two writes that a command takes.
 */
#include <kern/atomic.h>
#include <kern/bitmap.h>
#include <kern/smp.h>
#include <arch/cpu.h>
#include <arch/ipi.h>
#include <arch/irq.h>
#include <port/layout.h>
#include "../machine/machine.h"
#include "irq.h"

enum { COMMAND_ASSERT = 1 << 14, COMMAND_NMI = 4 << 8 };

static uint32_t is_stop_requested; /* [atomic] never taken back */

static const uint32_t commands[NR_IPI_KINDS] = {
	[IPI_RESCHEDULE] = COMMAND_ASSERT | VEC_RESCHEDULE,
	[IPI_CALL] = COMMAND_ASSERT | VEC_CALL,
	[IPI_STOP] = COMMAND_ASSERT | COMMAND_NMI,
};

bool ipi_stop_requested(void)
{
	return atomic_load_acquire(&is_stop_requested);
}

void arch_ipi_send(unsigned cpu, enum ipi_kind kind)
{
	unsigned long flags;

	if (kind == IPI_STOP)
		atomic_store_release(&is_stop_requested, 1);
	flags = arch_irq_save();
	apic_send(machine.apic_ids[cpu], commands[kind]);
	arch_irq_restore(flags);
}

void arch_ipi_send_mask(uint64_t mask, enum ipi_kind kind)
{
	unsigned long flags;
	unsigned cpu;

	if (apic_has_group()) {
		if (kind == IPI_STOP)
			atomic_store_release(&is_stop_requested, 1);
		flags = arch_irq_save();
		apic_send_group((uint8_t)mask, commands[kind]);
		arch_irq_restore(flags);
		return;
	}
	for_each_cpu (cpu, mask)
		arch_ipi_send(cpu, kind);
}
