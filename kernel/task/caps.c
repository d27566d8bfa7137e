/*
 * capget(2) and capset(2): capability sets by the thread that has them. A set only shrinks, but for
 * inheritable, which grows within permitted and bounding.
 */
#include <kern/cred.h>
#include <kern/process.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

enum {
	CAP_VERSION_1 = 0x19980330, /* 32 bits */
	CAP_VERSION_2 = 0x20071026,
	CAP_VERSION_3 = 0x20080522, /* 64 bits, as 2 */
};

struct abi_cap_header {
	uint32_t version;
	int32_t pid;
};

struct abi_cap_data {
	uint32_t effective, permitted, inheritable;
};

/* How many of struct abi_cap_data go with the version; an unknown one is answered with ours. */
static int header_read(struct abi_cap_header *header, struct abi_cap_header *user, unsigned *nr)
{
	if (copy_from_user(header, user, sizeof(*header)))
		return -EFAULT;
	switch (header->version) {
	case CAP_VERSION_1:
		*nr = 1;
		return 0;
	case CAP_VERSION_2:
	case CAP_VERSION_3:
		*nr = 2;
		return 0;
	default:
		header->version = CAP_VERSION_3;
		if (copy_to_user(user, header, sizeof(*header)))
			return -EFAULT;
		return -EINVAL;
	}
}

long sys_capget(void *user_header, void *user_data)
{
	struct abi_cap_header header;
	struct abi_cap_data data[2];
	struct task_struct *task;
	struct cred *cred;
	unsigned nr, i;
	int err = header_read(&header, user_header, &nr);

	if (err)
		return err == -EINVAL && !user_data ? 0 : err;
	if (!user_data || header.pid < 0)
		return user_data ? -EINVAL : 0;
	task = task_find(header.pid ? header.pid : current->pid);
	if (!task)
		return -ESRCH;
	cred = task_cred_get(task);
	put_task_struct(task);
	for (i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(cred->cap_effective >> (32 * i));
		data[i].permitted = (uint32_t)(cred->cap_permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(cred->cap_inheritable >> (32 * i));
	}
	cred_put(cred);
	return copy_to_user(user_data, data, nr * sizeof(data[0]));
}

static bool is_subset(uint64_t part, uint64_t whole)
{
	return !(part & ~whole);
}

long sys_capset(void *user_header, const void *user_data)
{
	const struct cred *old = current->cred;
	struct abi_cap_header header;
	struct abi_cap_data data[2] = {{0}};
	uint64_t effective, permitted, inheritable;
	struct cred *cred;
	unsigned nr;
	int err = header_read(&header, user_header, &nr);

	if (err)
		return err;
	if (header.pid && header.pid != current->pid)
		return -EPERM;
	if (copy_from_user(data, user_data, nr * sizeof(data[0])))
		return -EFAULT;
	effective = data[0].effective | (uint64_t)data[1].effective << 32;
	permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	if (!is_subset(permitted, old->cap_permitted) || !is_subset(effective, permitted) ||
	    !is_subset(inheritable, old->cap_inheritable | old->cap_permitted) ||
	    !is_subset(inheritable, old->cap_inheritable | old->cap_bounding))
		return -EPERM;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	cred->cap_effective = effective;
	cred->cap_permitted = permitted;
	cred->cap_inheritable = inheritable;
	cred->cap_ambient &= permitted & inheritable;
	cred_install_move(cred);
	return 0;
}
