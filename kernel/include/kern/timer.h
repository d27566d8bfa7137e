/*
 * Timers (rank 4): a function called in interrupt context on the CPU that armed it, at or soon after
 * a time of the clock. No periodic tick: the CPU's hardware timer stands at its earliest deadline.
 */
#ifndef KERN_TIMER_H
#define KERN_TIMER_H

#include <kern/types.h>
#include <kern/rbtree.h>

struct timer {
	struct rb_node node;	   /* [its CPU's timer lock] */
	uint64_t deadline_ns;
	void (*fn)(struct timer *timer); /* interrupts off; may re-arm; must not free the timer itself
					  * while timer_cancel_wait could be waiting */
	uint32_t cpu; /* [atomic] where it is armed; MAX_CPUS: nowhere */
};

void timer_init(struct timer *timer, void (*fn)(struct timer *timer));
/* Arms or re-arms, on this CPU. Context: any. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
/* true: it was armed and will not fire. It may be running elsewhere. Context: any. */
bool timer_cancel(struct timer *timer);
/* The same, and waits until it is running nowhere. Context: not from its own fn; no lock held that
 * fn takes. */
bool timer_cancel_wait(struct timer *timer);

/* CLOCK_MONOTONIC and CLOCK_REALTIME now, ns. */
uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ns(void);
/* Sets the real-time clock by moving its offset. */
void clock_realtime_set(uint64_t ns);

#endif
