/* What the files of task/ share among themselves. Locks are those of kern/process.h. */
#ifndef TASK_PRIVATE_H
#define TASK_PRIVATE_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/process.h>
#include <uapi/sched.h>
#include <uapi/signal.h>
#include <uapi/time.h>

struct file;

#define NSEC_PER_TICK (NSEC_PER_SEC / ABI_CLOCK_TICKS)

/* ---- pid.c: all with task_list_lock held, unless said otherwise ------------------------------------ */

void pid_init(void);
/* A number that is taken but found by nobody. -EAGAIN: none left; -ENOMEM. Context: task, no lock. */
MUST_USE int pid_create(struct pid **pid);
/* Gives back one that nobody ever went by. Context: no lock. */
void pid_destroy(struct pid *pid);
struct pid *pid_get(struct pid *pid); /* any context */
void pid_put(struct pid *pid);	      /* any context; NULL is fine */
void pid_release_if_unused(struct pid *pid);
struct pid *pid_lookup(int32_t nr);
struct task_struct *task_lookup(int32_t nr);
/* The leader with the lowest pid >= from. */
struct task_struct *process_lookup_next(int32_t from);

/* ---- process.c -------------------------------------------------------------------------------------- */

void process_init(void);
MUST_USE struct signal_struct *signal_create(void); /* no user, no limits */
void signal_put(struct signal_struct *signal);
/* from NULL: all default. */
MUST_USE struct sighand_struct *sighand_create(const struct sighand_struct *from);
void sighand_put(struct sighand_struct *sighand);
void task_attach(struct task_struct *task, struct pid *pid, struct pid *pgrp, struct pid *session);
void task_detach(struct task_struct *task);

/* ---- user.c ------------------------------------------------------------------------------------------ */

struct user {
	struct refcount refs; /* credentials, processes, queued signals */
	uint32_t uid;	      /* [const] */
	int32_t nr_tasks;     /* [atomic] RLIMIT_NPROC */
	int32_t nr_queued;    /* [atomic] RLIMIT_SIGPENDING */
	struct user *next;    /* [user_lock] in its hash chain */
};
extern struct user root_user;
void user_init(void);
struct user *user_get(struct user *user);
MUST_USE struct user *user_get_uid(uint32_t uid); /* NULL: no memory */
void user_put(struct user *user);

/* ---- cred.c ------------------------------------------------------------------------------------------ */

enum { SECBIT_NOROOT = 1 << 0, SECBIT_NO_SETUID_FIXUP = 1 << 2, SECBIT_KEEP_CAPS = 1 << 4 };
void cred_init(void);
/* The task is released: it counts no more among its user's. */
void cred_release(struct task_struct *task);

/* ---- signals ------------------------------------------------------------------------------------------ */

#define SIGNALS_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define SIGNALS_SYNCHRONOUS                                                                    \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | \
	 SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))
/* Default actions: */
#define SIGNALS_STOP \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SIGNALS_IGNORED \
	(SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGURG))

/* One queued signal. */
struct signal_entry {
	struct list_node node; /* [signal lock] */
	struct user *user;     /* whose count it is in; owns a reference */
	bool is_preallocated;  /* a POSIX timer's own: not freed when taken */
	bool is_timers;	       /* sent by a POSIX timer */
	struct signal_info info;
};

/* signal_queue.c: signal->lock held; never sleep. */
void signal_queue_init(void);
/* is_forced: whatever the limit says. NULL: limit or memory. */
struct signal_entry *signal_entry_create(struct signal_struct *signal, bool is_forced);
void signal_entry_free(struct signal_entry *entry);
void signal_entry_destroy(struct signal_entry *entry);
int signal_first(uint64_t set);
/* Takes the first signal of wanted off a queue; 0: none. is_timers: a POSIX timer sent it. */
int signal_queue_take(uint64_t *mask, struct list_node *list, uint64_t wanted,
		      struct signal_info *info, bool *is_timers);
void signal_queue_flush(uint64_t *mask, struct list_node *list, uint64_t set);

