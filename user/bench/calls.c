/* Single system calls. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static int ends[2];

static uint64_t run_null(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--)
		syscall(SYS_getppid);
	return clock_ns() - start;
}

static void pipe_set_up(void)
{
	if (pipe(ends) < 0)
		bench_fail("pipe");
}

static void pipe_tear_down(void)
{
	close(ends[0]);
	close(ends[1]);
}

static uint64_t run_pipe_self(unsigned n)
{
	uint64_t start = clock_ns();
	char byte = 0;

	while (n--) {
		if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
			bench_fail("pipe to itself");
	}
	return clock_ns() - start;
}

static uint64_t run_nanosleep(unsigned n)
{
	const struct timespec one_us = {.tv_nsec = 1000};
	uint64_t start = clock_ns();

	while (n--)
		nanosleep(&one_us, NULL);
	return clock_ns() - start;
}

const struct bench call_benches[] = {
	{.name = "null", .run = run_null},
	{.name = "pipe-self",
	 .set_up = pipe_set_up,
	 .tear_down = pipe_tear_down,
	 .run = run_pipe_self},
	{.name = "nanosleep", .run = run_nanosleep, .max_n = 1000},
	{.name = NULL},
};
