/* For tests below the scheduler: interrupts are counted, calls of other CPUs served. */
#include <kern/entry.h>
#include <kern/preempt.h>
#include <kern/smp.h>

void entry_irq_enter(void)
{
	arch_hot_add(preempt_count, PREEMPT_IRQ);
}

void entry_irq_exit(void)
{
	arch_hot_add(preempt_count, -PREEMPT_IRQ);
}

void entry_ipi_call(void)
{
	smp_call_interrupt();
}
