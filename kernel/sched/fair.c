/*
 * The fair policy: SCHED_OTHER, BATCH and IDLE. Guarded by rq->lock; called by queue.c.
 *
 * Every task has a vruntime: the time it ran, divided by its weight. Were the CPU divisible without
 * end, all vruntimes would move together; their weighted average V says where. A task below V has
 * had less than its share (lag, V - vruntime, above zero): it is *eligible*. Of the eligible tasks
 * the one with the earliest virtual deadline (vruntime at the start of its turn + length of the
 * turn) runs: EEVDF, "Earliest Eligible Virtual Deadline First" (Stoica, Abdel-Wahab, 1996). It
 * bounds every task's lag by the length of one turn, which no heuristic about sleepers can break.
 *
 * V is kept as two sums over the queued tasks, the running one included: W = sum of weights, and
 * weighted_key = sum of weight * (vruntime - v0), so that V = v0 + weighted_key / W. v0 follows V
 * so that keys stay small; being eligible is decided by multiplication, without that division.
 *
 * The tree is sorted by deadline; each node knows the smallest vruntime below it, so the search for
 * the earliest eligible deadline goes down one path. The running task is in the sums but not in the
 * tree: most often it goes on, and then nothing needs to move.
 *
 * The algorithm takes turns of any length, and is fair for all of them; who asks for short ones
 * gets them sooner. Nobody asks here, so each task's turn is what it has been using: twice its
 * average burst between two sleeps, at least MIN_GRANULARITY_NS, at most SLICE_NS. A shell or a
 * server thus runs soon after it wakes up, and one that starts to compute doubles its turns until
 * they are full ones.
 *
 * A task takes its lag along when it leaves (vlag), and is placed by it when it returns: nobody
 * gains by sleeping a moment at the right time. What it owes (negative lag) is forgotten as V
 * catches up.
 *
 * Bounds: a charge counts at most MAX_CHARGE_NS, since a virtual CPU may be put aside by its host
 * for long; so |vruntime - v0| < 2^36 and products with W < 2^27 (1,500 tasks of nice -20) fit.
 */
#include "fair.h"

/* Each step of nice is a factor of 1.25 in CPU share, 0 being 1024: the values of sched(7)'s
 * Linux. */
static const uint32_t nice_weights[40] = {
	88761, 71755, 56483, 46273, 36291, /* -20 */
	29154, 23254, 18705, 14949, 11916, /* -15 */
	9548,  7620,  6100,  4904,  3906,  /* -10 */
	3121,  2501,  1991,  1586,  1277,  /*  -5 */
	1024,  820,   655,   526,   423,   /*   0 */
	335,   272,   215,   172,   137,   /*   5 */
	110,   87,    70,    56,    45,	   /*  10 */
	36,    29,    23,    18,    15,	   /*  15 */
};
enum { IDLE_POLICY_WEIGHT = 3 };

void fair_set_weight(struct sched_entity *se)
{
	se->weight = se->policy == SCHED_IDLE ? IDLE_POLICY_WEIGHT : nice_weights[se->nice + 20];
	se->inverse_weight = (uint32_t)((1ULL << 32) / se->weight);
}

uint64_t fair_average(const struct fair_queue *fair)
{
	int64_t weight = (int64_t)fair->weight, sum = fair->weighted_key;

	if (!weight)
		return fair->v0;
	if (sum < 0)
		sum -= weight - 1; /* round down */
	return fair->v0 + (uint64_t)(sum / weight);
}

/* Lets v0 follow V when V is more than 2^28 ns away. */
void fair_follow_average(struct fair_queue *fair)
{
	int64_t far = (int64_t)(fair->weight << 28);

	if (likely(fair->weighted_key < far && fair->weighted_key > -far))
		return;
	int64_t step = fair->weighted_key / (int64_t)fair->weight;
	fair->v0 += (uint64_t)step;
	fair->weighted_key -= step * (int64_t)fair->weight;
}

/* ---- the tree -------------------------------------------------------------------------------- */

static void update_min_vruntime(struct rb_node *node)
{
	struct sched_entity *se = fair_entity(node);
	uint64_t min = se->vruntime;

	if (node->left) {
		uint64_t left = fair_entity(node->left)->min_vruntime;
		if ((int64_t)(left - min) < 0)
			min = left;
	}
	if (node->right) {
		uint64_t right = fair_entity(node->right)->min_vruntime;
		if ((int64_t)(right - min) < 0)
			min = right;
	}
	se->min_vruntime = min;
}

void fair_tree_insert(struct fair_queue *fair, struct sched_entity *se)
{
	struct rb_node **link = &fair->tree.node, *parent = NULL;
	bool is_first = true;

	while (*link) {
		parent = *link;
		if ((int64_t)(se->deadline - fair_entity(parent)->deadline) < 0) {
			link = &parent->left;
		} else {
			link = &parent->right; /* equal ones in order of arrival */
			is_first = false;
		}
	}
	if (is_first)
		fair->first = &se->node;
	rb_insert(&fair->tree, parent, link, &se->node, update_min_vruntime);
}

void fair_tree_remove(struct fair_queue *fair, struct sched_entity *se)
{
	if (fair->first == &se->node)
		fair->first = rb_next(&se->node);
	rb_remove(&fair->tree, &se->node, update_min_vruntime);
	rb_clear(&se->node);
}

/* ---- coming and going ------------------------------------------------------------------------ */

static int64_t clamp_lag(const struct sched_entity *se, int64_t lag)
{
	int64_t limit = (int64_t)fair_to_virtual(se, se->slice_ns);

	return MAX(-limit, MIN(lag, limit));
}

