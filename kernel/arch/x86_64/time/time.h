/* The clock's inside: frequencies, their arithmetic, and who measures them. */
#ifndef X86_TIME_H
#define X86_TIME_H

#include <kern/types.h>

/* A factor as a 32.32 fixed-point number, for scaling without division. */
struct scale {
	uint64_t factor;
};

/* From units at from_khz to units at to_khz; both > 0. Pure. */
static inline struct scale scale_make(uint64_t from_khz, uint64_t to_khz)
{
	return (struct scale){(to_khz << 32) / from_khz};
}

static inline uint64_t scale_apply(struct scale scale, uint64_t n)
{
	return (uint64_t)((unsigned __int128)n * scale.factor >> 32);
}

enum { NS_KHZ = 1000000 }; /* nanoseconds as a frequency */

/* kHz of a counter that went on by ticks while a reference of ref_hz went on by ref_ticks. ticks *
 * ref_hz < 2^64: a second of anything below 4 GHz. Pure; 0 if the reference stood still. */
uint64_t frequency_khz(uint64_t ticks, uint64_t ref_ticks, uint64_t ref_hz);

/* Core and crystal frequency from CPUID leaves 0x15, 0x16 and the hypervisor's 0x40000010; kHz, 0: not
 * told. Pure. */
struct cpuid_frequency {
	uint32_t denominator, numerator, crystal_hz; /* 15h: eax, ebx, ecx */
	uint32_t base_mhz;			     /* 16h: eax */
	uint32_t hypervisor_khz;		     /* 40000010h: eax */
};
uint64_t frequency_from_cpuid(const struct cpuid_frequency *f);

/* Sets the clock going; measures where it must (a few milliseconds). Context: boot, after apic_init. */
void clock_init(void);
/* TSC frequency. [const] after clock_init. */
uint64_t clock_tsc_khz(void);
/* What this CPU's TSC is ahead of (-) or behind (+) the boot CPU's. Context: the CPU, starting. */
void clock_set_adjust(int64_t ticks);

/* TSC frequency from the best reference that there is; 0: there is none. Context: boot. */
uint64_t calibrate_tsc_khz(void);

/* Starts this CPU's timer, idle. apic_khz: its counting rate. Context: each CPU, interrupts off. */
void timer_start(void);
/* An interrupt at deadline_ns or earlier, whatever else is armed. Interrupts off. */
void timer_arm_by(uint64_t deadline_ns);
void hw_timer_init(uint64_t apic_khz);
/* Lets the timer count down from its maximum without an interrupt; what is left. Context: boot. */
void timer_count_freely(void);
uint32_t timer_count(void);

/* The battery clock, seconds since 1970; 0: there is none. Context: boot. */
uint64_t rtc_read_epoch(void);
/* Days from 1970-01-01 to a date of the Gregorian calendar, year >= 1970. Pure. */
uint64_t days_from_date(unsigned year, unsigned month, unsigned day);

#endif
