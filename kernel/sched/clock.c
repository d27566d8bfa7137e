/*
 * The clocks of programs. The monotonic one is the port's; the real-time one is that plus an
 * offset, one word that whoever sets the clock replaces.
 */
#include <kern/atomic.h>
#include <kern/timer.h>
#include <arch/time.h>

#include "rq.h"

static uint64_t realtime_offset_ns; /* [atomic] */

void realtime_init(void)
{
	atomic_store_relaxed(&realtime_offset_ns, arch_clock_epoch_ns());
}

uint64_t clock_monotonic_ns(void)
{
	return arch_clock_ns();
}

uint64_t clock_realtime_offset_ns(void)
{
	return atomic_load_relaxed(&realtime_offset_ns);
}

uint64_t clock_realtime_ns(void)
{
	return arch_clock_ns() + clock_realtime_offset_ns();
}

void clock_realtime_set(uint64_t ns)
{
	atomic_store_relaxed(&realtime_offset_ns, ns - arch_clock_ns());
}