/* signal_send.c */
enum signal_scope {
	SCOPE_THREAD,
	SCOPE_PROCESS,
	SCOPE_GROUP, /* to the process as a member of a group: a child being forked gets it too */
};
/* A fork under way, and the signals to its parent's group since it began. */
struct fork_watch {
	struct list_node node; /* [signal lock] in signal->forks */
	uint64_t signals;      /* [signal lock] */
};
void signal_hooks_init(void);
MUST_USE int signal_send_locked(struct task_struct *task, int signal,
				const struct signal_info *info, enum signal_scope scope);
/* To a process that need not hear of it if it cannot (no memory, limit). */
void signal_notify_locked(struct task_struct *task, int signal, const struct signal_info *info);
int signal_send_task(struct task_struct *task, int signal, const struct signal_info *info);
int signal_send_process(struct task_struct *task, int signal, const struct signal_info *info);
int signal_send_group(struct task_struct *task, int signal, const struct signal_info *info);
/* task_list_lock held. */
int signal_send_pgrp_locked(struct pid *pgrp, int signal, const struct signal_info *info);
/* A preallocated entry. 0: queued, or it still was; 1: ignored, or nobody is there. Lock held. */
int signal_send_entry_locked(struct task_struct *task, struct signal_entry *entry,
			     enum signal_scope scope);
void signal_force(int signal, const struct signal_info *info);
/* Whatever handler there is, it kills. */
void signal_force_default(int signal, const struct signal_info *info);
/* signal->lock held: */
bool signal_recalc(struct task_struct *task);
void signal_wake(struct task_struct *task, bool is_fatal);
void signal_retarget(uint64_t set);
void process_flush(struct signal_struct *signal, uint64_t set);
/* SIGKILL for every thread but one. */
void process_kill_threads(struct signal_struct *signal, const struct task_struct *except);
/* The handler, SIG_DFL or SIG_IGN; task->sighand is not NULL. */
uintptr_t signal_handler(const struct task_struct *task, int signal);

/* signal_stop.c */
bool stop_begin(int signal);
void stop_join(struct task_struct *child);
void stop_here(unsigned long flags) NO_LOCK_ANALYSIS; /* both release current->signal->lock */
void stop_tell_pending(unsigned long flags) NO_LOCK_ANALYSIS;
void stop_exit(struct task_struct *task);

/* signal_mask.c, signal_deliver.c: of the running thread */
void signal_mask_set(uint64_t mask);
void signal_mask_set_locked(uint64_t mask);
void signal_mask_begin(uint64_t mask);
void signal_mask_end(bool is_interrupted);
/* sigprocmask's; returns the former mask. */
uint64_t signal_mask_change(int how, uint64_t set);
/* Takes a signal that is pending and not blocked, with signal->lock held; 0: none. */
int signal_dequeue(uint64_t blocked, struct signal_info *info);
bool restart_is_wanted(long result, bool has_handler, uint64_t handler_flags);
uint32_t altstack_state(uintptr_t sp);
MUST_USE int altstack_set(uintptr_t base, uintptr_t size, uint32_t flags);

/* signal_calls.c, kill.c */
MUST_USE int signal_info_to_user(void *user, const struct signal_info *info);
MUST_USE int signal_info_from_user(struct signal_info *info, int signal, const void *user);
void signal_info_of_sender(struct signal_info *info, int signal, int code);
bool signal_info_is_forged(const struct signal_info *info, const struct task_struct *target);
MUST_USE int signal_check_permission(struct task_struct *task, int signal);

/* ---- fork, exec, exit, wait ---------------------------------------------------------------------------- */

struct clone_request {
	uint64_t flags; /* CLONE_, without the exit signal */
	int exit_signal;
	uintptr_t sp; /* 0: the parent's own */
	uintptr_t tls;
	int32_t *parent_tid, *child_tid, *pidfd; /* user addresses */
	struct file *pidfd_file;		 /* CLONE_PIDFD: to be tied to the child */
};
long process_clone(const struct clone_request *request);
int clone_check(const struct clone_request *request);

