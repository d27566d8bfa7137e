/* kernel/arch/x86_64/time/arithmetic.c */
#include "test.h"
#include "../../../../kernel/arch/x86_64/time/time.h"

TEST(frequencies_come_from_ratios)
{
	assert_int_equal(frequency_khz(2600000, 3580, 3579545), 2599669);
	assert_int_equal(frequency_khz(1000000, 1000000, 1000000000), 1000000);
	assert_int_equal(frequency_khz(1, 0, 1000), 0);
}

TEST(cpuid_is_believed_in_order)
{
	struct cpuid_frequency f = {.denominator = 2, .numerator = 250, .crystal_hz = 24000000};

	assert_int_equal(frequency_from_cpuid(&f), 3000000);
	f.crystal_hz = 0;
	f.base_mhz = 2900;
	assert_int_equal(frequency_from_cpuid(&f), 2900000);
	f.hypervisor_khz = 2599998;
	assert_int_equal(frequency_from_cpuid(&f), 2599998);
	f = (struct cpuid_frequency){.base_mhz = 2900};
	assert_int_equal(frequency_from_cpuid(&f), 0); /* may not be the TSC's */
}

TEST(scaling_is_exact_to_a_few_parts_in_a_billion)
{
	static const uint64_t khz[] = {10000, 999996, 2599999, 5000001, 20000000};

	for (unsigned i = 0; i < ARRAY_LEN(khz); i++) {
		struct scale to_ns = scale_make(khz[i], NS_KHZ), back = scale_make(NS_KHZ, khz[i]);
		uint64_t hour = khz[i] * 1000 * 3600;
		uint64_t ns = scale_apply(to_ns, hour), ticks = scale_apply(back, ns);

		assert_in_range(ns, 3600000000000 - 40000, 3600000000000);
		assert_in_range(ticks, hour - hour / 10000000, hour);
	}
	/* A century of ticks does not overflow. */
	assert_true(scale_apply(scale_make(5000000, NS_KHZ), 5000000000ULL * 3155760000) >
		    1ULL << 61);
}

TEST(days_agree_with_a_calendar_walked_day_by_day)
{
	static const uint8_t length[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	uint64_t day = 0;

	for (unsigned year = 1970; year < 2500; year++) {
		bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		for (unsigned month = 1; month <= 12; month++) {
			unsigned days = length[month - 1] + (is_leap && month == 2 ? 1U : 0U);

			for (unsigned d = 1; d <= days; d++)
				assert_int_equal(days_from_date(year, month, d), day++);
		}
	}
}
