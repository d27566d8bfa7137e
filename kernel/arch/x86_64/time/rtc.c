/* The battery clock (MC146818 data sheet): read once at boot, never written. Boot CPU. */
#include <port/x86.h>
#include "time.h"

enum {
	CMOS_INDEX = 0x70,
	CMOS_DATA = 0x71,
	RTC_SECOND = 0,
	RTC_MINUTE = 2,
	RTC_HOUR = 4,
	RTC_DAY = 7,
	RTC_MONTH = 8,
	RTC_YEAR = 9,
	RTC_STATUS_A = 10,
	RTC_STATUS_B = 11,
	STATUS_A_UPDATING = 0x80,
	STATUS_B_24_HOURS = 2,
	STATUS_B_BINARY = 4,
	HOUR_PM = 0x80,
	MAX_TRIES = 5000,
};

struct rtc_time {
	uint8_t second, minute, hour, day, month, year;
};

static INIT_TEXT uint8_t cmos(uint8_t index)
{
	io_write8(CMOS_INDEX, index);
	return io_read8(CMOS_DATA);
}

static INIT_TEXT struct rtc_time read_registers(void)
{
	return (struct rtc_time){cmos(RTC_SECOND), cmos(RTC_MINUTE), cmos(RTC_HOUR),
				 cmos(RTC_DAY),	   cmos(RTC_MONTH),  cmos(RTC_YEAR)};
}

static bool is_same(const struct rtc_time *a, const struct rtc_time *b)
{
	return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
	       a->day == b->day && a->month == b->month && a->year == b->year;
}

/* Two readings that agree, neither begun during an update. */
static INIT_TEXT bool read_stable(struct rtc_time *time)
{
	struct rtc_time last = {0};
	bool has_last = false;

	for (unsigned i = 0; i < MAX_TRIES; i++) {
		uint8_t status = cmos(RTC_STATUS_A);

		if (status == 0xff) /* nothing there */
			return false;
		if (status & STATUS_A_UPDATING) {
			has_last = false;
			continue;
		}
		*time = read_registers();
		if (has_last && is_same(time, &last))
			return true;
		last = *time;
		has_last = true;
	}
	return false;
}

static INIT_TEXT unsigned number(uint8_t value, bool is_binary)
{
	return is_binary ? value : (value >> 4) * 10U + (value & 15);
}

INIT_TEXT uint64_t rtc_read_epoch(void)
{
	struct rtc_time t;
	unsigned status, hour, month, day;
	bool is_binary;

	if (!read_stable(&t))
		return 0;
	status = cmos(RTC_STATUS_B);
	is_binary = status & STATUS_B_BINARY;
	hour = number(t.hour & ~HOUR_PM, is_binary);
	if (!(status & STATUS_B_24_HOURS))
		hour = hour % 12 + (t.hour & HOUR_PM ? 12 : 0);
	month = number(t.month, is_binary);
	day = number(t.day, is_binary);
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23)
		return 0;
	return ((days_from_date(2000 + number(t.year, is_binary), month, day) * 24 + hour) * 60 +
		number(t.minute, is_binary)) *
		       60 +
	       number(t.second, is_binary);
}
