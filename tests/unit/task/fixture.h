/*
 * What the tests of task/ share: a machine with scheduler, address spaces and processes brought up.
 * The test itself is init_task, the idle task: it never sleeps. Threads are kernel threads.
 */
#ifndef TASK_FIXTURE_H
#define TASK_FIXTURE_H

#include "test.h"
#include <string.h>
#include <kern/assert.h>
#include <kern/boot.h>
#include <kern/entry.h>
#include <kern/init.h>
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/life.h>
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <uapi/errno.h>
#include <arch/cpu.h>

#include "../../../kernel/task/task_private.h"

#ifndef FIXTURE_NR_CPUS
#define FIXTURE_NR_CPUS 1
#endif

void entry_cpu_start(void)
{
	sched_cpu_online(arch_cpu_id());
	sched_idle();
}

/* As a port does before the first line of portable code. */
static __attribute__((constructor)) void set_current(void)
{
	arch_hot_set(task, &init_task);
}

void test_machine_ready(void)
{
	boot_options_init("norandmaps");
	assert(life_init(NULL));
	sched_init();
	mm_init();
	task_init();
	cpus_present = (1ULL << FIXTURE_NR_CPUS) - 1;
	host_time_follows_idle = FIXTURE_NR_CPUS > 1;
	for (unsigned cpu = 1; cpu < FIXTURE_NR_CPUS; cpu++) {
		assert(arch_cpu_start(cpu, sched_idle_create(cpu)) == 0);
		while (!(atomic_load_acquire(&cpus_online) >> cpu & 1))
			host_cpu_yield();
	}
}

/* Every CPU forgets the dead address spaces that it still stands on, and the objects that it keeps. */
static UNUSED void leave_here(void *arg)
{
	if (!current->mm)
		life_unlazy_cpu();
	kcache_drain();
}

static UNUSED int task_teardown(void **state)
{
	smp_call(atomic_load_relaxed(&cpus_online), leave_here, NULL);
	task_drain_stacks();
	return machine_teardown(state);
}

/* A MACHINE_TEST in which threads came and went. */
#define TASK_TEST(behaviour) TEST_WITH(behaviour, machine_setup, task_teardown)

/* Runs the others until all sleep or are dead. Context: the test itself. */
static inline void settle(void)
{
	assert_ptr_equal(current, &init_task);
	schedule();
}

#endif
