/* Futexes, threads that use them, robust and priority-inheriting locks: futex(2). */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "tap.h"

/* Not every C library brings the kernel's header. */
enum {
	FUTEX_WAIT = 0,
	FUTEX_WAKE = 1,
	FUTEX_CMP_REQUEUE = 4,
	FUTEX_WAKE_OP = 5,
	FUTEX_LOCK_PI = 6,
	FUTEX_UNLOCK_PI = 7,
	FUTEX_TRYLOCK_PI = 8,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET = 10,
	FUTEX_PRIVATE = 128,
};
/* FUTEX_WAKE_OP: add 3, wake the second if it was 5. */
#define ADD_3_IF_5 (1U << 28 | 0U << 24 | 3U << 12 | 5U)

static long futex(volatile uint32_t *word, int op, uint32_t value, const void *timeout,
		  volatile uint32_t *word2, uint32_t value3)
{
	return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static void pause_ms(int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

/* ---- the call itself -------------------------------------------------------------------------------- */

static volatile uint32_t word, word2;
static volatile int nr_woken;

static void *waits(void *arg)
{
	int op = arg ? FUTEX_WAIT | FUTEX_PRIVATE : FUTEX_WAIT;

	while (futex(&word, op, 0, NULL, NULL, 0) == -1 && errno == EINTR)
		;
	__sync_fetch_and_add(&nr_woken, 1);
	return NULL;
}

static void *waits_bitset(void *arg)
{
	futex(&word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE, 0, NULL, NULL, (uint32_t)(uintptr_t)arg);
	__sync_fetch_and_add(&nr_woken, (int)(uintptr_t)arg);
	return NULL;
}

static void test_errors(void)
{
	struct timespec past = {0, 0}, soon = {0, 20000000}, bad = {0, 2000000000}, start;

	word = 1;
	ok(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0) == -1 && errno == EAGAIN,
	   "another value: EAGAIN");
	ok(futex((void *)((char *)&word + 1), FUTEX_WAIT, 1, NULL, NULL, 0) == -1 &&
		   errno == EINVAL,
	   "not aligned: EINVAL");
	ok(futex((void *)8, FUTEX_WAIT, 1, NULL, NULL, 0) == -1 && errno == EFAULT,
	   "no memory: EFAULT");
	ok(futex(&word, FUTEX_WAIT, 1, &bad, NULL, 0) == -1 && errno == EINVAL,
	   "an impossible time: EINVAL");
	clock_gettime(CLOCK_MONOTONIC, &start);
	ok(futex(&word, FUTEX_WAIT, 1, &soon, NULL, 0) == -1 && errno == ETIMEDOUT &&
		   ms_since(&start) >= 19,
	   "20 ms: ETIMEDOUT");
	ok(futex(&word, FUTEX_WAIT_BITSET, 1, &past, NULL, ~0U) == -1 && errno == ETIMEDOUT,
	   "a time that is past: ETIMEDOUT");
	ok(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0) == 0, "waking nobody: 0");
	ok(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0) == -1 && errno == EINVAL,
	   "no bits: EINVAL");
	ok(futex(&word, 77, 1, NULL, NULL, 0) == -1 && errno == ENOSYS, "no such operation");
}

static void start_waiters(pthread_t *threads, int nr, bool is_private)
{
	int i;

	word = 0;
	nr_woken = 0;
	for (i = 0; i < nr; i++)
		pthread_create(&threads[i], NULL, waits, is_private ? (void *)1 : NULL);
	pause_ms(30);
}

static void join_all(pthread_t *threads, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
}

static void test_wake(void)
{
	pthread_t threads[50];

	start_waiters(threads, 50, true);
	ok(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 3, NULL, NULL, 0) == 3, "3 of 50 are woken");
	pause_ms(20);
	ok(nr_woken == 3, "only those");
	ok(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 1000, NULL, NULL, 0) == 47, "then all others");
	join_all(threads, 50);
	start_waiters(threads, 2, false);
	ok(futex(&word, FUTEX_WAKE, 2, NULL, NULL, 0) == 2, "not private: the same");
	join_all(threads, 2);
}

static void test_bitset(void)
{
	pthread_t threads[2];

	word = 0;
	nr_woken = 0;
	pthread_create(&threads[0], NULL, waits_bitset, (void *)1);
	pthread_create(&threads[1], NULL, waits_bitset, (void *)2);
	pause_ms(20);
	ok(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 10, NULL, NULL, 2) == 1,
	   "by bitset: one");
	pause_ms(20);
	ok(nr_woken == 2, "the right one");
	futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 10, NULL, NULL, 1);
	join_all(threads, 2);
}

