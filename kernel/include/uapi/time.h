/* clock_gettime(2), setitimer(2), times(2): numbers and layouts of Linux. */
#ifndef UAPI_TIME_H
#define UAPI_TIME_H

#include <stdint.h>

struct abi_timespec {
	int64_t sec;
	int64_t nsec;
};

struct abi_timeval {
	int64_t sec;
	int64_t usec;
};

struct abi_timezone {
	int32_t minutes_west;
	int32_t dst_time;
};

struct abi_itimerspec {
	struct abi_timespec interval, value;
};

struct abi_itimerval {
	struct abi_timeval interval, value;
};

/* struct tms, in clock ticks */
struct abi_tms {
	int64_t utime, stime, cutime, cstime;
};
#define ABI_CLOCK_TICKS 100 /* a second; sysconf(_SC_CLK_TCK) */

struct abi_timex {
	uint32_t modes;
	uint32_t pad0;
	int64_t offset, freq, maxerror, esterror;
	int32_t status, pad1;
	int64_t constant, precision, tolerance;
	struct abi_timeval time;
	int64_t tick, ppsfreq, jitter;
	int32_t shift, pad2;
	int64_t stabil, jitcnt, calcnt, errcnt, stbcnt;
	int32_t tai;
	int32_t reserved[11];
};
_Static_assert(sizeof(struct abi_timex) == 208, "struct timex");

#define CLOCK_REALTIME		 0
#define CLOCK_MONOTONIC		 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID	 3
#define CLOCK_MONOTONIC_RAW	 4
#define CLOCK_REALTIME_COARSE	 5
#define CLOCK_MONOTONIC_COARSE	 6
#define CLOCK_BOOTTIME		 7
#define CLOCK_REALTIME_ALARM	 8
#define CLOCK_BOOTTIME_ALARM	 9
#define CLOCK_TAI		 11

#define TIMER_ABSTIME 1

#define ITIMER_REAL    0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF    2

/* adjtimex(2) */
#define TIME_OK	   0
#define TIME_ERROR 5
#define STA_UNSYNC 0x0040

#endif
