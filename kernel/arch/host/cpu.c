/*
 * Virtual CPUs: which one runs, interrupts between them, waiting. One thread runs them all, so the
 * scheduling is exact: a CPU is left only at a choice point.
 */
#include <kern/format.h>
#include <kern/assert.h>
#include <kern/bitmap.h>
#include <kern/entry.h>
#include <kern/preempt.h>
#include <kern/smp.h>
#include <kern/task.h>
#include <arch/cpu.h>
#include <arch/ipi.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/time.h>
#include <host/machine.h>
#include "fibre.h"

struct host_cpu host_cpus[MAX_CPUS];
struct host_cpu *volatile host_cpu = &host_cpus[0];
uint64_t host_ipis_sent;

/* Steps in which every CPU only waited; a healthy kernel makes progress long before this many. */
enum { PATIENCE = 1000000 };
static unsigned fruitless_waits;

void host_cpus_init(void)
{
	host_cpu = &host_cpus[0];
	host_cpu->fibre = host_fibre_original();
	host_cpu->is_started = true;
	host_cpu->irqs_on = true;
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		host_cpus[cpu].hot.cpu = cpu;
		host_cpus[cpu].deadline_ns = UINT64_MAX;
	}
}

/* ---- interrupts --------------------------------------------------------------------------------
 */

static void take_one(uint32_t kind)
{
	entry_irq_enter();
	if (kind == 1U << IPI_CALL)
		entry_ipi_call();
	else if (kind == HOST_PENDING_TIMER)
		entry_timer(false);
	entry_irq_exit();
	if (preempt_count() == 0 && current && task_has_work(current, WORK_RESCHED))
		entry_kernel_preempt();
}

void host_irqs_deliver(void)
{
	while (host_cpu->irqs_on && host_cpu->pending) {
		uint32_t kind = 1U << bit_lowest(host_cpu->pending);
		host_cpu->pending &= ~kind;
		host_cpu->is_halted = false;
		host_cpu->irqs_on = false;
		fruitless_waits = 0;
		take_one(kind);
		assert(!host_cpu->irqs_on);
		host_cpu->irqs_on = true;
	}
}

void host_irqs_enable(void)
{
	host_cpu->irqs_on = true;
	host_choice_point(HOST_POINT_IRQ_ON, NULL);
	host_irqs_deliver();
}

void host_irqs_unbalanced(void)
{
	panic("interrupts are on where their former state is to be restored");
}

void arch_ipi_send(unsigned cpu, enum ipi_kind kind)
{
	assert_msg(cpu != host_cpu->hot.cpu, "CPU %u sends an IPI to itself", cpu);
	assert_msg(host_cpus[cpu].is_started, "an IPI to CPU %u, which does not run", cpu);
	host_choice_point(HOST_POINT_IPI, &host_cpus[cpu]);
	host_ipis_sent++;
	host_cpus[cpu].pending |= 1U << kind;
}

void arch_ipi_send_mask(uint64_t mask, enum ipi_kind kind)
{
	unsigned cpu;

	for_each_cpu (cpu, mask)
		arch_ipi_send(cpu, kind);
}

/* ---- taking turns ------------------------------------------------------------------------------
 */

static bool can_run(const struct host_cpu *cpu)
{
	return cpu->is_started && (!cpu->is_halted || cpu->pending);
}

static void run_cpu(struct host_cpu *cpu)
{
	struct host_cpu *self = host_cpu;

	if (cpu == self)
		return;
	host_cpu = cpu;
	host_fibre_switch(self->fibre, cpu->fibre);
	/* Back, maybe as another CPU: the task that was running here may have been moved. */
	host_irqs_deliver();
}

/* The next one after this that can run, itself last; NULL: none can. */
static struct host_cpu *next_cpu(void)
{
	for (unsigned i = 1; i <= MAX_CPUS; i++) {
		struct host_cpu *cpu = &host_cpus[(host_cpu->hot.cpu + i) % MAX_CPUS];
		if (can_run(cpu))
			return cpu;
	}
	return NULL;
}

void host_cpu_yield(void)
{
	struct host_cpu *next = next_cpu();

	if (next)
		run_cpu(next);
}

void host_cpu_relax(void)
{
	host_choice_point(HOST_POINT_RELAX, NULL);
	assert_msg(++fruitless_waits < PATIENCE, "a spin loop that nobody ends");
	host_cpu_yield();
}

