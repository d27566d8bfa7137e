/*
 * What debug builds check about spinlocks. Each CPU remembers the locks that it holds; the list is
 * changed with interrupts off, since a handler between the steps of a change would use the entry that
 * is being written. [cpu]
 *
 * Order is compared only with locks taken at the same depth of interrupts: what an interrupted task
 * holds is no predecessor of what the handler takes. The danger in that direction is another one, a
 * handler that waits for the very task it interrupted, and a lock's own history shows it: no lock
 * may be taken both inside interrupts and, anywhere, with interrupts enabled.
 */
#include <kern/spinlock.h>

#if LODGER_DEBUG

#include <arch/cpu.h>
#include <arch/irq.h>

enum { MAX_HELD = 16 };
enum { USED_IN_IRQ = 1 << 0, USED_IRQS_ON = 1 << 1 };

struct held_locks {
	struct spinlock *lock[MAX_HELD];
	uint8_t irq_depth[MAX_HELD];
	unsigned count;
};

static DEFINE_PER_CPU(struct held_locks, held_locks);

static uint8_t irq_depth(void)
{
	return (uint8_t)(preempt_count() / PREEMPT_IRQ);
}

void spin_check_want(const struct spinlock *lock, bool may_equal)
{
	const struct held_locks *held = &this_cpu(held_locks);

	for (unsigned i = 0; i < held->count; i++) {
		const struct spinlock *other = held->lock[i];
		assert_msg(other != lock, "lock %s: taken twice by this CPU", lock->name);
		if (lock->rank == LOCK_RANK_NONE || held->irq_depth[i] != irq_depth())
			continue;
		assert_msg(other->rank < lock->rank || (may_equal && other->rank == lock->rank),
			   "lock %s (rank %u) wanted while %s (rank %u) is held", lock->name,
			   lock->rank, other->name, other->rank);
	}
}

static void note_usage(struct spinlock *lock)
{
	uint8_t usage = atomic_load_relaxed(&lock->usage);

	if (in_irq())
		usage |= USED_IN_IRQ;
	else if (arch_irqs_enabled())
		usage |= USED_IRQS_ON;
	assert_msg(usage != (USED_IN_IRQ | USED_IRQS_ON),
		   "lock %s: taken in interrupts and with interrupts enabled", lock->name);
	if (usage != atomic_load_relaxed(&lock->usage))
		atomic_store_relaxed(&lock->usage, usage);
}

void spin_check_got(struct spinlock *lock)
{
	struct held_locks *held = &this_cpu(held_locks);
	unsigned long flags;

	note_usage(lock); /* looks at whether interrupts are on */
	flags = arch_irq_save();
	atomic_store_relaxed(&lock->owner, (uint16_t)(arch_cpu_id() + 1));
	assert_msg(held->count < MAX_HELD, "lock %s: %u locks are held", lock->name, held->count);
	held->lock[held->count] = lock;
	held->irq_depth[held->count] = irq_depth();
	held->count++;
	arch_irq_restore(flags);
}

void spin_check_release(struct spinlock *lock)
{
	struct held_locks *held = &this_cpu(held_locks);
	unsigned long flags = arch_irq_save();
	unsigned i = held->count;

	assert_msg(atomic_load_relaxed(&lock->owner) == arch_cpu_id() + 1,
		   "lock %s: released by CPU %u, held by %d", lock->name, arch_cpu_id(),
		   atomic_load_relaxed(&lock->owner) - 1);
	while (i > 0 && held->lock[i - 1] != lock)
		i--;
	assert(i > 0);
	for (; i < held->count; i++) {
		held->lock[i - 1] = held->lock[i];
		held->irq_depth[i - 1] = held->irq_depth[i];
	}
	held->count--;
	atomic_store_relaxed(&lock->owner, 0);
	arch_irq_restore(flags);
}

#endif
