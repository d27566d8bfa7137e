/*
 * Processes (rank 7): what the threads of a group share, and how processes are found. Locks, in
 *this order (both taken with interrupts off, since timers and terminals send signals):
 *
 *	task_list_lock	  the family tree, thread lists, process groups, sessions, pid table
 *	signal->lock	  one process's signals: masks, queues, stops, exit code; and its thread
 *list
 *
 * struct signal_struct lives as long as any task_struct of its group, so whoever holds a reference
 *on a task may take task->signal->lock; task->sighand is NULL there once the task has been
 *released.
 */
#ifndef KERN_PROCESS_H
#define KERN_PROCESS_H

#include <kern/types.h>
#include <kern/cred.h>
#include <kern/job.h>
#include <kern/rlimit.h>
#include <kern/signal.h>
#include <kern/spinlock.h>
#include <kern/task.h>
#include <kern/timer.h>
#include <kern/wait.h>
#include <uapi/resource.h>
#include <uapi/signal.h>

/* ---- pids (task/pid.c) -------------------------------------------------------------------------
 */

enum { PID_MAX = 32768 }; /* pids are 1 .. PID_MAX - 1 */

/*
 * A number and those who go by it. The number is taken while a thread, a process group or a session
 * has it, so none of them can be mistaken for another.
 */
struct pid {
	struct refcount refs;		  /* the table, while the number is taken; pidfds */
	int32_t nr;			  /* [const] */
	bool is_taken;			  /* [task_list_lock] found in the table */
	struct list_node hash_node;	  /* [task_list_lock] */
	struct task_struct *task;	  /* [task_list_lock] the thread, NULL once released */
	struct list_node pgrp_members;	  /* [task_list_lock] of signal->pgrp_node */
	struct list_node session_members; /* [task_list_lock] of signal->session_node */
	struct wait_queue exit_queue;	  /* pidfds: woken when the process becomes a zombie */
};

extern struct spinlock task_list_lock;

static inline unsigned long task_list_lock_irqsave(void) ACQUIRES(task_list_lock)
{
	return spin_lock_irqsave(&task_list_lock);
}
static inline void task_list_unlock_irqrestore(unsigned long flags) RELEASES(task_list_lock)
{
	spin_unlock_irqrestore(&task_list_lock, flags);
}

/* The thread, or the leader of the process, with this number, with a reference; NULL: none. Zombies
 * are found until they are waited for. Context: any, without task_list_lock. */
MUST_USE struct task_struct *task_find(int32_t pid);
MUST_USE struct task_struct *process_find(int32_t pid);

/*
 * Walking all tasks without holding a lock: the process (leader) with the lowest pid >= from, or
 *the thread of leader's group with the lowest pid >= from; with a reference. NULL: no more. What is
 *born or dies meanwhile is seen or not; the rest is seen exactly once.
 *
 *	for (task = process_next(1); task; task = process_next_put(task)) …
 */
MUST_USE struct task_struct *process_next(int32_t from);
MUST_USE struct task_struct *process_next_put(struct task_struct *task);
MUST_USE struct task_struct *thread_next(struct task_struct *leader, int32_t from);

/* All threads of a process, lock held. */
#define for_each_thread(pos, signal_struct_ptr) \
	list_for_each_entry (pos, &(signal_struct_ptr)->threads, thread_node)

/* Tasks that have a pid, kernel threads included; how many may exist. */
uint32_t task_count(void);
uint32_t task_count_max(void);
int32_t pid_last(void); /* the youngest, for /proc/loadavg */

/* ---- what the threads of a process share --------------------------------------------------------
 */

/* task->exit_state */
enum { EXIT_ALIVE, EXIT_ZOMBIE, EXIT_DEAD };

/* task->jobctl */
enum {
	JOBCTL_STOP_PENDING = 1 << 0, /* shall stop at its next return to user mode */
	JOBCTL_STOPPED = 1 << 1,      /* has stopped */
};

/* task->attributes */
enum {
	TASK_ATTR_NO_NEW_PRIVS = 1 << 0,
	TASK_ATTR_EXEC_DONE =
		1 << 1, /* has exec'ed since its fork: setpgid by the parent is refused */
	TASK_ATTR_RESET_ON_FORK = 1 << 2,
	TASK_ATTR_TSC_SIGSEGV = 1 << 3,
};

struct sighand_struct {
	struct refcount refs;			 /* tasks (CLONE_SIGHAND) */
	struct spinlock lock;			 /* nests in any signal->lock */
	struct abi_sigaction action[NR_SIGNALS]; /* [lock; handler words are read without] */
};

/* Sums over threads that are gone, or children that were waited for. */
struct process_usage {
	uint64_t user_ns, system_ns;
	uint64_t min_faults, maj_faults;
	uint64_t nr_voluntary, nr_involuntary;
	uint64_t max_rss_pages;
};

/* ITIMER_VIRTUAL or PROF of a process: counts its CPU time down. */
struct interval_timer {
	uint64_t left_ns; /* 0: not armed */
	uint64_t interval_ns;
};

enum {
	SIGNAL_GROUP_EXIT = 1 << 0,   /* every thread is to exit with group_exit_code */
	SIGNAL_STOPPED = 1 << 1,      /* every thread has stopped */
	SIGNAL_CONTINUED = 1 << 2,    /* SIGCONT ended a stop and nobody has waited for that yet */
	SIGNAL_TELL_STOPPED = 1 << 3, /* the parent is still to be told */
	SIGNAL_TELL_CONTINUED = 1 << 4,
	SIGNAL_TELL = SIGNAL_TELL_STOPPED | SIGNAL_TELL_CONTINUED,
	SIGNAL_UNKILLABLE = 1 << 5, /* pid 1: only signals that it handles reach it */
};

