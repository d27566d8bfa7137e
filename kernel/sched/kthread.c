/*
 * Kernel threads: tasks without an address space of their own; each borrows the one that it finds.
 * struct kthread is written by its thread and by kthread_stop(), and is freed with the task_struct.
 */
#include <kern/assert.h>
#include <kern/format.h>
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/wait.h>
#include <arch/switch.h>

struct kthread {
	int (*fn)(void *arg); /* [const] */
	void *arg;	      /* [const] */
	uint32_t should_stop; /* [atomic] */
	int status;	      /* written before `exited` completes */
	struct completion exited;
};

struct kthread_hooks kthread_hooks;

static NORETURN void kthread_main(void *data)
{
	struct kthread *kthread = data;

	kthread->status = kthread->fn(kthread->arg);
	if (kthread_hooks.died)
		kthread_hooks.died(current);
	complete(&kthread->exited);
	schedule_dead();
}

struct task_struct *kthread_create(int (*fn)(void *arg), void *arg, uint64_t affinity,
				   const char *name, ...)
{
	struct kthread *kthread = kmalloc(sizeof(*kthread), ALLOC_KERNEL | ALLOC_ZERO);
	struct task_struct *task;
	va_list args;

	if (!kthread)
		return NULL;
	task = task_alloc();
	if (!task)
		goto free_kthread;

	kthread->fn = fn;
	kthread->arg = arg;
	completion_init(&kthread->exited);
	task->kthread = kthread; /* freed with the task from here on */
	task->flags = PF_KTHREAD;
	va_start(args, name);
	format_string_v(task->comm, sizeof(task->comm), name, args);
	va_end(args);
	sched_fork(task);
	if (affinity) {
		task->affinity = affinity;
		task->flags |= PF_BOUND;
	}
	arch_thread_init_kernel(task, kthread_main, kthread);
	if (kthread_hooks.born && kthread_hooks.born(task) < 0)
		goto put_task;

	get_task_struct(task); /* the caller's; the first one is the thread's own */
	if (!affinity || (affinity & atomic_load_acquire(&cpus_online)))
		task_wake_new(task);
	return task;

put_task:
	put_task_struct(task);
	return NULL;
free_kthread:
	kfree(kthread);
	return NULL;
}

bool kthread_should_stop(void)
{
	struct kthread *kthread = current->kthread;

	return atomic_load_acquire(&kthread->should_stop);
}

int kthread_stop(struct task_struct *task)
{
	struct kthread *kthread = task->kthread;
	int status;

	might_sleep();
	if (atomic_load_relaxed(&task->state) == TASK_NEW) { /* its CPU never came online */
		if (kthread_hooks.died)
			kthread_hooks.died(task);
		put_task_struct(task); /* its own */
		put_task_struct(task);
		return 0;
	}
	atomic_store_release(&kthread->should_stop, 1);
	task_wake(task); /* a full barrier between, as for every condition */
	wait_for_completion(&kthread->exited);
	status = kthread->status;
	put_task_struct(task);
	return status;
}
