/*
 * System calls about scheduling: sched(7), nice and priorities, CPU affinity. What is asked for is
 * checked here; sched/ does it.
 */
#include <kern/cred.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <arch/cpu.h>

#include "task_private.h"

/* The task of a pid (0: the caller), with a reference. */
static int find(int32_t pid, struct task_struct **task)
{
	if (pid < 0)
		return -EINVAL;
	if (pid) {
		*task = task_find(pid);
		return *task ? 0 : -ESRCH;
	}
	get_task_struct(current);
	*task = current;
	return 0;
}

/* sched_setscheduler(2): the caller's effective uid owns the target, or CAP_SYS_NICE. */
static int check_owner(struct task_struct *task)
{
	const struct cred *mine = current->cred;
	struct cred *theirs;
	bool is_owner;

	if (task == current || capable(CAP_SYS_NICE))
		return 0;
	theirs = task_cred_get(task);
	is_owner = mine->euid == theirs->euid || mine->euid == theirs->uid;
	cred_put(theirs);
	return is_owner ? 0 : -EPERM;
}

static int nice_of(const struct task_struct *task)
{
	return 0 + task->se.nice;
}

/* The lowest nice value that RLIMIT_NICE leaves a process. */
static bool nice_is_allowed(struct task_struct *task, int nice)
{
	uint64_t limit = process_rlimit(task, RLIMIT_NICE).soft;

	return nice >= nice_of(task) || capable(CAP_SYS_NICE) || (uint64_t)(20 - nice) <= limit;
}

long sys_sched_yield(void)
{
	sched_yield();
	return 0;
}

/* ---- policies ------------------------------------------------------------------------------------------------ */

static bool policy_is_realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static int policy_check(struct task_struct *task, int policy, int priority)
{
	int err;

	if (policy_is_realtime(policy) ? priority < 1 || priority > 99 : priority != 0)
		return -EINVAL;
	if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE &&
	    !policy_is_realtime(policy))
		return -EINVAL;
	err = check_owner(task);
	if (err)
		return err;
	if (policy_is_realtime(policy) && !capable(CAP_SYS_NICE) &&
	    (uint64_t)priority > process_rlimit(task, RLIMIT_RTPRIO).soft)
		return -EPERM;
	return 0;
}

static long policy_set(int32_t pid, int policy, int priority, bool reset_on_fork)
{
	struct task_struct *task;
	int err = find(pid, &task);

	if (err)
		return err;
	if (policy < 0)
		policy = task->se.policy;
	err = policy_check(task, policy, priority);
	if (!err)
		err = sched_set_policy(task, policy, priority);
	if (!err)
		task->se.reset_on_fork = reset_on_fork;
	put_task_struct(task);
	return err;
}

long sys_sched_setscheduler(int32_t pid, int policy, const struct abi_sched_param *user_param)
{
	struct abi_sched_param param;

	if (policy < 0)
		return -EINVAL;
	if (copy_from_user(&param, user_param, sizeof(param)))
		return -EFAULT;
	return policy_set(pid, policy & ~SCHED_RESET_ON_FORK, param.priority,
			  policy & SCHED_RESET_ON_FORK);
}

long sys_sched_setparam(int32_t pid, const struct abi_sched_param *user_param)
{
	struct abi_sched_param param;

	if (copy_from_user(&param, user_param, sizeof(param)))
		return -EFAULT;
	return policy_set(pid, -1, param.priority, false);
}

