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

#define for_each_cpu(cpu, mask)                                                                  \
	for (uint64_t left_##cpu = (mask); left_##cpu && ((cpu) = bit_lowest(left_##cpu), true); \
	     left_##cpu &= left_##cpu - 1)
#define for_each_online_cpu(cpu) for_each_cpu (cpu, atomic_load_acquire(&cpus_online))

/*
 * Runs fn(arg) on every online CPU of mask, this one included if named, in interrupt context with
 * interrupts off. Returns after all have finished, and what they did is visible.
 * Context: interrupts on and no lock held that is taken with interrupts off (asserted, I19), unless
 * this is the only CPU; preemption is disabled here. fn never waits for other CPUs.
 */
void smp_call(uint64_t mask, void (*fn)(void *arg), void *arg);

/*
 * The same on one other CPU and without waiting: the work belongs to the queue until fn(work)
 * starts; from then on it may be queued again, freed, or reused. Queueing what is queued already
 * does nothing. Context: any but NMI; the caller knows that the CPU is online and not this one.
 */
struct smp_work {
	struct smp_work *next;		   /* [the CPU that took it off the queue] */
	void (*fn)(struct smp_work *work); /* [owner] */
	uint32_t is_queued;		   /* [atomic] */
};
void smp_work_init(struct smp_work *work, void (*fn)(struct smp_work *work));
void smp_work_queue(struct smp_work *work, unsigned cpu);

/* IPI_CALL arrived; also what a CPU runs last before it goes offline. Context: interrupts off. */
void smp_call_interrupt(void);

#endif
