/* readv(2) and its relatives. */
#ifndef UAPI_UIO_H
#define UAPI_UIO_H

#include <stdint.h>

#define UIO_MAXIOV 1024
#define IOV_MAX	   UIO_MAXIOV
#define PIPE_BUF   4096
#define PATH_MAX   4096 /* with the NUL */
#define NAME_MAX   255	/* without */
/* Most bytes that one read or write moves (read(2)). */
#define RW_COUNT_MAX 0x7ffff000UL

struct abi_iovec {
	uintptr_t base;
	uint64_t len;
};

#endif
