/* prctl(2) and personality(2): odds and ends that a thread or process sets for itself. */
#include <kern/cred.h>
#include <kern/process.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/prctl.h>

#include "task_private.h"

enum { TIMER_SLACK_NS = 50000 }; /* what Linux tells; our timers have none */

static long set_pdeath_signal(uint64_t signal)
{
	unsigned long flags;

	if (signal > NR_SIGNALS)
		return -EINVAL;
	flags = task_list_lock_irqsave();
	current->pdeath_signal = (int)signal;
	task_list_unlock_irqrestore(flags);
	return 0;
}

static long get_int(uint64_t user_address, int value)
{
	return copy_to_user((void *)user_address, &value, sizeof(value));
}

static long set_name(uint64_t user_name)
{
	char name[TASK_COMM_LEN] = "";
	ssize_t len = string_from_user(name, (const char *)user_name, sizeof(name) - 1);

	if (len == -EFAULT)
		return -EFAULT;
	name[sizeof(name) - 1] = '\0';
	task_comm_write(current, name);
	return 0;
}

static long get_name(uint64_t user_name)
{
	char name[TASK_COMM_LEN] = "";

	task_comm_read(current, name);
	return copy_to_user((void *)user_name, name, sizeof(name));
}

static long set_subreaper(bool is_one)
{
	unsigned long flags = task_list_lock_irqsave();
	struct signal_struct *process;
	struct task_struct *leader, *ancestor;

	current->signal->is_subreaper = is_one;
	/* Every descendant that there is already shall know that looking up pays. */
	for (leader = process_lookup_next(2); is_one && leader;
	     leader = process_lookup_next(leader->pid + 1)) {
		process = leader->signal;
		for (ancestor = leader->parent; ancestor->pid > 0; ancestor = ancestor->parent) {
			if (ancestor->signal == current->signal)
				process->has_child_subreaper = true;
		}
	}
	task_list_unlock_irqrestore(flags);
	return 0;
}

/* ---- capabilities --------------------------------------------------------------------------------------- */

static long bounding_drop(uint64_t nr)
{
	struct cred *cred;

	if (nr > CAP_LAST)
		return -EINVAL;
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	cred->cap_bounding &= ~(1ULL << nr);
	cred_install_move(cred);
	return 0;
}

static long set_securebits(uint32_t bits)
{
	struct cred *cred;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	cred->securebits = bits;
	cred_install_move(cred);
	return 0;
}

static long set_keep_caps(uint64_t keep)
{
	struct cred *cred;

	if (keep > 1)
		return -EINVAL;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	cred->securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
	if (keep)
		cred->securebits |= SECBIT_KEEP_CAPS;
	cred_install_move(cred);
	return 0;
}

static long ambient(uint64_t what, uint64_t nr)
{
	const struct cred *old = current->cred;
	struct cred *cred;

	if (what != PR_CAP_AMBIENT_CLEAR_ALL && nr > CAP_LAST)
		return -EINVAL;
	if (what == PR_CAP_AMBIENT_IS_SET)
		return old->cap_ambient >> nr & 1;
	if (what < PR_CAP_AMBIENT_RAISE || what > PR_CAP_AMBIENT_CLEAR_ALL)
		return -EINVAL;
	if (what == PR_CAP_AMBIENT_RAISE &&
	    !(old->cap_permitted & old->cap_inheritable & 1ULL << nr))
		return -EPERM;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	if (what == PR_CAP_AMBIENT_CLEAR_ALL)
		cred->cap_ambient = 0;
	else if (what == PR_CAP_AMBIENT_RAISE)
		cred->cap_ambient |= 1ULL << nr;
	else
		cred->cap_ambient &= ~(1ULL << nr);
	cred_install_move(cred);
	return 0;
}

/* ---- the call --------------------------------------------------------------------------------------------- */

static long prctl_caps(int option, uint64_t a, uint64_t b)
{
	switch (option) {
	case PR_GET_KEEPCAPS:
		return !!(current->cred->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_keep_caps(a);
	case PR_CAPBSET_READ:
		return a > CAP_LAST ? -EINVAL : (long)(current->cred->cap_bounding >> a & 1);
	case PR_CAPBSET_DROP:
		return bounding_drop(a);
	case PR_GET_SECUREBITS:
		return current->cred->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits((uint32_t)a);
	case PR_CAP_AMBIENT:
		return ambient(a, b);
	default:
		return -EINVAL;
	}
}

static long set_no_new_privs(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	if (a != 1 || b || c || d)
		return -EINVAL;
	current->attributes |= TASK_ATTR_NO_NEW_PRIVS;
	return 0;
}

long sys_prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	switch (option) {
	case PR_SET_PDEATHSIG:
		return set_pdeath_signal(a);
	case PR_GET_PDEATHSIG:
		return get_int(a, current->pdeath_signal);
	case PR_GET_DUMPABLE:
		return !current->signal->is_undumpable;
	case PR_SET_DUMPABLE:
		if (a > 1)
			return -EINVAL;
		current->signal->is_undumpable = !a;
		return 0;
	case PR_SET_NAME:
		return set_name(a);
	case PR_GET_NAME:
		return get_name(a);
	case PR_GET_TSC:
		return get_int(a, PR_TSC_ENABLE);
	case PR_SET_TSC:
		return a == PR_TSC_ENABLE ? 0 : -EINVAL;
	case PR_GET_TIMING:
	case PR_GET_SECCOMP:
	case PR_GET_THP_DISABLE:
		return 0;
	case PR_SET_TIMING:
		return a ? -EINVAL : 0;
	case PR_SET_THP_DISABLE:
	case PR_SET_TIMERSLACK:
	case PR_SET_PTRACER:
		return 0;
	case PR_GET_TIMERSLACK:
		return TIMER_SLACK_NS;
	case PR_SET_CHILD_SUBREAPER:
		return set_subreaper(a);
	case PR_GET_CHILD_SUBREAPER:
		return get_int(a, current->signal->is_subreaper);
	case PR_SET_NO_NEW_PRIVS:
		return set_no_new_privs(a, b, c, d);
	case PR_GET_NO_NEW_PRIVS:
		return a || b || c || d ? -EINVAL
					: !!(current->attributes & TASK_ATTR_NO_NEW_PRIVS);
	case PR_GET_TID_ADDRESS:
		return copy_to_user((void *)a, &current->clear_child_tid, sizeof(void *));
	default:
		return prctl_caps(option, a, b);
	}
}

long sys_personality(unsigned persona)
{
	unsigned old = current->signal->personality;

	if (persona != 0xffffffffU)
		current->signal->personality = persona;
	return old;
}
