/*
 * context_switch and finish_task_switch, and nothing else.
 *
 * There is no scheduler thread. A switch is made *by* the leaving task, on its stack and in its
 * address space, and finished by the arriving one. So nothing that the leaving task stands on, its
 * stack, its struct, the root that the processor walks, may be freed before the switch: the next
 * task does that, in finish_task_switch.
 *
 *	from	to	the root			the claim on the address space stood on
 *	user	user	switch_mm			none: the tasks own users
 *	user	kernel	stays (or as `lazy` has it)	borrow: next goes on standing on prev's
 *	kernel	kernel	stays				carry: handed over, or one more and one less
 *	kernel	user	switch_mm			rq->prev_mm; released by finish_task_switch
 *
 * "kernel" is any task without an mm: a kernel thread, or a user task that has passed exit_mm.
 */
#include <kern/assert.h>
#include <kern/entry.h>
#include <kern/life.h>
#include <kern/sched.h>
#include <kern/trace.h>
#include <arch/irq.h>
#include <arch/switch.h>

#include "rq.h"

/*
 * Runs in the arriving task, on its stack, after the root was switched. prev is the task that was
 * left here last. Interrupts off and rq->lock held; returns with them on and it released.
 */
static void finish_task_switch(struct task_struct *prev) NO_LOCK_ANALYSIS
{
	struct rq *rq = &this_cpu(rq);
	struct mm_struct *mm = rq->prev_mm;
	/* Before on_cpu is released: from then on prev may run elsewhere, and die there. */
	bool prev_is_dead = atomic_load_relaxed(&prev->state) == TASK_DEAD;

	rq->prev_mm = NULL;			/* I10: consumed once */
	atomic_store_release(&prev->on_cpu, 0); /* all that prev did here is done */
	rq_finish_switch(rq);
	arch_irq_enable();

	/* Not under rq->lock: the last drop frees (I19). The root was replaced before the switch.
	 */
	if (mm)
		lazy->release(mm, PIN_PREV);
	if (unlikely(prev_is_dead))
		put_task_struct(prev);
}

/* The mm side of a switch to a task without an mm. Returns what the CPU stands on. */
static void switch_to_kernel(struct rq *rq, struct task_struct *prev, struct task_struct *next)
{
	struct mm_struct *mm = prev->active_mm;

	if (prev->mm) {
		next->active_mm = lazy->borrow(mm);
		this_cpu(life_stat).switches_uk++;
	} else {
		next->active_mm = mm;
		if (lazy->carry(mm))
			rq->prev_mm = mm;
		prev->active_mm = NULL;
		this_cpu(life_stat).switches_kk++;
	}
	enter_lazy_tlb(next->active_mm);
}

static void switch_to_user(struct rq *rq, struct task_struct *prev, struct task_struct *next)
{
	struct mm_struct *mm = prev->active_mm;

	assert(next->active_mm == next->mm); /* I7 */
	switch_mm(next->mm);
	if (prev->mm) {
		this_cpu(life_stat).switches_uu++;
		return;
	}
	prev->active_mm = NULL;
	rq->prev_mm = mm;
	if (lazy->is_counted)
		mm_pin_move(mm, PIN_LAZY, PIN_PREV);
	this_cpu(life_stat).switches_ku++;
}

void context_switch(struct rq *rq, struct task_struct *prev,
		    struct task_struct *next) NO_LOCK_ANALYSIS
{
	assert(!rq->prev_mm);		      /* I10 */
	assert(prev->active_mm);	      /* I8: whoever runs stands on something */
	assert(next->mm || !next->active_mm); /* I8: whoever does not, borrows nothing */
	assert(!prev->mm || prev->mm == prev->active_mm); /* I7 */

	if (next->mm)
		switch_to_user(rq, prev, next);
	else
		switch_to_kernel(rq, prev, next);
	trace(SWITCH, prev->pid, next->pid, (prev->mm ? 2 : 0) | (next->mm ? 1 : 0));

	prev = arch_switch_to(prev, next);
	/* Another CPU, maybe, and surely another `prev`: the one that was left for this task. */
	finish_task_switch(prev);
}

void entry_task_start(struct task_struct *prev)
{
	finish_task_switch(prev);
	preempt_enable();
}
