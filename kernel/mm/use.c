/*
 * A kernel thread puts on a user address space to touch its memory, and takes it off again. While
 * it has it on it is a user like any other (I5); afterwards it goes on standing on it lazily, which
 * is another kind of claim: the two are never taken for one another (H20).
 */
#include <kern/assert.h>
#include <kern/life.h>
#include <kern/mm.h>
#include <arch/irq.h>

#include "users.h"

void kthread_use_mm(struct mm_struct *mm)
{
	struct mm_struct *stood_on;
	unsigned long flags;

	assert((current->flags & PF_KTHREAD) && !current->mm);
	mmget_as(mm, USER_KTHREAD);
	task_lock(current);
	flags = arch_irq_save();       /* active_mm and the root in one step (H7) */
	stood_on = current->active_mm; /* not before: a preemption can make it another one */
	current->active_mm = mm;
	current->mm = mm;
	switch_mm(mm);
	arch_irq_restore(flags);
	/* It may be the same mm (D4): then a lazy claim goes and a user came, and both were counted.
	 * Still under the lock, which keeps the thread on the CPU whose claim it is. */
	lazy->release(stood_on, PIN_LAZY);
	task_unlock(current);
}

void kthread_unuse_mm(void)
{
	struct mm_struct *mm = current->mm;
	unsigned long flags;

	assert((current->flags & PF_KTHREAD) && mm && mm == current->active_mm);
	task_lock(current);
	flags = arch_irq_save();
	atomic_fence_seqcst(); /* I22: as in exit_mm */
	current->active_mm = lazy->borrow(mm);
	current->mm = NULL;
	enter_lazy_tlb(current->active_mm);
	arch_irq_restore(flags);
	task_unlock(current);
	mmput_as(mm, USER_KTHREAD);
}
