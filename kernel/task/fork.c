/*
 * Making tasks: fork(2), vfork(2), clone(2). A child is built piece by piece while nobody can find
 * it; every piece that can fail comes first. Then, in one step under task_list_lock and its process's
 * lock, it becomes visible; after that nothing fails. A fatal signal that arrives before that step
 * aborts the fork; a signal to the parent's process group in that time reaches the child too
 * (struct fork_watch).
 */
#include <kern/assert.h>
#include <kern/file.h>
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <kern/uaccess.h>
#include <kern/wait.h>
#include <uapi/errno.h>
#include <uapi/sched.h>
#include <arch/trapframe.h>

#include "task_private.h"

/* ---- limits ------------------------------------------------------------------------------------------ */

/* One task more for the user; given back by cred_release() or cred_uncount(). */
static int count_task(const struct cred *cred)
{
	uint64_t limit = rlimit_current(RLIMIT_NPROC);
	int64_t nr_before = atomic_fetch_add_relaxed(&cred->user->nr_tasks, 1);

	if ((uint64_t)nr_before >= limit && cred->user != &root_user &&
	    !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		goto refuse;
	if (task_count() >= task_count_max())
		goto refuse;
	return 0;
refuse:
	atomic_fetch_add_relaxed(&cred->user->nr_tasks, -1);
	return -EAGAIN;
}

/* ---- pieces ------------------------------------------------------------------------------------------- */

static void copy_plain(struct task_struct *child, const struct clone_request *request)
{
	const uint64_t flags = request->flags;

	task_comm_read(current, child->comm);
	child->flags = PF_FORKNOEXEC | (flags & CLONE_VFORK ? PF_VFORK : 0);
	child->blocked = current->blocked;
	child->attributes = current->attributes & (TASK_ATTR_NO_NEW_PRIVS | TASK_ATTR_TSC_SIGSEGV);
	child->start_time_ns = clock_monotonic_ns();
	if ((flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) {
		child->altstack_base = current->altstack_base;
		child->altstack_size = current->altstack_size;
		child->altstack_flags = current->altstack_flags;
	} else {
		child->altstack_flags = SS_DISABLE;
	}
	if (flags & CLONE_CHILD_CLEARTID)
		child->clear_child_tid = (uint32_t *)request->child_tid;
	if (flags & CLONE_CHILD_SETTID) {
		child->set_child_tid = (uint32_t *)request->child_tid;
		child->work = WORK_NOTIFY; /* it stores its tid itself, on its way to user mode */
	}
}

static int copy_files(struct task_struct *child, uint64_t flags)
{
	if (!current->files)
		return 0;
	if (flags & CLONE_FILES) {
		files_get(current->files);
		child->files = current->files;
		return 0;
	}
	child->files = files_dup(current->files);
	return child->files ? 0 : -ENOMEM;
}

static int copy_fs(struct task_struct *child, uint64_t flags)
{
	if (!current->fs)
		return 0;
	if (flags & CLONE_FS) {
		fs_get(current->fs);
		child->fs = current->fs;
		return 0;
	}
	child->fs = fs_dup(current->fs);
	return child->fs ? 0 : -ENOMEM;
}

static int copy_sighand(struct task_struct *child, uint64_t flags)
{
	struct sighand_struct *sighand = current->sighand;
	unsigned i;

	if (flags & CLONE_SIGHAND) {
		refcount_get(&sighand->refs);
		child->sighand = sighand;
		return 0;
	}
	child->sighand = sighand_create(sighand);
	if (!child->sighand)
		return -ENOMEM;
	if (flags & CLONE_CLEAR_SIGHAND) {
		for (i = 0; i < NR_SIGNALS; i++) {
			if (child->sighand->action[i].handler != SIG_IGN)
				child->sighand->action[i] = (struct abi_sigaction){0};
		}
	}
	return 0;
}

/* A new process takes over limits and the like; timers and pending signals it does not inherit. */
static int copy_signal(struct task_struct *child, uint64_t flags)
{
	struct signal_struct *from = current->signal, *signal;
	unsigned long irq;

	if (flags & CLONE_THREAD) {
		refcount_get(&from->refs);
		child->signal = from;
		return 0;
	}
	signal = signal_create();
	if (!signal)
		return -ENOMEM;
	irq = spin_lock_irqsave(&from->lock);
	memcpy(signal->rlimits, from->rlimits, sizeof(signal->rlimits));
	signal->personality = from->personality;
	signal->is_undumpable = from->is_undumpable;
	signal->oom_score_adj = from->oom_score_adj;
	signal->membarrier_ready = from->membarrier_ready;
	signal->user = user_get(from->user);
	spin_unlock_irqrestore(&from->lock, irq);
	signal->has_child_subreaper = from->has_child_subreaper || from->is_subreaper;
	child->signal = signal;
	return 0;
}

static void undo_files(struct task_struct *child)
{
	if (child->fs)
		fs_put(child->fs);
	if (child->files)
		files_put(child->files);
	child->fs = NULL;
	child->files = NULL;
}

static void undo_signal(struct task_struct *child)
{
	sighand_put(child->sighand);
	child->sighand = NULL; /* child->signal goes with the struct */
}

/* Everything of a child that nobody has seen. Accepts half-built ones. */
static void child_destroy(struct task_struct *child)
{
	struct cred *cred = child->cred;

	copy_mm_undo(child);
	undo_signal(child);
	undo_files(child);
	child->cred = NULL;
	if (cred) {
		atomic_fetch_add_relaxed(&cred->user->nr_tasks, -1);
		cred_put(cred);
	}
	put_task_struct(child);
}

static int child_create(const struct clone_request *request, const struct pid *pid,
			struct task_struct **result)
{
	struct task_struct *child;
	int err = count_task(current->cred);

	if (err)
		return err;
	child = task_alloc();
	if (!child) {
		atomic_fetch_add_relaxed(&current->cred->user->nr_tasks, -1);
		return -ENOMEM;
	}
	child->pid = pid->nr;
	child->cred = current->cred;
	cred_get(child->cred);
	copy_plain(child, request);
	sched_fork(child);
	err = copy_files(child, request->flags);
	if (!err)
		err = copy_fs(child, request->flags);
	if (!err)
		err = copy_sighand(child, request->flags);
	if (!err)
		err = copy_signal(child, request->flags);
	if (!err)
		err = copy_mm(request->flags & CLONE_VM, child);
	if (!err)
		err = arch_thread_init_user(child, arch_task_frame(current), request->sp,
					    request->flags & CLONE_SETTLS, request->tls);
	if (err) {
		child_destroy(child);
		return err;
	}
	*result = child;
	return 0;
}

/* ---- becoming visible ------------------------------------------------------------------------------------ */

static void child_place(struct task_struct *child, const struct clone_request *request)
{
	if (request->flags & CLONE_THREAD) {
		child->group_leader = current->group_leader;
		child->parent = current->group_leader->parent;
		child->tgid = current->tgid;
		child->exit_signal = -1;
		return;
	}
	child->group_leader = child;
	child->tgid = child->pid;
	child->exit_signal = request->exit_signal;
	child->parent = current;
	if (request->flags & CLONE_PARENT) {
		child->parent = current->group_leader->parent;
		child->exit_signal = current->group_leader->exit_signal;
	}
}

/* Signals that came for the group while the child was being made are the child's too. */
static void child_take_signals(struct task_struct *child, uint64_t set)
{
	child->signal->pending_mask |= set;
	if (set & ~child->blocked)
		child->work |= WORK_SIGNAL;
}

/* The one step. -ERESTARTNOINTR: a signal must be seen to first; nothing has happened. */
static int child_publish(struct task_struct *child, struct pid *pid,
			 const struct clone_request *request, struct fork_watch *watch)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = task_list_lock_irqsave();
	int err = 0;

	spin_lock(&process->lock);
	list_remove(&watch->node);
	if (fatal_signal_pending(current) || (process->flags & SIGNAL_GROUP_EXIT) ||
	    ((request->flags & CLONE_THREAD) && process->exec_task)) {
		err = -ERESTARTNOINTR;
		goto out;
	}
	child_place(child, request);
	if (request->flags & CLONE_THREAD) {
		task_attach(child, pid, NULL, NULL);
		stop_join(child);
		goto out;
	}
	/* Two processes' locks: nobody else can know the child's. */
	child->signal->tty = process->tty;
	child_take_signals(child, watch->signals);
	task_attach(child, pid, process->pgrp, process->session);
out:
	spin_unlock(&process->lock);
	task_list_unlock_irqrestore(flags);
	return err;
}

static void parent_tid_store(int32_t *user, int32_t nr)
{
	if (copy_to_user(user, &nr, sizeof(nr)))
		return; /* as in clone(2): the child exists all the same */
}

static int vfork_wait(struct task_struct *child, struct completion *done)
{
	int err = wait_for_completion_killable(done);

	if (!err)
		return 0;
	task_lock(child);
	child->vfork_done = NULL; /* ours is about to go */
	task_unlock(child);
	return err;
}

/* Makes the child visible and lets it run. Consumes it either way. */
static long child_start(struct task_struct *child, struct pid *pid,
			const struct clone_request *request, struct fork_watch *watch)
{
	struct completion done;
	int32_t nr = pid->nr;
	int err = child_publish(child, pid, request, watch);

	if (err) {
		pid_destroy(pid);
		child_destroy(child);
		return err;
	}
	if (request->pidfd_file)
		pidfd_attach(request->pidfd_file, pid);
	if (request->flags & CLONE_PARENT_SETTID)
		parent_tid_store(request->parent_tid, nr);
	if (!(request->flags & CLONE_VFORK)) {
		task_wake_new(child);
		return nr;
	}
	completion_init(&done);
	child->vfork_done = &done;
	get_task_struct(child);
	task_wake_new(child);
	(void)vfork_wait(child, &done);
	put_task_struct(child);
	return nr;
}

long process_clone(const struct clone_request *request)
{
	struct signal_struct *process = current->signal;
	struct fork_watch watch = {.signals = 0};
	struct task_struct *child;
	struct pid *pid;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	bool is_pending = signal_recalc(current);
	int err = -ERESTARTNOINTR;

	/* What is pending comes first, so that no fork escapes a signal to its group. */
	list_add(&process->forks, &watch.node);
	spin_unlock_irqrestore(&process->lock, flags);
	if (is_pending)
		goto forget;
	err = pid_create(&pid);
	if (err)
		goto forget;
	err = child_create(request, pid, &child);
	if (!err)
		return child_start(child, pid, request, &watch);
	pid_destroy(pid);
forget:
	flags = spin_lock_irqsave(&process->lock);
	list_remove(&watch.node);
	spin_unlock_irqrestore(&process->lock, flags);
	return err;
}
