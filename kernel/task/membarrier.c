/*
 * membarrier(2): a full barrier on every CPU that could be running a thread of the caller's memory.
 *
 * Those are in mm->cpumask: a CPU enters it before it loads the root, which is a full barrier, and
 * stays in it while it stands on the root, lazily or not (I15). So one that is not in the mask when
 * it is read, after a full barrier here, passes one itself before it runs such a thread in user mode;
 * and one that has left it has passed one since. That holds on every lazy strategy (I22).
 */
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/sys_task.h>
#include <uapi/errno.h>

#include "task_private.h"

enum {
	MEMBARRIER_QUERY = 0,
	MEMBARRIER_GLOBAL = 1 << 0,
	MEMBARRIER_GLOBAL_EXPEDITED = 1 << 1,
	MEMBARRIER_REGISTER_GLOBAL_EXPEDITED = 1 << 2,
	MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3,
	MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4,
	MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 5,
	MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 6,
};

static void barrier_here(void *arg)
{
	/* The interrupt's return is serialising as well, for SYNC_CORE. */
	atomic_fence_seqcst();
}

static long barrier_on(uint64_t mask)
{
	atomic_fence_seqcst();
	smp_call(mask & atomic_load_acquire(&cpus_online), barrier_here, NULL);
	atomic_fence_seqcst();
	return 0;
}

long sys_membarrier(int command, unsigned flags, int cpu)
{
	if (flags)
		return -EINVAL;
	switch (command) {
	case MEMBARRIER_QUERY:
		return MEMBARRIER_GLOBAL | MEMBARRIER_GLOBAL_EXPEDITED |
		       MEMBARRIER_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_PRIVATE_EXPEDITED |
		       MEMBARRIER_REGISTER_PRIVATE_EXPEDITED |
		       MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE |
		       MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
	case MEMBARRIER_REGISTER_GLOBAL_EXPEDITED:
		return 0;
	case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
		atomic_fetch_or_relaxed(&current->signal->membarrier_ready,
					(uint32_t)MEMBARRIER_PRIVATE_EXPEDITED);
		return 0;
	case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		atomic_fetch_or_relaxed(&current->signal->membarrier_ready,
					(uint32_t)MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE);
		return 0;
	case MEMBARRIER_PRIVATE_EXPEDITED:
	case MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE:
		if (!(current->signal->membarrier_ready & (uint32_t)command))
			return -EPERM;
		return barrier_on(atomic_load_seqcst(&current->mm->cpumask));
	case MEMBARRIER_GLOBAL:
	case MEMBARRIER_GLOBAL_EXPEDITED:
		return barrier_on(UINT64_MAX);
	default:
		return -EINVAL;
	}
}
