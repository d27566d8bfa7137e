/*
 * Every address space that exists, so that readers can list them (zombies too, which no task leads
 * to). One list for each CPU: a birth goes into the CPU's own, and a death into the one it was born
 * in, so that forks and exits on different CPUs do not meet on one lock.
 */
#include <kern/life.h>
#include <kern/spinlock.h>
#include <arch/cpu.h>

#include "life_private.h"

struct registry {
	struct spinlock lock;
	struct list_node mms; /* [lock] */
};
DECLARE_PER_CPU(struct registry, registry);
DEFINE_PER_CPU(struct registry, registry);

void registry_init(void)
{
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++) {
		spin_init(&per_cpu(registry, cpu).lock, LOCK_RANK_MM_LIST, "registry");
		list_init(&per_cpu(registry, cpu).mms);
	}
}

void registry_add(struct mm_struct *mm)
{
	struct registry *reg;
	unsigned long flags;

	preempt_disable();
	mm->registry = arch_cpu_id();
	reg = &this_cpu(registry);
	flags = spin_lock_irqsave(&reg->lock);
	list_add_tail(&reg->mms, &mm->all_node);
	this_cpu(life_stat).mms_born++;
	spin_unlock_irqrestore(&reg->lock, flags);
	preempt_enable();
}

void registry_remove(struct mm_struct *mm)
{
	struct registry *reg = &per_cpu(registry, mm->registry);
	unsigned long flags = spin_lock_irqsave(&reg->lock);

	list_remove(&mm->all_node);
	spin_unlock_irqrestore(&reg->lock, flags);
}

void mm_for_each(void (*fn)(struct mm_struct *mm, void *arg), void *arg)
{
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++) {
		struct registry *reg = &per_cpu(registry, cpu);
		unsigned long flags = spin_lock_irqsave(&reg->lock);
		struct mm_struct *mm;

		list_for_each_entry (mm, &reg->mms, all_node)
			fn(mm, arg);
		spin_unlock_irqrestore(&reg->lock, flags);
	}
}
