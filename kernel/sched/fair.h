/*
 * The part of the fair policy that every switch runs, inline; fair.c explains it. Private to
 * sched/. Context of all: rq->lock held.
 */
#ifndef SCHED_FAIR_H
#define SCHED_FAIR_H

#include "rq.h"

enum { MAX_CHARGE_NS = 100000000, MIN_GRANULARITY_NS = 750000 };

/* The slow parts. */
void fair_follow_average(struct fair_queue *fair);
void fair_tree_insert(struct fair_queue *fair, struct sched_entity *se);
void fair_tree_remove(struct fair_queue *fair, struct sched_entity *se);
struct sched_entity *fair_search(const struct fair_queue *fair);

static inline struct sched_entity *fair_entity(struct rb_node *node)
{
	return rb_entry(node, struct sched_entity, node);
}

/* Nanoseconds on the CPU as vruntime: times 1024 / weight. */
static inline uint64_t fair_to_virtual(const struct sched_entity *se, uint64_t ns)
{
	if (likely(se->weight == NICE_0_WEIGHT))
		return ns;
	return (uint64_t)(((unsigned __int128)ns * se->inverse_weight) >> 22);
}

/* vruntime <= V */
static inline bool fair_is_eligible(const struct fair_queue *fair, uint64_t vruntime)
{
	return (int64_t)(vruntime - fair->v0) * (int64_t)fair->weight <= fair->weighted_key;
}

/* Charges the running task; true: its turn is over. */
static inline bool fair_charge(struct fair_queue *fair, struct sched_entity *se, uint64_t delta_ns)
{
	uint64_t ran = fair_to_virtual(se, MIN(delta_ns, (uint64_t)MAX_CHARGE_NS));
	int64_t far = (int64_t)(fair->weight << 28);

	se->vruntime += ran;
	fair->weighted_key += (int64_t)(ran * se->weight);
	if (unlikely(fair->weighted_key >= far))
		fair_follow_average(fair);
	if (likely((int64_t)(se->vruntime - se->deadline) < 0))
		return false;
	se->slice_ns = MIN(se->slice_ns * 2, (uint64_t)SLICE_NS);
	se->deadline = se->vruntime + fair_to_virtual(se, se->slice_ns);
	return true;
}

/* Who runs next; curr: the running task if it may go on. NULL: nobody. */
static inline struct task_struct *fair_pick(const struct fair_queue *fair, struct task_struct *curr,
					    bool is_yield)
{
	struct sched_entity *best;

	if (!fair->first)
		return curr;
	best = fair_entity(fair->first);
	if (unlikely(!fair_is_eligible(fair, best->vruntime))) {
		best = fair_search(fair);
		if (!best && !is_yield)
			return curr; /* then it is eligible: somebody is always at or below V */
		if (!best)
			best = fair_entity(fair->first);
	}
	if (curr && !is_yield && (int64_t)(curr->se.deadline - best->deadline) < 0 &&
	    fair_is_eligible(fair, curr->se.vruntime))
		return curr;
	return container_of(best, struct task_struct, se);
}

/* The running task becomes a waiting one. */
static inline void fair_put(struct fair_queue *fair, struct sched_entity *se, bool is_yield)
{
	if (is_yield) /* its turn is over, the next one is due after everybody's */
		se->deadline += fair_to_virtual(se, se->slice_ns);
	if (likely(rb_is_empty(&fair->tree))) {
		se->min_vruntime = se->vruntime;
		rb_insert_only(&fair->tree, &se->node);
		fair->first = &se->node;
	} else {
		fair_tree_insert(fair, se);
	}
}

/* A waiting task becomes the running one. */
static inline void fair_take(struct fair_queue *fair, struct sched_entity *se)
{
	if (likely(rb_is_only(&fair->tree, &se->node))) {
		fair->tree.node = NULL;
		fair->first = NULL;
		rb_clear(&se->node);
	} else {
		fair_tree_remove(fair, se);
	}
}

/* How long its turn lasts from now on. */
static inline uint64_t fair_turn_left_ns(const struct sched_entity *se)
{
	uint64_t left = se->deadline - se->vruntime;

	if (unlikely(se->weight != NICE_0_WEIGHT))
		left = (uint64_t)(((unsigned __int128)left * se->weight) >> 10);
	return MAX(left, (uint64_t)MIN_GRANULARITY_NS);
}

#endif
