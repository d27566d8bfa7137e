/*
 * Pids: numbers for threads, process groups and sessions. A struct pid exists, and its number is
 * taken, while any of them goes by it; numbers are given out in a circle, so that one which has
 * just become free is the last to be used again.
 *
 *	pid_create: taken, found by nobody -> pid_attach: found -> pid_detach, groups left: free
 *
 * task_list_lock guards all of it; a reference keeps the struct (not the number) valid.
 */
#include <kern/assert.h>
#include <kern/bitmap.h>
#include <kern/kcache.h>
#include <kern/process.h>
#include <uapi/errno.h>

#include "task_private.h"

enum {
	PID_HASH_LEN = 1024,
	PID_RESERVED = 300, /* numbers below are used only in the first round: early daemons */
};

struct spinlock task_list_lock = SPINLOCK_INIT(LOCK_RANK_TASK_LIST, "task_list");

static uint64_t pid_map[BITMAP_WORDS(PID_MAX)]; /* [task_list_lock] numbers that are taken */
static struct list_node pid_hash[PID_HASH_LEN]; /* [task_list_lock] of pid->hash_node */
static int32_t pid_newest;			/* [task_list_lock to write] */
static struct kcache *pid_cache;

void pid_init(void)
{
	unsigned i;

	pid_cache = kcache_create("pid", sizeof(struct pid), 0);
	for (i = 0; i < PID_HASH_LEN; i++)
		list_init(&pid_hash[i]);
	bitmap_set(pid_map, 0);
}

int32_t pid_last(void)
{
	return atomic_load_relaxed(&pid_newest);
}

static int32_t pid_pick(void)
{
	int32_t nr = (int32_t)bitmap_find_zero(pid_map, PID_MAX, (size_t)pid_newest + 1);

	if (nr < PID_MAX)
		return nr;
	nr = (int32_t)bitmap_find_zero(pid_map, PID_MAX, PID_RESERVED);
	return nr < PID_MAX ? nr : -EAGAIN;
}

int pid_create(struct pid **result)
{
	struct pid *pid = kcache_alloc(pid_cache, 0);
	unsigned long flags;
	int32_t nr;

	if (!pid)
		return -ENOMEM;
	refcount_init(&pid->refs, 1); /* the table's */
	pid->task = NULL;
	pid->is_taken = true;
	list_init(&pid->pgrp_members);
	list_init(&pid->session_members);
	wait_queue_init(&pid->exit_queue);

	flags = task_list_lock_irqsave();
	nr = pid_pick();
	if (nr > 0) {
		pid->nr = nr;
		bitmap_set(pid_map, (size_t)nr);
		list_add(&pid_hash[nr % PID_HASH_LEN], &pid->hash_node);
		atomic_store_relaxed(&pid_newest, nr);
	}
	task_list_unlock_irqrestore(flags);
	if (nr < 0) {
		kcache_free(pid_cache, pid);
		return nr;
	}
	*result = pid;
	return 0;
}

struct pid *pid_get(struct pid *pid)
{
	refcount_get(&pid->refs);
	return pid;
}

void pid_put(struct pid *pid)
{
	if (!pid || !refcount_put(&pid->refs))
		return;
	assert(!pid->is_taken && !pid->task);
	kcache_free(pid_cache, pid);
}

/* Nobody goes by the number any more: it is free. */
void pid_release_if_unused(struct pid *pid)
{
	assert(spin_is_held(&task_list_lock));
	if (pid->task || !list_is_empty(&pid->pgrp_members) ||
	    !list_is_empty(&pid->session_members))
		return;
	assert(pid->is_taken);
	pid->is_taken = false;
	list_remove(&pid->hash_node);
	bitmap_clear(pid_map, (size_t)pid->nr);
	pid_put(pid);
}

/* Gives back one that nobody ever went by. */
void pid_destroy(struct pid *pid)
{
	unsigned long flags = task_list_lock_irqsave();

	pid_release_if_unused(pid);
	task_list_unlock_irqrestore(flags);
}

struct pid *pid_lookup(int32_t nr)
{
	struct pid *pid;

	assert(spin_is_held(&task_list_lock));
	if (nr <= 0 || nr >= PID_MAX)
		return NULL;
	list_for_each_entry (pid, &pid_hash[nr % PID_HASH_LEN], hash_node) {
		if (pid->nr == nr)
			return pid;
	}
	return NULL;
}

struct task_struct *task_lookup(int32_t nr)
{
	struct pid *pid = pid_lookup(nr);

	return pid ? pid->task : NULL;
}

struct task_struct *task_find(int32_t nr)
{
	unsigned long flags = task_list_lock_irqsave();
	struct task_struct *task = task_lookup(nr);

	if (task)
		get_task_struct(task);
	task_list_unlock_irqrestore(flags);
	return task;
}

struct task_struct *process_find(int32_t nr)
{
	unsigned long flags = task_list_lock_irqsave();
	struct task_struct *task = task_lookup(nr);

	if (task && task->tgid != nr)
		task = NULL;
	if (task)
		get_task_struct(task);
	task_list_unlock_irqrestore(flags);
	return task;
}

struct task_struct *process_lookup_next(int32_t from)
{
	size_t nr = (size_t)MAX(from, 1);
	struct task_struct *task;

	assert(spin_is_held(&task_list_lock));
	for (nr = bitmap_find_set(pid_map, PID_MAX, nr); nr < PID_MAX;
	     nr = bitmap_find_set(pid_map, PID_MAX, nr + 1)) {
		task = task_lookup((int32_t)nr);
		if (task && task->pid == task->tgid)
			return task;
	}
	return NULL;
}

struct task_struct *process_next(int32_t from)
{
	unsigned long flags = task_list_lock_irqsave();
	struct task_struct *task = process_lookup_next(from);

	if (task)
		get_task_struct(task);
	task_list_unlock_irqrestore(flags);
	return task;
}

struct task_struct *process_next_put(struct task_struct *task)
{
	int32_t pid = task->pid;

	put_task_struct(task);
	return process_next(pid + 1);
}

struct task_struct *thread_next(struct task_struct *leader, int32_t from)
{
	struct task_struct *task, *found = NULL;
	unsigned long flags = task_list_lock_irqsave();

	for_each_thread (task, leader->signal) {
		if (task->pid >= from && (!found || task->pid < found->pid))
			found = task;
	}
	if (found)
		get_task_struct(found);
	task_list_unlock_irqrestore(flags);
	return found;
}
