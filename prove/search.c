/*
 * The searches. Breadth first: states are numbered in the order in which they are found, so the queue
 * is the numbering itself, and the first failure has a shortest trace. Before it, random walks learn
 * which words matter; whatever the search learns besides makes it begin again.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "private.h"

const struct prove_model *model;
struct prove_options options;
bool in_walk, is_searching;
char failure[512];
uint64_t prove_covered;

static jmp_buf on_failure;
static struct action *acting; /* whose choices prove_choose answers */
static uint8_t choice_limit[PROVE_MAX_CHOICES];
static unsigned choices_made;
static bool is_drawing; /* prove_choose answers at random */

enum { MAX_ACTIONS = PROVE_MAX_AGENTS * (2 + PROVE_MAX_EVENTS) };

void prove_cover(unsigned bit)
{
	prove_covered |= 1UL << bit;
}

void prove_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	longjmp(on_failure, 1);
}

/* A wild pointer in the code under test. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	prove_fail("a wild access (signal %d) at address %p", number, info->si_addr);
}

static void engine_init(void)
{
	static char signal_stack[64 << 10];
	static bool is_done;
	stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	if (is_done)
		return;
	is_done = true;
	arena_init();
	state_init();
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
}

unsigned prove_choose(unsigned n)
{
	if (n <= 1 || !acting)
		return 0;
	if (choices_made == PROVE_MAX_CHOICES || n > 16) {
		fprintf(stderr, "prove: too many choices in one step\n");
		exit(125);
	}
	if (choices_made == acting->nr_choices)
		acting->choice[acting->nr_choices++] =
			in_walk || is_drawing ? (uint8_t)((unsigned)random() % n) : 0;
	choice_limit[choices_made] = (uint8_t)n;
	return acting->choice[choices_made++];
}

bool search_start(void)
{
	arena_reset();
	fibre_reset();
	access_forget();
	memory_reset();
	acting = NULL;
	if (setjmp(on_failure))
		return false;
	model->setup();
	for (unsigned agent = 0; agent < model->nr_agents; agent++) {
		agent_resume(agent, NO_EVENT); /* to its first choice point */
		stack_clean();
	}
	model->settle();
	return true;
}

unsigned actions_enabled(struct action *out)
{
	unsigned n = 0;

	for (unsigned agent = 0; agent < model->nr_agents; agent++) {
		unsigned events;
		if (!ARENA->agents[agent].has_started)
			continue;
		if (agent_can_run(agent))
			out[n++] = (struct action){.agent = (uint8_t)agent, .kind = ACT_RUN};
		if (ARENA->agents[agent].nr_buffered)
			out[n++] = (struct action){.agent = (uint8_t)agent, .kind = ACT_FLUSH};
		events = model->events(agent);
		for (; events; events &= events - 1)
			out[n++] = (struct action){
				.agent = (uint8_t)agent,
				.kind = (uint8_t)(ACT_EVENT + __builtin_ctz(events))};
	}
	return n;
}

bool action_perform(struct action *action)
{
	acting = action;
	choices_made = 0;
	if (setjmp(on_failure)) {
		fibre_reset();
		access_forget();
		acting = NULL;
		return false;
	}
	memory_reset();
	if (action->kind == ACT_FLUSH) {
		prove_agent = action->agent;
		memory_flush_oldest(action->agent);
	} else {
		agent_resume(action->agent, action->kind == ACT_RUN
						    ? NO_EVENT
						    : (unsigned)action->kind - ACT_EVENT);
		stack_clean();
	}
	acting = NULL;
	model->settle();
	model->check();
	return true;
}

/* The next set of answers to the step's choices; false: all were tried. */
static bool next_choices(struct action *action)
{
	while (action->nr_choices) {
		unsigned last = action->nr_choices - 1U;
		if (action->choice[last] + 1U < choice_limit[last]) {
			action->choice[last]++;
			return true;
		}
		action->nr_choices--;
	}
	return false;
}

/* ---- the way to each state ------------------------------------------------------------------------- */

