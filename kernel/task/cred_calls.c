/*
 * Changing credentials: set*uid(2), set*gid(2), setgroups(2), and what a change of uid does to
 * capabilities (capabilities(7), "Effect of user ID changes on capabilities"). Each call makes a copy
 * of the running task's credentials, changes that and installs it; nothing changes on an error.
 */
#include <kern/cred.h>
#include <kern/process.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

#define ID_KEEP UINT32_MAX /* -1: as it is */

/* Capabilities that only make sense with fsuid 0: CHOWN .. FSETID, and MKNOD. */
#define CAP_FS_BITS                                                                   \
	(1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH | \
	 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID | 1ULL << CAP_MKNOD)

/* The uids have changed from old's. */
static void caps_follow_uid(struct cred *cred, const struct cred *old)
{
	bool had_root = !old->uid || !old->euid || !old->suid;
	bool has_root = !cred->uid || !cred->euid || !cred->suid;

	if (cred->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (had_root && !has_root) {
		if (!(cred->securebits & SECBIT_KEEP_CAPS)) {
			cred->cap_permitted = 0;
			cred->cap_effective = 0;
		}
		cred->cap_ambient = 0;
	}
	if (!old->euid && cred->euid)
		cred->cap_effective = 0;
	if (old->euid && !cred->euid)
		cred->cap_effective = cred->cap_permitted;
}

/* RLIMIT_SIGPENDING of the whole process follows its real uid. */
static void process_user_change(struct user *user)
{
	struct signal_struct *process = current->signal;
	struct user *old;
	unsigned long flags;

	if (process->user == user)
		return;
	user_get(user);
	flags = spin_lock_irqsave(&process->lock);
	old = process->user;
	process->user = user;
	spin_unlock_irqrestore(&process->lock, flags);
	user_put(old);
}

/* Finishes a change of uids and installs it; consumes cred either way. */
static int uids_commit(struct cred *cred)
{
	const struct cred *old = current->cred;
	struct user *user;

	if (cred->uid != old->uid) {
		user = user_get_uid(cred->uid);
		if (!user) {
			cred_put(cred);
			return -EAGAIN;
		}
		user_put(cred->user);
		cred->user = user;
	}
	caps_follow_uid(cred, old);
	if (cred->euid != old->euid || cred->fsuid != old->fsuid) {
		current->signal->is_undumpable = true;
		current->pdeath_signal = 0;
	}
	process_user_change(cred->user);
	cred_install_move(cred);
	return 0;
}

static bool uid_is_mine(const struct cred *cred, uint32_t uid)
{
	return uid == cred->uid || uid == cred->euid || uid == cred->suid;
}

static bool gid_is_mine(const struct cred *cred, uint32_t gid)
{
	return gid == cred->gid || gid == cred->egid || gid == cred->sgid;
}

/* ---- uids ------------------------------------------------------------------------------------------------- */

long sys_setuid(uint32_t uid)
{
	const struct cred *old = current->cred;
	struct cred *cred;

	if (uid == ID_KEEP)
		return -EINVAL;
	if (!capable(CAP_SETUID) && uid != old->uid && uid != old->suid)
		return -EPERM;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	if (capable(CAP_SETUID))
		cred->uid = cred->suid = uid;
	cred->euid = cred->fsuid = uid;
	return uids_commit(cred);
}

long sys_setreuid(uint32_t real, uint32_t effective)
{
	const struct cred *old = current->cred;
	struct cred *cred;

	if (!capable(CAP_SETUID)) {
		if (real != ID_KEEP && real != old->uid && real != old->euid)
			return -EPERM;
		if (effective != ID_KEEP && !uid_is_mine(old, effective))
			return -EPERM;
	}
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	if (real != ID_KEEP)
		cred->uid = real;
	if (effective != ID_KEEP)
		cred->euid = effective;
	if (real != ID_KEEP || (effective != ID_KEEP && effective != old->uid))
		cred->suid = cred->euid;
	cred->fsuid = cred->euid;
	return uids_commit(cred);
}

long sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved)
{
	const struct cred *old = current->cred;
	struct cred *cred;

	if (!capable(CAP_SETUID)) {
		if ((real != ID_KEEP && !uid_is_mine(old, real)) ||
		    (effective != ID_KEEP && !uid_is_mine(old, effective)) ||
		    (saved != ID_KEEP && !uid_is_mine(old, saved)))
			return -EPERM;
	}
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	if (real != ID_KEEP)
		cred->uid = real;
	if (effective != ID_KEEP)
		cred->euid = effective;
	if (saved != ID_KEEP)
		cred->suid = saved;
	cred->fsuid = cred->euid;
	return uids_commit(cred);
}

