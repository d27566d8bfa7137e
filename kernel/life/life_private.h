/* What the files of life/ share with each other and with nobody else. */
#ifndef LIFE_PRIVATE_H
#define LIFE_PRIVATE_H

#include <kern/life.h>
#include <kern/preempt.h>
#include <arch/cpu.h>

/* One more in this CPU's own counter. A preemption in between could add to another CPU's, so the
 * increment is one instruction's worth with preemption off. */
#define life_count(field)                    \
	do {                                 \
		preempt_disable();           \
		this_cpu(life_stat).field++; \
		preempt_enable_no_resched(); \
	} while (0)

void mm_cache_init(void);
void task_cache_init(void);

/* registry.c: every mm_struct is in one CPU's list. */
void registry_init(void);
void registry_add(struct mm_struct *mm);
void registry_remove(struct mm_struct *mm);

/* stack.c: a mapped stack of KERNEL_STACK_SIZE and the frames under it; NULL: no memory. Context:
 * task; freeing: any but NMI. */
struct page;
MUST_USE void *stack_alloc(struct page **frames);
void stack_free(void *stack, struct page *frames);

/* root.c. I1: panics if a CPU's root register holds mm's root, or a CPU is about to load it. */
void root_assert_unused(const struct mm_struct *mm);
/* Fills the user half of a dead root with entries that no walk can follow. */
void root_poison(void *root);

/*
 * ledger.c: in debug builds every holder is written down by kind, and the counts must equal the sum
 * (I4, I5). In other builds all of this is nothing.
 */
#if LODGER_DEBUG
void ledger_init(struct mm_struct *mm);
unsigned long ledger_lock(struct mm_struct *mm) NO_LOCK_ANALYSIS;
void ledger_unlock(struct mm_struct *mm, unsigned long flags) NO_LOCK_ANALYSIS;
void ledger_add_pin(struct mm_struct *mm, enum mm_pin pin);
void ledger_remove_pin(struct mm_struct *mm, enum mm_pin pin);
void ledger_check(const struct mm_struct *mm);
void ledger_assert_empty(const struct mm_struct *mm);
#else
static inline void ledger_init(struct mm_struct *mm)
{
}
static inline unsigned long ledger_lock(struct mm_struct *mm)
{
	return 0;
}
static inline void ledger_unlock(struct mm_struct *mm, unsigned long flags)
{
}
static inline void ledger_add_pin(struct mm_struct *mm, enum mm_pin pin)
{
}
static inline void ledger_remove_pin(struct mm_struct *mm, enum mm_pin pin)
{
}
static inline void ledger_check(const struct mm_struct *mm)
{
}
static inline void ledger_assert_empty(const struct mm_struct *mm)
{
}
#endif

/* root.c. Makes those of cpus that borrow mm leave it for init_mm, and waits for them. For
 * strategies that do not count: the claim goes with it. Context: task, interrupts on. */
void unlazy_cpus(struct mm_struct *mm, uint64_t cpus);

/* The strategies. */
extern const struct lazy_strategy lazy_eager, lazy_refcount, lazy_refcount_26, lazy_shootdown,
	lazy_hazard, lazy_hazard_ipi;

#endif
