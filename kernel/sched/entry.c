/* The upcalls of interrupts, and of preemption on their way out (kern/entry.h). */
#include <kern/entry.h>
#include <kern/smp.h>

#include "rq.h"

void entry_irq_enter(void)
{
	arch_hot_add(preempt_count, PREEMPT_IRQ);
	BARRIER();
}

void entry_irq_exit(void)
{
	BARRIER();
	arch_hot_add(preempt_count, -PREEMPT_IRQ);
}

void entry_ipi_call(void)
{
	smp_call_interrupt();
}

void entry_timer(bool from_user)
{
	uint64_t next_ns;

	timer_hw_fired();
	timer_expire();
	next_ns = sched_tick(from_user);
	next_ns = MIN(next_ns, timer_next_ns());
	if (next_ns != UINT64_MAX)
		timer_hw_want(next_ns);
}

void entry_kernel_preempt(void)
{
	if (preempt_count() == 0 && resched_is_due())
		schedule_from_interrupt();
}
