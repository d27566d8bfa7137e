/*
 * The end of a thread and of a process. A thread gives up all it has while it can still sleep; its
 * struct and stack outlive it until the next task has taken the CPU over (finish_task_switch).
 *
 *	alive -- task_exit --> PF_EXITING -- exit_notify --> ZOMBIE -- waited for --> DEAD, released
 *	                                                 \-- nobody waits (threads, SIG_IGN) --> DEAD
 *
 * A process is a zombie only when all its threads are: while others live, a leader that has ended
 * waits for them silently. What is gone in which order is docs/life.md's and mm_release.c's matter.
 */
#include <kern/assert.h>
#include <kern/file.h>
#include <kern/log.h>
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/sys_task.h>
#include <arch/cpu.h>
#include <uapi/wait.h>

#include "task_private.h"

/* From here on no signal is sent to this thread; others take over what it would have taken. */
static void exit_signals(void)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);
	uint64_t set = process->pending_mask & ~current->blocked;

	current->flags |= PF_EXITING;
	if (set && !(process->flags & SIGNAL_GROUP_EXIT))
		signal_retarget(set);
	spin_unlock_irqrestore(&process->lock, flags);
	stop_exit(current);
}

static void exit_files(void)
{
	struct files_struct *files;
	struct fs_struct *fs;

	task_lock(current);
	files = current->files;
	fs = current->fs;
	current->files = NULL;
	current->fs = NULL;
	task_unlock(current);
	if (files)
		files_put(files);
	if (fs)
		fs_put(fs);
}

/* The first program has ended: there is nothing left to run. */
NORETURN static void exit_machine(int code)
{
	int signal = code & 0x7f;

	if (signal)
		log_print("init was killed by signal %d\n", signal);
	else
		log_print("init exited with status %d\n", code >> 8 & 0xff);
	arch_machine_exit(signal ? MACHINE_PANIC : MACHINE_OK);
}

/* The last thread of a process ends: what the process itself had goes. */
static void exit_process(void)
{
	struct signal_struct *process = current->signal;
	unsigned long flags;
	uint64_t peak;

	itimer_exit(process);
	posix_timers_exit(process);
	if (current->mm) {
		peak = contents_peak(current->mm->contents);
		flags = spin_lock_irqsave(&process->lock);
		process->dead_threads.max_rss_pages =
			MAX(process->dead_threads.max_rss_pages, peak);
		spin_unlock_irqrestore(&process->lock, flags);
	}
}

/* Nobody will wait for the current thread, or somebody may: tells whom it concerns. */
static void exit_notify(bool is_last)
{
	struct list_node dead = LIST_INIT(dead);
	struct task_struct *task = current, *next;
	unsigned long flags = task_list_lock_irqsave();
	bool is_forgotten;

	family_leave(task, &dead);
	if (is_last)
		job_orphan_check(task->group_leader, NULL);
	task->exit_state = EXIT_ZOMBIE;
	if (task == task->group_leader)
		is_forgotten = task->signal->nr_threads == 1 && parent_notify(task);
	else
		is_forgotten = true;
	if (is_forgotten) {
		task->exit_state = EXIT_DEAD;
		list_add(&dead, &task->dead_node);
	}
	exec_task_wake(task->signal);
	task_list_unlock_irqrestore(flags);

	list_for_each_entry_safe (task, next, &dead, dead_node) {
		list_remove(&task->dead_node);
		task_release(task);
	}
}

NORETURN void task_exit(int code)
{
	bool is_last;

	assert(!in_atomic() && !(current->flags & (PF_EXITING | PF_KTHREAD)));
	set_current_state(TASK_RUNNING);
	exit_signals();
	current->exit_code = code;
	is_last = atomic_fetch_add_relaxed(&current->signal->nr_live, -1U) == 1;
	if (is_last && current->tgid == 1)
		exit_machine(code);
	if (is_last)
		exit_process();

	mm_release(current);
	exit_mm();
	exit_files();
	if (is_last)
		session_exit();
	exit_notify(is_last);
	schedule_dead();
}

NORETURN void process_exit(int code)
{
	struct signal_struct *process = current->signal;
	unsigned long flags = spin_lock_irqsave(&process->lock);

	if (process->flags & SIGNAL_GROUP_EXIT) {
		code = process->group_exit_code;
	} else if (process->exec_task && process->exec_task != current) {
		code = 0; /* only this thread: another one becomes a new program */
	} else {
		process->flags |= SIGNAL_GROUP_EXIT;
		process->group_exit_code = code;
		process_kill_threads(process, current);
	}
	spin_unlock_irqrestore(&process->lock, flags);
	task_exit(code);
}

long sys_exit(int status)
{
	task_exit(WAIT_STATUS_EXIT(status));
}

long sys_exit_group(int status)
{
	process_exit(WAIT_STATUS_EXIT(status));
}
