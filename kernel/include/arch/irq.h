/*
 * The port contract: interrupts of this CPU.
 * All are cheap and never sleep. Each is also a compiler barrier.
 */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include <kern/types.h>

/* Disables interrupts; returns what arch_irq_restore() needs. Nests. */
static inline unsigned long arch_irq_save(void);
static inline void arch_irq_restore(unsigned long flags);

/* For places that know the present state (entry, idle, thread start). */
static inline void arch_irq_disable(void);
static inline void arch_irq_enable(void);
static inline bool arch_irqs_enabled(void);

/*
 * Enables interrupts and halts in one step that no interrupt can fall between; returns with
 * interrupts enabled after one was served. Context: interrupts off, the idle task.
 */
static inline void arch_idle_wait(void);

#include <port/irq.h>

#endif