static void test_requeue(void)
{
	pthread_t threads[10];

	start_waiters(threads, 10, true);
	ok(futex(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 1, (void *)100, &word2, 5) == -1 &&
		   errno == EAGAIN,
	   "requeue with another value: EAGAIN");
	ok(futex(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 1, (void *)100, &word2, 0) == 10,
	   "one woken, nine moved");
	pause_ms(20);
	ok(nr_woken == 1, "nine still sleep");
	ok(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 100, NULL, NULL, 0) == 0,
	   "not on the first word");
	ok(futex(&word2, FUTEX_WAKE | FUTEX_PRIVATE, 100, NULL, NULL, 0) == 9, "but on the second");
	join_all(threads, 10);
}

static void test_wake_op(void)
{
	pthread_t threads[2];

	start_waiters(threads, 2, true);
	word2 = 5;
	/* word2 += 3; wake one of word, and one of word2 if it was 5. */
	ok(futex(&word, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, (void *)1, &word2, ADD_3_IF_5) == 1 &&
		   word2 == 8,
	   "FUTEX_WAKE_OP");
	futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 100, NULL, NULL, 0);
	join_all(threads, 2);
}

/* ---- shared memory ------------------------------------------------------------------------------------- */

static void test_shared(void)
{
	volatile uint32_t *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int i, rounds = 0;

	if (pid == 0) {
		for (i = 0; i < 1000; i++) {
			while (shared[0] != 1)
				futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0);
			shared[0] = 0;
			futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0);
		}
		_exit(0);
	}
	for (i = 0; i < 1000; i++) {
		shared[0] = 1;
		futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0);
		while (shared[0] != 0)
			futex(shared, FUTEX_WAIT, 1, NULL, NULL, 0);
		rounds++;
	}
	ok(exited(reap(pid), 0) && rounds == 1000, "1000 round trips between processes");
	munmap((void *)shared, 4096);
}

/* ---- what C libraries make of it -------------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int shared_count, turn;

static void *counts(void *arg)
{
	int i;

	for (i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		shared_count++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *takes_turns(void *arg)
{
	int me = (int)(intptr_t)arg, i;

	for (i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % 3 != me)
			pthread_cond_wait(&condition, &mutex);
		turn++;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void test_pthreads(void)
{
	pthread_barrier_t barrier;
	pthread_t threads[4];
	intptr_t i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, counts, NULL);
	join_all(threads, 4);
	ok(shared_count == 80000, "a mutex of four threads");
	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, takes_turns, (void *)i);
	join_all(threads, 3);
	ok(turn == 1500, "a condition variable of three");
	pthread_barrier_init(&barrier, NULL, 1);
	ok(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD, "a barrier");
}

static pthread_mutex_t *robust;

static void *dies_with_lock(void *arg)
{
	pthread_mutex_lock(robust);
	return arg;
}

static void test_robust(void)
{
	pthread_mutexattr_t attr;
	pthread_t thread;
	int result;

	robust = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(robust, &attr);
	pthread_create(&thread, NULL, dies_with_lock, NULL);
	pthread_join(thread, NULL);
	result = pthread_mutex_lock(robust);
	ok(result == EOWNERDEAD, "a thread dies with a robust mutex: EOWNERDEAD");
	pthread_mutex_consistent(robust);
	pthread_mutex_unlock(robust);
	if (fork() == 0) {
		pthread_mutex_lock(robust);
		pause_ms(30);
		raise(SIGKILL);
	}
	pause_ms(10);
	result = pthread_mutex_lock(robust);
	ok(result == EOWNERDEAD, "a process is killed with it while we wait");
	pthread_mutex_consistent(robust);
	pthread_mutex_unlock(robust);
	wait(NULL);
}

static pthread_mutex_t inheriting;
static int pi_count;

static void *counts_pi(void *arg)
{
	int i;

	for (i = 0; i < 250; i++) {
		pthread_mutex_lock(&inheriting);
		pi_count++;
		if (i % 64 == 0)
			sched_yield();
		pthread_mutex_unlock(&inheriting);
	}
	return arg;
}

static void test_pi(void)
{
	pthread_mutexattr_t attr;
	pthread_t threads[4];
	int i;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inheriting, &attr);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, counts_pi, NULL);
	join_all(threads, 4);
	ok(pi_count == 1000, "a priority-inheriting mutex of four threads");
	word = (uint32_t)syscall(SYS_gettid);
	ok(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == -1 && errno == EDEADLK,
	   "one's own: EDEADLK");
	ok(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0 && word == 0, "unlocked");
	ok(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == -1 && errno == EPERM,
	   "not one's own: EPERM");
	ok(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0) == 0 &&
		   word == (uint32_t)syscall(SYS_gettid),
	   "locked");
}

int main(void)
{
	test_errors();
	test_wake();
	test_bitset();
	test_requeue();
	test_wake_op();
	test_shared();
	test_pthreads();
	test_robust();
	test_pi();
	return tap_end();
}
