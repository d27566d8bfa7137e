/* Kernel threads and work queues (rank 4). */
#ifndef KERN_KTHREAD_H
#define KERN_KTHREAD_H

#include <kern/types.h>
#include <kern/list.h>
#include <kern/task.h>

/* Starts a kernel thread (mm NULL; it borrows). affinity: 0 = any CPU; else it is bound to
 * these, and waits to be started by task_wake_new() if none of them is online. name: printf
 * format, cut to TASK_COMM_LEN. fn may return: the thread ends with that status. The caller gets
 * a reference, for kthread_stop() or put_task_struct(). The pid comes from kthread_hooks if
 * task/ has filled them in, else it is 0. NULL: no memory. Context: task; does not sleep but for
 * memory. */
MUST_USE PRINTF(4, 5) struct task_struct *kthread_create(int (*fn)(void *arg), void *arg,
							 uint64_t affinity, const char *name, ...);
/* Asks it to end, wakes it and waits for it; returns fn's status. Puts the caller's reference. */
int kthread_stop(struct task_struct *task);
/* To be looked at by fn whenever it wakes up, after it set its state. */
bool kthread_should_stop(void);

/* What task/ does so that a kernel thread appears among the processes; may be NULL early. */
extern struct kthread_hooks {
	int (*born)(struct task_struct *task);	/* pid, lists; before it runs. -ENOMEM, -EAGAIN */
	void (*died)(struct task_struct *task); /* in the dying thread, the last thing it does;
						 * or it was stopped before it ever ran */
} kthread_hooks;

/* A piece of work, run once by a worker thread of a work queue after each queueing. */
struct work {
	struct list_node node;	       /* [the pool's lock] */
	void (*fn)(struct work *work); /* may sleep; may free the work, or queue it again */
	uint32_t is_queued;	       /* [atomic] */
};
struct workqueue;
/* A queue served by one thread for each CPU (bound) or by one thread for all. Made at boot
 * and for good. NULL: no memory. Context: task. */
MUST_USE struct workqueue *workqueue_create(const char *name, bool per_cpu);
void work_init(struct work *work, void (*fn)(struct work *work));
/* false: it was queued already. Context: any. */
bool work_queue(struct workqueue *queue, struct work *work);
/* Waits until everything queued before has been done. */
void workqueue_flush(struct workqueue *queue);
/* Per CPU, named "events"; made by workqueue_init() when kthread_hooks stand. */
extern struct workqueue *system_workqueue;
void workqueue_init(void);

#endif
