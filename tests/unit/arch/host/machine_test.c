/* kernel/arch/host: CPUs, interrupts, time, switches between tasks. */
#include "test.h"
#include <kern/assert.h>
#include <kern/boot.h>
#include <kern/entry.h>
#include <kern/preempt.h>
#include <kern/smp.h>
#include <kern/task.h>
#include <arch/cpu.h>
#include <arch/ipi.h>
#include <arch/switch.h>
#include <arch/time.h>

static unsigned nr_timers;

void entry_timer(bool from_user)
{
	assert(in_irq() && !arch_irqs_enabled());
	nr_timers++;
}

TEST(timers_fire_when_due_and_interrupts_are_on)
{
	nr_timers = 0;
	arch_irq_disable();
	arch_timer_arm(arch_clock_ns() + 100);
	host_time_advance(99);
	arch_irq_enable();
	assert_int_equal(nr_timers, 0);
	arch_irq_disable();
	host_time_advance(1);
	assert_int_equal(nr_timers, 0);
	arch_irq_enable();
	assert_int_equal(nr_timers, 1);
	host_time_advance(1000);
	assert_int_equal(nr_timers, 1);
	arch_timer_arm(arch_clock_ns() + 5);
	arch_timer_disarm();
	host_time_advance(10);
	assert_int_equal(nr_timers, 1);
}

static void wait_for_interrupt(void *arg)
{
	if (host_cpu->hot.cpu == 0) {
		while (!host_cpus[1].is_halted)
			arch_cpu_relax();
		arch_ipi_send(1, IPI_RESCHEDULE);
		return;
	}
	arch_irq_disable();
	arch_idle_wait();
	assert(arch_irqs_enabled());
}

static void wait_for_nothing(void *arg)
{
	arch_irq_disable();
	arch_idle_wait();
}

static void spin(void *arg)
{
	for (;;)
		arch_cpu_relax();
}

static void wait_for_timer(void *arg)
{
	arch_irq_disable();
	arch_timer_arm(arch_clock_ns() + 1000000);
	arch_idle_wait();
}

TEST(a_halted_cpu_wakes_for_an_interrupt_only)
{
	host_cpus_run(2, wait_for_interrupt, NULL, 0);
	host_expect_panic("none will come", host_cpus_run(2, wait_for_nothing, NULL, 0));
	host_expect_panic("nobody ends", host_cpus_run(2, spin, NULL, 0));
	nr_timers = 0;
	uint64_t before = arch_clock_ns();
	host_time_follows_idle = true;
	host_cpus_run(1, wait_for_timer, NULL, 0);
	host_time_follows_idle = false;
	assert_int_equal(nr_timers, 1);
	assert_int_equal(arch_clock_ns(), before + 1000000);
}

static char order[100];
static unsigned order_len;

static void note_turn(void *arg)
{
	for (int i = 0; i < 6; i++) {
		order[order_len++] = (char)('0' + arch_cpu_id());
		atomic_load_relaxed(&order_len);
	}
}

TEST(the_same_seed_is_the_same_run)
{
	char first[100];

	for (int round = 0; round < 2; round++) {
		order_len = 0;
		host_cpus_run(3, note_turn, NULL, 99);
		order[order_len] = '\0';
		if (round)
			assert_string_equal(order, first);
		for (unsigned i = 0; i <= order_len; i++)
			first[i] = order[i];
	}
	assert_int_equal(order_len, 18);
}

static struct task_struct first_task, second_task;
static unsigned switches;

void entry_task_start(struct task_struct *prev)
{
	assert(prev == &first_task && !arch_irqs_enabled());
}

static void second_main(void *arg)
{
	assert(arg == &switches && current == &second_task);
	for (;;) {
		switches++;
		arch_irq_disable();
		struct task_struct *left = arch_switch_to(&second_task, &first_task);
		assert(left == &first_task);
		arch_irq_enable();
	}
}

TEST(tasks_switch_back_and_forth)
{
	host_cpu->hot.task = &first_task;
	arch_thread_init_kernel(&second_task, second_main, &switches);
	for (unsigned i = 1; i <= 5; i++) {
		arch_irq_disable();
		assert_ptr_equal(arch_switch_to(&first_task, &second_task), &second_task);
		arch_irq_enable();
		assert_ptr_equal(current, &first_task);
		assert_int_equal(switches, i);
	}
	host_expect_panic("interrupts on", arch_switch_to(&first_task, &second_task));
	arch_thread_release(&second_task);
	host_cpu->hot.task = NULL;
}

TEST(ipis_to_oneself_or_nobody_are_noticed)
{
	host_expect_panic("to itself", arch_ipi_send(0, IPI_CALL));
	host_expect_panic("which does not run", arch_ipi_send(5, IPI_CALL));
}
