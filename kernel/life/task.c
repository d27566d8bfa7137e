/*
 * Birth and death of struct task_struct: the struct and the kernel stack, which must outlive the
 * task's last switch. All that a task *has* (memory, files, signals) is gone before that; the last
 * reference is often dropped by the task that runs next, in finish_task_switch, so nothing here
 * sleeps on the way down.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/life.h>
#include <kern/page.h>
#include <kern/string.h>
#include <kern/task.h>

#include "life_private.h"

struct task_struct init_task = {
	.stack = arch_boot_stack,
	.state = TASK_RUNNING,
	.flags = PF_KTHREAD,
	.on_cpu = 1,
	.usage = {1},
	.comm = "swapper",
	.alloc_lock = SPINLOCK_INIT(LOCK_RANK_TASK, "task"),
	.affinity = UINT64_MAX,
	.children = LIST_INIT(init_task.children),
	.sibling = LIST_INIT(init_task.sibling),
	.thread_node = LIST_INIT(init_task.thread_node),
	.dead_node = LIST_INIT(init_task.dead_node),
	.pending_list = LIST_INIT(init_task.pending_list),
};

void (*task_free_hook)(struct task_struct *task);

static struct kcache *task_cache;
static uint64_t nr_tasks; /* [atomic] */

void task_cache_init(void)
{
	task_cache = kcache_create("task_struct", sizeof(struct task_struct), CACHE_LINE);
	/* The boot CPU's first thread stands on init_mm like any kernel thread that borrows it. */
	init_task.active_mm = lazy->borrow(&init_mm);
}

struct task_struct *task_alloc(void)
{
	struct task_struct *task = kcache_alloc(task_cache, ALLOC_ZERO);

	if (!task)
		return NULL;
	task_trim_stacks();
	task->stack = stack_alloc(&task->stack_frames);
	if (!task->stack) {
		kcache_free(task_cache, task);
		return NULL;
	}
	task->state = TASK_NEW;
	refcount_init(&task->usage, 1);
	spin_init(&task->alloc_lock, LOCK_RANK_TASK, "task");
	list_init(&task->children);
	list_init(&task->sibling);
	list_init(&task->thread_node);
	list_init(&task->dead_node);
	list_init(&task->pending_list);
	rb_clear(&task->se.node);
	atomic_fetch_add_relaxed(&nr_tasks, 1);
	return task;
}

uint64_t task_count_all(void)
{
	return atomic_load_relaxed(&nr_tasks);
}

void put_task_struct(struct task_struct *task)
{
	if (!refcount_put(&task->usage))
		return;
	assert(task != &init_task && task != current);
	if (task_free_hook)
		task_free_hook(task);
	assert(!task->mm && !task->active_mm);
	assert(!task->files && !task->fs && !task->signal && !task->sighand);
	assert(!atomic_load_relaxed(&task->on_cpu) && !task->se.is_queued);
	assert(list_is_empty(&task->children) && list_is_empty(&task->dead_node));
	arch_thread_release(task);
	kfree(task->kthread);
	stack_free(task->stack, task->stack_frames);
	kcache_free(task_cache, task);
	atomic_fetch_add_relaxed(&nr_tasks, -1ULL);
}
