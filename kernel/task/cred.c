/*
 * Credentials: who a task is. A struct cred is shared by fork and never changes once a task has it:
 * a change makes a copy and installs that. task->cred belongs to the task itself; others take a
 * reference under task_lock.
 */
#include <kern/assert.h>
#include <kern/cred.h>
#include <kern/kcache.h>
#include <kern/process.h>
#include <kern/string.h>

#include "task_private.h"

struct cred init_cred = {
	.refs = {1},
	.cap_effective = CAP_FULL,
	.cap_permitted = CAP_FULL,
	.cap_bounding = CAP_FULL,
	.user = &root_user,
};

static struct kcache *cred_cache;

void cred_init(void)
{
	cred_cache = kcache_create("cred", sizeof(struct cred), 0);
}

const struct cred *current_cred(void)
{
	return current->cred;
}

bool capable(unsigned nr)
{
	return current->cred->cap_effective >> nr & 1;
}

bool cred_in_group(const struct cred *cred, uint32_t gid)
{
	uint32_t low = 0, high = cred->nr_groups;

	if (cred->fsgid == gid)
		return true;
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (cred->groups[middle] == gid)
			return true;
		if (cred->groups[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void cred_get(struct cred *cred)
{
	refcount_get(&cred->refs);
}

void cred_put(struct cred *cred)
{
	if (!cred || !refcount_put(&cred->refs))
		return;
	assert(cred != &init_cred);
	user_put(cred->user);
	kcache_free(cred_cache, cred);
}

struct cred *task_cred_get(struct task_struct *task)
{
	struct cred *cred;

	task_lock(task);
	cred = task->cred ? task->cred : &init_cred;
	cred_get(cred);
	task_unlock(task);
	return cred;
}

struct cred *cred_copy(void)
{
	const struct cred *old = current->cred;
	struct cred *cred = kcache_alloc(cred_cache, 0);

	if (!cred)
		return NULL;
	memcpy(cred, old, offsetof(struct cred, groups) + old->nr_groups * sizeof(old->groups[0]));
	refcount_init(&cred->refs, 1);
	user_get(cred->user);
	return cred;
}

void cred_install_move(struct cred *cred)
{
	struct cred *old;

	if (cred->user != current->cred->user) {
		atomic_fetch_add_relaxed(&cred->user->nr_tasks, 1);
		atomic_fetch_add_relaxed(&current->cred->user->nr_tasks, -1);
	}
	task_lock(current);
	old = current->cred;
	current->cred = cred;
	task_unlock(current);
	cred_put(old);
}

/* A task lets go of its credentials for good (released; it may still be looked at). */
void cred_release(struct task_struct *task)
{
	struct cred *old;

	task_lock(task);
	old = task->cred;
	task->cred = NULL;
	task_unlock(task);
	if (!old)
		return;
	atomic_fetch_add_relaxed(&old->user->nr_tasks, -1);
	cred_put(old);
}
