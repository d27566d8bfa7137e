/*
 * Preemption and context. The kernel is preemptible: an interrupt that returns to kernel code may
 * switch tasks, unless the CPU's preempt_count is above zero. The count has three parts: plain
 * nesting (spinlocks, preempt_disable), hard interrupt, and NMI depth.
 */
#ifndef KERN_PREEMPT_H
#define KERN_PREEMPT_H

#include <kern/types.h>
#include <kern/assert.h>
#include <arch/percpu.h>
#include <arch/irq.h>

enum {
	PREEMPT_ONE = 1,
	PREEMPT_IRQ = 1 << 16,
	PREEMPT_NMI = 1 << 20,
	PREEMPT_MASK = 0xffff,
};

static inline void preempt_disable(void)
{
	arch_hot_add(preempt_count, PREEMPT_ONE);
	BARRIER();
}

/* Without a look at whether a switch is due: inside the scheduler and where one follows anyway. */
static inline void preempt_enable_no_resched(void)
{
	BARRIER();
	arch_hot_add(preempt_count, -PREEMPT_ONE);
}

/* Switches if one is due and the context allows. Supplied by sched/, called through
 * preempt_enable() and the interrupt return path. */
void preempt_check(void);

static inline void preempt_enable(void)
{
	preempt_enable_no_resched();
	preempt_check();
}

static inline uint32_t preempt_count(void)
{
	return arch_hot(preempt_count);
}
static inline bool in_irq(void)
{
	return preempt_count() >= PREEMPT_IRQ;
}
/* A spinlock held, preemption off, or an interrupt: must not sleep. */
static inline bool in_atomic(void)
{
	return preempt_count() != 0;
}

/* False while the boot CPU brings the machine up and there is nobody to sleep for; set once, by init,
 * when it starts to schedule. [const] afterwards */
extern bool may_sleep_at_all;

/* At the head of everything that may sleep: a call from atomic context is a bug even when this
 * call would not have slept (I19). */
static inline void might_sleep(void)
{
	debug_assert(!may_sleep_at_all || (!in_atomic() && arch_irqs_enabled()));
}

#endif