struct link {
	uint32_t parent;
	uint32_t action; /* agent 3 bits, kind 3, choices 4 each from bit 8 */
};
static struct link *links;
#define MAX_LINKS (1UL << 28)

static uint32_t action_pack(const struct action *action)
{
	uint32_t packed = action->agent | (uint32_t)action->kind << 3;

	for (unsigned i = 0; i < action->nr_choices; i++)
		packed |= (uint32_t)action->choice[i] << (8 + 4 * i);
	return packed;
}

static struct action action_unpack(uint32_t packed)
{
	struct action action = {.agent = packed & 7, .kind = packed >> 3 & 7};

	action.nr_choices = PROVE_MAX_CHOICES;
	for (unsigned i = 0; i < PROVE_MAX_CHOICES; i++)
		action.choice[i] = packed >> (8 + 4 * i) & 15;
	return action;
}

static unsigned trace_of(uint32_t state, struct action *trace)
{
	unsigned length = 0, i;

	for (uint32_t s = state; s != 1; s = links[s].parent)
		length++;
	i = length;
	if (trace)
		for (uint32_t s = state; s != 1; s = links[s].parent)
			trace[--i] = action_unpack(links[s].action);
	return length;
}

/* ---- learning --------------------------------------------------------------------------------------- */

enum { WALK_STEPS = 4000 };

/* The path to a failure found in a walk is not shown: the search finds a shorter one. */
static void learn_from_walks(void)
{
	struct action actions[MAX_ACTIONS];

	srandom((unsigned)options.seed + 1);
	for (unsigned walk = 0; walk < options.nr_walks; walk++) {
		unsigned bias = 1 + (unsigned)random() % 64, agent = 0;
		/* Half the walks stop everywhere, the others as the search will. */
		in_walk = false;
		if (!search_start())
			return;
		for (unsigned step = 0; step < WALK_STEPS; step++) {
			unsigned n = actions_enabled(actions), pick, same = 0;
			if (!n)
				break;
			pick = (unsigned)random() % n;
			/* Long runs of one agent, of varying length, reach more than coin tosses. */
			for (unsigned i = 0; i < n; i++)
				if (actions[i].agent == agent && actions[i].kind == ACT_RUN)
					same = i + 1;
			if (same && (unsigned)random() % 64 >= bias)
				pick = same - 1;
			agent = actions[pick].agent;
			in_walk = true;
			if (!action_perform(&actions[pick]))
				break;
		}
	}
	in_walk = false;
}

/* ---- breadth first ------------------------------------------------------------------------------------ */

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void report_failure(struct prove_result *result, uint32_t state, const struct action *last)
{
	unsigned length = trace_of(state, NULL);
	struct action *trace = calloc(length + 1, sizeof(*trace));

	trace_of(state, trace);
	if (last)
		trace[length++] = *last;
	result->failed = true;
	snprintf(result->message, sizeof(result->message), "%s", failure);
	result->trace_length = length;
	id_encode(result->id, sizeof(result->id), trace, length);
	free(trace);
}

/* All that can follow a state. false: a failure, in result. */
static bool expand(uint32_t state, struct prove_result *result)
{
	struct action actions[MAX_ACTIONS];
	unsigned n;
	bool is_good;

	state_restore(state);
	n = actions_enabled(actions);
	if (!n) {
		result->ends++;
		is_good = end_is_good();
		state_rewrite(); /* the model may have played on */
		if (is_good)
			return true;
		report_failure(result, state, NULL);
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		do {
			bool is_new;
			uint32_t next;
			state_restore(state);
			if (!action_perform(&actions[i])) {
				report_failure(result, state, &actions[i]);
				return false;
			}
			result->transitions++;
			next = state_capture(&is_new);
			if (is_new)
				links[next] = (struct link){state, action_pack(&actions[i])};
		} while (next_choices(&actions[i]));
	}
	return true;
}

