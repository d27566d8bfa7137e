/* Chooses how often to run each measurement and prints `name<TAB>median<TAB>lowest`, in ns. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { REPEATS = 7, RUN_NS = 4 * 1000 * 1000 };

const char *self_path = "/proc/self/exe";

uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void bench_fail(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void pin_to_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* As many operations as take long enough for the clock not to matter. */
static unsigned choose_n(const struct bench *bench)
{
	unsigned n = 1;

	while (!bench->max_n || n < bench->max_n) {
		uint64_t ns = bench->run(n);

		if (ns >= RUN_NS)
			break;
		n *= ns * 8 < RUN_NS ? 8 : 2;
	}
	return bench->max_n && n > bench->max_n ? bench->max_n : n;
}

static void bench_measure(const struct bench *bench)
{
	uint64_t ns[REPEATS];
	unsigned n;

	if (bench->set_up)
		bench->set_up();
	n = choose_n(bench);
	for (int i = 0; i < REPEATS; i++)
		ns[i] = bench->run(n);
	if (bench->tear_down)
		bench->tear_down();
	qsort(ns, REPEATS, sizeof(ns[0]), compare_u64);
	printf("%s\t%.1f\t%.1f\n", bench->name, (double)ns[REPEATS / 2] / n, (double)ns[0] / n);
	fflush(stdout);
}

/* Arguments name measurements, or the first letters of some; none: all. */
static int is_wanted(const struct bench *bench, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++) {
		if (!strncmp(bench->name, *names, strlen(*names)))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct bench *const groups[] = {
		call_benches,	switch_benches, process_benches,
		thread_benches, memory_benches, signal_benches,
	};

	/* The program that the exec measurements execute. */
	if (argc > 1 && !strcmp(argv[1], "--exit"))
		_exit(0);
	if (access(self_path, X_OK) < 0)
		self_path = argv[0];
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		for (const struct bench *bench = groups[g]; bench->name; bench++) {
			if (is_wanted(bench, argv + 1))
				bench_measure(bench);
		}
	}
	return 0;
}
