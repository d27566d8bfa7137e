/*
 * The scenarios: small machines with a few tasks whose programs are given, named after the races that
 * they force (docs/proving.md has the table). Whatever a program does not fix is explored: who runs
 * where and when, where a task is preempted, when interrupts come, which allocation fails. Tasks are
 * numbered from 0, the idle tasks of all CPUs first.
 */
#include "world.h"

/* The first task of a scenario. */
static unsigned first_task(void)
{
	return scenario->cpus;
}

static void exits(void)
{
	user_mode();
}

static void yields(void)
{
	user_mode();
	op_yield();
}

static void yields_twice(void)
{
	user_mode();
	op_yield();
	op_yield();
}

static void kernel_yields(void)
{
	op_yield_kernel();
}

static void kernel_exits(void)
{
}

static void execs(void)
{
	user_mode();
	op_exec();
}

static void unmaps(void)
{
	user_mode();
	op_unmap(false);
}

static void unmaps_table(void)
{
	user_mode();
	op_unmap(true);
}

static void unmaps_both(void)
{
	user_mode();
	op_unmap(false);
	op_unmap(true);
}

static void visits_first(void)
{
	user_mode();
	op_visit(first_task());
}

static void uses_first(void)
{
	op_use(first_task());
}

static void forks(void)
{
	user_mode();
	op_fork(exits);
}

static void vforks_exec(void)
{
	user_mode();
	op_vfork(execs);
}

static void vforks_exit(void)
{
	user_mode();
	op_vfork(exits);
}

/* ---- machines ----------------------------------------------------------------------------------- */

static void seed_setup(void)
{
	user_new(exits);
	user_new(exits);
}

static void d1_setup(void)
{
	thread_new(user_new(exits), exits);
	user_new(exits);
}

static void d2_setup(void)
{
	user_new(exits);
	kthread_new(kernel_yields);
	user_new(exits);
}

static void d3_setup(void)
{
	user_new(yields);
	user_new(exits);
}

static void d4_setup(void)
{
	task_hold(user_new(yields));
	kthread_new(uses_first);
}

static void d5_setup(void)
{
	thread_new(user_new(execs), unmaps);
}

static void d5_use_setup(void)
{
	unsigned user = user_new(unmaps_table);

	task_hold(user);
	kthread_new(uses_first);
}

static void d6_setup(void)
{
	thread_new(user_new(unmaps), yields);
}

static void d6_long_setup(void)
{
	d6_setup();
	user_new(exits);
}

static void d7_setup(void)
{
	thread_new(user_new(unmaps_table), exits);
}

static void d7_long_setup(void)
{
	d7_setup();
	user_new(exits);
}

static void d8_setup(void)
{
	thread_new(user_new(unmaps_both), yields);
}

static void d10_setup(void)
{
	task_hold(user_new(exits));
	user_new(visits_first);
}

static void d12_setup(void)
{
	user_new(yields);
	user_new(yields);
}

static void d13_setup(void)
{
	task_hold(user_new(exits));
	kthread_new(uses_first);
}

static void d13_long_setup(void)
{
	d13_setup();
	user_new(exits);
}

static void d14_setup(void)
{
	thread_new(user_new(unmaps_table), yields);
}

static void d16_setup(void)
{
	user_new(vforks_exec);
}

static void d16_exit_setup(void)
{
	user_new(vforks_exit);
}

static void d17_setup(void)
{
	user_new(forks);
	user_new(exits);
}

static void d18_setup(void)
{
	user_new(exits);
	kthread_new(kernel_exits);
	user_new(exits);
}

static void d22_setup(void)
{
	unsigned first = user_new(exits);

	thread_new(first, exits);
	thread_new(first, exits);
}

static void d11_setup(void)
{
	user_new(yields);
	user_new(exits);
	user_new(exits);
}

static void d3_long_setup(void)
{
	user_new(yields_twice);
	user_new(yields);
	kthread_new(kernel_yields);
}

/* ---- any order of anything --------------------------------------------------------------------------- */

static void any_op(void)
{
	user_mode();
	prove_point(POINT_STEP, NULL);
	switch (prove_choose(6)) {
	case 0:
		break;
	case 1:
		op_yield();
		break;
	case 2:
		op_exec();
		break;
	case 3:
		op_unmap(true);
		break;
	case 4:
		op_clone(exits);
		break;
	case 5:
		op_fork(exits);
		break;
	}
}

