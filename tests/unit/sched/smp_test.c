/*
 * The scheduler on four CPUs, in thousands of interleavings: at each choice point (every atomic
 * access, lock, interrupt flag, IPI) the host port may go on with another CPU. Same seed, same run.
 */
#define FIXTURE_NR_CPUS 4
#include "fixture.h"
#include <kern/kcache.h>

static uint64_t random_state;

static void go_elsewhere(enum host_point kind, const volatile void *address)
{
	if (kind == HOST_POINT_RELAX || kind == HOST_POINT_IDLE)
		host_time_advance(500);
	if (random_below(&random_state, 4) == 0)
		host_cpu_yield();
}

static uint32_t nr_alive; /* [atomic] */

static void thread_done(void)
{
	atomic_fetch_add_acqrel(&nr_alive, -1U);
}

static struct task_struct *tasks[64];
static unsigned nr_tasks;

static void start(int (*fn)(void *arg), void *arg)
{
	atomic_fetch_add_acqrel(&nr_alive, 1);
	tasks[nr_tasks++] = spawn(fn, arg);
}

/* Until all threads have ended and all CPUs idle; then everything must be as it was. */
static void run_all(uint64_t seed)
{
	unsigned cpu;

	random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	host_point_hook = go_elsewhere;
	gate_open();
	while (atomic_load_acquire(&nr_alive)) {
		schedule();
		arch_cpu_relax();
	}
	for (unsigned i = 0; i < nr_tasks; i++)
		while (atomic_load_acquire(&tasks[i]->on_cpu))
			arch_cpu_relax();
	host_point_hook = NULL;
	for (unsigned i = 0; i < 100; i++) { /* the last switches come to their ends */
		schedule();
		host_cpu_relax();
	}
	for (unsigned i = 0; i < nr_tasks; i++)
		join(tasks[i]);
	nr_tasks = 0;
	for_each_online_cpu (cpu) {
		struct rq *rq = &per_cpu(rq, cpu);

		assert_ptr_equal(rq->curr, rq->idle);
		assert_int_equal(rq->nr_running, 0);
		assert_int_equal(rq->fair.nr_queued + rq->rt.nr_queued, 0);
		assert_null(rq->prev_mm);
		fair_check(rq);
	}
	assert_int_equal(cpus_crowded, 0);
}

/* ---- ping and pong --------------------------------------------------------------------------- */

struct pair {
	struct wait_queue queue;
	uint32_t turn; /* [atomic] whose */
	unsigned rounds;
};

static struct pair pairs[6];

static void play(struct pair *pair, uint32_t me)
{
	gate_pass();
	for (unsigned i = 0; i < pair->rounds; i++) {
		wait_event(&pair->queue, atomic_load_relaxed(&pair->turn) == me);
		atomic_store_relaxed(&pair->turn, !me);
		wake_up_key(&pair->queue, i % 2 ? WAKE_SYNC : 0);
	}
	thread_done();
}

static int ping_main(void *arg)
{
	play(arg, 0);
	return 0;
}

static int pong_main(void *arg)
{
	play(arg, 1);
	return 0;
}

static void add_pairs(unsigned nr, unsigned rounds)
{
	for (unsigned i = 0; i < nr; i++) {
		wait_queue_init(&pairs[i].queue);
		pairs[i].turn = 0;
		pairs[i].rounds = rounds;
		start(ping_main, &pairs[i]);
		start(pong_main, &pairs[i]);
	}
}

SCHED_TEST(no_wake_up_is_lost_between_cpus)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		gate_close();
		add_pairs(1 + seed % 6, 20);
		run_all(seed);
	}
}

/* ---- exclusion ------------------------------------------------------------------------------- */

static struct mutex mutex;
static struct rwsem sem;
static uint64_t counter, sem_counter; /* [mutex], [sem] */
static uint32_t nr_readers, nr_writers;

static int exclusion_main(void *arg)
{
	gate_pass();
	for (unsigned i = 0; i < 8; i++) {
		mutex_lock(&mutex);
		uint64_t n = counter;
		arch_cpu_relax();
		counter = n + 1;
		mutex_unlock(&mutex);

		if ((i + (uintptr_t)arg) % 3) {
			rwsem_read_lock(&sem);
			atomic_fetch_add_acqrel(&nr_readers, 1);
			assert_int_equal(atomic_load_relaxed(&nr_writers), 0);
			atomic_fetch_add_acqrel(&nr_readers, -1U);
			rwsem_read_unlock(&sem);
			continue;
		}
		rwsem_write_lock(&sem);
		atomic_fetch_add_acqrel(&nr_writers, 1);
		assert_int_equal(atomic_load_relaxed(&nr_writers), 1);
		assert_int_equal(atomic_load_relaxed(&nr_readers), 0);
		sem_counter++;
		atomic_fetch_add_acqrel(&nr_writers, -1U);
		if (i % 2) {
			rwsem_downgrade(&sem);
			rwsem_read_unlock(&sem);
		} else {
			rwsem_write_unlock(&sem);
		}
	}
	thread_done();
	return 0;
}

