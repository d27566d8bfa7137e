/* The fair policy: shares by weight, bounded lag, and the sums and the tree that stand for them. */
#include "fixture.h"

static uint64_t end_ns;

struct hog {
	struct task_struct *task;
	int nice;
	int policy;
};

static int hog_main(void *arg)
{
	gate_pass();
	while (clock_monotonic_ns() < end_ns)
		burn(50 * US);
	return 0;
}

/* Runs them side by side for so long; returns with all ended, their tasks still there. */
static void run_hogs(struct hog *hogs, unsigned nr, uint64_t ns)
{
	gate_close();
	for (unsigned i = 0; i < nr; i++) {
		hogs[i].task = spawn(hog_main, &hogs[i]);
		assert_int_equal(sched_set_nice(hogs[i].task, hogs[i].nice), 0);
		assert_int_equal(sched_set_policy(hogs[i].task, hogs[i].policy, 0), 0);
	}
	end_ns = clock_monotonic_ns() + ns;
	gate_open();
	settle();
}

static double share_of(const struct hog *hog, uint64_t ns)
{
	return (double)hog->task->se.sum_exec_ns / (double)ns;
}

static void put_hogs(struct hog *hogs, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		join(hogs[i].task);
}

static void assert_near(double value, double wanted, double tolerance)
{
	if (value < wanted - tolerance || value > wanted + tolerance)
		fail_msg("%f is not %f +- %f", value, wanted, tolerance);
}

SCHED_TEST(equal_tasks_get_equal_shares)
{
	struct hog hogs[5] = {0};

	run_hogs(hogs, 5, 2000 * MS);
	for (int i = 0; i < 5; i++)
		assert_near(share_of(&hogs[i], 2000 * MS), 0.2, 0.005);
	put_hogs(hogs, 5);
}

SCHED_TEST(shares_follow_nice_weights)
{
	struct hog hogs[4] = {{.nice = 0}, {.nice = 5}, {.nice = -5}, {.nice = 19}};
	double weights[4] = {1024, 335, 3121, 15}, sum = 1024 + 335 + 3121 + 15;

	run_hogs(hogs, 4, 8000 * MS);
	for (int i = 0; i < 4; i++)
		assert_near(share_of(&hogs[i], 8000 * MS), weights[i] / sum, 0.004);
	put_hogs(hogs, 4);
}

SCHED_TEST(idle_policy_gets_what_others_leave)
{
	struct hog hogs[2] = {{.policy = SCHED_IDLE}, {.policy = SCHED_OTHER}};

	run_hogs(hogs, 2, 1000 * MS);
	assert_true(share_of(&hogs[0], 1000 * MS) < 0.02);
	assert_true(share_of(&hogs[1], 1000 * MS) > 0.98);
	put_hogs(hogs, 2);
}

SCHED_TEST(turns_are_not_cut_to_pieces)
{
	struct hog hogs[4] = {0};
	uint64_t before = this_cpu(rq).nr_switches;

	run_hogs(hogs, 4, 1000 * MS);
	/* 1 s in turns of 4 ms, and a few to come and go. */
	assert_in_range(this_cpu(rq).nr_switches - before, 240, 275);
	put_hogs(hogs, 4);
}

/* ---- a sleeper among hogs -------------------------------------------------------------------- */

static uint64_t worst_ns, waited_ns, nr_turns;

static int sleeper_main(void *arg)
{
	gate_pass();
	while (clock_monotonic_ns() < end_ns) {
		uint64_t deadline = clock_monotonic_ns() + 10 * MS;

		set_current_state(TASK_INTERRUPTIBLE);
		schedule_until(deadline);
		worst_ns = MAX(worst_ns, clock_monotonic_ns() - deadline);
		waited_ns += clock_monotonic_ns() - deadline;
		nr_turns++;
		burn(200 * US);
	}
	return 0;
}

SCHED_TEST(a_task_that_sleeps_much_runs_soon_after_it_wakes)
{
	struct hog hogs[3] = {0};
	struct task_struct *sleeper;

	worst_ns = waited_ns = nr_turns = 0;
	gate_close();
	sleeper = spawn(sleeper_main, NULL);
	run_hogs(hogs, 3, 1000 * MS);
	pass(20 * MS);
	assert_true(nr_turns > 80);
	assert_true(worst_ns <= SLICE_NS); /* one turn, never one of each hog */
	assert_true(waited_ns / nr_turns < MS);
	put_hogs(hogs, 3);
	join(sleeper);
}

/* Uses 1.5 ms of every 2 ms that it is let run, so that it always owes when it sleeps. */
static int greedy_main(void *arg)
{
	gate_pass();
	while (clock_monotonic_ns() < end_ns) {
		burn(1500 * US);
		set_current_state(TASK_INTERRUPTIBLE);
		schedule_until(clock_monotonic_ns() + 20 * US);
	}
	return 0;
}

SCHED_TEST(sleeping_a_moment_gains_nothing)
{
	struct hog hogs[1] = {0};
	struct task_struct *greedy;

	gate_close();
	greedy = spawn(greedy_main, NULL);
	run_hogs(hogs, 1, 2000 * MS);
	pass(MS);
	assert_near((double)greedy->se.sum_exec_ns / (2000.0 * MS), 0.5, 0.02);
	put_hogs(hogs, 1);
	join(greedy);
}

