/* Births and deaths of threads, by clone(2) itself: what a library adds is not measured. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

enum { STACK_LEN = 16384, NR_MANY = 8 };

static char *stacks;
static int tids[NR_MANY]; /* futexes: 0 when the thread is gone */
static int gate;	  /* futex: threads wait while it is 0 */

static void threads_set_up(void)
{
	pin_to_cpu(0);
	stacks = malloc(NR_MANY * STACK_LEN);
	if (!stacks)
		bench_fail("malloc");
}

static void threads_tear_down(void)
{
	free(stacks);
}

static int end_at_once(void *unused)
{
	(void)unused;
	return 0;
}

static int wait_at_gate(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return 0;
}

static void thread_create(int i, int (*fn)(void *))
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	if (clone(fn, stacks + (i + 1) * STACK_LEN, flags, NULL, &tids[i], NULL, &tids[i]) < 0)
		bench_fail("clone");
}

static void thread_join(int i)
{
	int tid;

	while ((tid = __atomic_load_n(&tids[i], __ATOMIC_ACQUIRE)))
		syscall(SYS_futex, &tids[i], FUTEX_WAIT, tid, NULL, NULL, 0);
}

static uint64_t run_create_join(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--) {
		thread_create(0, end_at_once);
		thread_join(0);
	}
	return clock_ns() - start;
}

/* Only the end of the threads is timed. */
static uint64_t run_exit_many(unsigned n)
{
	uint64_t ns = 0, start;

	while (n--) {
		gate = 0;
		for (int i = 0; i < NR_MANY; i++)
			thread_create(i, wait_at_gate);
		sched_yield();
		start = clock_ns();
		__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
		syscall(SYS_futex, &gate, FUTEX_WAKE_PRIVATE, NR_MANY, NULL, NULL, 0);
		for (int i = 0; i < NR_MANY; i++)
			thread_join(i);
		ns += clock_ns() - start;
	}
	return ns;
}

const struct bench thread_benches[] = {
	{.name = "thread",
	 .set_up = threads_set_up,
	 .tear_down = threads_tear_down,
	 .run = run_create_join},
	{.name = "exit-8-threads",
	 .set_up = threads_set_up,
	 .tear_down = threads_tear_down,
	 .run = run_exit_many,
	 .max_n = 64},
	{.name = NULL},
};