SCHED_TEST(locks_exclude_and_everybody_gets_them)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		mutex_init(&mutex);
		rwsem_init(&sem);
		counter = sem_counter = 0;
		gate_close();
		for (uintptr_t i = 0; i < 8; i++)
			start(exclusion_main, (void *)i);
		run_all(seed);
		assert_int_equal(counter, 64);
		assert_int_equal(mutex.nr_waiters, 0);
		assert_null(mutex.heir);
		assert_int_equal(sem.state, 0);
	}
}

/* ---- moving ---------------------------------------------------------------------------------- */

static int mover_main(void *arg)
{
	uint64_t seed = (uintptr_t)arg * 77 + 5;

	gate_pass();
	for (unsigned i = 0; i < 25; i++) {
		uint64_t mask = 1 + random_below(&seed, 15);
		struct task_struct *other = tasks[random_below(&seed, 8)];

		switch (random_below(&seed, 5)) {
		case 0: /* itself: has moved when it returns */
			assert_int_equal(sched_set_affinity(current, mask), 0);
			break;
		case 1:
			assert_int_equal(sched_set_affinity(other, mask), 0);
			break;
		case 2:
			assert_int_equal(sched_set_nice(other, (int)random_below(&seed, 40) - 20),
					 0);
			break;
		case 3:
			assert_int_equal(
				sched_set_policy(other,
						 random_below(&seed, 2) ? SCHED_OTHER : SCHED_BATCH,
						 0),
				0);
			break;
		default:
			set_current_state(TASK_INTERRUPTIBLE);
			schedule_until(clock_monotonic_ns() + random_below(&seed, 20 * US));
		}
		sched_yield();
	}
	thread_done();
	return 0;
}

SCHED_TEST(tasks_move_wherever_they_are_when_it_is_asked)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		gate_close();
		for (uintptr_t i = 0; i < 8; i++)
			start(mover_main, (void *)(i + 8 * seed));
		run_all(seed);
	}
}

static int pinned_main(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg % 4;

	for (unsigned i = 0; i < 10; i++, cpu = (cpu + 1) % 4) {
		assert_int_equal(sched_set_affinity(current, 1ULL << cpu), 0);
		assert_int_equal(arch_cpu_id(), cpu);
		arch_cpu_relax();
		assert_int_equal(arch_cpu_id(), cpu);
	}
	thread_done();
	return 0;
}

SCHED_TEST(a_task_that_changes_its_own_cpus_has_moved_when_it_returns)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		gate_open();
		for (uintptr_t i = 0; i < 6; i++)
			start(pinned_main, (void *)i);
		run_all(seed);
	}
}

/* ---- timers that several CPUs arm and cancel ------------------------------------------------------ */

enum { NR_SHARED_TIMERS = 3 };

struct shared_timer {
	struct timer timer;
	uint32_t is_running; /* [atomic] */
	uint32_t nr_fired;   /* [atomic] */
};

static struct shared_timer shared_timers[NR_SHARED_TIMERS];

static void shared_fire(struct timer *timer)
{
	struct shared_timer *shared = container_of(timer, struct shared_timer, timer);

	assert_int_equal(atomic_exchange_acqrel(&shared->is_running, 1), 0); /* never on two CPUs */
	arch_cpu_relax();
	if (atomic_fetch_add_relaxed(&shared->nr_fired, 1) % 3 == 0)
		timer_arm(timer, clock_monotonic_ns() + 3 * US);
	atomic_store_release(&shared->is_running, 0);
}

static int timer_main(void *arg)
{
	uint64_t seed = (uintptr_t)arg * 31 + 7;

	gate_pass();
	for (unsigned i = 0; i < 30; i++) {
		struct shared_timer *shared = &shared_timers[random_below(&seed, NR_SHARED_TIMERS)];

		switch (random_below(&seed, 4)) {
		case 0:
			timer_cancel(&shared->timer);
			break;
		case 1:
			timer_cancel_wait(&shared->timer);
			break;
		default:
			timer_arm(&shared->timer,
				  clock_monotonic_ns() + random_below(&seed, 20 * US));
		}
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_until(clock_monotonic_ns() + random_below(&seed, 10 * US));
	}
	thread_done();
	return 0;
}