/* Tells the former one; an impossible one changes nothing (setfsuid(2)). */
long sys_setfsuid(uint32_t uid)
{
	const struct cred *old = current->cred;
	uint32_t former = old->fsuid;
	struct cred *cred;

	if (uid == ID_KEEP || uid == former || !(capable(CAP_SETUID) || uid_is_mine(old, uid)))
		return former;
	cred = cred_copy();
	if (!cred)
		return former;
	cred->fsuid = uid;
	if (!former && uid && !(cred->securebits & SECBIT_NO_SETUID_FIXUP))
		cred->cap_effective &= ~CAP_FS_BITS;
	if (former && !uid && !(cred->securebits & SECBIT_NO_SETUID_FIXUP))
		cred->cap_effective |= cred->cap_permitted & CAP_FS_BITS;
	cred_install_move(cred);
	return former;
}

/* ---- gids --------------------------------------------------------------------------------------------------- */

long sys_setgid(uint32_t gid)
{
	const struct cred *old = current->cred;
	struct cred *cred;

	if (gid == ID_KEEP)
		return -EINVAL;
	if (!capable(CAP_SETGID) && gid != old->gid && gid != old->sgid)
		return -EPERM;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	if (capable(CAP_SETGID))
		cred->gid = cred->sgid = gid;
	cred->egid = cred->fsgid = gid;
	cred_install_move(cred);
	return 0;
}

long sys_setregid(uint32_t real, uint32_t effective)
{
	const struct cred *old = current->cred;
	struct cred *cred;

	if (!capable(CAP_SETGID)) {
		if (real != ID_KEEP && real != old->gid && real != old->egid)
			return -EPERM;
		if (effective != ID_KEEP && !gid_is_mine(old, effective))
			return -EPERM;
	}
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	if (real != ID_KEEP)
		cred->gid = real;
	if (effective != ID_KEEP)
		cred->egid = effective;
	if (real != ID_KEEP || (effective != ID_KEEP && effective != old->gid))
		cred->sgid = cred->egid;
	cred->fsgid = cred->egid;
	cred_install_move(cred);
	return 0;
}

long sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved)
{
	const struct cred *old = current->cred;
	struct cred *cred;

	if (!capable(CAP_SETGID)) {
		if ((real != ID_KEEP && !gid_is_mine(old, real)) ||
		    (effective != ID_KEEP && !gid_is_mine(old, effective)) ||
		    (saved != ID_KEEP && !gid_is_mine(old, saved)))
			return -EPERM;
	}
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	if (real != ID_KEEP)
		cred->gid = real;
	if (effective != ID_KEEP)
		cred->egid = effective;
	if (saved != ID_KEEP)
		cred->sgid = saved;
	cred->fsgid = cred->egid;
	cred_install_move(cred);
	return 0;
}

long sys_setfsgid(uint32_t gid)
{
	const struct cred *old = current->cred;
	uint32_t former = old->fsgid;
	struct cred *cred;

	if (gid == ID_KEEP || gid == former || !(capable(CAP_SETGID) || gid_is_mine(old, gid)))
		return former;
	cred = cred_copy();
	if (!cred)
		return former;
	cred->fsgid = gid;
	cred_install_move(cred);
	return former;
}

/* Few are expected and they are nearly in order: insertion. */
static void groups_sort(uint32_t *groups, uint32_t nr)
{
	uint32_t i, j, gid;

	for (i = 1; i < nr; i++) {
		gid = groups[i];
		for (j = i; j > 0 && groups[j - 1] > gid; j--)
			groups[j] = groups[j - 1];
		groups[j] = gid;
	}
}

long sys_setgroups(int size, const uint32_t *user_list)
{
	struct cred *cred;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > NR_GROUPS_MAX)
		return -EINVAL;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	if (copy_from_user(cred->groups, user_list, (size_t)size * sizeof(cred->groups[0]))) {
		cred_put(cred);
		return -EFAULT;
	}
	cred->nr_groups = (uint32_t)size;
	groups_sort(cred->groups, cred->nr_groups);
	cred_install_move(cred);
	return 0;
}
