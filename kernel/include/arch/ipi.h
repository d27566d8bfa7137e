/*
 * The port contract: interrupts from one CPU to another.
 */
#ifndef ARCH_IPI_H
#define ARCH_IPI_H

#include <kern/types.h>

enum ipi_kind {
	IPI_RESCHEDULE, /* look at work bits; no handler beyond return from interrupt */
	IPI_CALL,	/* run what smp_call() queued for this CPU (kern/smp.h) */
	IPI_STOP,	/* halt for good; arrives as an NMI where the port can, for panic */
	NR_IPI_KINDS,
};

/*
 * Sends one interrupt to an online CPU other than this one. All stores before the call are
 * visible to the handler. Context: any, interrupts on or off. Never waits for the receiver.
 */
void arch_ipi_send(unsigned cpu, enum ipi_kind kind);

/* The same to every CPU of a mask that does not hold this one. */
void arch_ipi_send_mask(uint64_t mask, enum ipi_kind kind);

#endif
