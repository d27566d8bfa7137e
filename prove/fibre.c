/*
 * Agents and their stacks. The engine runs on the program's own stack; an agent that is resumed runs
 * on one of the stacks in the arena until its next choice point, and may change over to another stack
 * on the way (a task switch). Stack bytes below the stack pointer are kept at zero, so that leftovers
 * do not make equal states look different.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

unsigned prove_agent;
unsigned pending_event = NO_EVENT;

static uint64_t engine_sp;
static bool is_in_fibre;
static uint32_t ran; /* stacks that ran in this step */
uint32_t stacks_dirty;

void fibre_jump(uint64_t *save_sp, uint64_t to_sp);
void fibre_entry(void);

/* Registers that calls preserve: x86-64 psABI 3.2.1. */
__asm__(".text\n"
	".type fibre_jump, @function\n"
	"fibre_jump:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size fibre_jump, . - fibre_jump\n"
	/* A new stack: r12 is fn, r13 its argument. */
	".type fibre_entry, @function\n"
	"fibre_entry:\n"
	"	movq %r13, %rdi\n"
	"	xorl %ebp, %ebp\n"
	"	call *%r12\n"
	"	ud2\n"
	".size fibre_entry, . - fibre_entry\n");

void fibre_reset(void)
{
	is_in_fibre = false;
	pending_event = NO_EVENT;
	ran = 0;
}

bool prove_in_fibre(void)
{
	return is_in_fibre;
}

static void check_depth(unsigned stack, uint64_t sp)
{
	if (sp < (uint64_t)ARENA->stack_memory[stack] + PROVE_STACK_SIZE - STACK_TRACKED) {
		fprintf(stderr, "prove: STACK_TRACKED is too small\n");
		exit(125);
	}
}

unsigned prove_stack_new(void (*fn)(void *), void *arg)
{
	unsigned i = 0;
	uint64_t *sp;

	while (i < PROVE_MAX_STACKS && ARENA->stacks[i].in_use)
		i++;
	if (i == PROVE_MAX_STACKS) {
		fprintf(stderr, "prove: PROVE_MAX_STACKS is too small\n");
		exit(125);
	}
	sp = (uint64_t *)(void *)(ARENA->stack_memory[i] + PROVE_STACK_SIZE - 16);
	*--sp = (uint64_t)fibre_entry;
	*--sp = 0; /* rbp */
	*--sp = 0; /* rbx */
	*--sp = (uint64_t)fn;
	*--sp = (uint64_t)arg;
	*--sp = 0;
	*--sp = 0;
	ARENA->stacks[i] = (struct stack){.sp = (uint64_t)sp, .in_use = 1};
	stacks_dirty |= 1U << i;
	return i;
}

void prove_stack_free(unsigned stack)
{
	if (!ARENA->stacks[stack].in_use || ARENA->stacks[stack].runs)
		prove_fail("the stack of somebody who runs is freed");
	memset(&ARENA->stacks[stack], 0, sizeof(struct stack));
	memset(ARENA->stack_memory[stack], 0, PROVE_STACK_SIZE);
	ran &= ~(1U << stack);
	stacks_dirty |= 1U << stack;
}

void prove_stack_switch(unsigned to)
{
	struct agent *agent = &ARENA->agents[prove_agent];
	struct stack *from = &ARENA->stacks[agent->stack], *next = &ARENA->stacks[to];

	access_settle();
	if (!next->in_use || next->runs)
		prove_fail("a switch to a stack that is %s", next->in_use ? "running" : "gone");
	from->runs = 0;
	next->runs = 1;
	ran |= 1U << to;
	stacks_dirty |= 1U << to;
	agent->stack = to;
	fibre_jump(&from->sp, next->sp);
}

unsigned prove_stack_of(unsigned agent)
{
	return ARENA->agents[agent].stack;
}

void prove_agent_start(unsigned agent, unsigned stack)
{
	ARENA->agents[agent].stack = stack;
	ARENA->agents[agent].has_started = 1;
	ARENA->stacks[stack].runs = 1;
}

void agent_resume(unsigned agent, unsigned event)
{
	struct stack *stack = &ARENA->stacks[ARENA->agents[agent].stack];

	prove_agent = agent;
	pending_event = event;
	ran = 1U << ARENA->agents[agent].stack;
	stacks_dirty |= ran;
	is_in_fibre = true;
	if (model->enter)
		model->enter(agent);
	fibre_jump(&engine_sp, stack->sp);
	is_in_fibre = false;
}

void agent_yield(void)
{
	struct stack *stack = &ARENA->stacks[ARENA->agents[prove_agent].stack];

	fibre_jump(&stack->sp, engine_sp);
}

