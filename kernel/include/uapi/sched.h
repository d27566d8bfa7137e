/* clone(2), sched(7): numbers and layouts of Linux. */
#ifndef UAPI_SCHED_H
#define UAPI_SCHED_H

#include <stdint.h>

#define CSIGNAL		     0x000000ffULL /* clone: what the parent gets at exit */
#define CLONE_NEWTIME	     0x00000080ULL /* clone3 only */
#define CLONE_VM	     0x00000100ULL
#define CLONE_FS	     0x00000200ULL
#define CLONE_FILES	     0x00000400ULL
#define CLONE_SIGHAND	     0x00000800ULL
#define CLONE_PIDFD	     0x00001000ULL
#define CLONE_PTRACE	     0x00002000ULL
#define CLONE_VFORK	     0x00004000ULL
#define CLONE_PARENT	     0x00008000ULL
#define CLONE_THREAD	     0x00010000ULL
#define CLONE_NEWNS	     0x00020000ULL
#define CLONE_SYSVSEM	     0x00040000ULL
#define CLONE_SETTLS	     0x00080000ULL
#define CLONE_PARENT_SETTID  0x00100000ULL
#define CLONE_CHILD_CLEARTID 0x00200000ULL
#define CLONE_DETACHED	     0x00400000ULL
#define CLONE_UNTRACED	     0x00800000ULL
#define CLONE_CHILD_SETTID   0x01000000ULL
#define CLONE_NEWCGROUP	     0x02000000ULL
#define CLONE_NEWUTS	     0x04000000ULL
#define CLONE_NEWIPC	     0x08000000ULL
#define CLONE_NEWUSER	     0x10000000ULL
#define CLONE_NEWPID	     0x20000000ULL
#define CLONE_NEWNET	     0x40000000ULL
#define CLONE_IO	     0x80000000ULL
#define CLONE_CLEAR_SIGHAND  0x100000000ULL /* clone3 only */
#define CLONE_INTO_CGROUP    0x200000000ULL /* clone3 only */

/* struct clone_args */
struct abi_clone_args {
	uint64_t flags;
	uint64_t pidfd;	     /* int * */
	uint64_t child_tid;  /* int * */
	uint64_t parent_tid; /* int * */
	uint64_t exit_signal;
	uint64_t stack;	     /* lowest byte */
	uint64_t stack_size; /* bytes */
	uint64_t tls;
	uint64_t set_tid; /* pid_t * */
	uint64_t set_tid_size;
	uint64_t cgroup;
};
#define ABI_CLONE_ARGS_SIZE_0 64 /* the first published size; the smallest that is accepted */

#define SCHED_OTHER	    0
#define SCHED_FIFO	    1
#define SCHED_RR	    2
#define SCHED_BATCH	    3
#define SCHED_IDLE	    5
#define SCHED_DEADLINE	    6
#define SCHED_RESET_ON_FORK 0x40000000

/* struct sched_param */
struct abi_sched_param {
	int32_t priority;
};

/* struct sched_attr, version 1 */
struct abi_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags; /* SCHED_FLAG_ */
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};
#define ABI_SCHED_ATTR_SIZE_0	 48
#define SCHED_FLAG_RESET_ON_FORK 0x01
#define SCHED_FLAG_KEEP_POLICY	 0x08
#define SCHED_FLAG_KEEP_PARAMS	 0x10

/* setpriority(2) */
#define PRIO_PROCESS 0
#define PRIO_PGRP    1
#define PRIO_USER    2

#endif
