/*
 * lodger-prove: explores every scenario under every strategy, or those that are asked for; see
 * `lodger help prove` and docs/proving.md. Each search is a process of its own, since its memory lies at
 * a fixed place.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

const char *const cover_names[NR_COVERS] = {
#define COVER_NAME(name) #name,
	COVER_GOALS(COVER_NAME)
#undef COVER_NAME
};

enum { MAX_NAMES = 16, MAX_JOBS = 16 };

static const char
	*names[MAX_NAMES]; /* of the strategies; the kernel's own array is explored memory */
static unsigned nr_names;

static struct {
	struct prove_options options;
	const char *strategy, *scenario;
	bool is_long, show_marks, show_cover, is_quiet;
	unsigned jobs;
	uint64_t random_steps;
	int preemptions;
} asked = {.options = {.nr_walks = 400, .seed = 1, .buffer = ~0U}, .jobs = 1, .preemptions = -1};

/* One search: what it found goes through shared memory to the process that asked for it. */
struct job {
	const struct scenario *scenario;
	const char *strategy;
	pid_t pid;
	bool is_done;
	char log[32];
	struct prove_result result;
	uint64_t covered;
};

static void begin(const struct scenario *s, const char *name, struct prove_options *options)
{
	static struct scenario changed;

	changed = *s;
	if (asked.preemptions >= 0)
		changed.preemptions = (uint8_t)asked.preemptions;
	scenario = &changed;
	strategy = name;
	world_model.nr_agents = s->cpus;
	*options = asked.options;
	if (options->buffer == ~0U)
		options->buffer = s->buffer;
}

static const char *verdict(const struct prove_result *result)
{
	if (result->failed)
		return "REFUTED";
	if (asked.random_steps)
		return "no bug";
	return result->complete ? "proved" : "stopped";
}

static void explore(struct job *job)
{
	struct prove_options options;
	struct prove_result *result = &job->result;

	begin(job->scenario, job->strategy, &options);
	if (asked.random_steps)
		prove_random(&world_model, &options, asked.random_steps, result);
	else
		prove_search(&world_model, &options, result);
	job->covered = prove_covered;
	printf("%-13s %-9s %-8s %9llu states %10llu transitions  depth %3u  %3llu ends %6.1f s\n",
	       job->strategy, job->scenario->name, verdict(result),
	       (unsigned long long)result->states, (unsigned long long)result->transitions,
	       result->depth, (unsigned long long)result->ends, result->seconds);
	if (asked.show_marks)
		prove_print_marks();
	if (!result->failed || asked.is_quiet)
		return;
	printf("\n%s\nid: %s/%s/%u/%s\n%u steps:\n\n", result->message, job->strategy,
	       job->scenario->name, options.buffer, result->id, result->trace_length);
	fflush(stdout);
	struct prove_result again;
	prove_replay(&world_model, &options, result->id, &again);
	printf("%s\n\n", again.message);
}

static void start(struct job *job)
{
	pid_t pid;
	int fd;

	strcpy(job->log, "/tmp/lodger-prove.XXXXXX");
	fd = mkstemp(job->log);
	fflush(stdout);
	pid = fork();
	if (pid) {
		job->pid = pid;
		close(fd);
		return;
	}
	dup2(fd, 1);
	explore(job);
	fflush(stdout);
	_exit(job->result.failed);
}

static void finish(struct job *job, int status)
{
	char line[4096];
	FILE *log = fopen(job->log, "r");

	job->is_done = true;
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
		job->result.failed = true;
		snprintf(job->result.message, sizeof(job->result.message), "the explorer failed");
	}
	while (log && fgets(line, sizeof(line), log))
		fputs(line, stdout);
	if (log)
		fclose(log);
	unlink(job->log);
	fflush(stdout);
}

static void run_jobs(struct job *jobs, unsigned nr)
{
	unsigned running = 0, next = 0;

	while (next < nr || running) {
		int status;
		pid_t pid;
		while (next < nr && running < asked.jobs) {
			start(&jobs[next++]);
			running++;
		}
		pid = wait(&status);
		for (unsigned i = 0; i < next; i++)
			if (jobs[i].pid == pid)
				finish(&jobs[i], status);
		running--;
	}
}

/* Which goals of the scenarios no strategy has reached. */
static bool report(const struct job *jobs, unsigned nr)
{
	unsigned proved = 0, refuted = 0;
	bool is_fine = true;

	for (unsigned i = 0; i < nr; i++) {
		proved += jobs[i].result.complete && !jobs[i].result.failed;
		refuted += jobs[i].result.failed;
	}
	for (unsigned s = 0; s < nr_scenarios; s++) {
		uint64_t covered = 0;
		bool was_run = false;
		for (unsigned i = 0; i < nr; i++)
			if (jobs[i].scenario == &scenarios[s]) {
				covered |= jobs[i].covered;
				was_run = true;
			}
		for (unsigned c = 0; was_run && c < NR_COVERS; c++) {
			const char *at = strstr(scenarios[s].goals, cover_names[c]);
			if (asked.show_cover && covered >> c & 1)
				printf("%s: reached %s\n", scenarios[s].name, cover_names[c]);
			if (at && !(covered >> c & 1)) {
				printf("%s: NOT reached: %s\n", scenarios[s].name, cover_names[c]);
				is_fine = false;
			}
		}
	}
	printf("prove: %u proved, %u refuted, %u stopped at a limit\n", proved, refuted,
	       nr - proved - refuted);
	return is_fine && !refuted;
}

