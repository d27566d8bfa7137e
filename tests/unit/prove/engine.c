/*
 * The engine against programs whose answers are known, reduced and in full, with and without store
 * buffers: right ones are proved, wrong ones refuted, both searches agree, traces replay.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "toys.h"

static const struct toy *toy;
static struct toy_state {
	uint32_t inside, finished, interrupted, in_interrupt;
} * state;

void toy_enter(unsigned who)
{
	prove_point(PROVE_MODEL, NULL);
	if (state->inside)
		prove_fail("two are inside");
	state->inside++;
}

void toy_leave(unsigned who)
{
	prove_point(PROVE_MODEL, NULL);
	state->inside--;
}

void toy_fail(const char *why)
{
	prove_fail("%s", why);
}

static bool never(void *arg)
{
	return false;
}

static void run_thread(void *arg)
{
	unsigned who = (unsigned)(uintptr_t)arg;

	toy->threads[who](arg);
	prove_point(PROVE_MODEL, NULL);
	state->finished++;
	prove_wait(never, NULL, PROVE_WAIT);
}

static void setup(void)
{
	state = prove_static(sizeof(*state), 64);
	for (unsigned i = 0; i < toy->nr_agents; i++)
		prove_agent_start(i, prove_stack_new(run_thread, (void *)(uintptr_t)i));
}

static unsigned events(unsigned agent)
{
	return toy->nr_agents == 1 && !state->interrupted && !state->in_interrupt;
}

static void deliver(unsigned agent, unsigned e)
{
	state->interrupted = 1;
	state->in_interrupt = 1;
	toy_interrupt();
	state->in_interrupt = 0;
}

static void settle(void)
{
}

static bool is_end(void)
{
	return state->finished == toy->nr_agents;
}

static struct prove_context context(unsigned agent)
{
	bool irq = state->in_interrupt;

	return (struct prove_context){.who = (uint8_t)agent,
				      .in_interrupt = irq,
				      .interruptible = !irq,
				      .preemptible = false};
}

static const char *const names[] = {"interrupt"}, *const points[] = {"step"};

static struct prove_model model = {
	.name = "toy",
	.setup = setup,
	.events = events,
	.deliver = deliver,
	.settle = settle,
	.check = settle,
	.is_end = is_end,
	.context = context,
	.event_names = names,
	.point_names = points,
};

static unsigned number, failures;

static void ok(bool fact, const char *text)
{
	printf("%s %u - %s: %s\n", fact ? "ok" : "not ok", ++number, toy->name, text);
	failures += !fact;
}

/* Tables of traces are not for the test's output. */
static bool replays(const struct prove_options *options, const struct prove_result *result)
{
	struct prove_result again;
	bool is_id;
	int out;

	fflush(stdout);
	out = dup(1);
	dup2(open("/dev/null", O_WRONLY), 1);
	is_id = prove_replay(&model, options, result->id, &again);
	fflush(stdout);
	dup2(out, 1);
	close(out);
	return is_id && again.failed && !strcmp(again.message, result->message);
}

static void test(const struct prove_options *base, bool fails, const char *text)
{
	struct prove_options options = *base;
	struct prove_result reduced, full;
	char line[700];

	prove_search(&model, &options, &reduced);
	options.full = true;
	prove_search(&model, &options, &full);
	snprintf(line, sizeof(line), "%s (%llu states, in full %llu; %s)", text,
		 (unsigned long long)reduced.states, (unsigned long long)full.states,
		 reduced.failed ? reduced.message : "proved");
	ok(reduced.failed == fails && full.failed == fails, line);
	if (fails) {
		ok(replays(base, &reduced), "the trace replays");
		ok(replays(&options, &full), "the trace of the full search replays");
	} else {
		ok(reduced.complete && full.complete && reduced.states <= full.states,
		   "both searches are complete");
	}
}

int main(void)
{
	for (unsigned i = 0; i < nr_toys; i++) {
		struct prove_options options = {.nr_walks = 20, .seed = 1};
		toy = &toys[i];
		model.nr_agents = toy->nr_agents;
		test(&options, toy->fails, "sequentially consistent");
		/* Nothing learnt beforehand: the search has to begin again by itself. */
		options.nr_walks = 0;
		test(&options, toy->fails, "without walks");
		options.buffer = 2;
		options.nr_walks = 20;
		test(&options, toy->fails_buffered, "store buffers");
	}
	printf("1..%u\n", number);
	return failures != 0;
}