long sys_sched_getscheduler(int32_t pid)
{
	struct task_struct *task;
	long result = find(pid, &task);

	if (result)
		return result;
	result = task->se.policy | (task->se.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	put_task_struct(task);
	return result;
}

long sys_sched_getparam(int32_t pid, struct abi_sched_param *user_param)
{
	struct abi_sched_param param;
	struct task_struct *task;
	int err = find(pid, &task);

	if (err)
		return err;
	param.priority = policy_is_realtime(task->se.policy) ? task->se.rt_priority : 0;
	put_task_struct(task);
	return copy_to_user(user_param, &param, sizeof(param));
}

static long priority_bound(int policy, int realtime)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return realtime;
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_sched_get_priority_max(int policy)
{
	return priority_bound(policy, 99);
}

long sys_sched_get_priority_min(int policy)
{
	return priority_bound(policy, 1);
}

long sys_sched_rr_get_interval(int32_t pid, struct abi_timespec *user_interval)
{
	struct abi_timespec interval;
	struct task_struct *task;
	int err = find(pid, &task);

	if (err)
		return err;
	interval = timespec_of(task->se.policy == SCHED_FIFO ? 0 : sched_slice_ns(task));
	put_task_struct(task);
	return copy_to_user(user_interval, &interval, sizeof(interval));
}

/* ---- sched_attr ------------------------------------------------------------------------------------------------ */

static int attr_read(struct abi_sched_attr *attr, const struct abi_sched_attr *user)
{
	uint32_t size;

	if (copy_from_user(&size, user, sizeof(size))) /* its first field */
		return -EFAULT;
	if (!size)
		size = ABI_SCHED_ATTR_SIZE_0;
	if (size < ABI_SCHED_ATTR_SIZE_0 || size > PAGE_SIZE)
		return -E2BIG;
	memset(attr, 0, sizeof(*attr));
	return copy_from_user(attr, user, MIN(size, (uint32_t)sizeof(*attr)));
}

long sys_sched_setattr(int32_t pid, const struct abi_sched_attr *user_attr, unsigned flags)
{
	struct abi_sched_attr attr;
	struct task_struct *task;
	int err;

	if (flags)
		return -EINVAL;
	err = attr_read(&attr, user_attr);
	if (err)
		return err;
	if (attr.policy > INT32_MAX || attr.priority > 99)
		return -EINVAL;
	err = (int)policy_set(pid, (int)attr.policy, (int)attr.priority,
			      attr.flags & SCHED_FLAG_RESET_ON_FORK);
	if (err || policy_is_realtime((int)attr.policy))
		return err;
	err = find(pid, &task);
	if (err)
		return err;
	attr.nice = MAX(MIN(attr.nice, 19), -20);
	err = nice_is_allowed(task, attr.nice) ? sched_set_nice(task, attr.nice) : -EPERM;
	put_task_struct(task);
	return err;
}

long sys_sched_getattr(int32_t pid, struct abi_sched_attr *user_attr, unsigned size, unsigned flags)
{
	struct abi_sched_attr attr = {.size = sizeof(attr)};
	struct task_struct *task;
	int err;

	if (flags || size < ABI_SCHED_ATTR_SIZE_0 || size > PAGE_SIZE)
		return -EINVAL;
	err = find(pid, &task);
	if (err)
		return err;
	attr.size = MIN(size, (unsigned)sizeof(attr));
	attr.policy = task->se.policy;
	attr.flags = task->se.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	if (policy_is_realtime(task->se.policy))
		attr.priority = task->se.rt_priority;
	else
		attr.nice = nice_of(task);
	put_task_struct(task);
	return copy_to_user(user_attr, &attr, attr.size);
}

/* ---- affinity ---------------------------------------------------------------------------------------------------- */

long sys_sched_setaffinity(int32_t pid, unsigned len, const uint64_t *user_mask)
{
	struct task_struct *task;
	uint64_t mask = 0;
	int err;

	if (copy_from_user(&mask, user_mask, MIN(len, (unsigned)sizeof(mask))))
		return -EFAULT;
	err = find(pid, &task);
	if (err)
		return err;
	err = check_owner(task);
	if (!err && (task->flags & PF_BOUND))
		err = -EINVAL;
	mask &= cpus_present;
	if (!err)
		err = mask & atomic_load_acquire(&cpus_online) ? sched_set_affinity(task, mask)
							       : -EINVAL;
	put_task_struct(task);
	return err;
}

long sys_sched_getaffinity(int32_t pid, unsigned len, uint64_t *user_mask)
{
	struct task_struct *task;
	uint64_t mask;
	int err;

	if (len < sizeof(mask) || len % sizeof(mask))
		return -EINVAL;
	err = find(pid, &task);
	if (err)
		return err;
	mask = task->affinity & atomic_load_acquire(&cpus_online);
	put_task_struct(task);
	return copy_to_user(user_mask, &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

long sys_getcpu(unsigned *user_cpu, unsigned *user_node, void *unused)
{
	unsigned cpu = arch_cpu_id();
	const unsigned node = 0;

	if (user_cpu && copy_to_user(user_cpu, &cpu, sizeof(cpu)))
		return -EFAULT;
	if (user_node && copy_to_user(user_node, &node, sizeof(node)))
		return -EFAULT;
	return 0;
}

/* ---- nice ------------------------------------------------------------------------------------------------------------ */

/* Whom getpriority and setpriority mean; who 0: the caller's. Returns whether it is one of them. */
static bool is_meant(struct task_struct *task, int which, int who)
{
	struct cred *cred;
	bool result;

	switch (which) {
	case PRIO_PROCESS:
		return task->pid == who;
	case PRIO_PGRP:
		return task_pgrp(task) == who;
	default:
		cred = task_cred_get(task);
		result = cred->uid == (uint32_t)who;
		cred_put(cred);
		return result;
	}
}

static int who_default(int which, int who)
{
	if (who)
		return who;
	switch (which) {
	case PRIO_PROCESS:
		return current->pid;
	case PRIO_PGRP:
		return task_pgrp(current);
	default:
		return (int)current->cred->uid;
	}
}

static int nice_set_one(struct task_struct *task, int nice)
{
	int err = check_owner(task);

	if (err)
		return err;
	return nice_is_allowed(task, nice) ? sched_set_nice(task, nice) : -EACCES;
}

/* Calls for every thread that is meant: *nice is set, or lowered to what it is. */
static int for_each_meant(int which, int who, bool sets, int *nice)
{
	struct task_struct *leader, *thread, *next;
	int err = -ESRCH, one;

	if (which == PRIO_PROCESS) {
		thread = task_find(who);
		if (!thread)
			return -ESRCH;
		err = sets ? nice_set_one(thread, *nice) : 0;
		*nice = nice_of(thread);
		put_task_struct(thread);
		return err;
	}
	for (leader = process_next(1); leader; leader = process_next_put(leader)) {
		if (!is_meant(leader, which, who))
			continue;
		for (thread = thread_next(leader, 1); thread; thread = next) {
			one = sets ? nice_set_one(thread, *nice) : 0;
			if (err == -ESRCH || one)
				err = one;
			if (!sets)
				*nice = MIN(*nice, nice_of(thread));
			next = thread_next(leader, thread->pid + 1);
			put_task_struct(thread);
		}
	}
	return err;
}

long sys_getpriority(int which, int who)
{
	int nice = 19, err;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	err = for_each_meant(which, who_default(which, who), false, &nice);
	return err ? err : 20 - nice;
}

long sys_setpriority(int which, int who, int nice)
{
	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	nice = MAX(MIN(nice, 19), -20);
	return for_each_meant(which, who_default(which, who), true, &nice);
}
