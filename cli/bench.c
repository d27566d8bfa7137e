/* `lodger bench`: runs user/bench in the guest, once on each clock, and prints what came of it beside
 * what we aim at. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "options.h"
#include "report.h"
#include "session.h"
#include "verbs.h"

enum { CLOCK_COUNTED, CLOCK_WALL, NR_CLOCKS, ARGUMENTS_MAX = 64 };

static const char *const clock_names[NR_CLOCKS] = {"counted", "wall"};

/* What is measured, what it should cost in instructions (0: no target), and the results. */
static struct measurement {
	const char *name, *title;
	double target;
	double results[NR_CLOCKS]; /* instructions, or ns; 0: not measured */
} measurements[] = {
	{.name = "null", .title = "null system call", .target = 160},
	{.name = "pipe-self", .title = "pipe to itself"},
	{.name = "nanosleep", .title = "nanosleep of 1 us"},
	{.name = "pipe-processes", .title = "pipe round trip, two processes", .target = 5500},
	{.name = "pipe-threads", .title = "pipe round trip, two threads"},
	{.name = "pipe-across", .title = "pipe round trip, two CPUs"},
	{.name = "futex", .title = "futex round trip, two threads", .target = 4000},
	{.name = "yield", .title = "sched_yield between two", .target = 1000},
	{.name = "fork", .title = "fork, exit, wait", .target = 45000},
	{.name = "fork-64m", .title = "the same with 64 MiB touched"},
	{.name = "fork-exec", .title = "fork, exec, exit, wait", .target = 110000},
	{.name = "vfork-exec", .title = "vfork, exec, exit, wait"},
	{.name = "shell", .title = "fork, sh -c :, wait"},
	{.name = "thread", .title = "thread create, join", .target = 13000},
	{.name = "exit-8-threads", .title = "end of 8 threads"},
	{.name = "mmap-page", .title = "mmap, touch, munmap of a page", .target = 9500},
	{.name = "mmap-4m", .title = "the same with 4 MiB"},
	{.name = "fault", .title = "anonymous fault", .target = 1600},
	{.name = "cow", .title = "copy-on-write fault", .target = 2000},
	{.name = "mprotect", .title = "mprotect of a page"},
	{.name = "signal-self", .title = "signal to itself", .target = 1900},
	{.name = "signal-round-trip", .title = "signal round trip, two processes"},
};

enum { NR_MEASUREMENTS = sizeof(measurements) / sizeof(measurements[0]) };

static bool wants_json, wants[NR_CLOCKS];

static void take_json(const char *value)
{
	(void)value;
	wants_json = true;
}

static void take_counted(const char *value)
{
	(void)value;
	wants[CLOCK_COUNTED] = true;
}

static void take_wall(const char *value)
{
	(void)value;
	wants[CLOCK_WALL] = true;
}

static const struct verb_option bench_options[] = {
	{.name = "json", .take = take_json},
	{.name = "counted", .take = take_counted},
	{.name = "wall", .take = take_wall},
	{.name = NULL},
};

/* One line of the benchmark's: name, median, lowest. */
static void result_take(const char *line, int clock)
{
	char name[64];
	double median;

	if (sscanf(line, "%63s %lf", name, &median) != 2)
		return;
	for (int i = 0; i < NR_MEASUREMENTS; i++) {
		if (!strcmp(measurements[i].name, name))
			measurements[i].results[clock] = median;
	}
}

static void results_read(int fd, int clock)
{
	char line[256];
	FILE *output;

	lseek(fd, 0, SEEK_SET);
	output = fdopen(fd, "r");
	while (output && fgets(line, sizeof(line), output))
		result_take(line, clock);
	if (output)
		fclose(output);
}

/* Runs the benchmark; 0 or the command's exit code. */
static int bench_run(const struct options *given, char **names, int clock)
{
	struct options options = *given;
	struct guest guest = {.streams = {GUEST_NULL, GUEST_STREAM, GUEST_STREAM}};
	char *argv[ARGUMENTS_MAX] = {lodger_file("user/bench")};
	struct relay_result result;
	int code;

	if (!argv[0])
		report_fail(EXIT_TOOL, "the benchmark is not beside this command; run `make`");
	for (int i = 0; names[i] && i + 2 < ARGUMENTS_MAX; i++)
		argv[i + 1] = names[i];
	guest.output_fd = memfd_create("results", MFD_CLOEXEC);
	if (guest.output_fd < 0)
		report_fail(EXIT_TOOL, "cannot make a memory file: %s", strerror(errno));
	if (clock == CLOCK_COUNTED) {
		options.machine.is_counted = true;
		options.machine.nr_cpus = 1;
		options.machine.accel = "tcg";
	}
	session_run(&options, argv, &guest, &result);
	code = session_code(&options, "bench", &result);
	results_read(guest.output_fd, clock);
	free(argv[0]);
	return code;
}

static bool was_measured(const struct measurement *m)
{
	return m->results[CLOCK_COUNTED] > 0 || m->results[CLOCK_WALL] > 0;
}

static void cell_print(double value, int decimals)
{
	if (value > 0)
		printf(" %14.*f", decimals, value);
	else
		printf(" %14s", "-");
}

static void table_print(void)
{
	printf("%-34s %14s %14s %14s\n", "", "instructions", "target", "wall us");
	for (int i = 0; i < NR_MEASUREMENTS; i++) {
		const struct measurement *m = &measurements[i];

		if (!was_measured(m))
			continue;
		printf("%-34s", m->title);
		cell_print(m->results[CLOCK_COUNTED], 0);
		cell_print(m->target, 0);
		cell_print(m->results[CLOCK_WALL] / 1000, 2);
		putchar('\n');
	}
}

static void json_print(const struct options *options)
{
	const char *separator = "";

	printf("{\"cpus\": %u, \"measurements\": [", options->machine.nr_cpus);
	for (int i = 0; i < NR_MEASUREMENTS; i++) {
		const struct measurement *m = &measurements[i];

		if (!was_measured(m))
			continue;
		printf("%s\n  {\"name\": \"%s\", \"title\": \"%s\"", separator, m->name, m->title);
		if (m->results[CLOCK_COUNTED] > 0)
			printf(", \"instructions\": %.1f", m->results[CLOCK_COUNTED]);
		if (m->target > 0)
			printf(", \"target_instructions\": %.0f", m->target);
		if (m->results[CLOCK_WALL] > 0)
			printf(", \"wall_ns\": %.1f", m->results[CLOCK_WALL]);
		putchar('}');
		separator = ",";
	}
	printf("\n]}\n");
}

int verb_bench(int argc, char **argv)
{
	struct options options;
	int first = options_parse(argc, argv, bench_options, &options);

	if (options.wants_help)
		return help_print("bench") ? 0 : EXIT_TOOL;
	if (!wants[CLOCK_COUNTED] && !wants[CLOCK_WALL])
		wants[CLOCK_COUNTED] = wants[CLOCK_WALL] = true;
	for (int clock = 0; clock < NR_CLOCKS; clock++) {
		int code = wants[clock] ? bench_run(&options, argv + first, clock) : 0;

		if (code) {
			report("the measurement on the %s clock failed", clock_names[clock]);
			return code;
		}
	}
	if (wants_json)
		json_print(&options);
	else
		table_print();
	return 0;
}