void fair_learn_burst(struct sched_entity *se)
{
	uint64_t burst_ns = se->sum_exec_ns - se->burst_start_ns;

	se->burst_start_ns = se->sum_exec_ns;
	if (se->policy != SCHED_OTHER)
		return;
	burst_ns = MAX(MIN(burst_ns * 2, (uint64_t)SLICE_NS), (uint64_t)MIN_GRANULARITY_NS);
	se->slice_ns = (3 * se->slice_ns + burst_ns) / 4;
}

/* Sets vruntime and deadline of a task that is about to join. */
static void place(struct fair_queue *fair, struct sched_entity *se, enum enqueue_how how)
{
	uint64_t average = fair_average(fair), turn = fair_to_virtual(se, se->slice_ns);
	int64_t lag = how == ENQUEUE_NEW ? 0 : se->vlag;

	/* What it owed has been served by others meanwhile, as far as V has moved on. */
	if (how == ENQUEUE_WAKE && lag < 0)
		lag = MAX(lag, MIN((int64_t)(average - se->vruntime), 0));

	/* Joining moves V towards the newcomer: to have lag l afterwards it needs l * (W + w) /
	 * W. */
	if (lag && fair->weight)
		lag = clamp_lag(se, lag) * (int64_t)(fair->weight + se->weight) /
		      (int64_t)fair->weight;
	else
		lag = 0;

	if (how == ENQUEUE_NEW)
		turn /= 2; /* it joins in the middle of everybody's turns */
	else if (how == ENQUEUE_MOVE)
		turn = se->deadline - se->vruntime;
	se->vruntime = average - (uint64_t)lag;
	se->deadline = se->vruntime + turn;
}

void fair_enqueue(struct rq *rq, struct task_struct *task, enum enqueue_how how)
{
	struct fair_queue *fair = &rq->fair;
	struct sched_entity *se = &task->se;

	place(fair, se, how);
	fair->weight += se->weight;
	fair->weighted_key += (int64_t)(se->vruntime - fair->v0) * (int64_t)se->weight;
	fair->nr_queued++;
	fair_follow_average(fair);
	if (task != rq->curr)
		fair_put(fair, se, false);
}

void fair_dequeue(struct rq *rq, struct task_struct *task)
{
	struct fair_queue *fair = &rq->fair;
	struct sched_entity *se = &task->se;

	se->vlag = clamp_lag(se, (int64_t)(fair_average(fair) - se->vruntime));
	if (task != rq->curr)
		fair_take(fair, se);
	fair->nr_queued--;
	fair->weight -= se->weight;
	fair->weighted_key -= (int64_t)(se->vruntime - fair->v0) * (int64_t)se->weight;
	if (fair->nr_queued)
		fair_follow_average(fair);
	else
		fair->v0 = se->vruntime; /* V of one task: the queue goes on from here */
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* The earliest deadline among the eligible ones of the tree; NULL: none is eligible. */
struct sched_entity *fair_search(const struct fair_queue *fair)
{
	struct rb_node *node = fair->tree.node;

	while (node) {
		if (node->left && fair_is_eligible(fair, fair_entity(node->left)->min_vruntime))
			node = node->left;
		else if (fair_is_eligible(fair, fair_entity(node)->vruntime))
			return fair_entity(node);
		else
			node = node->right;
	}
	return NULL;
}

/*
 * A woken task takes the CPU if it would be picked, but not before curr has had MIN_GRANULARITY_NS:
 * a switch costs tens of microseconds here, and a thousand wakers must not cut every turn to
 * pieces.
 */
uint64_t fair_preempt_time(struct rq *rq, struct task_struct *curr, struct task_struct *task)
{
	bool curr_is_idle = curr->se.policy == SCHED_IDLE;

	if (curr_is_idle != (task->se.policy == SCHED_IDLE))
		return curr_is_idle ? rq->clock_ns : UINT64_MAX;
	if (task->se.policy != SCHED_OTHER)
		return UINT64_MAX;
	if (!fair_is_eligible(&rq->fair, task->se.vruntime) ||
	    (int64_t)(task->se.deadline - curr->se.deadline) >= 0)
		return UINT64_MAX;
	return rq->run_start_ns + MIN_GRANULARITY_NS;
}

void fair_check(const struct rq *rq)
{
	const struct fair_queue *fair = &rq->fair;
	const struct task_struct *curr = rq->curr;
	uint64_t weight = 0, last_deadline = 0;
	int64_t sum = 0;
	uint32_t nr = 0;

	assert(fair->first == rb_first(&fair->tree));
	for (struct rb_node *node = fair->first; node; node = rb_next(node)) {
		struct sched_entity *se = fair_entity(node);
		uint64_t min = se->min_vruntime;

		assert(container_of(se, struct task_struct, se) != curr && se->is_queued &&
		       !se->rt_priority);
		assert(!nr || (int64_t)(se->deadline - last_deadline) >= 0);
		update_min_vruntime(node);
		assert(se->min_vruntime == min);
		last_deadline = se->deadline;
		weight += se->weight;
		sum += (int64_t)(se->vruntime - fair->v0) * (int64_t)se->weight;
		nr++;
	}
	if (curr->se.is_queued && !task_is_rt(curr)) {
		weight += curr->se.weight;
		sum += (int64_t)(curr->se.vruntime - fair->v0) * (int64_t)curr->se.weight;
		nr++;
	}
	assert(weight == fair->weight && sum == fair->weighted_key && nr == fair->nr_queued);
}
