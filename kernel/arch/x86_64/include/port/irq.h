/* The interrupt flag of this CPU. */
#ifndef PORT_IRQ_H
#define PORT_IRQ_H

#include <kern/types.h>

#define PORT_RFLAGS_IF (1UL << 9)

static inline unsigned long port_rflags(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
	return flags;
}

static inline void arch_irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void arch_irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline bool arch_irqs_enabled(void)
{
	return port_rflags() & PORT_RFLAGS_IF;
}

static inline unsigned long arch_irq_save(void)
{
	unsigned long flags = port_rflags();

	arch_irq_disable();
	return flags;
}

static inline void arch_irq_restore(unsigned long flags)
{
	if (flags & PORT_RFLAGS_IF)
		arch_irq_enable();
}

/* STI takes effect after the next instruction (SDM vol. 2, STI), so nothing falls between. */
static inline void arch_idle_wait(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

#endif
