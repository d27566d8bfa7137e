/*
 * Other CPUs: who is online, and running a function over there.
 */
#ifndef KERN_SMP_H
#define KERN_SMP_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/bitmap.h>

extern uint64_t cpus_online;  /* [atomic] mask: scheduled on and answering IPIs */
extern uint64_t cpus_present; /* [const] mask: named by the firmware */

#define for_each_cpu(cpu, mask)                                                                    \
	for (uint64_t left_##cpu = (mask); left_##cpu && ((cpu) = bit_lowest(left_##cpu), true);    \
	     left_##cpu &= left_##cpu - 1)
#define for_each_online_cpu(cpu) for_each_cpu (cpu, atomic_load_acquire(&cpus_online))

/*
 * Runs fn(arg) on every online CPU of mask, this one included if named, in interrupt context with
 * interrupts off. With wait, returns after all have finished, and what they did is visible.
 * Context: with wait, interrupts must be on and no lock held that is taken with interrupts off
 * (asserted, I19); preemption is disabled here. Without wait: any, and arg must outlive the call.
 */
void smp_call(uint64_t mask, void (*fn)(void *arg), void *arg, bool wait);

/* IPI_CALL arrived. Context: hard interrupt. */
void smp_call_interrupt(void);

#endif
