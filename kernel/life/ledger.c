/*
 * The ledger (debug builds): every holder of mm_count by kind, changed in one step with the count,
 * so that "the count equals its holders" can be asserted as an equality. An inequality could not
 * see a leak. The mm's ledger lock makes the two one step; it ranks below everything that pins.
 *
 * I4  count = [users not finally put] + lazy + prev + visits (lazy and prev only where the strategy
 *     counts them)
 * I9  at most one lazy holder and one prev_mm for each CPU
 */
#include <kern/assert.h>
#include <kern/life.h>
#include <arch/cpu.h>

#include "life_private.h"

#if LODGER_DEBUG

void ledger_init(struct mm_struct *mm)
{
	spin_init(&mm->ledger.lock, LOCK_RANK_LEDGER, "ledger");
	mm->ledger.pins[PIN_USERS] = 1;
	mm->ledger.users[USER_TASK] = 1;
}

unsigned long ledger_lock(struct mm_struct *mm)
{
	return spin_lock_irqsave(&mm->ledger.lock);
}

void ledger_unlock(struct mm_struct *mm, unsigned long flags)
{
	spin_unlock_irqrestore(&mm->ledger.lock, flags);
}

/* init_mm is stood on before there is a task to hold it; only its sum is checked, not its CPUs. */
static uint64_t *ledger_cpus(struct mm_struct *mm, enum mm_pin pin)
{
	if (mm == &init_mm)
		return NULL;
	return pin == PIN_LAZY	 ? &mm->ledger.lazy_cpus
	       : pin == PIN_PREV ? &mm->ledger.prev_cpus
				 : NULL;
}

void ledger_add_pin(struct mm_struct *mm, enum mm_pin pin)
{
	uint64_t *cpus = ledger_cpus(mm, pin);
	uint64_t me = 1ULL << arch_cpu_id();

	mm->ledger.pins[pin]++;
	if (!cpus)
		return;
	assert_msg(!(*cpus & me), "I9 OneBorrow: CPU %u holds mm %llu twice", arch_cpu_id(),
		   (unsigned long long)mm->id);
	*cpus |= me;
}

void ledger_remove_pin(struct mm_struct *mm, enum mm_pin pin)
{
	uint64_t *cpus = ledger_cpus(mm, pin);
	uint64_t me = 1ULL << arch_cpu_id();

	mm->ledger.pins[pin]--;
	assert_msg(mm->ledger.pins[pin] >= 0,
		   "I4 CountExact: mm %llu is let go by a holder of kind %u that it does not have",
		   (unsigned long long)mm->id, pin);
	if (!cpus)
		return;
	assert_msg(*cpus & me, "I9 OneBorrow: CPU %u lets go of mm %llu without holding it",
		   arch_cpu_id(), (unsigned long long)mm->id);
	*cpus &= ~me;
}

void ledger_check(const struct mm_struct *mm)
{
	int32_t sum = 0;

	for (unsigned pin = 0; pin < NR_PINS; pin++)
		sum += mm->ledger.pins[pin];
	assert_msg(refcount_read(&mm->mm_count) == sum,
		   "I4 CountExact: mm %llu has count %d, its holders sum to %d",
		   (unsigned long long)mm->id, refcount_read(&mm->mm_count), sum);
}

void ledger_assert_empty(const struct mm_struct *mm)
{
	for (unsigned pin = 0; pin < NR_PINS; pin++)
		assert_msg(mm->ledger.pins[pin] == 0,
			   "I4 CountExact: mm %llu is freed while a holder of kind %u is left",
			   (unsigned long long)mm->id, pin);
}

#endif
