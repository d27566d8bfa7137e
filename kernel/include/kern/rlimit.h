/*
 * Resource limits as other parts need them (rank 4; kept and changed by task/rlimit.c).
 * getrlimit(2).
 */
#ifndef KERN_RLIMIT_H
#define KERN_RLIMIT_H

#include <kern/types.h>
#include <uapi/resource.h>

/* The soft limit of the running task's process, in the resource's own unit; RLIM_INFINITY: none. A
 * kernel thread has none. resource: RLIMIT_ < NR_RLIMITS. Context: any. */
uint64_t rlimit_current(unsigned resource);

#endif
