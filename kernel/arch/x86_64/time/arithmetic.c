/* The arithmetic of frequencies and dates; see time.h. Pure: owns nothing. */
#include "time.h"

uint64_t frequency_khz(uint64_t ticks, uint64_t ref_ticks, uint64_t ref_hz)
{
	if (ref_ticks == 0)
		return 0;
	return ticks * ref_hz / ref_ticks / 1000;
}

/* SDM vol. 3, 19.7.3: the crystal times the ratio; without the crystal's rate, the base frequency. */
uint64_t frequency_from_cpuid(const struct cpuid_frequency *f)
{
	if (f->hypervisor_khz)
		return f->hypervisor_khz;
	if (f->denominator && f->numerator && f->crystal_hz)
		return (uint64_t)f->crystal_hz * f->numerator / f->denominator / 1000;
	if (f->denominator && f->numerator)
		return (uint64_t)f->base_mhz * 1000;
	return 0;
}

uint64_t days_from_date(unsigned year, unsigned month, unsigned day)
{
	static const uint16_t before_month[12] = {0,   31,  59,	 90,  120, 151,
						  181, 212, 243, 273, 304, 334};
	uint64_t y = year - 1; /* leap days of all years before this one */
	uint64_t leaps = y / 4 - y / 100 + y / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return (year - 1970) * 365ULL + leaps + before_month[month - 1] +
	       (is_leap && month > 2 ? 1 : 0) + day - 1;
}
