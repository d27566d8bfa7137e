/* The world as the engine sees it: the struct prove_model of the kernel's files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct world *world;
const struct scenario *scenario;
const char *strategy;

void port_setup(void);
/* Of kernel/life; made visible by mk/prove.mk. Nothing depends on them. */
extern uint64_t nr_tasks, next_id;
extern char percpu_registry[];

static void setup(void)
{
	world = prove_static(sizeof(*world), 128);
	world->preemptions_left = scenario->preemptions;
	memory_setup();
	port_setup();
	prove_track(percpu_tlb_state, WORLD_CPUS * sizeof(struct tlb_state));
	prove_ignore(percpu_life_stat, sizeof(percpu_life_stat));
	prove_ignore(&nr_tasks, sizeof(nr_tasks));
	prove_ignore(&next_id, sizeof(next_id));
	/* The order in which address spaces are listed is of no consequence. */
	prove_registers(percpu_registry, WORLD_CPUS * 24);
	if (!life_init(strategy)) {
		fprintf(stderr, "prove: no strategy is called %s\n", strategy);
		exit(125);
	}
	tasks_setup();
	world->baseline = prove_objects_live();
	scenario->setup();
	world->failures_left = scenario->failures;
}

static unsigned events(unsigned agent)
{
	const struct host_cpu *cpu = world_cpu(agent);
	unsigned found = 0;

	if (!cpu->irqs_on)
		return 0;
	if (cpu->pending)
		found |= 1U << EVENT_IRQ;
	if (world->preemptions_left && !cpu->hot.preempt_count &&
	    !(cpu->hot.task->flags & PF_IDLE) && any_candidate(agent))
		found |= 1U << EVENT_PREEMPT;
	return found;
}

static void deliver(unsigned agent, unsigned event)
{
	if (event == EVENT_PREEMPT) {
		world->preemptions_left--;
		world_schedule(true);
		return;
	}
	world->irq_depth[agent]++;
	host_cpu->irqs_on = false;
	host_cpu->pending = 0;
	smp_call_interrupt();
	host_cpu->irqs_on = true;
	world->irq_depth[agent]--;
}

static void settle(void)
{
	memset(percpu_life_stat, 0, WORLD_CPUS * sizeof(struct life_stat));
	for (unsigned i = 0; i < WORLD_MMS; i++)
		if (world->mms[i])
			world->mms[i]->id = i + 1;
	tlb_fill();
}

static struct prove_context context(unsigned agent)
{
	const struct host_cpu *cpu = world_cpu(agent);
	bool in_interrupt = world->irq_depth[agent];
	unsigned who = 0;

	while (who < WORLD_TASKS && world->tasks[who].task != cpu->hot.task)
		who++;
	return (struct prove_context){
		.who = (uint8_t)who,
		.in_interrupt = in_interrupt,
		.interruptible = cpu->irqs_on,
		.preemptible = cpu->irqs_on && !cpu->hot.preempt_count && !in_interrupt &&
			       !(cpu->hot.task->flags & PF_IDLE),
	};
}

/* A dead task is never picked again: who finished its last switch has it for good. */
static bool keeps_lock(const volatile void *word)
{
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (world->tasks[i].task && &world->tasks[i].task->on_cpu == word)
			return world->tasks[i].task->state == TASK_DEAD;
	return false;
}

static void enter(unsigned agent)
{
	host_cpu = world_cpu(agent);
}

static const char *const event_names[] = {"interrupt", "preempted"};
static const char *const point_names[] = {"user mode", "idle",	    "picks", "loads root",
					  "flushes",   "sends IPI", "frees", "step"};

struct prove_model world_model = {
	.name = "lodger",
	.setup = setup,
	.events = events,
	.deliver = deliver,
	.settle = settle,
	.check = world_check,
	.is_end = world_is_end,
	.context = context,
	.keeps_lock = keeps_lock,
	.enter = enter,
	.event_names = event_names,
	.point_names = point_names,
	.describe = world_describe,
	.name_address = world_name_address,
};
