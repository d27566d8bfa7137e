/*
 * What tasks do: the system calls that touch the life of an address space, each as the kernel's files
 * do it. What is not one of those files (the order of things in exit and fork outside mm) follows
 * kernel/task.
 */
#include <kern/assert.h>
#include <kern/preempt.h>
#include <arch/irq.h>
#include <uapi/errno.h>

#include "../../kernel/mm/users.h"
#include "world.h"

unsigned task_enter(struct task_struct *task, void (*script)(void));
void contents_unmap(struct mm_struct *mm, bool with_table);

static struct world_task *self(void)
{
	return &world->tasks[current_number()];
}

static void begin(void)
{
	self()->busy = 1;
}

static void end(void)
{
	self()->busy = 0;
}

void user_mode(void)
{
	if (!host_cpu->irqs_on || preempt_count())
		prove_fail("return to user mode: interrupts %d, preempt_count %u",
			   host_cpu->irqs_on, preempt_count());
	world_check_user(prove_self());
	prove_rest(POINT_USER);
}

/* ---- the mmap lock: a sleeping lock ------------------------------------------------------------------- */

static bool is_unlocked(void *mm)
{
	unsigned number = mm_number(mm);

	return !number || !world->mmap_owner[number - 1];
}

static void mmap_lock(struct mm_struct *mm)
{
	prove_point(POINT_STEP, mm);
	prove_drain(); /* an atomic each way */
	while (!is_unlocked(mm))
		world_block(is_unlocked, mm);
	world->mmap_owner[mm_number(mm) - 1] = current;
}

static void mmap_unlock(struct mm_struct *mm)
{
	prove_point(POINT_STEP, mm);
	prove_drain();
	world->mmap_owner[mm_number(mm) - 1] = NULL;
}

/* ---- fork ------------------------------------------------------------------------------------------------ */

/* The child, runnable: its number; -ENOMEM. */
static int make_child(bool share, bool is_vfork, void (*script)(void))
{
	struct task_struct *child;
	unsigned number;
	int err;

	if (!share)
		mmap_lock(current->mm); /* contents_dup takes it */
	child = task_alloc();
	if (!child) {
		err = -ENOMEM;
		goto unlock;
	}
	err = copy_mm(share, child);
	if (err)
		goto put_child;
	if (world->failures_left && prove_choose(2)) {
		/* Something later in fork fails. */
		world->failures_left--;
		cover(FORK_FAILED);
		copy_mm_undo(child);
		err = -ENOMEM;
		goto put_child;
	}
	if (!share)
		mmap_unlock(current->mm);
	number = task_enter(child, script);
	world->tasks[number].is_vforked = is_vfork;
	prove_publish();
	prove_point(POINT_STEP, child); /* from here on it may run */
	prove_drain();			/* waking it takes a lock */
	child->state = TASK_RUNNING;
	world->tasks[number].is_runnable = 1;
	return (int)number;
put_child:
	put_task_struct(child);
unlock:
	if (!share)
		mmap_unlock(current->mm);
	return err;
}

int op_fork(void (*script)(void))
{
	int child;

	begin();
	child = make_child(false, false, script);
	end();
	user_mode();
	return child;
}

int op_clone(void (*script)(void))
{
	int child;

	begin();
	child = make_child(true, false, script);
	end();
	user_mode();
	return child;
}

static bool vfork_is_done(void *child)
{
	return world->tasks[(uintptr_t)child].vfork_done;
}

int op_vfork(void (*script)(void))
{
	int child;

	begin();
	child = make_child(true, true, script);
	end();
	if (child >= 0) {
		while (!vfork_is_done((void *)(uintptr_t)child))
			world_block(vfork_is_done, (void *)(uintptr_t)child);
		if (world->tasks[child].task && world->tasks[child].busy)
			cover(VFORK_OVERLAP);
	}
	user_mode();
	return child;
}

/* What kernel/task's mm_release does last. */
static void mm_release(void)
{
	if (!self()->is_vforked)
		return;
	prove_point(POINT_STEP, current);
	prove_drain(); /* so does completing */
	self()->is_vforked = 0;
	self()->vfork_done = 1;
}

/* ---- exec, exit ---------------------------------------------------------------------------------------------- */

int op_exec(void)
{
	struct mm_struct *mm;

	begin();
	mm = mm_new();
	if (!mm) {
		end();
		user_mode();
		return -ENOMEM;
	}
	mm_release();
	exec_mmap_move(mm);
	end();
	user_mode();
	return 0;
}

void op_exit(void)
{
	struct world_task *v = self();

	begin();
	mm_release();
	exit_mm();
	arch_irq_disable();
	atomic_store_seqcst(&current->state, TASK_DEAD);
	v->is_runnable = 0;
	world_schedule(false);
	panic("a dead task runs");
}

void op_yield(void)
{
	world_schedule(false);
	user_mode();
}

void op_yield_kernel(void)
{
	prove_point(POINT_STEP, NULL);
	world_schedule(false);
}

/* ---- memory --------------------------------------------------------------------------------------------------- */

void op_unmap(bool with_table)
{
	struct mm_struct *mm = current->mm;

	begin();
	mmap_lock(mm);
	contents_unmap(mm, with_table);
	mmap_unlock(mm);
	end();
	user_mode();
}

/* ---- others --------------------------------------------------------------------------------------------------- */

static void put_user(struct mm_struct *mm)
{
	if (mm->mm_users.n == 1)
		cover(VISIT_LAST);
	mmput(mm);
}

/* The scenario keeps the task's struct alive (op_hold). */
void op_visit(unsigned task)
{
	struct mm_struct *mm;

	begin();
	mm = get_task_mm(world->tasks[task].task);
	if (mm) {
		prove_point(POINT_STEP, mm);
		if (!mm->contents)
			prove_fail("I12 TwoDeaths: a user finds no contents");
		put_user(mm);
	} else {
		cover(VISIT_LATE);
	}
	put_task_struct(world->tasks[task].task);
	end();
	user_mode();
}

void op_use(unsigned task)
{
	struct mm_struct *mm;

	begin();
	mm = get_task_mm(world->tasks[task].task);
	if (!mm) {
		put_task_struct(world->tasks[task].task);
		end();
		return;
	}
	if (current->active_mm == mm)
		cover(SAME_MM_USED);
	kthread_use_mm(mm);
	mmput(mm);
	user_mode();
	if (mm->mm_users.n == 1)
		cover(USERS_ZERO_IN_USE);
	kthread_unuse_mm();
	put_task_struct(world->tasks[task].task);
	end();
	prove_point(POINT_STEP, NULL);
}
