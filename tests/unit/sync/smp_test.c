/* kernel/sync/smp.c */
#include "test.h"
#include <kern/assert.h>
#include <kern/boot.h>
#include <kern/preempt.h>
#include <kern/smp.h>

enum { CPUS = 4, ROUNDS = 60, WORKS = 8 };

static struct boot_info boot;
static uint64_t calls[MAX_CPUS];

static void machine(void)
{
	static bool is_up;

	if (!is_up)
		host_machine_init(1 << 20, &boot);
	is_up = true;
}

/* In functions that run on virtual CPUs, checks are the kernel's. */
static void note_call(void *arg)
{
	assert(in_irq() && !arch_irqs_enabled());
	calls[host_cpu->hot.cpu] += *(uint64_t *)arg;
}

static void call_all(void *arg)
{
	uint64_t one = 1;

	for (int i = 0; i < ROUNDS; i++)
		smp_call(UINT64_MAX, note_call, &one);
}

TEST(everybody_calls_everybody_and_waits)
{
	machine();
	for (uint64_t seed = 0; seed < 8; seed++) {
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			calls[cpu] = 0;
		host_cpus_run(CPUS, call_all, NULL, seed);
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			assert_int_equal(calls[cpu], CPUS * ROUNDS);
	}
}

static void call_once(void *arg)
{
	uint64_t value = 1;

	if (host_cpu->hot.cpu != 0)
		return;
	smp_call(1ULL << 2, note_call, &value);
	assert(calls[2] == 1 && calls[0] == 0 && calls[1] == 0);
	smp_call(1ULL << 40, note_call, &value); /* offline: nobody */
	smp_call(1, note_call, &value);
	assert(calls[0] == 1);
}

TEST(only_the_named_run_it_and_the_effect_is_seen)
{
	machine();
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		calls[cpu] = 0;
	uint64_t ipis = host_ipis_sent;
	host_cpus_run(CPUS, call_once, NULL, 0);
	assert_int_equal(host_ipis_sent, ipis + 1);
	assert_int_equal(calls[1] + calls[3], 0);
}

struct counted_work {
	struct smp_work work;
	uint64_t wanted; /* [atomic] */
	uint64_t done;	 /* only its CPU */
};

static struct counted_work works[WORKS];

static void do_work(struct smp_work *work)
{
	struct counted_work *counted = container_of(work, struct counted_work, work);

	assert(in_irq());
	counted->done = atomic_load_relaxed(&counted->wanted);
}

static void queue_works(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct counted_work *counted = &works[i % WORKS];
		if (host_cpu->hot.cpu == CPUS - 1)
			continue;
		atomic_fetch_add_relaxed(&counted->wanted, 1);
		smp_work_queue(&counted->work, CPUS - 1);
	}
}

TEST(queued_work_runs_after_its_last_queueing)
{
	machine();
	for (uint64_t seed = 0; seed < 8; seed++) {
		for (int i = 0; i < WORKS; i++) {
			smp_work_init(&works[i].work, do_work);
			works[i].wanted = works[i].done = 0;
		}
		host_cpus_run(CPUS, queue_works, NULL, seed);
		for (int i = 0; i < WORKS; i++)
			assert_int_equal(works[i].done, works[i].wanted);
	}
}

static void call_with_interrupts_off(void *arg)
{
	if (host_cpu->hot.cpu == 0) {
		arch_irq_disable();
		smp_call(2, note_call, NULL);
	}
}

static void call_in_interrupt(void *arg)
{
	uint64_t one = 1;

	if (host_cpu->hot.cpu == 0) {
		arch_hot_add(preempt_count, PREEMPT_IRQ);
		smp_call(2, note_call, &one);
	}
}

TEST(waiting_in_atomic_context_is_noticed)
{
	machine();
	host_expect_panic("I19", host_cpus_run(2, call_with_interrupts_off, NULL, 0));
	host_expect_panic("I19", host_cpus_run(2, call_in_interrupt, NULL, 0));
}
