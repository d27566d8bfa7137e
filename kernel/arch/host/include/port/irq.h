/*
 * The interrupt flag of a virtual CPU. Pending interrupts are delivered where it is set. What
 * arch_irq_save() returns must come back while interrupts are still off: stricter than hardware,
 * which does not notice a pair that was torn apart.
 */
#ifndef PORT_IRQ_H
#define PORT_IRQ_H

#include <kern/types.h>
#include <host/cpu.h>

void host_irqs_enable(void); /* and delivers what is pending */
void host_irqs_unbalanced(void);
void host_idle_wait(void);

static inline void arch_irq_disable(void)
{
	host_choice_point(HOST_POINT_IRQ_OFF, NULL);
	host_cpu->irqs_on = false;
}

static inline void arch_irq_enable(void)
{
	host_irqs_enable();
}

static inline bool arch_irqs_enabled(void)
{
	return host_cpu->irqs_on;
}

static inline unsigned long arch_irq_save(void)
{
	unsigned long flags = host_cpu->irqs_on;

	if (flags)
		arch_irq_disable();
	return flags;
}

static inline void arch_irq_restore(unsigned long flags)
{
	if (unlikely(host_cpu->irqs_on))
		host_irqs_unbalanced();
	if (flags)
		host_irqs_enable();
}

static inline void arch_idle_wait(void)
{
	host_idle_wait();
}

#endif
