/*
 * Work queues: functions to be run soon by a kernel thread, in order of queueing. A queue has one
 * pool, or one for each CPU; a pool has a list and a thread. pool->lock guards the list and each
 * work in it. A work belongs to the worker from the moment that it is off the list: its function
 * may free it.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/wait.h>
#include <arch/cpu.h>

#include "rq.h"

struct work_pool {
	struct spinlock lock;
	struct list_node works;	     /* [lock] */
	struct task_struct *worker;  /* [const] */
	uint64_t nr_queued, nr_done; /* [lock] */
	struct wait_queue flushers;
};

struct workqueue {
	const char *name;		   /* [const] */
	bool per_cpu;			   /* [const] */
	struct workqueue *next;		   /* [workqueues_lock] */
	struct work_pool *pools[MAX_CPUS]; /* [const] not per CPU: [0] only */
};

struct workqueue *system_workqueue;
static struct workqueue *workqueues; /* [workqueues_lock] */
static struct spinlock workqueues_lock = SPINLOCK_INIT(LOCK_RANK_MUTEX, "workqueues");

static struct work *pool_take(struct work_pool *pool)
{
	unsigned long flags = spin_lock_irqsave(&pool->lock);
	struct work *work = NULL;

	if (!list_is_empty(&pool->works)) {
		work = list_first(&pool->works, struct work, node);
		list_remove(&work->node);
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return work;
}

static void pool_count_done(struct work_pool *pool)
{
	unsigned long flags = spin_lock_irqsave(&pool->lock);

	pool->nr_done++;
	spin_unlock_irqrestore(&pool->lock, flags);
	wake_up_all(&pool->flushers);
}

/* A look, after the worker has set its state: pairs with the wake-up in work_queue(). */
static bool pool_is_empty(struct work_pool *pool)
{
	return atomic_load_relaxed(&pool->works.next) == &pool->works;
}

static int worker_main(void *arg)
{
	struct work_pool *pool = arg;

	while (!kthread_should_stop()) {
		struct work *work = pool_take(pool);

		if (work) {
			/* It may be queued again from here on. Pairs with work_queue(): what
			 * somebody wrote who found it queued is seen by fn. */
			atomic_exchange_acqrel(&work->is_queued, 0);
			work->fn(work);
			pool_count_done(pool);
			continue;
		}
		/* Interruptible, so as not to count in the load; no signal ever comes. */
		set_current_state(TASK_INTERRUPTIBLE);
		if (pool_is_empty(pool) && !kthread_should_stop())
			schedule();
		atomic_store_relaxed(&current->state, TASK_RUNNING);
	}
	return 0;
}

static struct work_pool *pool_create(const char *name, unsigned cpu, bool is_bound)
{
	struct work_pool *pool = kmalloc(sizeof(*pool), ALLOC_KERNEL | ALLOC_ZERO);

	if (!pool)
		return NULL;
	spin_init(&pool->lock, LOCK_RANK_MUTEX, "work_pool");
	list_init(&pool->works);
	wait_queue_init(&pool->flushers);
	if (is_bound)
		pool->worker = kthread_create(worker_main, pool, 1ULL << cpu, "%s/%u", name, cpu);
	else
		pool->worker = kthread_create(worker_main, pool, 0, "%s", name);
	if (!pool->worker) {
		kfree(pool);
		return NULL;
	}
	return pool;
}

static void pool_destroy(struct work_pool *pool)
{
	if (!pool)
		return;
	kthread_stop(pool->worker);
	kfree(pool);
}

/* Starts the workers that could not run yet, for CPUs of mask. workqueues_lock held. */
static void start_workers(struct workqueue *queue, uint64_t mask)
{
	unsigned cpu;

	for_each_cpu (cpu, mask) {
		struct work_pool *pool = queue->pools[cpu];

		if (pool && atomic_load_relaxed(&pool->worker->state) == TASK_NEW)
			task_wake_new(pool->worker);
	}
}

void workqueue_cpu_online(unsigned cpu)
{
	unsigned long flags = spin_lock_irqsave(&workqueues_lock);

	for (struct workqueue *queue = workqueues; queue; queue = queue->next)
		start_workers(queue, 1ULL << cpu);
	spin_unlock_irqrestore(&workqueues_lock, flags);
}

struct workqueue *workqueue_create(const char *name, bool per_cpu)
{
	struct workqueue *queue = kmalloc(sizeof(*queue), ALLOC_KERNEL | ALLOC_ZERO);
	uint64_t cpus = per_cpu ? cpus_present : 1;
	unsigned long flags;
	unsigned cpu;

	if (!queue)
		return NULL;
	queue->name = name;
	queue->per_cpu = per_cpu;
	for_each_cpu (cpu, cpus) {
		queue->pools[cpu] = pool_create(name, cpu, per_cpu);
		if (!queue->pools[cpu])
			goto destroy_pools;
	}
	flags = spin_lock_irqsave(&workqueues_lock);
	queue->next = workqueues;
	workqueues = queue;
	/* Those that came online since their worker was made found no queue. */
	start_workers(queue, atomic_load_seqcst(&cpus_online));
	spin_unlock_irqrestore(&workqueues_lock, flags);
	return queue;

destroy_pools:
	for_each_cpu (cpu, cpus)
		pool_destroy(queue->pools[cpu]);
	kfree(queue);
	return NULL;
}

void workqueue_init(void)
{
	system_workqueue = workqueue_create("events", true);
	if (!system_workqueue)
		panic("no memory for the system's work queue");
}

void work_init(struct work *work, void (*fn)(struct work *work))
{
	list_init(&work->node);
	work->fn = fn;
	work->is_queued = 0;
}

bool work_queue(struct workqueue *queue, struct work *work)
{
	struct work_pool *pool;
	unsigned long flags;

	if (atomic_exchange_acqrel(&work->is_queued, 1))
		return false;
	preempt_disable();
	pool = queue->pools[queue->per_cpu ? arch_cpu_id() : 0];
	flags = spin_lock_irqsave(&pool->lock);
	list_add_tail(&pool->works, &work->node);
	pool->nr_queued++;
	spin_unlock_irqrestore(&pool->lock, flags);
	task_wake(pool->worker);
	preempt_enable();
	return true;
}

static bool pool_has_done(struct work_pool *pool, uint64_t nr)
{
	unsigned long flags = spin_lock_irqsave(&pool->lock);
	bool has_done = pool->nr_done >= nr;

	spin_unlock_irqrestore(&pool->lock, flags);
	return has_done;
}

static void pool_flush(struct work_pool *pool)
{
	unsigned long flags = spin_lock_irqsave(&pool->lock);
	uint64_t nr = pool->nr_queued;

	spin_unlock_irqrestore(&pool->lock, flags);
	wait_event(&pool->flushers, pool_has_done(pool, nr));
}

void workqueue_flush(struct workqueue *queue)
{
	might_sleep();
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		if (queue->pools[cpu])
			pool_flush(queue->pools[cpu]);
}
