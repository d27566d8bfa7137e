/*
 * Who a process is to itself: pids and the ids of its credentials. credentials(7). The running task's
 * own fields need no lock; its parent may change, so that one does.
 */
#include <kern/cred.h>
#include <kern/process.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

long sys_getpid(void)
{
	return current->tgid;
}

long sys_gettid(void)
{
	return current->pid;
}

long sys_getppid(void)
{
	return task_ppid(current);
}

long sys_getuid(void)
{
	return current->cred->uid;
}

long sys_geteuid(void)
{
	return current->cred->euid;
}

long sys_getgid(void)
{
	return current->cred->gid;
}

long sys_getegid(void)
{
	return current->cred->egid;
}

static long three_to_user(uint32_t *user_a, uint32_t a, uint32_t *user_b, uint32_t b,
			  uint32_t *user_c, uint32_t c)
{
	int err = copy_to_user(user_a, &a, sizeof(a));

	if (!err)
		err = copy_to_user(user_b, &b, sizeof(b));
	if (!err)
		err = copy_to_user(user_c, &c, sizeof(c));
	return err;
}

long sys_getresuid(uint32_t *real, uint32_t *effective, uint32_t *saved)
{
	const struct cred *cred = current->cred;

	return three_to_user(real, cred->uid, effective, cred->euid, saved, cred->suid);
}

long sys_getresgid(uint32_t *real, uint32_t *effective, uint32_t *saved)
{
	const struct cred *cred = current->cred;

	return three_to_user(real, cred->gid, effective, cred->egid, saved, cred->sgid);
}

long sys_getgroups(int size, uint32_t *user_list)
{
	const struct cred *cred = current->cred;

	if (size < 0)
		return -EINVAL;
	if (size) {
		if ((uint32_t)size < cred->nr_groups)
			return -EINVAL;
		if (copy_to_user(user_list, cred->groups,
				 cred->nr_groups * sizeof(cred->groups[0])))
			return -EFAULT;
	}
	return cred->nr_groups;
}
