/*
 * What the tests of sched/ share: a machine whose boot CPU runs the real scheduler. The test itself
 * is init_task, the idle task: it never sleeps. It makes kernel threads and calls settle(), which
 * runs them until none is runnable; the clock stands still but for burn() and pass().
 */
#ifndef SCHED_FIXTURE_H
#define SCHED_FIXTURE_H

#include "test.h"
#include <string.h>
#include <kern/entry.h>
#include <kern/kthread.h>
#include <kern/life.h>
#include <kern/mutex.h>
#include <kern/sched.h>
#include <kern/signal.h>
#include <kern/timer.h>
#include <kern/wait.h>
#include <uapi/errno.h>
#include "../../../kernel/sched/queue.h"

/* A MACHINE_TEST in which threads came and went. */
#define SCHED_TEST(behaviour) TEST_WITH(behaviour, machine_setup, sched_teardown)

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC

bool fatal_signal_pending(const struct task_struct *task)
{
	return task->pending_mask & (1ULL << 8);
}

void entry_cpu_start(void)
{
	sched_cpu_online(arch_cpu_id());
	sched_idle();
}

/* As a port does before the first line of portable code. */
static __attribute__((constructor)) void set_current(void)
{
	host_cpus[0].hot.task = &init_task;
}

static UNUSED int sched_teardown(void **state)
{
	task_drain_stacks(); /* kept for the next thread */
	return machine_teardown(state);
}

#ifndef FIXTURE_NR_CPUS
#define FIXTURE_NR_CPUS 1
#endif

void test_machine_ready(void)
{
	life_init(NULL);
	sched_init();
	for (unsigned cpu = 1; cpu < FIXTURE_NR_CPUS; cpu++) {
		cpus_present |= 1ULL << cpu;
		assert_int_equal(arch_cpu_start(cpu, sched_idle_create(cpu)), 0);
		while (!(atomic_load_acquire(&cpus_online) >> cpu & 1))
			arch_cpu_relax();
	}
}

/*
 * A thread that the test makes preempts it at once. Those that shall begin together wait at the
 * gate until the test opens it.
 */
static struct wait_queue gate = WAIT_QUEUE_INIT(gate);
static bool gate_is_open;

static inline void gate_close(void)
{
	gate_is_open = false;
}
static inline void gate_pass(void)
{
	wait_event(&gate, gate_is_open);
}
static inline void gate_open(void)
{
	preempt_disable();
	gate_is_open = true;
	wake_up_all(&gate);
	preempt_enable();
}

/* Runs the others until all sleep or are dead. Context: the test itself. */
static inline void settle(void)
{
	assert_ptr_equal(current, &init_task);
	schedule();
}

/* The running thread works for so long; timers interrupt it on their way. */
static inline void burn(uint64_t ns)
{
	for (; ns >= 50 * US; ns -= 50 * US)
		host_time_advance(50 * US);
	if (ns)
		host_time_advance(ns);
}

/* Time passes while all sleep. */
static inline void pass(uint64_t ns)
{
	for (; ns >= MS; ns -= MS) {
		host_time_advance(MS);
		settle();
	}
	host_time_advance(ns);
	settle();
}

static inline struct task_struct *spawn(int (*fn)(void *arg), void *arg)
{
	struct task_struct *task = kthread_create(fn, arg, 0, "test");

	assert_non_null(task);
	return task;
}

/* The thread has ended by itself. */
static inline void join(struct task_struct *task)
{
	assert_int_equal(task->state, TASK_DEAD);
	put_task_struct(task);
}

/* A number from 0 to n - 1, the same sequence in every run. */
static inline uint64_t random_below(uint64_t *seed, uint64_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (*seed >> 8) % n;
}

#endif
