/*
 * What task/ hangs into the tables of the parts below it, kernel threads as processes, and the first
 * process. Context: boot, and whoever calls the hooks.
 */
#include <kern/assert.h>
#include <kern/entry.h>
#include <kern/file.h>
#include <kern/init.h>
#include <kern/kthread.h>
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <arch/switch.h>

#include "task_private.h"

/* ---- kernel threads ---------------------------------------------------------------------------------------- */

/* No signal ever reaches a kernel thread. All share this. */
static struct sighand_struct *kthread_sighand;

static int kthread_born(struct task_struct *task)
{
	struct signal_struct *process = signal_create();
	struct pid *pid;
	unsigned long flags;
	unsigned i;
	int err;

	if (!process)
		return -ENOMEM;
	err = pid_create(&pid);
	if (err) {
		signal_put(process);
		return err;
	}
	for (i = 0; i < NR_RLIMITS; i++)
		process->rlimits[i] = (struct abi_rlimit){RLIM_INFINITY, RLIM_INFINITY};
	process->user = user_get(&root_user);
	refcount_get(&kthread_sighand->refs);
	cred_get(&init_cred);
	atomic_fetch_add_relaxed(&root_user.nr_tasks, 1);
	task->cred = &init_cred;
	task->sighand = kthread_sighand;
	task->signal = process;
	task->pid = task->tgid = pid->nr;
	task->parent = &init_task;
	task->group_leader = task;
	task->exit_signal = SIGCHLD;
	task->start_time_ns = clock_monotonic_ns();
	flags = task_list_lock_irqsave();
	task_attach(task, pid, NULL, NULL);
	task_list_unlock_irqrestore(flags);
	return 0;
}

static void kthread_died(struct task_struct *task)
{
	unsigned long flags = task_list_lock_irqsave();

	assert(list_is_empty(&task->children));
	task->exit_state = EXIT_DEAD;
	task_list_unlock_irqrestore(flags);
	task_release(task);
}

/* ---- what the address spaces ask ------------------------------------------------------------------------------ */

static void fault_signal(struct trapframe *tf, int signal, int code, uintptr_t address)
{
	struct signal_info info = {.code = code};

	info.fault.address = address;
	signal_force(signal, &info);
}

static void for_each_task (bool (*fn)(struct task_struct *task, int score_adj, void *arg),
			   void *arg)
{
	unsigned long flags = task_list_lock_irqsave();
	struct task_struct *leader, *thread;
	bool goes_on = true;

	for (leader = process_lookup_next(1); leader && goes_on;
	     leader = process_lookup_next(leader->pid + 1)) {
		if (leader->flags & PF_KTHREAD)
			continue;
		for_each_thread (thread, leader->signal) {
			goes_on = fn(thread, atomic_load_relaxed(&leader->signal->oom_score_adj),
				     arg);
			if (!goes_on)
				break;
		}
	}
	task_list_unlock_irqrestore(flags);
}

/* ---- the first process ------------------------------------------------------------------------------------------- */

int process_start_init(void (*fn)(void *arg))
{
	struct task_struct *task = task_alloc();
	struct signal_struct *process = signal_create();
	struct pid *pid;
	unsigned long flags;

	if (!task || !process)
		return -ENOMEM; /* the machine ends: nothing to give back to */
	task->sighand = sighand_create(NULL);
	task->files = files_create();
	task->fs = fs_create();
	if (!task->sighand || !task->files || !task->fs || pid_create(&pid))
		return -ENOMEM;
	assert(pid->nr == 1);
	memcpy(process->rlimits, init_task.signal->rlimits, sizeof(process->rlimits));
	process->user = user_get(&root_user);
	process->flags = SIGNAL_UNKILLABLE;
	cred_get(&init_cred);
	atomic_fetch_add_relaxed(&root_user.nr_tasks, 1);
	task->cred = &init_cred;
	task->signal = process;
	task->flags = PF_KTHREAD | PF_FORKNOEXEC;
	task->pid = task->tgid = 1;
	task->parent = &init_task;
	task->group_leader = task;
	task->exit_signal = SIGCHLD;
	task->start_time_ns = clock_monotonic_ns();
	task->altstack_flags = SS_DISABLE;
	string_copy(task->comm, "init", sizeof(task->comm));
	arch_thread_init_kernel(task, fn, NULL);
	sched_fork(task);
	flags = task_list_lock_irqsave();
	task_attach(task, pid, pid, pid);
	task_list_unlock_irqrestore(flags);
	task_wake_new(task);
	return 0;
}

/* ---- bring-up ------------------------------------------------------------------------------------------------------- */

void task_init(void)
{
	unsigned i;

	pid_init();
	user_init();
	cred_init();
	signal_queue_init();
	process_init();
	futex_init();
	exec_layout_init();
	signal_hooks_init();
	kthread_sighand = sighand_create(NULL);
	if (!kthread_sighand)
		panic("no memory for kernel threads");
	for (i = 0; i < NR_SIGNALS; i++)
		kthread_sighand->action[i].handler = SIG_IGN;
	kthread_hooks.born = kthread_born;
	kthread_hooks.died = kthread_died;
	mm_hooks.fault_signal = fault_signal;
	mm_hooks.for_each_task = for_each_task;
}
