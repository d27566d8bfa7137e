/*
 * Signals between parts (rank 4: queue and wake; delivery is task/'s). Sending is possible from
 * below task/ (terminals, pipes, timers), so the entry points are a table that task/ fills in.
 */
#ifndef KERN_SIGNAL_H
#define KERN_SIGNAL_H

#include <kern/types.h>
#include <kern/task.h>
#include <uapi/signal.h>

extern struct signal_hooks {
	/* To one thread / its process / every member of a process group. No permission is checked;
	 * info NULL: as from the kernel. signal 0 only looks. 0, -ESRCH, -EAGAIN (queue limit of a
	 * real-time signal). The caller keeps the task alive. Context: any, interrupts on or off, no
	 * spinlock held (task_list_lock is the first of all). */
	int (*send_task)(struct task_struct *task, int signal, const struct signal_info *info);
	int (*send_process)(struct task_struct *task, int signal, const struct signal_info *info);
	int (*send_pgrp)(int32_t pgrp, int signal, const struct signal_info *info);
	/* A synchronous fault of the running task: delivered even if blocked or ignored (then it
	 * kills). Context: task. */
	void (*force)(int signal, const struct signal_info *info);
	/* For ppoll, pselect6, epoll_pwait: current's mask becomes mask until mask_end. is_interrupted: a
	 * signal ended the call, so the former mask comes back only when the signal has been delivered
	 * (restore_blocked); else at once. Context: task, no lock. */
	void (*mask_begin)(uint64_t mask);
	void (*mask_end)(bool is_interrupted);
} signal_hooks;

/* SIGKILL is pending or the group is exiting: killable sleeps end. Context: any; exact for current,
 * a snapshot for others. */
bool fatal_signal_pending(const struct task_struct *task);

#endif