struct signal_struct {
	struct refcount refs; /* task structs of the group */
	struct spinlock lock;

	struct list_node threads;      /* [task_list_lock+lock] live and not yet released ones */
	uint32_t nr_threads;	       /* [task_list_lock+lock] on that list */
	uint32_t nr_live;	       /* [atomic] threads that have not begun to exit */
	struct task_struct *leader;    /* [task_list_lock+lock] its pid is the process's */
	struct task_struct *exec_task; /* [lock] waits for all others to be gone, or NULL */
	struct user
		*user; /* [lock] whose RLIMIT_SIGPENDING its queues count in; owns a reference */

	uint32_t flags;			  /* [lock] SIGNAL_ */
	int group_exit_code;		  /* [lock] wait status, with GROUP_EXIT */
	int stop_signal;		  /* [lock] of the present stop; 0 once it was waited for */
	uint32_t nr_to_stop;		  /* [lock] threads that a group stop still waits for */
	uint64_t pending_mask;		  /* [lock] signals to the process */
	struct list_node pending_list;	  /* [lock] struct signal_entry */
	struct list_node forks;		  /* [lock] struct fork_watch: children being made */
	struct wait_queue child_queue;	  /* wait4: a child changed state */
	struct wait_queue signalfd_queue; /* a signal was queued to a thread or to the process */

	struct pid *pgrp;    /* [task_list_lock] NULL: a kernel thread's, or released */
	struct pid *session; /* [task_list_lock] the same */
	struct list_node pgrp_node, session_node; /* [task_list_lock] */
	bool is_session_leader;			  /* [task_list_lock] */
	bool is_subreaper;	  /* [task_list_lock] orphans below it become its children */
	bool has_child_subreaper; /* [task_list_lock] some ancestor is one */
	bool is_undumpable;	  /* [lock] prctl(PR_SET_DUMPABLE, 0), set-uid exec */
	void *tty;		  /* [task_list_lock] controlling terminal */

	struct abi_rlimit rlimits[NR_RLIMITS]; /* [lock] */
	uint32_t personality;		       /* [lock] */
	int oom_score_adj;		       /* [atomic] -1000 .. 1000 */
	uint32_t membarrier_ready;	       /* [atomic] commands that were registered for */

	struct timer real_timer; /* ITIMER_REAL */
	uint64_t
		real_deadline_ns; /* [lock] when it is due; 0: not armed, or its signal is pending */
	uint64_t real_expired_ns;	     /* [lock] when it was due last */
	uint64_t real_interval_ns;	     /* [lock] */
	struct interval_timer cpu_timers[2]; /* [lock] ITIMER_VIRTUAL, ITIMER_PROF */
	uint32_t cpu_clocks_armed;  /* [lock to write, atomic to read] something counts CPU time */
	uint64_t cpu_limit_used_ns; /* [lock] against RLIMIT_CPU, while that is set */
	struct list_node posix_timers; /* [lock] timer_create's */
	int32_t next_timer_id;	       /* [lock] */
	uint32_t nr_posix_timers;      /* [lock] */

	struct process_usage dead_threads; /* [lock] */
	struct process_usage children;	   /* [lock] */
};

/* ---- queries for procfs and others
 * --------------------------------------------------------------- */

/* Each takes the lock it needs. Context: task or interrupt, none of the locks above held. */
int32_t task_ppid(const struct task_struct *task);
uint32_t process_nr_threads(const struct task_struct *task);
/* '/proc/PID/stat': R S D T t Z X. */
char task_state_char(const struct task_struct *task);

/* CPU time of a thread, and of a process with its dead threads, ns. */
struct cpu_usage {
	uint64_t user_ns, system_ns;
};
void thread_cpu_usage(struct task_struct *task, struct cpu_usage *usage);
void process_cpu_usage(struct task_struct *task, struct cpu_usage *usage);
/* A copy of the sums over waited-for children. */
void process_children_usage(struct task_struct *task, struct process_usage *usage);
/* Process-wide fault and switch counts, live threads included. */
void process_usage_read(struct task_struct *task, struct process_usage *usage);

/* Signal sets as /proc/PID/status shows them. */
struct signal_summary {
	uint64_t pending, shared_pending, blocked, ignored, caught;
	uint32_t nr_queued; /* of the user */
};
void task_signal_summary(struct task_struct *task, struct signal_summary *summary);
/* Both limits of another process. resource < NR_RLIMITS. */
struct abi_rlimit process_rlimit(struct task_struct *task, unsigned resource);

/* comm of another task, consistent; name has TASK_COMM_LEN bytes. */
void task_comm_read(struct task_struct *task, char *name);
void task_comm_write(struct task_struct *task, const char *name);

/* ---- the first program
 * --------------------------------------------------------------------------- */

/*
 * Makes pid 1, a process with root's credentials and contexts, that runs fn in the kernel until it
 * turns itself into a program with kernel_exec(). -ENOMEM. Context: boot CPU, init_task.
 */
MUST_USE int process_start_init(void (*fn)(void *arg));

/*
 * The running task becomes the program at path: kernel strings, NULL-terminated vectors. 0: leave
 * for user mode with arch_return_to_user(). -Exxx: nothing has changed.
 */
MUST_USE int kernel_exec(const char *path, const char *const *argv, const char *const *envp);

#endif
