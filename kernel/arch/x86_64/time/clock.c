/*
 * The clock: the time-stamp counter, scaled. Owns the scale (constant after boot) and each CPU's
 * adjustment (constant once it is up). Reads in any context, without a lock.
 */
#include <kern/boot.h>
#include <kern/assert.h>
#include <kern/log.h>
#include <kern/string.h>
#include <arch/irq.h>
#include <arch/percpu.h>
#include <arch/time.h>
#include <port/x86.h>
#include "time.h"

static struct scale tsc_to_ns; /* 0 until clock_init: the clock stands at 0 */
static uint64_t tsc_base, tsc_khz;
static uint64_t epoch_ns;
static bool is_adjusted; /* some CPU has a tsc_adjust */
static DEFINE_PER_CPU(int64_t, tsc_adjust);

static INIT_TEXT uint64_t told_tsc_khz(void)
{
	struct cpuid_frequency f = {0};
	uint32_t max = cpuid_read(0, 0).eax, max_hypervisor = 0;

	if (cpuid_read(1, 0).ecx >> 31)
		max_hypervisor = cpuid_read(0x40000000, 0).eax;
	if (max >= 0x15) {
		struct cpuid_regs r = cpuid_read(0x15, 0);

		f.denominator = r.eax;
		f.numerator = r.ebx;
		f.crystal_hz = r.ecx;
	}
	if (max >= 0x16)
		f.base_mhz = cpuid_read(0x16, 0).eax & 0xffff;
	if (max_hypervisor >= 0x40000010 && max_hypervisor < 0x40010000)
		f.hypervisor_khz = cpuid_read(0x40000010, 0).eax;
	return frequency_from_cpuid(&f);
}

static INIT_TEXT uint64_t find_tsc_khz(void)
{
	uint64_t khz = boot_option_u64("tsc_khz", 0);

	if (khz == 0)
		khz = told_tsc_khz();
	if (khz == 0)
		khz = calibrate_tsc_khz();
	if (khz == 0) {
		log_print("clock: nothing to measure the TSC with; taking 1 GHz (tsc_khz=)\n");
		khz = 1000000;
	}
	return khz;
}

/* The timer's rate, measured with the TSC over the calibration's time or at least a millisecond. */
static INIT_TEXT void find_frequencies(void)
{
	uint64_t start, end, apic_khz;
	uint32_t first, last;

	timer_count_freely();
	first = timer_count();
	start = tsc_read();
	tsc_khz = find_tsc_khz();
	do {
		last = timer_count();
		end = tsc_read();
	} while (end - start < tsc_khz);
	apic_khz = frequency_khz(first - last, end - start, tsc_khz * 1000);
	hw_timer_init(apic_khz);
}

/* epoch=SECONDS[.NANOS]: what the wall clock shows at boot. */
static INIT_TEXT bool epoch_from_option(uint64_t *ns)
{
	char value[40];
	const char *p = value;
	uint64_t seconds, fraction = 0, unit = NSEC_PER_SEC / 10;

	if (!boot_option("epoch", value, sizeof(value)) || string_to_u64(&p, &seconds))
		return false;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			fraction += (uint64_t)(*p - '0') * unit;
			unit /= 10;
		}
	}
	if (*p != '\0' || seconds > UINT64_MAX / NSEC_PER_SEC - 1) {
		log_print("clock: epoch=%s is not SECONDS[.NANOS]\n", value);
		return false;
	}
	*ns = seconds * NSEC_PER_SEC + fraction;
	return true;
}

INIT_TEXT void clock_init(void)
{
	tsc_base = tsc_read();
	find_frequencies();
	tsc_to_ns = scale_make(tsc_khz, NS_KHZ);
	if (!epoch_from_option(&epoch_ns)) {
		uint64_t now = rtc_read_epoch() * NSEC_PER_SEC;

		epoch_ns = now > 0 ? now - arch_clock_ns() : 0;
	}
	log_print("clock: TSC at %llu.%03llu MHz\n", (unsigned long long)tsc_khz / 1000,
		  (unsigned long long)tsc_khz % 1000);
}

uint64_t clock_tsc_khz(void)
{
	return tsc_khz;
}

void clock_set_adjust(int64_t ticks)
{
	this_cpu(tsc_adjust) = ticks;
	if (ticks != 0)
		is_adjusted = true;
}

/* The counter and the adjustment must be one CPU's. */
static NOINLINE uint64_t tsc_read_adjusted(void)
{
	unsigned long flags = arch_irq_save();
	uint64_t tsc = tsc_read() + (uint64_t)this_cpu(tsc_adjust);

	arch_irq_restore(flags);
	return tsc;
}

uint64_t arch_clock_ns(void)
{
	uint64_t tsc = unlikely(is_adjusted) ? tsc_read_adjusted() : tsc_read();
	int64_t passed = (int64_t)(tsc - tsc_base);

	return passed > 0 ? scale_apply(tsc_to_ns, (uint64_t)passed) : 0;
}

uint64_t arch_clock_epoch_ns(void)
{
	return epoch_ns;
}
