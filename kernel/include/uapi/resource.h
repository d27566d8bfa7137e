/* getrlimit(2), getrusage(2): numbers and layouts of Linux. */
#ifndef UAPI_RESOURCE_H
#define UAPI_RESOURCE_H

#include <uapi/time.h>

#define RLIMIT_CPU	  0 /* seconds */
#define RLIMIT_FSIZE	  1 /* bytes, as all below unless said */
#define RLIMIT_DATA	  2
#define RLIMIT_STACK	  3
#define RLIMIT_CORE	  4
#define RLIMIT_RSS	  5
#define RLIMIT_NPROC	  6 /* tasks of the user */
#define RLIMIT_NOFILE	  7 /* descriptors */
#define RLIMIT_MEMLOCK	  8
#define RLIMIT_AS	  9
#define RLIMIT_LOCKS	  10
#define RLIMIT_SIGPENDING 11 /* queued signals of the user */
#define RLIMIT_MSGQUEUE	  12
#define RLIMIT_NICE	  13 /* 20 - nice */
#define RLIMIT_RTPRIO	  14
#define RLIMIT_RTTIME	  15 /* microseconds */
#define NR_RLIMITS	  16
#define RLIM_INFINITY	  (~0ULL)

struct abi_rlimit {
	uint64_t soft, hard;
};

#define RUSAGE_SELF	0
#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD	1

struct abi_rusage {
	struct abi_timeval utime, stime;
	int64_t maxrss; /* KiB */
	int64_t ixrss, idrss, isrss;
	int64_t minflt, majflt, nswap;
	int64_t inblock, oublock;
	int64_t msgsnd, msgrcv, nsignals;
	int64_t nvcsw, nivcsw;
};
_Static_assert(sizeof(struct abi_rusage) == 144, "struct rusage");

#endif
