/*
 * The port contract: the clock and one timer for each CPU.
 */
#ifndef ARCH_TIME_H
#define ARCH_TIME_H

#include <kern/types.h>

/* Nanoseconds since boot; never runs backwards on one CPU, and between CPUs not by more than the
 * port's synchronisation error. Context: any. Cost: tens of cycles. */
uint64_t arch_clock_ns(void);

/* Seconds-and-below since 1970-01-01T00:00Z at clock 0, in ns; 0 if the machine has no such clock. */
uint64_t arch_clock_epoch_ns(void);

/* Arms this CPU's one-shot timer: entry_timer() at or soon after the clock reads deadline_ns (in
 * the past: at once). Replaces the former deadline. Context: interrupts off. */
void arch_timer_arm(uint64_t deadline_ns);
void arch_timer_disarm(void);

#endif
