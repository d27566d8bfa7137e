/*
 * What others may ask about tasks: /proc, terminals, other parts of the kernel. Each takes the lock it
 * needs for a consistent answer, which is out of date when it arrives.
 */
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/string.h>

#include "task_private.h"

int32_t task_ppid(const struct task_struct *task)
{
	unsigned long flags = task_list_lock_irqsave();
	int32_t ppid = task->group_leader->parent ? task->group_leader->parent->tgid : 0;

	task_list_unlock_irqrestore(flags);
	return ppid;
}

uint32_t process_nr_threads(const struct task_struct *task)
{
	return atomic_load_relaxed(&task->signal->nr_threads);
}

char task_state_char(const struct task_struct *task)
{
	uint32_t state = atomic_load_relaxed(&task->state);

	if (task->exit_state == EXIT_DEAD)
		return 'X';
	if (task->exit_state == EXIT_ZOMBIE)
		return 'Z';
	if (state & TASK_STOPPED)
		return 'T';
	if (state & TASK_TRACED)
		return 't';
	if (state & (TASK_UNINTERRUPTIBLE | TASK_KILLABLE))
		return 'D';
	return state & TASK_INTERRUPTIBLE ? 'S' : 'R';
}

static void handlers_summary(const struct sighand_struct *sighand, struct signal_summary *summary)
{
	unsigned i;

	for (i = 0; i < NR_SIGNALS; i++) {
		uintptr_t handler = atomic_load_relaxed(&sighand->action[i].handler);

		if (handler == SIG_IGN)
			summary->ignored |= 1ULL << i;
		else if (handler != SIG_DFL)
			summary->caught |= 1ULL << i;
	}
}

void task_signal_summary(struct task_struct *task, struct signal_summary *summary)
{
	struct signal_struct *process = task->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);

	*summary = (struct signal_summary){
		.pending = task->pending_mask,
		.shared_pending = process->pending_mask,
		.blocked = task->blocked,
		.nr_queued = (uint32_t)atomic_load_relaxed(&process->user->nr_queued),
	};
	if (task->sighand)
		handlers_summary(task->sighand, summary);
	spin_unlock_irqrestore(&process->lock, flags);
}

void task_comm_read(struct task_struct *task, char *name)
{
	task_lock(task);
	string_copy(name, task->comm, TASK_COMM_LEN);
	task_unlock(task);
}

void task_comm_write(struct task_struct *task, const char *name)
{
	task_lock(task);
	string_copy(task->comm, name, TASK_COMM_LEN);
	task_unlock(task);
}
