/*
 * Spinning locks: the parts that are not inline, which is where waiting happens. A waiter only
 * reads until the lock looks free, so that the holder keeps its cache line.
 */
#include <kern/spinlock.h>
#include <arch/cpu.h>

bool may_sleep_at_all;

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name)
{
	*lock = (struct spinlock)SPINLOCK_INIT(rank, name);
}

void spin_lock_wait(struct spinlock *lock)
{
	do {
		while (atomic_load_relaxed(&lock->locked))
			arch_cpu_relax();
	} while (atomic_exchange_acquire(&lock->locked, 1));
}

void spin_lock_wait_irqsave(struct spinlock *lock, unsigned long flags)
{
	do {
		arch_irq_restore(flags);
		while (atomic_load_relaxed(&lock->locked))
			arch_cpu_relax();
		arch_irq_disable();
	} while (atomic_exchange_acquire(&lock->locked, 1));
}

void spin_lock_pair(struct spinlock *a, struct spinlock *b)
{
	struct spinlock *first = a < b ? a : b, *second = a < b ? b : a;

	spin_lock(first);
	if (first == second)
		return;
	preempt_disable();
	spin_check_want(second, true);
	if (unlikely(atomic_exchange_acquire(&second->locked, 1)))
		spin_lock_wait(second);
	spin_check_got(second);
}

void spin_unlock_pair(struct spinlock *a, struct spinlock *b)
{
	if (a != b)
		spin_unlock(b);
	spin_unlock(a);
}

bool spin_is_held(const struct spinlock *lock)
{
#if LODGER_DEBUG
	return atomic_load_relaxed(&lock->owner) == arch_cpu_id() + 1;
#else
	return atomic_load_relaxed(&lock->locked);
#endif
}