void stack_clean(void)
{
	for (uint32_t left = ran; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		char *base = ARENA->stack_memory[i];
		uint64_t sp = ARENA->stacks[i].sp, from = (uint64_t)base;
		if (!ARENA->stacks[i].in_use)
			continue;
		check_depth(i, sp);
		if (sp - from > 3072)
			from = sp - 3072;
		memset((void *)from, 0, sp - from);
	}
}

/* ---- choice points --------------------------------------------------------------------------------- */

static void stand_at(unsigned kind, const volatile void *address, const void *site, bool is_window)
{
	for (;;) {
		struct agent *agent = &ARENA->agents[prove_agent];
		struct prove_context context = model->context(prove_agent);
		bool interruptible = context.interruptible, preemptible = context.preemptible;
		unsigned event;

		agent->point = kind;
		agent->address = (uint64_t)address;
		agent->site = (uint64_t)site;
		agent_yield();
		/* Maybe another agent now: who stood here may have been moved. */
		agent = &ARENA->agents[prove_agent];
		event = pending_event;
		pending_event = NO_EVENT;
		if (event == NO_EVENT) {
			agent->fresh_interruptible = is_window && interruptible;
			agent->fresh_preemptible = is_window && preemptible;
			break;
		}
		agent->fresh_interruptible = agent->fresh_preemptible = 0;
		model->deliver(prove_agent, event);
		access_settle();
	}
	if (unlikely(is_reporting))
		report_access(kind, address, 0, site);
}

void point_at(unsigned kind, const volatile void *address, const void *site)
{
	if (!is_in_fibre)
		return; /* setup */
	access_settle();
	stand_at(kind, address, site, false);
}

void prove_point(unsigned kind, const volatile void *address)
{
	point_at(kind, address, __builtin_return_address(0));
}

static bool rest(unsigned kind, const void *site)
{
	struct agent *agent = &ARENA->agents[prove_agent];
	struct prove_context context;

	if (!is_in_fibre)
		return false;
	access_settle();
	context = model->context(prove_agent);
	if (!context.interruptible)
		return false;
	if (!options.full &&
	    (context.preemptible ? agent->fresh_preemptible : agent->fresh_interruptible))
		return false;
	stand_at(kind, NULL, site, true);
	return true;
}

void prove_window(void)
{
	rest(PROVE_WINDOW, __builtin_return_address(0));
}

bool prove_rest(unsigned kind)
{
	return rest(kind, __builtin_return_address(0));
}

void prove_wait(bool (*ready)(void *arg), void *arg, unsigned kind)
{
	access_settle();
	for (;;) {
		struct agent *agent = &ARENA->agents[prove_agent];
		struct prove_context context = model->context(prove_agent);
		unsigned event;

		agent->ready = ready;
		agent->ready_arg = arg;
		agent->point = kind;
		agent->address = 0;
		agent->site = (uint64_t)__builtin_return_address(0);
		agent_yield();
		agent = &ARENA->agents[prove_agent];
		agent->ready = NULL;
		agent->ready_arg = NULL;
		event = pending_event;
		pending_event = NO_EVENT;
		agent->fresh_interruptible = event == NO_EVENT && context.interruptible;
		agent->fresh_preemptible = event == NO_EVENT && context.preemptible;
		if (event == NO_EVENT)
			break;
		model->deliver(prove_agent, event);
		access_settle();
	}
	if (unlikely(is_reporting))
		report_access(kind, NULL, 0, __builtin_return_address(0));
}

void watch_at(const volatile void *word, unsigned size, uint64_t value, const void *site)
{
	access_settle();
	for (;;) {
		struct agent *agent = &ARENA->agents[prove_agent];
		unsigned event;

		agent->watch_address = (uint64_t)word;
		agent->watch_size = size;
		agent->watch_value = value;
		agent->point = PROVE_RELAX;
		agent->address = (uint64_t)word;
		agent->site = (uint64_t)site;
		agent_yield();
		agent = &ARENA->agents[prove_agent];
		agent->watch_address = agent->watch_value = agent->watch_size = 0;
		agent->fresh_interruptible = agent->fresh_preemptible = 0;
		event = pending_event;
		pending_event = NO_EVENT;
		if (event == NO_EVENT)
			break;
		model->deliver(prove_agent, event);
		access_settle();
	}
}

bool agent_can_run(unsigned agent)
{
	const struct agent *a = &ARENA->agents[agent];

	if (!a->has_started)
		return false;
	if (a->ready)
		return a->ready(a->ready_arg);
	if (a->watch_size)
		return prove_peek(agent, (void *)a->watch_address, a->watch_size) != a->watch_value;
	return true;
}

unsigned prove_point_of(unsigned agent)
{
	return ARENA->agents[agent].point;
}
