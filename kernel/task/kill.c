/*
 * System calls that send signals to others, and who may: kill(2), tkill(2), sigqueue(3).
 * Groups are signalled under task_list_lock: nobody is born into one, or leaves it, meanwhile, and a
 * fork that has begun is repeated after the signal (fork.c).
 */
#include <kern/cred.h>
#include <kern/process.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

/* kill(2): the real or effective uid of the sender is the real or saved one of the target; SIGCONT
 * may be sent within a session. */
int signal_check_permission(struct task_struct *task, int signal)
{
	const struct cred *mine = current->cred;
	struct cred *theirs;
	bool is_allowed;

	if (task->signal == current->signal || capable(CAP_KILL))
		return 0;
	theirs = task_cred_get(task);
	is_allowed = mine->euid == theirs->suid || mine->euid == theirs->uid ||
		     mine->uid == theirs->suid || mine->uid == theirs->uid;
	cred_put(theirs);
	/* Pointers are only compared; ours stays alive. */
	if (!is_allowed && signal == SIGCONT)
		is_allowed = atomic_load_relaxed(&task->signal->session) ==
			     atomic_load_relaxed(&current->signal->session);
	return is_allowed ? 0 : -EPERM;
}

static int send_checked(struct task_struct *task, int signal, const struct signal_info *info,
			int (*send)(struct task_struct *task, int signal,
				    const struct signal_info *info))
{
	int err = signal_check_permission(task, signal);

	return err ? err : send(task, signal, info);
}

void signal_info_of_sender(struct signal_info *info, int signal, int code)
{
	*info = (struct signal_info){.signo = signal, .code = code};
	info->sender.pid = current->tgid;
	info->sender.uid = current->cred->uid;
}

static int kill_process(int32_t pid, int signal, const struct signal_info *info)
{
	struct task_struct *task;
	int err;

	if (pid == current->pid)
		return signal_send_process(current, signal, info);
	task = task_find(pid);
	if (!task)
		return -ESRCH;
	err = send_checked(task, signal, info, signal_send_process);
	put_task_struct(task);
	return err;
}

/* 0 if any member got it. */
static int kill_pgrp(struct pid *pgrp, int signal, const struct signal_info *info)
{
	struct signal_struct *process;
	int err, result = -ESRCH;

	if (!pgrp)
		return -ESRCH;
	list_for_each_entry (process, &pgrp->pgrp_members, pgrp_node) {
		err = send_checked(process->leader, signal, info, signal_send_group);
		if (!err || result)
			result = err;
	}
	return result;
}

/* Everybody but init and the sender's own process. */
static int kill_all(int signal, const struct signal_info *info)
{
	struct task_struct *task;
	int err, result = -ESRCH;

	for (task = process_lookup_next(2); task; task = process_lookup_next(task->pid + 1)) {
		if (task->signal == current->signal)
			continue;
		err = send_checked(task, signal, info, signal_send_group);
		if (result == -ESRCH)
			result = 0;
		if (err && err != -EPERM)
			result = err;
	}
	return result;
}

long sys_kill(int32_t pid, int signal)
{
	struct signal_info info;
	unsigned long flags;
	int err;

	signal_info_of_sender(&info, signal, SI_USER);
	if (signal < 0 || signal > NR_SIGNALS)
		return -EINVAL;
	if (pid > 0)
		return kill_process(pid, signal, &info);
	if (pid == INT32_MIN)
		return -ESRCH;
	flags = task_list_lock_irqsave();
	if (pid == -1)
		err = kill_all(signal, &info);
	else
		err = kill_pgrp(pid ? pid_lookup(-pid) : current->signal->pgrp, signal, &info);
	task_list_unlock_irqrestore(flags);
	return err;
}

/* To one thread; tgid > 0: only if it is of that process. */
static int kill_thread(int32_t tgid, int32_t tid, int signal, const struct signal_info *info)
{
	struct task_struct *task;
	int err = -ESRCH;

	if (signal < 0 || signal > NR_SIGNALS)
		return -EINVAL;
	if (tid == current->pid && (tgid <= 0 || tgid == current->tgid))
		return signal_send_task(current, signal, info);
	task = task_find(tid);
	if (!task)
		return -ESRCH;
	if (tgid <= 0 || task->tgid == tgid) {
		err = send_checked(task, signal, info, signal_send_task);
		/* A thread that ends just now: not an error to be seen, unless it is only looked for. */
		if (err == -ESRCH && signal)
			err = 0;
	}
	put_task_struct(task);
	return err;
}

long sys_tkill(int32_t tid, int signal)
{
	struct signal_info info;

	if (tid <= 0)
		return -EINVAL;
	signal_info_of_sender(&info, signal, SI_TKILL);
	return kill_thread(0, tid, signal, &info);
}

long sys_tgkill(int32_t tgid, int32_t tid, int signal)
{
	struct signal_info info;

	if (tid <= 0 || tgid <= 0)
		return -EINVAL;
	signal_info_of_sender(&info, signal, SI_TKILL);
	return kill_thread(tgid, tid, signal, &info);
}

int signal_info_from_user(struct signal_info *info, int signal, const void *user)
{
	if (copy_from_user(info, user, sizeof(*info)))
		return -EFAULT;
	info->signo = signal;
	return 0;
}

/* A program must not pass its own words off as the kernel's or as kill's to another. */
bool signal_info_is_forged(const struct signal_info *info, const struct task_struct *target)
{
	return (info->code >= 0 || info->code == SI_TKILL) && target->signal != current->signal;
}

long sys_rt_sigqueueinfo(int32_t pid, int signal, const void *user_info)
{
	struct signal_info info;
	struct task_struct *task;
	int err = signal_info_from_user(&info, signal, user_info);

	if (err)
		return err;
	if (signal < 0 || signal > NR_SIGNALS)
		return -EINVAL;
	task = task_find(pid);
	if (!task)
		return -ESRCH;
	err = signal_info_is_forged(&info, task)
		      ? -EPERM
		      : send_checked(task, signal, &info, signal_send_process);
	put_task_struct(task);
	return err;
}

long sys_rt_tgsigqueueinfo(int32_t tgid, int32_t tid, int signal, const void *user_info)
{
	struct signal_info info;
	struct task_struct *task;
	int err = signal_info_from_user(&info, signal, user_info);

	if (err)
		return err;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	task = task_find(tid);
	if (!task)
		return -ESRCH;
	err = signal_info_is_forged(&info, task) ? -EPERM : kill_thread(tgid, tid, signal, &info);
	put_task_struct(task);
	return err;
}
