/* kernel/sync/spinlock.c and spincheck.c */
#include "test.h"
#include <kern/boot.h>
#include <kern/preempt.h>
#include <kern/spinlock.h>

enum { ROUNDS = 200 };

static struct spinlock low = SPINLOCK_INIT(LOCK_RANK_FS, "low");
static struct spinlock high = SPINLOCK_INIT(LOCK_RANK_LOG, "high");
static struct spinlock twin_a = SPINLOCK_INIT(LOCK_RANK_PIPE, "twin a");
static struct spinlock twin_b = SPINLOCK_INIT(LOCK_RANK_PIPE, "twin b");

TEST(holding_disables_preemption_and_names_the_owner)
{
	spin_lock(&low);
	assert_int_equal(preempt_count(), 1);
	assert_true(spin_is_held(&low));
	spin_lock(&high);
	assert_int_equal(preempt_count(), 2);
	spin_unlock(&low);
	spin_unlock(&high);
	assert_int_equal(preempt_count(), 0);
	assert_false(spin_is_held(&low));
}

TEST(irqsave_keeps_interrupts_off_and_puts_them_back)
{
	unsigned long outer = spin_lock_irqsave(&low);
	assert_false(arch_irqs_enabled());
	unsigned long inner = spin_lock_irqsave(&high);
	spin_unlock_irqrestore(&high, inner);
	assert_false(arch_irqs_enabled());
	spin_unlock_irqrestore(&low, outer);
	assert_true(arch_irqs_enabled());
}

TEST(trylock_says_no_to_a_held_lock)
{
	assert_true(spin_trylock(&low));
	assert_false(spin_trylock(&low));
	assert_int_equal(preempt_count(), 1);
	spin_unlock(&low);
}

TEST(pairs_are_taken_in_either_order_and_once_if_equal)
{
	spin_lock_pair(&twin_b, &twin_a);
	assert_true(spin_is_held(&twin_a) && spin_is_held(&twin_b));
	spin_unlock_pair(&twin_b, &twin_a);
	spin_lock_pair(&twin_a, &twin_a);
	assert_int_equal(preempt_count(), 1);
	spin_unlock_pair(&twin_a, &twin_a);
	assert_int_equal(preempt_count(), 0);
}

static void lock_by(unsigned cpu)
{
	spin_lock(&low);
	host_cpu = &host_cpus[cpu];
	spin_unlock(&low);
}

static void interrupt_use(void)
{
	spin_lock(&low);
	spin_unlock(&low);
	arch_hot_add(preempt_count, PREEMPT_IRQ);
	spin_lock(&low);
}

TEST(misuse_is_noticed)
{
	host_expect_panic("wanted while high", (spin_lock(&high), spin_lock(&low)));
	host_expect_panic("wanted while twin a", (spin_lock(&twin_a), spin_lock(&twin_b)));
	host_expect_panic("taken twice", (spin_lock(&low), spin_lock(&low)));
	host_expect_panic("held by -1", spin_unlock(&low));
	host_expect_panic("released by CPU 1, held by 0", lock_by(1));
	host_expect_panic("in interrupts and with interrupts enabled", interrupt_use());
	host_expect_panic("former state", (arch_irq_restore(0)));
}

static uint64_t counter;

static void count_slowly(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long flags = i % 2 ? spin_lock_irqsave(&high) : arch_irq_save();
		if (i % 2 == 0)
			spin_lock(&high);
		uint64_t seen = counter;
		host_cpu_yield();
		counter = seen + 1;
		if (i % 2 == 0) {
			spin_unlock(&high);
			arch_irq_restore(flags);
		} else {
			spin_unlock_irqrestore(&high, flags);
		}
	}
}

TEST(only_one_cpu_is_inside)
{
	static struct boot_info boot;

	host_machine_init(1 << 20, &boot);
	for (uint64_t seed = 0; seed < 5; seed++) {
		counter = 0;
		host_cpus_run(4, count_slowly, NULL, seed);
		assert_int_equal(counter, 4 * ROUNDS);
	}
}
