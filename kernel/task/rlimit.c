/*
 * Resource limits: getrlimit(2), prlimit(2). They belong to the process, under signal->lock; those
 * that the address space checks are copied into it.
 */
#include <kern/cred.h>
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

enum { NOFILE_MAX = 1 << 20 }; /* fs.nr_open */

uint64_t rlimit_current(unsigned resource)
{
	return atomic_load_relaxed(&current->signal->rlimits[resource].soft);
}

struct abi_rlimit process_rlimit(struct task_struct *task, unsigned resource)
{
	unsigned long flags = spin_lock_irqsave(&task->signal->lock);
	struct abi_rlimit limit = task->signal->rlimits[resource];

	spin_unlock_irqrestore(&task->signal->lock, flags);
	return limit;
}

/* The address space checks its own copies. */
static void mm_limits_update(struct task_struct *task, unsigned resource, uint64_t soft)
{
	struct mm_struct *mm = get_task_mm(task);
	struct mm_contents *contents;

	if (!mm)
		return;
	contents = mm->contents;
	switch (resource) {
	case RLIMIT_STACK:
		atomic_store_relaxed(&contents->stack_limit, soft);
		break;
	case RLIMIT_AS:
		atomic_store_relaxed(&contents->as_limit, soft);
		break;
	case RLIMIT_DATA:
		atomic_store_relaxed(&contents->data_limit, soft);
		break;
	case RLIMIT_MEMLOCK:
		if (contents->memlock_limit != UINT64_MAX)
			atomic_store_relaxed(&contents->memlock_limit, soft);
		break;
	default:
		break;
	}
	mmput(mm);
}

static int limit_check(const struct abi_rlimit *limit, const struct abi_rlimit *old,
		       unsigned resource)
{
	if (limit->soft > limit->hard)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && limit->hard > NOFILE_MAX)
		return -EPERM;
	if (limit->hard > old->hard && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return 0;
}

static int limit_exchange(struct task_struct *task, unsigned resource,
			  const struct abi_rlimit *limit, struct abi_rlimit *old)
{
	struct signal_struct *process = task->signal;
	struct cpu_usage usage = {0};
	unsigned long flags;
	int err = 0;

	if (limit && resource == RLIMIT_CPU)
		process_cpu_usage(task, &usage);
	flags = spin_lock_irqsave(&process->lock);
	*old = process->rlimits[resource];
	if (limit) {
		err = limit_check(limit, old, resource);
		if (!err) {
			process->rlimits[resource].hard = limit->hard;
			atomic_store_relaxed(&process->rlimits[resource].soft, limit->soft);
			if (resource == RLIMIT_CPU)
				cpu_limit_changed(process, usage.user_ns + usage.system_ns);
		}
	}
	spin_unlock_irqrestore(&process->lock, flags);
	if (limit && !err)
		mm_limits_update(task, resource, limit->soft);
	return err;
}

/* prlimit(2): the same user in every respect, or CAP_SYS_RESOURCE. */
static int check_permission(struct task_struct *task)
{
	const struct cred *mine = current->cred;
	struct cred *theirs;
	bool is_allowed;

	if (task->signal == current->signal || capable(CAP_SYS_RESOURCE))
		return 0;
	theirs = task_cred_get(task);
	is_allowed = mine->uid == theirs->uid && mine->uid == theirs->euid &&
		     mine->uid == theirs->suid && mine->gid == theirs->gid &&
		     mine->gid == theirs->egid && mine->gid == theirs->sgid;
	cred_put(theirs);
	return is_allowed ? 0 : -EPERM;
}

long sys_prlimit64(int32_t pid, unsigned resource, const struct abi_rlimit *user_limit,
		   struct abi_rlimit *user_old)
{
	struct abi_rlimit limit, old;
	struct task_struct *task;
	int err;

	if (resource >= NR_RLIMITS)
		return -EINVAL;
	if (user_limit && copy_from_user(&limit, user_limit, sizeof(limit)))
		return -EFAULT;
	if (!pid || pid == current->pid) {
		err = limit_exchange(current, resource, user_limit ? &limit : NULL, &old);
	} else {
		task = task_find(pid);
		if (!task)
			return -ESRCH;
		err = check_permission(task);
		if (!err)
			err = limit_exchange(task, resource, user_limit ? &limit : NULL, &old);
		put_task_struct(task);
	}
	if (!err && user_old)
		err = copy_to_user(user_old, &old, sizeof(old));
	return err;
}

long sys_getrlimit(unsigned resource, struct abi_rlimit *user_limit)
{
	struct abi_rlimit limit;

	if (resource >= NR_RLIMITS)
		return -EINVAL;
	limit = process_rlimit(current, resource);
	return copy_to_user(user_limit, &limit, sizeof(limit));
}

long sys_setrlimit(unsigned resource, const struct abi_rlimit *user_limit)
{
	struct abi_rlimit limit, old;

	if (resource >= NR_RLIMITS)
		return -EINVAL;
	if (copy_from_user(&limit, user_limit, sizeof(limit)))
		return -EFAULT;
	return limit_exchange(current, resource, &limit, &old);
}
