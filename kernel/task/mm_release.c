/*
 * What a thread owes to others in its address space before it leaves it, by exit or exec, in this
 * order (docs/life.md): robust futexes that it still holds are handed on; the word at
 * clear_child_tid becomes 0 and a joiner is woken; last, a parent that waits in vfork() goes on,
 * since from then on it may change all the memory that this thread has.
 */
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/uaccess.h>
#include <kern/wait.h>
#include <uapi/futex.h>

#include "task_private.h"

/* pthread_join() and its like wait for the word to become 0. Of no use if nobody else can see it. */
static void clear_tid(struct task_struct *task)
{
	uint32_t *word = task->clear_child_tid;
	const uint32_t zero = 0;

	task->clear_child_tid = NULL;
	if (!word || refcount_read(&task->mm->mm_users) <= 1)
		return;
	if (copy_to_user(word, &zero, sizeof(zero)))
		return; /* its own word: nobody else is hurt */
	futex_wake_word(word);
}

static void vfork_finish(struct task_struct *task)
{
	task_lock(task);
	if (task->vfork_done) {
		/* Under the lock: a parent that is killed takes its completion away under it. */
		complete(task->vfork_done);
		task->vfork_done = NULL;
		task->flags &= ~(uint32_t)PF_VFORK;
	}
	task_unlock(task);
}

void mm_release(struct task_struct *task)
{
	if (task->mm) {
		futex_exit(task);
		clear_tid(task);
	}
	if (task->vfork_done)
		vfork_finish(task);
}