static void any_setup(void)
{
	thread_new(user_new(any_op), any_op);
}

#define STANDARD false
#define LONG	 true

/*	name	what						CPUs, preemptions, failures, store buffer */
const struct scenario scenarios[] = {
	{"seed", "exit, and what follows", 1, 0, 0, 0, STANDARD, seed_setup, "EXIT_WHILE_LAZY"},
	{"d1", "last exit while another CPU is lazy on it", 2, 0, 0, 0, STANDARD, d1_setup,
	 "EXIT_WHILE_LAZY ZOMBIE TWO_LAZY"},
	{"d2", "exit_mm and preemption", 1, 1, 0, 0, STANDARD, d2_setup, "EXIT_WHILE_LAZY"},
	{"d3", "the lender migrates and exits there", 2, 0, 0, 2, STANDARD, d3_setup, ""},
	{"d4", "kthread_use_mm of the one that is active", 1, 2, 0, 0, STANDARD, d4_setup,
	 "SAME_MM_USED USERS_ZERO_IN_USE"},
	{"d5", "flush while another thread execs", 2, 0, 0, 0, STANDARD, d5_setup,
	 "IPI_DURING_SWITCH"},
	{"d5-use", "flush while a kernel thread uses it", 2, 0, 0, 0, STANDARD, d5_use_setup, ""},
	{"d6", "switch-in against flush", 2, 0, 0, 2, STANDARD, d6_setup, ""},
	{"d7", "a table is freed while others stand on it", 2, 0, 0, 2, STANDARD, d7_setup, ""},
	{"d8", "a lazy CPU skipped, then tables freed, then back", 2, 0, 0, 0, STANDARD, d8_setup,
	 "LAZY_CAUGHT_UP EVICTED_BACK"},
	{"d10", "get_task_mm against the last mmput", 2, 0, 0, 2, STANDARD, d10_setup,
	 "VISIT_LAST VISIT_LATE"},
	{"d12", "two CPUs retire what the other stands on", 2, 0, 0, 0, STANDARD, d12_setup,
	 "BOTH_RETIRE"},
	{"d13", "retire against kthread_unuse_mm", 2, 0, 0, 2, STANDARD, d13_setup,
	 "USERS_ZERO_IN_USE"},
	{"d14", "evicted, then back to the same one", 2, 0, 0, 0, STANDARD, d14_setup,
	 "EVICTED_BACK"},
	{"d16", "vfork: exec in the child", 2, 0, 1, 0, STANDARD, d16_setup, "VFORK_OVERLAP"},
	{"d16-exit", "vfork: exit of the child", 2, 0, 0, 0, STANDARD, d16_exit_setup,
	 "VFORK_OVERLAP"},
	{"d17", "fork, allocations fail, a newborn's first switch", 1, 1, 1, 0, STANDARD, d17_setup,
	 "FORK_FAILED NEWBORN_FREES"},
	{"d18", "a borrower that dies", 2, 0, 0, 0, STANDARD, d18_setup, "BORROWER_DIED"},
	{"d1-long", "the same as d1, preempted, with store buffers", 2, 1, 0, 2, LONG, d1_setup,
	 ""},
	{"d3-long", "three tasks that wander", 2, 0, 0, 0, LONG, d3_long_setup, ""},
	{"d6-long", "d6 with another address space", 2, 0, 0, 2, LONG, d6_long_setup, ""},
	{"d7-long", "d7 with another address space", 2, 0, 0, 2, LONG, d7_long_setup, ""},
	{"d11", "a third CPU retires to one that has moved on", 3, 0, 0, 0, LONG, d11_setup, ""},
	{"d13-long", "d13 with another address space", 2, 0, 0, 2, LONG, d13_long_setup, ""},
	{"d17-long", "fork on two CPUs, failures", 2, 0, 1, 0, LONG, d17_setup, ""},
	{"d22", "three CPUs, one address space", 3, 0, 0, 0, LONG, d22_setup, "TWO_LAZY"},
	{"any", "two threads that do anything", 2, 0, 0, 0, LONG, any_setup, ""},
};
const unsigned nr_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);