static void jump_to_next_timer(void)
{
	uint64_t next = UINT64_MAX;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		if (host_cpus[cpu].is_started)
			next = MIN(next, host_cpus[cpu].deadline_ns);
	assert_msg(host_time_follows_idle && next != UINT64_MAX,
		   "every CPU waits for an interrupt and none will come");
	host_time_advance(next - arch_clock_ns());
}

void host_idle_wait(void)
{
	assert(!host_cpu->irqs_on);
	host_choice_point(HOST_POINT_IDLE, NULL);
	host_cpu->is_halted = !host_cpu->pending;
	while (host_cpu->is_halted && !host_cpu->pending) {
		struct host_cpu *next = next_cpu();
		if (next)
			run_cpu(next);
		else
			jump_to_next_timer();
	}
	host_cpu->is_halted = false;
	host_irqs_enable();
}

/* ---- several CPUs at once ----------------------------------------------------------------------
 */

static struct {
	void (*fn)(void *arg);
	void *arg;
	uint64_t random;
} run;

static void yield_at_random(enum host_point kind, const volatile void *address)
{
	run.random ^= run.random << 13;
	run.random ^= run.random >> 7;
	run.random ^= run.random << 17;
	if (run.random % 4 == 0) {
		struct host_cpu *cpu = &host_cpus[run.random / 4 % MAX_CPUS];
		for (unsigned i = 0; i < MAX_CPUS && !can_run(cpu); i++)
			cpu = &host_cpus[(cpu->hot.cpu + 1) % MAX_CPUS];
		run_cpu(cpu);
	}
}

static bool all_done(unsigned nr)
{
	for (unsigned cpu = 0; cpu < nr; cpu++)
		if (!host_cpus[cpu].is_done)
			return false;
	return true;
}

static void cpu_main(void *arg)
{
	host_irqs_enable();
	run.fn(run.arg);
	assert(preempt_count() == 0 && host_cpu->irqs_on);
	host_cpu->is_done = true;
	for (;;)
		host_cpu_yield();
}

void host_cpus_run(unsigned nr, void (*fn)(void *arg), void *arg, uint64_t seed)
{
	uint64_t mask = nr == 64 ? UINT64_MAX : (1ULL << nr) - 1;

	assert(host_cpu == &host_cpus[0] && nr >= 1 && nr <= MAX_CPUS);
	run.fn = fn;
	run.arg = arg;
	run.random = seed;
	fruitless_waits = 0;
	cpus_present = mask;
	cpus_online = mask;
	for (unsigned cpu = 1; cpu < nr; cpu++) {
		struct host_cpu *c = &host_cpus[cpu];
		c->fibre = host_fibre_create(cpu_main, NULL);
		c->is_started = true;
		c->is_done = false;
		c->irqs_on = false;
		c->pending = 0;
		c->hot.preempt_count = 0;
		c->hot.task = NULL;
	}
	host_cpu->is_done = false;
	host_point_hook = seed ? yield_at_random : NULL;
	fn(arg);
	host_cpu->is_done = true;
	while (!all_done(nr))
		host_cpu_relax();
	host_point_hook = NULL;
	for (unsigned cpu = 1; cpu < nr; cpu++) {
		host_cpus[cpu].is_started = false;
		host_fibre_destroy(host_cpus[cpu].fibre);
	}
	cpus_online = 1;
	cpus_present = 1;
}

/* ---- the contract's CPUs -----------------------------------------------------------------------
 */

unsigned arch_cpu_count(void)
{
	return bit_count(cpus_present);
}

static void secondary_main(void *arg)
{
	entry_cpu_start();
}

int arch_cpu_start(unsigned cpu, struct task_struct *idle)
{
	struct host_cpu *c = &host_cpus[cpu];

	c->fibre = host_fibre_create(secondary_main, NULL);
	idle->thread.fibre = c->fibre;
	c->hot.task = idle;
	c->hot.preempt_count = 0;
	c->root = arch_kernel_root();
	c->irqs_on = false;
	c->pending = 0;
	c->is_halted = false;
	c->is_started = true;
	return 0;
}

void arch_cpu_die(void)
{
	assert(!host_cpu->irqs_on);
	host_cpu->is_started = false;
	host_cpu_yield();
	panic("no CPU is left");
}

void arch_cpu_halt(void)
{
	arch_cpu_die();
}

size_t arch_cpu_describe(unsigned cpu, char *buf, size_t size)
{
	int len = format_string(buf, size, "processor\t: %u\nmodel name\t: fibre\n\n", cpu);

	return MIN((size_t)len, size - 1);
}
