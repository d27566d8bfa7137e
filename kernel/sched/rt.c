/*
 * The real-time policies, SCHED_FIFO and RR (sched(7)): the highest priority runs, equals in order
 * of arrival. Guarded by rq->lock; called by queue.c.
 *
 * The tree is sorted by priority, then by a number that is dealt out upwards at the tail and
 * downwards at the head: a preempted task returns to the head of its priority, one that yields or
 * (RR) has used up its turn to the tail.
 *
 * A real-time task that never sleeps must not lock everybody out: together they get at most
 * RT_RUNTIME_NS of each RT_PERIOD_NS while others wait (Linux's sched_rt_runtime_us, 95 %).
 */
#include "rq.h"

enum { RT_PERIOD_NS = 1000000000, RT_RUNTIME_NS = 950000000 };

static struct sched_entity *entity_of(struct rb_node *node)
{
	return rb_entry(node, struct sched_entity, node);
}

static bool runs_before(const struct sched_entity *a, const struct sched_entity *b)
{
	if (a->rt_priority != b->rt_priority)
		return a->rt_priority > b->rt_priority;
	return (int64_t)(a->deadline - b->deadline) < 0;
}

static void tree_insert(struct rt_queue *rt, struct sched_entity *se)
{
	struct rb_node **link = &rt->tree.node, *parent = NULL;
	bool is_first = true;

	while (*link) {
		parent = *link;
		if (runs_before(se, entity_of(parent))) {
			link = &parent->left;
		} else {
			link = &parent->right;
			is_first = false;
		}
	}
	if (is_first)
		rt->first = &se->node;
	rb_insert(&rt->tree, parent, link, &se->node, NULL);
}

void rt_put(struct rt_queue *rt, struct sched_entity *se, bool is_yield)
{
	bool turn_is_over = se->policy == SCHED_RR && !se->slice_ns;

	if (turn_is_over)
		se->slice_ns = RR_SLICE_NS;
	se->deadline = is_yield || turn_is_over ? rt->tail_order++ : --rt->head_order;
	tree_insert(rt, se);
}

void rt_take(struct rt_queue *rt, struct sched_entity *se)
{
	if (rt->first == &se->node)
		rt->first = rb_next(&se->node);
	rb_remove(&rt->tree, &se->node, NULL);
	rb_clear(&se->node);
}

void rt_enqueue(struct rq *rq, struct task_struct *task)
{
	task->se.deadline = rq->rt.tail_order++;
	rq->rt.nr_queued++;
	if (task != rq->curr)
		tree_insert(&rq->rt, &task->se);
}

void rt_dequeue(struct rq *rq, struct task_struct *task)
{
	rq->rt.nr_queued--;
	if (task != rq->curr)
		rt_take(&rq->rt, &task->se);
}

bool rt_update_throttle(struct rq *rq)
{
	struct rt_queue *rt = &rq->rt;

	if (rq->clock_ns - rt->period_start_ns >= RT_PERIOD_NS) {
		rt->period_start_ns = rq->clock_ns;
		rt->used_ns = 0;
	}
	rt->is_throttled = rt->used_ns >= RT_RUNTIME_NS;
	return rt->is_throttled;
}

uint64_t rt_throttle_time(const struct rq *rq)
{
	const struct rt_queue *rt = &rq->rt;

	if (rt->is_throttled)
		return rt->period_start_ns + RT_PERIOD_NS;
	return rq->clock_ns + (RT_RUNTIME_NS - rt->used_ns);
}

bool rt_charge(struct rq *rq, struct sched_entity *se, uint64_t delta_ns)
{
	struct rt_queue *rt = &rq->rt;
	bool turn_is_over = false;

	rt->used_ns += delta_ns;
	if (rt_update_throttle(rq) && rq->fair.nr_queued)
		turn_is_over = true;
	if (se->policy == SCHED_RR) {
		se->slice_ns -= MIN(delta_ns, se->slice_ns);
		if (!se->slice_ns)
			turn_is_over = true;
	}
	return turn_is_over;
}

struct task_struct *rt_pick(struct rq *rq, struct task_struct *curr, bool is_yield)
{
	struct sched_entity *first = rq->rt.first ? entity_of(rq->rt.first) : NULL;

	if (curr && (!first || first->rt_priority < curr->se.rt_priority)) {
		if (!curr->se.slice_ns) /* SCHED_RR and no equals: the next turn is its own */
			curr->se.slice_ns = RR_SLICE_NS;
		return curr;
	}
	if (curr && first->rt_priority == curr->se.rt_priority && !is_yield && curr->se.slice_ns)
		return curr;
	return first ? container_of(first, struct task_struct, se) : NULL;
}
