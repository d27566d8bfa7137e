/*
 * Parents and children: who is told of an end, who inherits the children of the dead, and the
 * release of those who have been told about. task_list_lock guards the tree.
 */
#include <kern/assert.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <uapi/wait.h>

#include "task_private.h"

/* ---- telling the parent ---------------------------------------------------------------------------- */

int process_exit_code(const struct task_struct *leader)
{
	if (atomic_load_relaxed(&leader->signal->flags) & SIGNAL_GROUP_EXIT)
		return leader->signal->group_exit_code;
	return leader->exit_code;
}

static void info_of_death(struct task_struct *task, struct signal_info *info)
{
	struct cpu_usage usage;
	int code = process_exit_code(task);

	process_cpu_usage(task, &usage);
	*info = (struct signal_info){.code = CLD_EXITED};
	info->child.pid = task->tgid;
	info->child.uid = task->cred->uid;
	info->child.utime = (int64_t)(usage.user_ns / NSEC_PER_TICK);
	info->child.stime = (int64_t)(usage.system_ns / NSEC_PER_TICK);
	info->child.status = code >> 8 & 0xff;
	if (code & 0x7f) {
		info->code = code & WAIT_STATUS_CORE ? CLD_DUMPED : CLD_KILLED;
		info->child.status = code & 0x7f;
	}
}

bool parent_notify(struct task_struct *task)
{
	struct signal_struct *process = task->parent->signal;
	struct abi_sigaction *action;
	struct signal_info info;
	int signal = task->exit_signal;
	bool is_forgotten = false;
	unsigned long flags;

	assert(spin_is_held(&task_list_lock) && task == task->group_leader);
	info_of_death(task, &info);
	wake_up_all(&task->pid_object->exit_queue);
	flags = spin_lock_irqsave(&process->lock);
	if (!task->parent->sighand)
		goto out; /* being released itself: it has left its children to others */
	action = &task->parent->sighand->action[SIGCHLD - 1];
	if (signal == SIGCHLD && (action->handler == SIG_IGN || (action->flags & SA_NOCLDWAIT))) {
		is_forgotten = true;
		if (action->handler == SIG_IGN)
			signal = 0;
	}
	if (signal > 0)
		signal_notify_locked(task->parent, signal, &info);
out:
	spin_unlock_irqrestore(&process->lock, flags);
	wake_up_all(&process->child_queue);
	return is_forgotten;
}

/* ---- the children of the dead ------------------------------------------------------------------------ */

static struct task_struct *live_thread(struct signal_struct *process)
{
	struct task_struct *thread;

	for_each_thread (thread, process) {
		if (!(thread->flags & PF_EXITING))
			return thread;
	}
	return NULL;
}

/* Another thread of the same process, else the nearest ancestor that asked for orphans, else init. */
static struct task_struct *reaper_find(struct task_struct *father)
{
	struct task_struct *thread = live_thread(father->signal), *ancestor;

	if (thread)
		return thread;
	if (father->signal->has_child_subreaper) {
		for (ancestor = father->parent; ancestor->pid > 1; ancestor = ancestor->parent) {
			if (!ancestor->signal->is_subreaper)
				continue;
			thread = live_thread(ancestor->signal);
			if (thread)
				return thread;
		}
	}
	ancestor = task_lookup(1);
	assert(ancestor);
	thread = live_thread(ancestor->signal);
	return thread ? thread : ancestor;
}

static void child_move(struct task_struct *child, struct task_struct *reaper,
		       struct list_node *dead)
{
	const struct signal_info user_info = {.code = SI_USER};
	struct task_struct *father = child->parent, *thread;

	child->parent = reaper;
	list_remove(&child->sibling);
	list_add_tail(&reaper->children, &child->sibling);
	for_each_thread (thread, child->signal) {
		if (thread->pdeath_signal)
			(void)signal_send_process(thread, thread->pdeath_signal, &user_info);
	}
	if (reaper->signal == father->signal)
		return;
	/* A stranger waits for it from now on, and knows only SIGCHLD. */
	child->exit_signal = SIGCHLD;
	if (child->exit_state == EXIT_ZOMBIE && child->signal->nr_threads == 1 &&
	    parent_notify(child)) {
		child->exit_state = EXIT_DEAD;
		list_add(dead, &child->dead_node);
	}
	job_orphan_check(child, father);
}

void family_leave(struct task_struct *father, struct list_node *dead)
{
	struct task_struct *child, *next, *reaper;

	assert(spin_is_held(&task_list_lock));
	if (list_is_empty(&father->children))
		return;
	reaper = reaper_find(father);
	list_for_each_entry_safe (child, next, &father->children, sibling)
		child_move(child, reaper, dead);
}

/* ---- release -------------------------------------------------------------------------------------------- */

/* What a released thread used stays in its process's sums. */
static void usage_keep(struct task_struct *task)
{
	struct process_usage *sum = &task->signal->dead_threads;
	struct cpu_usage usage;

	thread_cpu_usage(task, &usage);
	sum->user_ns += usage.user_ns;
	sum->system_ns += usage.system_ns;
	sum->min_faults += task->min_faults;
	sum->maj_faults += task->maj_faults;
	sum->nr_voluntary += task->se.nr_switches_voluntary;
	sum->nr_involuntary += task->se.nr_switches_involuntary;
}

/* Takes the thread out of every list. Returns its leader if that was a zombie that only waited for
 * this thread, and nobody waits for it. */
static struct task_struct *release_locked(struct task_struct *task, struct sighand_struct **sighand)
{
	struct signal_struct *process = task->signal;
	struct task_struct *leader = task->group_leader;

	spin_lock(&process->lock);
	usage_keep(task);
	signal_queue_flush(&task->pending_mask, &task->pending_list, UINT64_MAX);
	if (process->nr_threads == 1)
		signal_queue_flush(&process->pending_mask, &process->pending_list, UINT64_MAX);
	*sighand = task->sighand;
	task->sighand = NULL;
	task_detach(task);
	spin_unlock(&process->lock);
	exec_task_wake(process);

	if (leader == task || leader->exit_state != EXIT_ZOMBIE || process->nr_threads != 1)
		return NULL;
	if (!parent_notify(leader))
		return NULL;
	leader->exit_state = EXIT_DEAD;
	return leader;
}

void task_release(struct task_struct *task)
{
	struct sighand_struct *sighand;
	struct task_struct *leader;
	unsigned long flags;

	do {
		assert(task->exit_state == EXIT_DEAD);
		flags = task_list_lock_irqsave();
		leader = release_locked(task, &sighand);
		task_list_unlock_irqrestore(flags);
		sighand_put(sighand);
		cred_release(task);
		put_task_struct(task); /* task_attach()'s */
		task = leader;
	} while (task);
}