static bool search_once(struct prove_result *result, const struct timespec *start)
{
	uint32_t level_end = 1;
	bool is_new;

	result->transitions = result->ends = 0;
	result->depth = 0;
	result->complete = false;
	if (!search_start()) {
		result->failed = true;
		snprintf(result->message, sizeof(result->message), "%s", failure);
		return false;
	}
	is_searching = true;
	state_begin();
	state_capture(&is_new);
	for (uint32_t state = 1; state <= state_count(); state++) {
		if (state > level_end) {
			level_end = state_count();
			result->depth++;
		}
		if (!expand(state, result))
			return false;
		if ((state & 0xfffff) == 0) {
			state_verify();
			if (options.verbose)
				fprintf(stderr,
					"  %u states, %llu transitions, depth %u, %u to go, %.0f "
					"MB, %.0f k/s\n",
					state_count(), (unsigned long long)result->transitions,
					result->depth, state_count() - state,
					(double)state_bytes() / 1e6,
					(double)result->transitions / 1e3 / seconds_since(start));
		}
		/* What was learnt early makes all that follows vain. */
		if (learnt)
			return false;
		if (options.max_states && state_count() > options.max_states)
			return true;
	}
	state_verify();
	result->complete = !learnt;
	return !learnt;
}

/* Everything before the search proper. */
void learn_only(const struct prove_model *the_model, const struct prove_options *the_options)
{
	model = the_model;
	options = *the_options;
	engine_init();
	access_reset(true);
	is_searching = false;
	learn_from_walks();
	access_begin_search();
	prove_covered = 0;
	learnt = false;
}

/* Nobody can run on in the present state (if somebody can, it is no end, which is fine too). */
bool end_is_good(void)
{
	struct action actions[MAX_ACTIONS];

	if (setjmp(on_failure))
		return false;
	if (!actions_enabled(actions) && !model->is_end())
		prove_fail("deadlock: nobody can run on, and somebody has not finished");
	return true;
}

void prove_search(const struct prove_model *the_model, const struct prove_options *the_options,
		  struct prove_result *result)
{
	struct timespec start;

	memset(result, 0, sizeof(*result));
	learn_only(the_model, the_options);
	if (!links)
		links = mmap(NULL, MAX_LINKS * sizeof(*links), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	do {
		learnt = false;
		result->rounds++;
		clock_gettime(CLOCK_MONOTONIC, &start);
	} while (!search_once(result, &start) && !result->failed);
	result->states = state_count();
	result->seconds = seconds_since(&start);
}

/* ---- at random ---------------------------------------------------------------------------------------- */

void prove_random(const struct prove_model *the_model, const struct prove_options *the_options,
		  uint64_t steps, struct prove_result *result)
{
	struct action actions[MAX_ACTIONS], *trace = calloc(1 << 16, sizeof(*trace));
	struct timespec start;

	memset(result, 0, sizeof(*result));
	learn_only(the_model, the_options);
	clock_gettime(CLOCK_MONOTONIC, &start);
	srandom((unsigned)options.seed);
	while (result->transitions < steps && !result->failed) {
		unsigned length = 0, n, agent = 0, bias = 1 + (unsigned)random() % 32;
		if (!search_start())
			break;
		while ((n = actions_enabled(actions)) && length < 1 << 16) {
			unsigned pick = (unsigned)random() % n;
			for (unsigned i = 0; i < n; i++)
				if (actions[i].agent == agent && actions[i].kind == ACT_RUN &&
				    (unsigned)random() % 32 >= bias)
					pick = i;
			agent = actions[pick].agent;
			trace[length] = actions[pick];
			is_drawing = true;
			result->transitions++;
			if (!action_perform(&trace[length++])) {
				result->failed = true;
				break;
			}
			is_drawing = false;
		}
		result->ends++;
		if (!n && !end_is_good())
			result->failed = true;
		if (result->failed) {
			snprintf(result->message, sizeof(result->message), "%s", failure);
			result->trace_length = length;
			id_encode(result->id, sizeof(result->id), trace, length);
		}
	}
	is_drawing = false;
	result->seconds = seconds_since(&start);
	free(trace);
}