static int explore_all(void)
{
	struct job *jobs = mmap(NULL, MAX_NAMES * nr_scenarios * sizeof(struct job),
				PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned nr = 0;

	for (unsigned i = 0; i < nr_scenarios; i++) {
		bool is_named = asked.scenario && !strcmp(asked.scenario, scenarios[i].name);
		if (asked.scenario ? !is_named : scenarios[i].is_long && !asked.is_long)
			continue;
		for (unsigned k = 0; k < nr_names; k++)
			if (!asked.strategy || !strcmp(asked.strategy, names[k]))
				jobs[nr++] = (struct job){.scenario = &scenarios[i],
							  .strategy = names[k]};
	}
	if (!nr) {
		fprintf(stderr, "lodger-prove: no such strategy or scenario (see --list)\n");
		return 125;
	}
	run_jobs(jobs, nr);
	return report(jobs, nr) ? 0 : 1;
}

/* STRATEGY/SCENARIO/BUFFER/MARKS:ACTIONS */
static int replay(char *id)
{
	struct prove_options options;
	struct prove_result result;
	char *part[3];

	for (unsigned i = 0; i < 3; i++) {
		part[i] = strsep(&id, "/");
		if (!id) {
			fprintf(stderr, "lodger-prove: this is no trace's id\n");
			return 125;
		}
	}
	for (unsigned i = 0; i < nr_scenarios; i++) {
		if (strcmp(scenarios[i].name, part[1]))
			continue;
		asked.options.buffer = (unsigned)atoi(part[2]);
		begin(&scenarios[i], part[0], &options);
		if (!prove_replay(&world_model, &options, id, &result))
			break;
		printf("%s\n", result.failed ? result.message : "nothing fails on this path");
		return result.failed;
	}
	fprintf(stderr, "lodger-prove: the id does not fit this build\n");
	return 125;
}

static int list(void)
{
	printf("strategies:");
	for (unsigned i = 0; i < nr_names; i++)
		printf(" %s", names[i]);
	printf("\nscenarios (CPUs; preemptions, failing allocations, store buffer, at most):\n");
	for (unsigned i = 0; i < nr_scenarios; i++)
		printf("  %-9s %u  %u %u %u  %s%s\n", scenarios[i].name, scenarios[i].cpus,
		       scenarios[i].preemptions, scenarios[i].failures, scenarios[i].buffer,
		       scenarios[i].title, scenarios[i].is_long ? " (long)" : "");
	return 0;
}

static const struct option long_options[] = {{"lazy", required_argument, NULL, 'l'},
					     {"scenario", required_argument, NULL, 's'},
					     {"full", no_argument, NULL, 'f'},
					     {"buffer", required_argument, NULL, 'b'},
					     {"max-states", required_argument, NULL, 'm'},
					     {"verbose", no_argument, NULL, 'v'},
					     {"replay", required_argument, NULL, 'r'},
					     {"marks", no_argument, NULL, 'k'},
					     {"long", no_argument, NULL, 'L'},
					     {"jobs", required_argument, NULL, 'j'},
					     {"random", required_argument, NULL, 'R'},
					     {"seed", required_argument, NULL, 'S'},
					     {"cover", no_argument, NULL, 'c'},
					     {"list", no_argument, NULL, 'i'},
					     {"preemptions", required_argument, NULL, 'p'},
					     {"quiet", no_argument, NULL, 'q'},
					     {NULL, 0, NULL, 0}};

int main(int argc, char **argv)
{
	char *id = NULL;
	bool is_list = false;
	int option;

	for (const char *const *name = life_strategies(); *name; name++)
		names[nr_names++] = *name;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'l':
			asked.strategy = optarg;
			break;
		case 's':
			asked.scenario = optarg;
			break;
		case 'f':
			asked.options.full = true;
			break;
		case 'b':
			asked.options.buffer = (unsigned)atoi(optarg);
			break;
		case 'm':
			asked.options.max_states = strtoull(optarg, NULL, 0);
			break;
		case 'v':
			asked.options.verbose = true;
			break;
		case 'r':
			id = optarg;
			break;
		case 'k':
			asked.show_marks = true;
			break;
		case 'L':
			asked.is_long = true;
			break;
		case 'j':
			asked.jobs = (unsigned)atoi(optarg);
			break;
		case 'R':
			asked.random_steps = strtoull(optarg, NULL, 0);
			break;
		case 'S':
			asked.options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			asked.show_cover = true;
			break;
		case 'i':
			is_list = true;
			break;
		case 'p':
			asked.preemptions = atoi(optarg);
			break;
		case 'q':
			asked.is_quiet = true;
			break;
		default:
			return 125;
		}
	}
	if (is_list)
		return list();
	return id ? replay(id) : explore_all();
}