/* ---- yielding -------------------------------------------------------------------------------- */

static int turns[64], nr_yields;

static int yielder_main(void *arg)
{
	gate_pass();
	for (int i = 0; i < 8; i++) {
		turns[nr_yields++] = (int)(uintptr_t)arg;
		sched_yield();
	}
	return 0;
}

SCHED_TEST(yield_lets_the_others_run_first)
{
	struct task_struct *tasks[3];

	nr_yields = 0;
	gate_close();
	for (uintptr_t i = 0; i < 3; i++)
		tasks[i] = spawn(yielder_main, (void *)i);
	gate_open();
	for (int i = 0; i + 3 <= nr_yields; i++) {
		assert_int_not_equal(turns[i], turns[i + 1]);
		assert_int_not_equal(turns[i], turns[i + 2]);
	}
	for (int i = 0; i < 3; i++)
		join(tasks[i]);
}

/* ---- the structure, without switching -------------------------------------------------------- */

enum { NR_MODELS = 40 };

/*
 * A queue by hand: tasks that have no stack come, run, sleep and change, at random; after each step
 * the sums must be those of the tasks, the tree in order, and the pick the one that the definition
 * gives.
 */
struct model {
	struct rq *rq;
	struct task_struct tasks[NR_MODELS];
	struct task_struct idle;
};

static uint64_t lowest_deadline_among_eligible(struct model *model, uint64_t average)
{
	const struct sched_entity *best = NULL;

	for (int i = 0; i < NR_MODELS; i++) {
		struct sched_entity *se = &model->tasks[i].se;

		if (se->is_queued && (int64_t)(se->vruntime - average) <= 0 &&
		    (!best || (int64_t)(se->deadline - best->deadline) < 0))
			best = se;
	}
	assert_non_null(best);
	return best->deadline;
}

static void model_init(struct model *model)
{
	static struct rq rq;

	memset(model, 0, sizeof(*model));
	memset(&rq, 0, sizeof(rq));
	model->rq = &rq;
	rq.cpu = 63; /* not this CPU: no timer of ours is set */
	spin_init(&rq.lock, LOCK_RANK_RUNQUEUE, "model");
	model->idle.flags = PF_IDLE | PF_KTHREAD;
	model->idle.work = WORK_RESCHED; /* so that nobody sends an IPI */
	rq.curr = rq.idle = &model->idle;
	rq.slice_end_ns = rq.crowd_check_ns = 0;
	rq.fair.v0 = UINT64_MAX - 50 * MS; /* wraps soon */
	rq.clock_ns = rq.exec_start_ns = 1000;
	for (int i = 0; i < NR_MODELS; i++) {
		struct task_struct *task = &model->tasks[i];

		task->cpu = 63;
		task->work = WORK_RESCHED;
		task->affinity = UINT64_MAX;
		task->se.slice_ns = SLICE_NS;
		fair_set_weight(&task->se);
		rb_clear(&task->se.node);
	}
}

static void model_step(struct model *model, uint64_t *seed)
{
	struct rq *rq = model->rq;
	struct task_struct *task = &model->tasks[random_below(seed, NR_MODELS)], *next;

	rq->clock_ns += random_below(seed, 4) ? random_below(seed, 300 * US) : 0;
	rq_charge(rq);
	switch (random_below(seed, 8)) {
	case 0: /* the running task sleeps */
		if (rq->curr->se.is_queued)
			rq_dequeue(rq, rq->curr);
		break;
	case 1: /* any queued task leaves for another CPU, changes weight, and returns */
		if (!task->se.is_queued)
			break;
		rq_dequeue(rq, task);
		task->se.nice = (int8_t)((int)random_below(seed, 40) - 20);
		task->se.policy = random_below(seed, 9) ? SCHED_OTHER : SCHED_IDLE;
		fair_set_weight(&task->se);
		rq_enqueue(rq, task, ENQUEUE_MOVE);
		break;
	case 2:
	case 3:
	case 4:
		if (!task->se.is_queued)
			rq_enqueue(rq, task, task->se.sum_exec_ns ? ENQUEUE_WAKE : ENQUEUE_NEW);
		break;
	default:
		break;
	}
	next = rq_pick(rq, rq->curr->se.is_queued ? rq->curr : NULL, false);
	if (rq->fair.nr_queued) {
		uint64_t average = fair_average(&rq->fair);

		assert_int_equal(next->se.deadline, lowest_deadline_among_eligible(model, average));
	} else {
		assert_ptr_equal(next, rq->idle);
	}
	if (next != rq->curr)
		rq_replace(rq, rq->curr, next, false);
	fair_check(rq);
}

SCHED_TEST(sums_tree_and_pick_agree_with_the_definition)
{
	static struct model model;
	uint64_t seed = 88172645463325252ULL;

	model_init(&model);
	for (int i = 0; i < 60000; i++)
		model_step(&model, &seed);
}

SCHED_TEST(a_long_stall_of_the_host_upsets_nothing)
{
	static struct model model;
	uint64_t seed = 99;

	model_init(&model);
	for (int i = 0; i < 3000; i++) {
		model_step(&model, &seed);
		if (i % 10 == 0)
			model.rq->clock_ns += 3600ULL * NSEC_PER_SEC;
	}
}
