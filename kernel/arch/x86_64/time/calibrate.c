/*
 * Measures the TSC against a counter of known rate: HPET, ACPI PM timer, or PIT. Each reading of
 * such a counter takes long and an unknown time under emulation, so it is bracketed by two of the
 * TSC, and loose brackets do not count. Sums over some readings at either end of the time measured
 * make up for the coarseness of the counter (a PIT tick is 838 ns). A measurement whose brackets
 * are loose for its length is repeated over a longer time. Boot CPU, interrupts off; owns nothing
 * after.
 */
#include <kern/log.h>
#include <port/x86.h>
#include "../machine/machine.h"
#include "../mm/tables.h"
#include "time.h"

enum {
	PROBES = 4,
	SAMPLES = 32,
	MAX_SAMPLES = 128,
	FIRST_WINDOW_US = 2500,
	MAX_WINDOW_US = 20000,
	MAX_TRIES = 6,
	GOOD_PPM = 300,
	MAX_POLLS = 2000000,
	PIT_HZ = 1193182,
	PIT_CHANNEL0 = 0x40,
	PIT_COMMAND = 0x43,
	PM_TIMER_HZ = 3579545,
	HPET_PERIOD = 4 / 4, /* registers, in words */
	HPET_CONFIG = 0x10 / 4,
	HPET_COUNTER = 0xf0 / 4,
	HPET_ENABLE = 1,
};

/* A counter that counts up, modulo mask + 1. latch() makes read() give the present count, if reading
 * takes several steps. */
struct reference {
	const char *name;
	uint64_t hz, mask;
	uint32_t (*read)(void);
	uint32_t (*finish)(uint32_t latched);
};

static INIT_DATA volatile uint32_t *hpet;

static INIT_TEXT uint32_t hpet_read(void)
{
	return hpet[HPET_COUNTER];
}

static INIT_TEXT uint32_t pm_read(void)
{
	return io_read32((uint16_t)machine.pm_timer.address);
}

/* The count stands still from the latch command on: only that lies between the TSC's readings. */
static INIT_TEXT uint32_t pit_latch(void)
{
	io_write8(PIT_COMMAND, 0);
	return 0;
}

static INIT_TEXT uint32_t pit_finish(uint32_t latched)
{
	uint32_t low = io_read8(PIT_CHANNEL0);

	return 0x10000 - (low | (uint32_t)io_read8(PIT_CHANNEL0) << 8);
}

static INIT_TEXT uint32_t no_finish(uint32_t value)
{
	return value;
}

struct sample {
	uint64_t tsc, spread;
	uint64_t count; /* since origin */
};

static INIT_TEXT struct sample take_sample(const struct reference *ref, uint32_t origin)
{
	uint64_t before = tsc_read();
	uint32_t count = ref->read();
	uint64_t spread = tsc_read() - before;

	return (struct sample){before + spread / 2, spread,
			       (ref->finish(count) - origin) & ref->mask};
}

/* The sums of SAMPLES good readings, and the tightest bracket. false: too few were good. */
static INIT_TEXT bool sum_samples(const struct reference *ref, uint32_t origin, struct sample *sum)
{
	uint64_t tightest = UINT64_MAX;
	unsigned nr = 0;

	*sum = (struct sample){0};
	for (unsigned i = 0; i < MAX_SAMPLES && nr < SAMPLES; i++) {
		struct sample s = take_sample(ref, origin);

		tightest = MIN(tightest, s.spread);
		if (i < PROBES || s.spread > tightest * 2)
			continue;
		sum->tsc += s.tsc;
		sum->count += s.count;
		nr++;
	}
	sum->spread = tightest;
	return nr == SAMPLES;
}

/* One measurement over window_us; the error that its brackets allow, in millionths. 0: failed. */
static INIT_TEXT uint64_t measure(const struct reference *ref, unsigned window_us, uint64_t *error)
{
	uint64_t ticks = ref->hz * window_us / 1000000, passed = 0;
	uint32_t origin = ref->finish(ref->read());
	struct sample start, end;

	if (!sum_samples(ref, origin, &start))
		return 0;
	for (unsigned i = 0; i < MAX_POLLS && passed < ticks; i++)
		passed = (ref->finish(ref->read()) - origin) & ref->mask;
	if (passed < ticks || !sum_samples(ref, origin, &end) || end.count <= start.count)
		return 0;
	*error = (start.spread + end.spread) * SAMPLES * 1000000 / (end.tsc - start.tsc);
	return frequency_khz(end.tsc - start.tsc, end.count - start.count, ref->hz);
}

static INIT_TEXT uint64_t measure_well(const struct reference *ref)
{
	uint64_t best_khz = 0, best_error = UINT64_MAX;
	unsigned window_us = FIRST_WINDOW_US;

	for (unsigned i = 0; i < MAX_TRIES && best_error > GOOD_PPM; i++) {
		uint64_t error = UINT64_MAX;
		uint64_t khz = measure(ref, window_us, &error);

		if (khz != 0 && error < best_error) {
			best_error = error;
			best_khz = khz;
		}
		window_us = MIN(window_us * 2, (unsigned)MAX_WINDOW_US);
	}
	/* What no processor does is a counter that does not do what it should. */
	if (best_khz < 10000 || best_khz > 20000000)
		return 0;
	return best_khz;
}

static INIT_TEXT bool hpet_start(struct reference *ref)
{
	uint64_t period_fs;

	hpet = machine.hpet ? device_map(machine.hpet, 1024, false) : NULL;
	if (!hpet)
		return false;
	period_fs = hpet[HPET_PERIOD];
	if (period_fs == 0 || period_fs > 100000000) /* specification 2.3.4 */
		return false;
	hpet[HPET_CONFIG] |= HPET_ENABLE;
	*ref = (struct reference){"HPET", 1000000000000000ULL / period_fs, UINT32_MAX, hpet_read,
				  no_finish};
	return true;
}

static INIT_TEXT bool pm_start(struct reference *ref)
{
	if (machine.pm_timer.width == 0 || !machine.pm_timer.is_port)
		return false;
	*ref = (struct reference){"PM timer", PM_TIMER_HZ,
				  machine.pm_timer_bits == 32 ? UINT32_MAX : 0xffffff, pm_read,
				  no_finish};
	return true;
}

/* Channel 0 counts from 65536 down and starts over, every 55 ms. Its interrupt is masked. */
static INIT_TEXT bool pit_start(struct reference *ref)
{
	io_write8(PIT_COMMAND, 0x34);
	io_write8(PIT_CHANNEL0, 0);
	io_write8(PIT_CHANNEL0, 0);
	*ref = (struct reference){"PIT", PIT_HZ, 0xffff, pit_latch, pit_finish};
	return true;
}

INIT_TEXT uint64_t calibrate_tsc_khz(void)
{
	bool (*const starts[])(struct reference *) = {hpet_start, pm_start, pit_start};

	for (unsigned i = 0; i < ARRAY_LEN(starts); i++) {
		struct reference ref;
		uint64_t khz = starts[i](&ref) ? measure_well(&ref) : 0;

		if (khz)
			return khz;
	}
	return 0;
}
