/*
 * What the threads of a process share: creation, sharing and end of struct signal_struct and struct
 * sighand_struct, and the family tree's links. A signal_struct is kept by the task structs of its
 * group (so it outlives every look at a task); a sighand by the tasks that are not yet released.
 *
 * task_list_lock and signal->lock guard the thread list (both to change it, either to read).
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/process.h>
#include <kern/string.h>

#include "task_private.h"

static struct kcache *signal_cache, *sighand_cache;

static uint32_t nr_tasks;  /* [task_list_lock to write] */
static uint32_t max_tasks; /* [const] after task_init */

uint32_t task_count(void)
{
	return atomic_load_relaxed(&nr_tasks);
}

uint32_t task_count_max(void)
{
	return max_tasks;
}

struct signal_struct *signal_create(void)
{
	struct signal_struct *signal = kcache_alloc(signal_cache, ALLOC_ZERO);

	if (!signal)
		return NULL;
	refcount_init(&signal->refs, 1);
	spin_init(&signal->lock, LOCK_RANK_SIGHAND, "signal");
	list_init(&signal->threads);
	list_init(&signal->pending_list);
	list_init(&signal->forks);
	list_init(&signal->pgrp_node);
	list_init(&signal->session_node);
	list_init(&signal->posix_timers);
	wait_queue_init(&signal->child_queue);
	wait_queue_init(&signal->signalfd_queue);
	itimer_init(signal);
	return signal;
}

void signal_put(struct signal_struct *signal)
{
	if (!refcount_put(&signal->refs))
		return;
	assert(list_is_empty(&signal->threads) && signal->nr_threads == 0);
	assert(list_is_empty(&signal->pending_list) && list_is_empty(&signal->posix_timers));
	assert(!signal->pgrp && !signal->session);
	user_put(signal->user);
	kcache_free(signal_cache, signal);
}

struct sighand_struct *sighand_create(const struct sighand_struct *from)
{
	struct sighand_struct *sighand = kcache_alloc(sighand_cache, 0);

	if (!sighand)
		return NULL;
	refcount_init(&sighand->refs, 1);
	spin_init(&sighand->lock, LOCK_RANK_SIGHAND_ACTION, "sighand");
	if (from)
		memcpy(sighand->action, from->action, sizeof(sighand->action));
	else
		memset(sighand->action, 0, sizeof(sighand->action));
	return sighand;
}

void sighand_put(struct sighand_struct *sighand)
{
	if (sighand && refcount_put(&sighand->refs))
		kcache_free(sighand_cache, sighand);
}

/* The last reference on a task struct goes: so does its hold on what its group shares. */
static void task_free(struct task_struct *task)
{
	assert(!task->sighand && !task->pid_object);
	if (task->signal)
		signal_put(task->signal);
	task->signal = NULL;
}

/* ---- the tree ---------------------------------------------------------------------------------- */

/* A process (leader) joins the process group and session of pgrp and session. */
static void process_join(struct signal_struct *signal, struct pid *pgrp, struct pid *session)
{
	signal->pgrp = pgrp;
	list_add_tail(&pgrp->pgrp_members, &signal->pgrp_node);
	signal->session = session;
	list_add_tail(&session->session_members, &signal->session_node);
}

/* A thread becomes visible by its pid. Its signal, sighand, parent and group_leader are set. pgrp and
 * session: of a leader; NULL for a kernel thread. */
void task_attach(struct task_struct *task, struct pid *pid, struct pid *pgrp, struct pid *session)
{
	struct signal_struct *signal = task->signal;

	assert(spin_is_held(&task_list_lock));
	assert(task->group_leader == task || spin_is_held(&signal->lock));
	get_task_struct(task); /* until task_release() */
	pid->task = task;
	task->pid_object = pid;
	list_add_tail(&signal->threads, &task->thread_node);
	signal->nr_threads++;
	atomic_fetch_add_relaxed(&signal->nr_live, 1);
	if (task->group_leader == task) {
		signal->leader = task;
		list_add_tail(&task->parent->children, &task->sibling);
		if (pgrp)
			process_join(signal, pgrp, session);
	}
	atomic_store_relaxed(&nr_tasks, nr_tasks + 1);
}

/* A released thread is found no more. Each number goes with the last that uses it. */
void task_detach(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct pid *pid = task->pid_object, *pgrp = pid, *session = pid;

	assert(spin_is_held(&task_list_lock) && spin_is_held(&signal->lock));
	pid->task = NULL;
	task->pid_object = NULL;
	list_remove(&task->thread_node);
	signal->nr_threads--;
	if (task->group_leader == task) {
		list_remove(&task->sibling);
		list_remove(&signal->pgrp_node);
		list_remove(&signal->session_node);
		pgrp = signal->pgrp ? signal->pgrp : pid;
		session = signal->session ? signal->session : pid;
		signal->leader = NULL;
		signal->pgrp = NULL;
		signal->session = NULL;
	}
	pid_release_if_unused(pid);
	if (pgrp != pid)
		pid_release_if_unused(pgrp);
	if (session != pid && session != pgrp)
		pid_release_if_unused(session);
	atomic_store_relaxed(&nr_tasks, nr_tasks - 1);
}

/* ---- bring-up ------------------------------------------------------------------------------------ */

/* Limits of the first process: getrlimit(2). Memory bounds how many tasks there can be. */
static void rlimits_init(struct signal_struct *signal)
{
	struct abi_rlimit *limits = signal->rlimits;
	unsigned i;

	for (i = 0; i < NR_RLIMITS; i++)
		limits[i] = (struct abi_rlimit){RLIM_INFINITY, RLIM_INFINITY};
	limits[RLIMIT_STACK] = (struct abi_rlimit){8UL << 20, RLIM_INFINITY};
	limits[RLIMIT_CORE] = (struct abi_rlimit){0, RLIM_INFINITY};
	limits[RLIMIT_NPROC] = (struct abi_rlimit){max_tasks / 2, max_tasks / 2};
	limits[RLIMIT_NOFILE] = (struct abi_rlimit){1024, 4096};
	limits[RLIMIT_MEMLOCK] = (struct abi_rlimit){8UL << 20, 8UL << 20};
	limits[RLIMIT_SIGPENDING] = (struct abi_rlimit){max_tasks / 2, max_tasks / 2};
	limits[RLIMIT_MSGQUEUE] = (struct abi_rlimit){819200, 819200};
	limits[RLIMIT_NICE] = (struct abi_rlimit){0, 0};
	limits[RLIMIT_RTPRIO] = (struct abi_rlimit){0, 0};
}

static void init_task_identify(void)
{
	struct signal_struct *signal = signal_create();
	struct sighand_struct *sighand = sighand_create(NULL);

	if (!signal || !sighand)
		panic("no memory for the first task");
	rlimits_init(signal);
	signal->user = user_get(&root_user);
	init_task.signal = signal;
	init_task.sighand = sighand;
	init_task.cred = &init_cred;
	init_task.parent = &init_task;
	init_task.group_leader = &init_task;
}

void process_init(void)
{
	struct page_stats stats;

	signal_cache = kcache_create("signal", sizeof(struct signal_struct), 0);
	sighand_cache = kcache_create("sighand", sizeof(struct sighand_struct), 0);
	page_stats_read(&stats);
	/* Kernel stacks of all tasks together may take an eighth of memory. */
	max_tasks = (uint32_t)MIN(stats.total * PAGE_SIZE / (8UL * KERNEL_STACK_SIZE),
				  (uint64_t)PID_MAX - 1);
	max_tasks = MAX(max_tasks, 64U);
	task_free_hook = task_free;
	init_task_identify();
}
