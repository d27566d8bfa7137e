/* Switches between two, on one CPU and across CPUs: processes by pipes, threads by pipes and futex,
 * and by sched_yield. */
#define _GNU_SOURCE
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { STACK_LEN = 65536 };

/* What both sides share; in a shared mapping, so that processes can use it too. */
struct shared {
	int turn; /* futex: whose it is */
	volatile int stop;
	volatile uint64_t nr_yields; /* of the other side */
	int tid;		     /* futex: the thread is gone when it is 0 */
};

static struct shared *shared;
static int to_other[2], to_us[2];
static pid_t other;
static char *stack;
static unsigned other_cpu;

static void shared_make(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		bench_fail("mmap");
}

static void pipes_make(void)
{
	if (pipe(to_other) < 0 || pipe(to_us) < 0)
		bench_fail("pipe");
}

static int echo_loop(void *unused)
{
	char byte;

	(void)unused;
	pin_to_cpu(other_cpu);
	while (read(to_other[0], &byte, 1) == 1 && !byte) {
		if (write(to_us[1], &byte, 1) != 1)
			break;
	}
	return 0;
}

static uint64_t run_echo(unsigned n)
{
	uint64_t start = clock_ns();
	char byte = 0;

	while (n--) {
		if (write(to_other[1], &byte, 1) != 1 || read(to_us[0], &byte, 1) != 1)
			bench_fail("pipe round trip");
	}
	return clock_ns() - start;
}

static void echo_stop(void)
{
	char byte = 1;

	if (write(to_other[1], &byte, 1) != 1)
		bench_fail("pipe");
}

static void process_start(int (*fn)(void *))
{
	pin_to_cpu(0);
	other = fork();
	if (other < 0)
		bench_fail("fork");
	if (other == 0)
		_exit(fn(NULL));
}

static void thread_start(int (*fn)(void *))
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	pin_to_cpu(0);
	stack = malloc(STACK_LEN);
	if (!stack ||
	    clone(fn, stack + STACK_LEN, flags, NULL, &shared->tid, NULL, &shared->tid) < 0)
		bench_fail("clone");
}

static void thread_join(void)
{
	int tid;

	while ((tid = __atomic_load_n(&shared->tid, __ATOMIC_ACQUIRE)))
		syscall(SYS_futex, &shared->tid, FUTEX_WAIT, tid, NULL, NULL, 0);
	free(stack);
}

static void pipes_close(void)
{
	for (int i = 0; i < 2; i++) {
		close(to_other[i]);
		close(to_us[i]);
	}
	munmap(shared, sizeof(*shared));
}

static void echo_processes_set_up(void)
{
	other_cpu = 0;
	shared_make();
	pipes_make();
	process_start(echo_loop);
}

static void echo_across_set_up(void)
{
	other_cpu = 1;
	shared_make();
	pipes_make();
	process_start(echo_loop);
}

static void echo_processes_tear_down(void)
{
	echo_stop();
	waitpid(other, NULL, 0);
	pipes_close();
}

static void echo_threads_set_up(void)
{
	other_cpu = 0;
	shared_make();
	pipes_make();
	thread_start(echo_loop);
}

static void echo_threads_tear_down(void)
{
	echo_stop();
	thread_join();
	pipes_close();
}

/* ---- futex ------------------------------------------------------------------------------------- */

static void turn_give(int to)
{
	__atomic_store_n(&shared->turn, to, __ATOMIC_RELEASE);
	syscall(SYS_futex, &shared->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void turn_await(int mine)
{
	while (__atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE) != mine)
		syscall(SYS_futex, &shared->turn, FUTEX_WAIT_PRIVATE, !mine, NULL, NULL, 0);
}

static int futex_loop(void *unused)
{
	(void)unused;
	pin_to_cpu(0);
	for (;;) {
		turn_await(1);
		if (shared->stop)
			return 0;
		turn_give(0);
	}
}

static void futex_set_up(void)
{
	shared_make();
	thread_start(futex_loop);
}

static void futex_tear_down(void)
{
	shared->stop = 1;
	turn_give(1);
	thread_join();
	munmap(shared, sizeof(*shared));
}

static uint64_t run_futex(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--) {
		turn_give(1);
		turn_await(0);
	}
	return clock_ns() - start;
}

/* ---- sched_yield --------------------------------------------------------------------------------- */

static int yield_loop(void *unused)
{
	(void)unused;
	pin_to_cpu(0);
	while (!shared->stop) {
		sched_yield();
		shared->nr_yields++;
	}
	return 0;
}

static void yield_set_up(void)
{
	shared_make();
	process_start(yield_loop);
}

static void yield_tear_down(void)
{
	shared->stop = 1;
	waitpid(other, NULL, 0);
	munmap(shared, sizeof(*shared));
}

/* The time of one yield, of either. */
static uint64_t run_yield(unsigned n)
{
	uint64_t nr_before = shared->nr_yields, start = clock_ns(), ns, nr;

	for (unsigned i = 0; i < n; i++)
		sched_yield();
	ns = clock_ns() - start;
	nr = shared->nr_yields - nr_before;
	return ns * n / (n + nr);
}

const struct bench switch_benches[] = {
	{.name = "pipe-processes",
	 .set_up = echo_processes_set_up,
	 .tear_down = echo_processes_tear_down,
	 .run = run_echo},
	{.name = "pipe-threads",
	 .set_up = echo_threads_set_up,
	 .tear_down = echo_threads_tear_down,
	 .run = run_echo},
	{.name = "pipe-across",
	 .set_up = echo_across_set_up,
	 .tear_down = echo_processes_tear_down,
	 .run = run_echo},
	{.name = "futex", .set_up = futex_set_up, .tear_down = futex_tear_down, .run = run_futex},
	{.name = "yield", .set_up = yield_set_up, .tear_down = yield_tear_down, .run = run_yield},
	{.name = NULL},
};
