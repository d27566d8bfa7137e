/*
 * Timers. Each CPU has a queue, a tree by deadline, with a lock of its own; a timer belongs to the
 * queue that timer->cpu names, armed or not, and only under that queue's lock does it move to
 * another.
 *
 * A timer is armed on the CPU that asks, so that CPU sets its own hardware; no CPU ever has to
 * reach for another's. One exception: while a timer's function runs it stays in that CPU's queue,
 * so that timer_cancel_wait() knows where to look, and that CPU sets its hardware when the function
 * returns.
 *
 * The hardware stands at timer_hw_ns, which is never later than what is needed and may be earlier
 * (queue.c says why).
 */
#include <kern/assert.h>
#include <kern/timer.h>
#include <arch/irq.h>

#include "rq.h"

struct CACHE_ALIGNED timer_queue {
	struct spinlock lock;
	struct rb_root tree;   /* [lock] by deadline, then order of arming */
	struct rb_node *first; /* [lock] */
	struct timer *running; /* [lock] its function is being called; compared only */
};

DEFINE_PER_CPU(uint64_t, timer_hw_ns);
static DEFINE_PER_CPU(struct timer_queue, timer_queue);

static struct timer *timer_of(struct rb_node *node)
{
	return rb_entry(node, struct timer, node);
}

/* Locks the queue that timer belongs to; interrupts go off. */
static struct timer_queue *timer_lock(struct timer *timer, unsigned long *flags) NO_LOCK_ANALYSIS
{
	for (;;) {
		uint32_t cpu = atomic_load_relaxed(&timer->cpu);
		struct timer_queue *queue = &per_cpu(timer_queue, cpu);

		*flags = spin_lock_irqsave(&queue->lock);
		if (likely(atomic_load_relaxed(&timer->cpu) == cpu))
			return queue;
		spin_unlock_irqrestore(&queue->lock, *flags);
	}
}

static void timer_link(struct timer_queue *queue, struct timer *timer)
{
	struct rb_node **link = &queue->tree.node, *parent = NULL;
	bool is_first = true;

	while (*link) {
		parent = *link;
		if (timer->deadline_ns < timer_of(parent)->deadline_ns) {
			link = &parent->left;
		} else {
			link = &parent->right;
			is_first = false;
		}
	}
	if (is_first)
		queue->first = &timer->node;
	rb_insert(&queue->tree, parent, link, &timer->node, NULL);
}

/* false: it was not armed. */
static bool timer_unlink(struct timer_queue *queue, struct timer *timer)
{
	if (rb_is_clear(&timer->node))
		return false;
	if (queue->first == &timer->node)
		queue->first = rb_next(&timer->node);
	rb_remove(&queue->tree, &timer->node, NULL);
	rb_clear(&timer->node);
	return true;
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){.fn = fn, .cpu = arch_cpu_id()};
	rb_clear(&timer->node);
}

void timer_arm(struct timer *timer, uint64_t deadline_ns) NO_LOCK_ANALYSIS
{
	struct timer_queue *queue;
	unsigned long flags;

	for (;;) {
		queue = timer_lock(timer, &flags);
		timer_unlink(queue, timer);
		if (queue == &this_cpu(timer_queue) || queue->running == timer)
			break;
		/* Ours from here on, unless another CPU arms it now: then the later of us wins. */
		atomic_store_relaxed(&timer->cpu, arch_cpu_id());
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	timer->deadline_ns = deadline_ns;
	timer_link(queue, timer);
	if (queue->first == &timer->node && queue == &this_cpu(timer_queue))
		timer_hw_want(deadline_ns);
	spin_unlock_irqrestore(&queue->lock, flags);
}

bool timer_cancel(struct timer *timer) NO_LOCK_ANALYSIS
{
	struct timer_queue *queue;
	unsigned long flags;
	bool was_armed;

	/* Most timers that die were never armed. Who arms it just now comes after us, then. */
	if (!timer_is_armed(timer))
		return false;
	queue = timer_lock(timer, &flags);
	was_armed = timer_unlink(queue, timer);
	spin_unlock_irqrestore(&queue->lock, flags);
	return was_armed;
}

bool timer_cancel_wait(struct timer *timer) NO_LOCK_ANALYSIS
{
	bool was_armed = false;

	for (;;) {
		unsigned long flags;
		struct timer_queue *queue = timer_lock(timer, &flags);
		bool is_running = queue->running == timer;

		was_armed |= timer_unlink(queue, timer);
		assert(!is_running || queue != &this_cpu(timer_queue)); /* would wait for itself */
		spin_unlock_irqrestore(&queue->lock, flags);
		if (!is_running)
			return was_armed;
		arch_cpu_relax();
	}
}

bool timer_is_armed(const struct timer *timer)
{
	return atomic_load_relaxed(&timer->node.parent_color) != (uintptr_t)&timer->node;
}

/* ---- the hardware ---------------------------------------------------------------------------- */

void timer_init_cpu(void)
{
	spin_init(&this_cpu(timer_queue).lock, LOCK_RANK_TIMERQ, "timerq");
	this_cpu(timer_hw_ns) = UINT64_MAX;
}

void timer_hw_set(uint64_t deadline_ns)
{
	this_cpu(timer_hw_ns) = deadline_ns;
	arch_timer_arm(deadline_ns);
}

void timer_hw_fired(void)
{
	this_cpu(timer_hw_ns) = UINT64_MAX;
}

uint64_t timer_next_ns(void)
{
	struct timer_queue *queue = &this_cpu(timer_queue);
	struct rb_node *first;
	uint64_t next_ns;

	spin_lock(&queue->lock);
	first = queue->first;
	next_ns = first ? timer_of(first)->deadline_ns : UINT64_MAX;
	spin_unlock(&queue->lock);
	return next_ns;
}

void timer_expire(void)
{
	struct timer_queue *queue = &this_cpu(timer_queue);
	uint64_t now = arch_clock_ns();

	/* A function that re-arms its timer for the past is not called again before the next
	 * interrupt: `now` stays. */
	spin_lock(&queue->lock);
	while (queue->first) {
		struct timer *timer = timer_of(queue->first);
		void (*fn)(struct timer *) = timer->fn;

		if (timer->deadline_ns > now)
			break;
		timer_unlink(queue, timer);
		queue->running = timer;
		spin_unlock(&queue->lock);
		fn(timer); /* it may be gone after this */
		spin_lock(&queue->lock);
		queue->running = NULL;
	}
	spin_unlock(&queue->lock);
}
