/*
 * Each CPU's timer: the local APIC's, in TSC-deadline mode where there is one, else one-shot. Owns
 * timer_state, its CPU's only, interrupts off.
 *
 * Setting the hardware is dear (an emulated device, an MSR exit), so a deadline that moves away
 * leaves it as it is: it then fires early once and is set to the deadline of that moment.
 */
#include <kern/assert.h>
#include <kern/entry.h>
#include <arch/irq.h>
#include <arch/percpu.h>
#include <arch/time.h>
#include <port/features.h>
#include <port/layout.h>
#include <port/x86.h>
#include "../irq/irq.h"
#include "time.h"

enum {
	APIC_LVT_TIMER = 0x320,
	APIC_INITIAL_COUNT = 0x380,
	APIC_CURRENT_COUNT = 0x390,
	APIC_DIVIDE = 0x3e0,
	DIVIDE_BY_1 = 0xb,
	LVT_MASKED = 1 << 16,
	LVT_TSC_DEADLINE = 2 << 17,
	MAX_COUNT = 0x7fffffff,
	MAX_SLEEP_NS = 1000000000, /* of one setting: a clock that drifts is noticed */
};

struct timer_state {
	uint64_t deadline_ns; /* asked for; UINT64_MAX: nothing is */
	uint64_t set_ns;      /* when the hardware will fire; UINT64_MAX: it won't */
};

static DEFINE_PER_CPU(struct timer_state, timer_state);
static struct scale ns_to_count, ns_to_tsc; /* [const] after hw_timer_init */

static void hardware_set(uint64_t from_now_ns)
{
	if (x86_features.has_tsc_deadline) {
		msr_write(MSR_TSC_DEADLINE, tsc_read() + scale_apply(ns_to_tsc, from_now_ns) + 1);
	} else {
		uint64_t count = scale_apply(ns_to_count, from_now_ns) + 1;

		apic_write(APIC_INITIAL_COUNT, (uint32_t)MIN(count, (uint64_t)MAX_COUNT));
	}
}

static void timer_set(struct timer_state *timer, uint64_t now_ns)
{
	uint64_t wait_ns = timer->deadline_ns > now_ns ? timer->deadline_ns - now_ns : 0;

	wait_ns = MIN(wait_ns, (uint64_t)MAX_SLEEP_NS);
	timer->set_ns = now_ns + wait_ns;
	hardware_set(wait_ns);
}

void arch_timer_arm(uint64_t deadline_ns)
{
	struct timer_state *timer = &this_cpu(timer_state);

	timer->deadline_ns = deadline_ns;
	if (deadline_ns < timer->set_ns)
		timer_set(timer, arch_clock_ns());
}

void timer_arm_by(uint64_t deadline_ns)
{
	if (deadline_ns < this_cpu(timer_state).deadline_ns)
		arch_timer_arm(deadline_ns);
}

void arch_timer_disarm(void)
{
	this_cpu(timer_state).deadline_ns = UINT64_MAX;
}

void timer_interrupt(bool from_user)
{
	struct timer_state *timer = &this_cpu(timer_state);
	uint64_t now_ns = arch_clock_ns();

	timer->set_ns = UINT64_MAX;
	if (timer->deadline_ns <= now_ns) {
		timer->deadline_ns = UINT64_MAX;
		entry_timer(from_user);
	} else if (timer->deadline_ns != UINT64_MAX) {
		timer_set(timer, now_ns);
	}
}

void timer_start(void)
{
	this_cpu(timer_state) = (struct timer_state){UINT64_MAX, UINT64_MAX};
	apic_write(APIC_DIVIDE, DIVIDE_BY_1);
	if (x86_features.has_tsc_deadline) {
		apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VEC_TIMER);
		/* The mode is changed before a deadline is written (SDM 10.5.4.1). */
		__asm__ volatile("mfence" ::: "memory");
	} else {
		apic_write(APIC_LVT_TIMER, VEC_TIMER);
	}
}

INIT_TEXT void hw_timer_init(uint64_t apic_khz)
{
	ns_to_tsc = scale_make(NS_KHZ, clock_tsc_khz());
	ns_to_count = scale_make(NS_KHZ, MAX(apic_khz, 1UL));
	if (!x86_features.has_tsc_deadline && apic_khz == 0)
		panic("boot: the local APIC's timer stands still");
	timer_start();
}

INIT_TEXT void timer_count_freely(void)
{
	apic_write(APIC_DIVIDE, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
	apic_write(APIC_INITIAL_COUNT, UINT32_MAX);
}

INIT_TEXT uint32_t timer_count(void)
{
	return apic_read(APIC_CURRENT_COUNT);
}
