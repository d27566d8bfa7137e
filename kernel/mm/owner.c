/*
 * How a task comes to its address space and parts from it: copy_mm, exec_mmap, exit_mm.
 *
 * task->mm is a user; active_mm is what the CPU stands on while the task runs, and equals mm as
 * long as there is one (I7). Both change together with interrupts off, so that neither an interrupt
 * nor a switch ever sees half of it.
 */
#include <kern/assert.h>
#include <kern/life.h>
#include <kern/mm.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <arch/irq.h>

#include "users.h"

struct mm_struct *mm_new(void)
{
	struct mm_struct *mm = mm_create(current->pid);

	if (!mm)
		return NULL;
	if (contents_create(mm)) {
		mmput_as(mm, USER_TASK);
		return NULL;
	}
	string_copy(mm->owner_comm, current->comm, sizeof(mm->owner_comm));
	return mm;
}

void mm_discard(struct mm_struct *mm)
{
	mmput_as(mm, USER_TASK);
}

static int mm_dup(struct mm_struct *old, struct task_struct *child, struct mm_struct **dup)
{
	struct mm_struct *mm = mm_create(child->pid);
	int err;

	if (!mm)
		return -ENOMEM;
	string_copy(mm->owner_comm, old->owner_comm, sizeof(mm->owner_comm));
	err = contents_dup(mm, old);
	if (err) {
		mmput_as(mm, USER_TASK);
		return err;
	}
	*dup = mm;
	return 0;
}

int copy_mm(bool share, struct task_struct *child)
{
	struct mm_struct *mm = current->mm;
	int err;

	child->mm = NULL;
	child->active_mm = NULL;
	if (!mm)
		return 0; /* a kernel thread: it borrows when it is first switched to */
	if (share) {
		mmget_as(mm, USER_TASK);
	} else {
		err = mm_dup(current->mm, child, &mm);
		if (err)
			return err;
	}
	child->mm = mm;
	child->active_mm = mm;
	return 0;
}

void copy_mm_undo(struct task_struct *child)
{
	struct mm_struct *mm = child->mm;

	if (!mm)
		return;
	child->mm = NULL;
	child->active_mm = NULL;
	mmput_as(mm, USER_TASK);
}

void exec_mmap_move(struct mm_struct *mm)
{
	struct mm_struct *old = current->mm, *stood_on;
	unsigned long flags;

	task_lock(current);
	flags = arch_irq_save();
	stood_on = current->active_mm;	 /* not before: a preemption can make it another one */
	assert(!old || old == stood_on); /* I7 */
	current->mm = mm;
	current->active_mm = mm;
	switch_mm(mm);
	arch_irq_restore(flags);
	if (!old) /* a kernel thread becomes a process; still on the CPU whose claim it is */
		lazy->release(stood_on, PIN_LAZY);
	task_unlock(current);
	if (old)
		mmput_as(old, USER_TASK);
}

/*
 * Gives up the running task's mm and goes on standing on it: the processor is still walking its
 * page directory. The claim is taken (in the counting strategies: mm_count + 1, the increment that
 * seems to have no decrement) before mm = NULL, because from that store on the task is a borrower,
 * and the switch away from it releases a borrower's claim. That switch is where the decrement is:
 * context_switch puts the mm into rq->prev_mm, and the next task's finish_task_switch drops it.
 */
void exit_mm(void)
{
	struct mm_struct *mm = current->mm;
	unsigned long flags;

	if (!mm)
		return;
	assert(mm == current->active_mm); /* I7 */
	task_lock(current);
	flags = arch_irq_save();
	/* I22: the last user access is before the store of mm, for whoever looks at mm without a
	 * lock. */
	atomic_fence_seqcst();
	current->active_mm = lazy->borrow(mm);
	current->mm = NULL;
	enter_lazy_tlb(current->active_mm);
	arch_irq_restore(flags);
	task_unlock(current);
	mmput_as(mm, USER_TASK);
}