SCHED_TEST(timers_run_on_one_cpu_at_a_time_and_stay_cancelled)
{
	uint32_t nr_fired = 0;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		for (int i = 0; i < NR_SHARED_TIMERS; i++) {
			shared_timers[i] = (struct shared_timer){0};
			timer_init(&shared_timers[i].timer, shared_fire);
		}
		gate_close();
		for (uintptr_t i = 0; i < 6; i++)
			start(timer_main, (void *)(i + 6 * seed));
		run_all(seed);
		for (int i = 0; i < NR_SHARED_TIMERS; i++) {
			struct shared_timer *shared = &shared_timers[i];
			uint32_t before;

			timer_cancel_wait(&shared->timer);
			before = shared->nr_fired;
			nr_fired += before;
			host_time_advance(MS);
			assert_int_equal(shared->nr_fired, before);
			assert_false(timer_is_armed(&shared->timer));
		}
	}
	assert_true(nr_fired > 500);
}

/* ---- work queues ------------------------------------------------------------------------------------ */

static struct workqueue *bound;
static uint32_t nr_works; /* [atomic] */

static void count_work(struct work *work)
{
	assert_true(current->flags & PF_BOUND);
	atomic_fetch_add_relaxed(&nr_works, 1);
	kfree(work);
}

static int queueing_main(void *arg)
{
	gate_pass();
	for (unsigned i = 0; i < 10; i++) {
		struct work *work = kmalloc(sizeof(*work), ALLOC_KERNEL);

		assert_non_null(work);
		work_init(work, count_work);
		assert_true(work_queue(bound, work));
		if (i % 4 == 3)
			assert_int_equal(sched_set_affinity(current, 1ULL << (i / 4)), 0);
	}
	workqueue_flush(bound);
	thread_done();
	return 0;
}

MACHINE_TEST(workqueues_are_made_for_good)
{
	bound = workqueue_create("bound", true);
	assert_non_null(bound);
	for (unsigned i = 0; i < 1000; i++) { /* its workers go to sleep on their CPUs */
		schedule();
		host_cpu_relax();
	}
	(void)machine_setup(state); /* from here on they belong to the baseline */
}

SCHED_TEST(every_work_runs_once_and_flush_waits_for_all_cpus)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		nr_works = 0;
		gate_close();
		for (uintptr_t i = 0; i < 5; i++)
			start(queueing_main, (void *)i);
		run_all(seed);
		assert_int_equal(nr_works, 50);
	}
}

/* ---- balance --------------------------------------------------------------------------------- */

static uint64_t end_ns;

static int hog_main(void *arg)
{
	gate_pass();
	while (clock_monotonic_ns() < end_ns) {
		host_time_advance(20 * US);
		host_cpu_yield(); /* real CPUs would run at the same time */
	}
	thread_done();
	return 0;
}

/* What each of nr hogs got of a second of four CPUs, the least and the most; all start on CPU 0. */
static void run_hogs(unsigned nr, uint64_t *least_ns, uint64_t *most_ns)
{
	gate_close();
	for (unsigned i = 0; i < nr; i++)
		start(hog_main, NULL);
	end_ns = clock_monotonic_ns() + NSEC_PER_SEC;
	gate_open();
	while (atomic_load_acquire(&nr_alive)) {
		schedule();
		host_time_advance(20 * US);
		host_cpu_yield();
	}
	*least_ns = UINT64_MAX;
	*most_ns = 0;
	for (unsigned i = 0; i < nr_tasks; i++) {
		*least_ns = MIN(*least_ns, tasks[i]->se.sum_exec_ns);
		*most_ns = MAX(*most_ns, tasks[i]->se.sum_exec_ns);
	}
	run_all(1);
}

SCHED_TEST(hogs_spread_over_all_cpus)
{
	uint64_t least_ns, most_ns;

	run_hogs(4, &least_ns, &most_ns);
	assert_true(least_ns > 950 * MS);
	run_hogs(8, &least_ns, &most_ns);
	assert_true(least_ns > 440 * MS);
	assert_true(most_ns < 560 * MS);
}

SCHED_TEST(five_hogs_on_four_cpus_share_in_the_long_run)
{
	uint64_t least_ns, most_ns;

	run_hogs(5, &least_ns, &most_ns);
	assert_true(least_ns > 600 * MS); /* 800 each would be perfect, 500 without rotation */
}