int pidfd_prepare(struct file **file);
void pidfd_attach(struct file *file, struct pid *pid);
/* The process's number behind descriptor fd. -EBADF, -ECHILD. */
MUST_USE int pidfd_number(int fd, int32_t *nr);

void exec_layout_init(void);
/* Somebody's end may be what an exec waits for. task_list_lock held. */
void exec_task_wake(struct signal_struct *process);

/* code: wait status format. The second ends all threads. */
NORETURN void task_exit(int code);
NORETURN void process_exit(int code);
void mm_release(struct task_struct *task);

/* family.c: task_list_lock held, except task_release. */
bool parent_notify(struct task_struct *task); /* true: nobody will wait for it */
/* father's children go to another; those that nobody waits for to dead (by dead_node). */
void family_leave(struct task_struct *father, struct list_node *dead);
void task_release(struct task_struct *task); /* a DEAD one; no lock */
int process_exit_code(const struct task_struct *leader);

/* job.c */
void job_orphan_check(struct task_struct *task, struct task_struct *father);
void session_exit(void);

/* usage.c */
void usage_add(struct process_usage *sum, const struct process_usage *usage);
void process_usage_read_locked(struct signal_struct *process, struct process_usage *usage);
void rusage_of_child(struct task_struct *child, struct abi_rusage *rusage);

/* ---- time ------------------------------------------------------------------------------------------------ */

/* 0 or -EINVAL (negative, or a part out of range); cut to what the clock can show. */
MUST_USE int timespec_check(const struct abi_timespec *ts, uint64_t *ns);
MUST_USE int timeval_check(const struct abi_timeval *tv, uint64_t *ns);
MUST_USE int timespec_from_user(const struct abi_timespec *user, uint64_t *ns); /* or -EFAULT */
struct abi_timespec timespec_of(uint64_t ns);
struct abi_timeval timeval_of(uint64_t ns);
/* What a CLOCK_ shows. -EINVAL: there is none of that number. Takes signal->lock for CPU clocks. */
MUST_USE int clock_read(int32_t clock, uint64_t *ns);
/* Of a negative clock number: a thread's, not a process's. */
bool cpu_clock_is_thread(int32_t clock);
/* Clocks that one can sleep on. */
bool clock_is_realtime(int32_t clock);
bool clock_is_monotonic(int32_t clock);
/* The monotonic clock after ns from now, or at a time of the real-time clock. */
uint64_t deadline_after(uint64_t ns);
uint64_t deadline_of_realtime(uint64_t realtime_ns);

/* itimer.c */
void itimer_init(struct signal_struct *process);
void itimer_exit(struct signal_struct *process);
/* The rest with signal->lock held: SIGALRM was taken; something about CPU-time clocks changed; the
 * limit did, and the process has used used_ns. */
void itimer_taken(struct signal_struct *process);
void cpu_clocks_update(struct signal_struct *process);
void cpu_limit_changed(struct signal_struct *process, uint64_t used_ns);
/* posix_timer.c; all but the first with signal->lock held */
void posix_timers_exit(struct signal_struct *process);
void posix_timer_taken(struct signal_struct *process, struct signal_info *info);
bool posix_timers_count_cpu(struct signal_struct *process);
void posix_timers_charge(struct signal_struct *process, const struct task_struct *task,
			 uint64_t delta_ns);

/* ---- futexes ------------------------------------------------------------------------------------------------ */

void futex_init(void);
/* One waiter of a word of the running task's memory. */
void futex_wake_word(uint32_t *word);
/* Robust and priority-inheriting locks that a leaving thread holds. */
void futex_exit(struct task_struct *task);

/* ---- others -------------------------------------------------------------------------------------------------- */

enum {
	PERSONALITY_NO_RANDOMIZE = 0x0040000,
	PERSONALITY_UNSAFE =
		0x0040000 | 0x0100000 | 0x0200000 | 0x0400000, /* lost by set-uid exec */
};

#endif
