/*
 * An exec ends all other threads of its process (execve(2), "Effect on process attributes"), and the
 * thread that called it becomes the process: it takes over the leader's pid and place in the family.
 *
 * signal->lock guards exec_task, which says that this is going on: nobody else starts an exec, a stop
 * or a thread meanwhile. The waiter is woken by each thread's release and by the leader's end.
 */
#include <kern/assert.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <uapi/errno.h>

#include "exec.h"
#include "task_private.h"

void exec_task_wake(struct signal_struct *process)
{
	struct task_struct *task = atomic_load_acquire(&process->exec_task);

	/* It cannot go away: it waits for whoever calls this, under task_list_lock. */
	assert(spin_is_held(&task_list_lock));
	if (task)
		task_wake_state(task, TASK_KILLABLE);
}

/* Only the running thread is left, and, if it is not the leader, the leader as a zombie. */
static bool others_are_gone(void)
{
	struct task_struct *leader = current->group_leader;
	unsigned long flags = task_list_lock_irqsave();
	uint32_t nr = current->signal->nr_threads;
	bool result = leader == current ? nr == 1 : nr == 2 && leader->exit_state == EXIT_ZOMBIE;

	task_list_unlock_irqrestore(flags);
	return result;
}

static int wait_for_others(void)
{
	int err = 0;

	for (;;) {
		set_current_state(TASK_KILLABLE);
		if (others_are_gone())
			break;
		if (fatal_signal_pending(current)) {
			err = -EAGAIN;
			break;
		}
		schedule();
	}
	set_current_state(TASK_RUNNING);
	return err;
}

static void swap_pids(struct task_struct *leader)
{
	struct pid *mine = current->pid_object, *theirs = leader->pid_object;

	current->pid_object = theirs;
	current->pid = theirs->nr;
	theirs->task = current;
	leader->pid_object = mine;
	leader->pid = mine->nr;
	mine->task = leader;
}

/* The zombie leader becomes an ordinary dead thread, and the running one the leader. */
static void take_over(void)
{
	struct task_struct *leader = current->group_leader;
	struct signal_struct *process = current->signal;
	unsigned long flags;

	flags = task_list_lock_irqsave();
	spin_lock(&process->lock);
	swap_pids(leader);
	current->parent = leader->parent;
	list_add(&leader->sibling, &current->sibling);
	list_remove(&leader->sibling);
	current->start_time_ns = leader->start_time_ns;
	current->group_leader = current;
	leader->group_leader = current;
	process->leader = current;
	leader->exit_signal = -1;
	leader->exit_state = EXIT_DEAD;
	spin_unlock(&process->lock);
	task_list_unlock_irqrestore(flags);
	task_release(leader);
}

int exec_dethread(void)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	int err = 0;

	if ((process->flags & SIGNAL_GROUP_EXIT) || process->exec_task) {
		spin_unlock_irqrestore(&process->lock, flags);
		return -EAGAIN;
	}
	if (process->nr_threads == 1) {
		spin_unlock_irqrestore(&process->lock, flags);
		goto alone;
	}
	atomic_store_release(&process->exec_task, current);
	process_kill_threads(process, current);
	spin_unlock_irqrestore(&process->lock, flags);

	err = wait_for_others();
	if (!err && current->group_leader != current)
		take_over();
	flags = spin_lock_irqsave(&process->lock);
	atomic_store_release(&process->exec_task, NULL);
	spin_unlock_irqrestore(&process->lock, flags);
	if (err)
		return err;
alone:
	current->exit_signal = SIGCHLD;
	return 0;
}
