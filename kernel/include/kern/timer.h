/*
 * Timers (rank 4): a function called in interrupt context on the CPU that armed it, at or soon
 * after a time of the clock. No periodic tick: the CPU's hardware timer stands at its earliest
 * deadline.
 */
#ifndef KERN_TIMER_H
#define KERN_TIMER_H

#include <kern/types.h>
#include <kern/rbtree.h>

struct timer {
	struct rb_node node;  /* [its queue's lock] clear: not armed */
	uint64_t deadline_ns; /* [its queue's lock] */
	/* [const] Interrupts off, no lock held. May re-arm; may free the timer if nobody can be in
	 * timer_cancel_wait() for it. */
	void (*fn)(struct timer *timer);
	uint32_t cpu; /* [atomic, lock of the queue it names] whose queue it is or was last in */
};

void timer_init(struct timer *timer, void (*fn)(struct timer *timer));
/* Arms or re-arms, on this CPU (the one where fn runs just now, if it does). deadline_ns: clock;
 * past: at once. Context: any. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
/* true: it was armed and will not fire. It may be running elsewhere. Context: any. */
bool timer_cancel(struct timer *timer);
/* The same, and waits until it is running nowhere. Context: not from its own fn; no lock held that
 * fn takes. */
bool timer_cancel_wait(struct timer *timer);
/* A look, out of date at once unless the caller's own lock keeps others from arming it. */
bool timer_is_armed(const struct timer *timer);

/* CLOCK_MONOTONIC and CLOCK_REALTIME now, ns. */
uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ns(void);
/* What is added to the monotonic clock to get the real-time one now. */
uint64_t clock_realtime_offset_ns(void);
/* Sets the real-time clock by moving its offset. */
void clock_realtime_set(uint64_t ns);

#endif
