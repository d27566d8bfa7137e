/*
 * Threads of one address space on several CPUs: what one of them changes in its mappings, all others see
 * from the moment the call returns (mprotect(2), munmap(2)); copies of fork stand still.
 */
#define _GNU_SOURCE
#include "memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { NR_THREADS = 3, NR_ROUNDS = 60 };

static char *page;
static atomic_int must_stop;
static atomic_long nr_writes;
static __thread sigjmp_buf thread_jump;

static void on_thread_fault(int signal)
{
	siglongjmp(thread_jump, signal);
}

/* Writes to its own byte all the time; a write that is refused is tried again. */
static void *write_always(void *arg)
{
	volatile char *byte = page + (long)arg;

	while (!must_stop)
		if (sigsetjmp(thread_jump, 1) == 0)
			for (int i = 0; i < 100; i++, nr_writes++)
				++*byte;
	return NULL;
}

static void start(pthread_t *threads, void *(*fn)(void *arg))
{
	struct sigaction action = {.sa_handler = on_thread_fault};

	sigaction(SIGSEGV, &action, NULL);
	must_stop = 0;
	for (long i = 0; i < NR_THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, fn, (void *)(i + 1)) == 0);
}

static void stop(pthread_t *threads)
{
	must_stop = 1;
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
}

static int nobody_writes_to_what_has_been_protected(void)
{
	pthread_t threads[NR_THREADS];
	char before[NR_THREADS + 1];

	page = map_private(1);
	start(threads, write_always);
	while (nr_writes == 0)
		sched_yield();
	for (int i = 0; i < NR_ROUNDS; i++) {
		CHECK(mprotect(page, PAGE, PROT_READ) == 0);
		memcpy(before, page, sizeof(before));
		for (volatile int k = 0; k < 2000; k++)
			;
		CHECK(memcmp(before, page, sizeof(before)) == 0);
		CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
		for (volatile int k = 0; k < 2000; k++)
			;
	}
	stop(threads);
	return 0;
}

/* What was unmapped does not come back, nor does another's memory show there. */
static void *write_where_it_is(void *arg)
{
	volatile char *byte = page + (long)arg;

	while (!must_stop)
		if (sigsetjmp(thread_jump, 1) == 0)
			for (int i = 0; i < 100; i++) {
				char value = *byte;

				if (value != 0 && value != (char)(long)arg)
					_exit(3);
				*byte = (char)(long)arg;
			}
	return NULL;
}

static int nobody_reaches_what_was_unmapped(void)
{
	pthread_t threads[NR_THREADS];

	page = map_private(32); /* room for the other one, so that it takes nobody's place */
	start(threads, write_where_it_is);
	for (int i = 0; i < NR_ROUNDS; i++) {
		char *other;

		CHECK(munmap(page, PAGE) == 0);
		/* Its frame is likely to be given out at once. */
		other = mmap(page + 16 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		memset(other, 0x77, 4 * PAGE);
		for (volatile int k = 0; k < 500; k++)
			;
		for (size_t k = 0; k < 4 * PAGE; k++)
			CHECK(other[k] == 0x77);
		munmap(other, 4 * PAGE);
		CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
	}
	stop(threads);
	return 0;
}

/* Each thread counts up in a page of its own; a copy must hold still, and lose nothing here. */
enum { NR_FORKS = 15 };
static atomic_long counted[NR_THREADS + 1];

static void *count(void *arg)
{
	volatile long *here = (volatile long *)(page + (long)arg * PAGE);
	long n = 0;

	while (!must_stop) {
		if (*here != n)
			_exit(4);
		*here = ++n;
	}
	counted[(long)arg] = n;
	return NULL;
}

static int hold_still(void)
{
	long first[NR_THREADS + 1];

	for (int i = 1; i <= NR_THREADS; i++)
		first[i] = *(volatile long *)(page + i * PAGE);
	for (volatile int k = 0; k < 20000; k++)
		;
	for (int i = 1; i <= NR_THREADS; i++)
		CHECK(first[i] == *(volatile long *)(page + i * PAGE));
	return 0;
}

static int copies_of_fork_hold_still(void)
{
	pthread_t threads[NR_THREADS];

	page = map_private(NR_THREADS + 1);
	start(threads, count);
	for (int i = 0; i < NR_FORKS; i++)
		CHECK(run(hold_still) == 0);
	stop(threads);
	for (int i = 1; i <= NR_THREADS; i++)
		CHECK(*(long *)(page + i * PAGE) == counted[i]);
	return 0;
}

/* Many threads fault in one area and map their own besides. */
static void *fault_and_map(void *arg)
{
	long me = (long)arg;

	for (int n = 0; n < 50; n++) {
		char *own = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (own == MAP_FAILED)
			_exit(5);
		for (int i = 0; i < 64; i++) {
			own[i * PAGE] = (char)me;
			page[(n * 64 + i) % 512 * PAGE + me] = (char)me;
		}
		for (int i = 0; i < 64; i++)
			if (own[i * PAGE] != (char)me)
				_exit(6);
		munmap(own, 64 * PAGE);
	}
	return NULL;
}

static int threads_fault_side_by_side(void)
{
	pthread_t threads[NR_THREADS];

	page = map_private(512);
	start(threads, fault_and_map);
	stop(threads);
	for (int i = 0; i < 512; i++)
		for (int me = 1; me <= NR_THREADS; me++)
			CHECK(page[i * PAGE + me] == me);
	return 0;
}

static const struct memory_test tests[] = {
	{"nobody writes to what has been protected", nobody_writes_to_what_has_been_protected},
	{"nobody reaches what was unmapped", nobody_reaches_what_was_unmapped},
	{"copies of fork hold still", copies_of_fork_hold_still},
	{"threads fault side by side", threads_fault_side_by_side},
};

int main(void)
{
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
