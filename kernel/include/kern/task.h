/*
 * struct task_struct: a thread of control, user or kernel. Rank 3: what birth, death and switching
 * need is spelled out; what a task *has* (files, signals, credentials) hangs on pointers whose types
 * belong to higher ranks, and is gone before the task's last switch.
 *
 *	NEW -> RUNNING <-> {INTERRUPTIBLE, KILLABLE, UNINTERRUPTIBLE, STOPPED} ; RUNNING -> DEAD
 */
#ifndef KERN_TASK_H
#define KERN_TASK_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/list.h>
#include <kern/rbtree.h>
#include <kern/spinlock.h>
#include <arch/percpu.h>
#include <arch/switch.h>

struct mm_struct;
struct page;
struct pid;
struct signal_struct;
struct sighand_struct;
struct files_struct;
struct fs_struct;
struct cred;

enum { KERNEL_STACK_ORDER = 2, KERNEL_STACK_SIZE = 4096 << KERNEL_STACK_ORDER, TASK_COMM_LEN = 16 };

/* task->state: what the scheduler may do with a task that calls schedule(). Bits, so that a waker
 * can name several. */
enum {
	TASK_RUNNING = 0,
	TASK_INTERRUPTIBLE = 1 << 0,   /* any signal wakes it */
	TASK_UNINTERRUPTIBLE = 1 << 1, /* only what it waits for */
	TASK_KILLABLE = 1 << 2,	       /* only that, or a fatal signal */
	TASK_STOPPED = 1 << 3,	       /* job control */
	TASK_TRACED = 1 << 4,
	TASK_NEW = 1 << 5,  /* not yet woken for the first time */
	TASK_DEAD = 1 << 6, /* will never run again once switched out */
	TASK_SLEEPING = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE | TASK_KILLABLE,
};

/* task->flags */
enum {
	PF_KTHREAD = 1 << 0, /* never had a user half; it may borrow one with kthread_use_mm */
	PF_IDLE = 1 << 1,
	PF_EXITING = 1 << 2, /* past the point of no return in exit */
	PF_FORKNOEXEC = 1 << 3,
	PF_VFORK = 1 << 4, /* its parent waits for its mm_release */
	PF_OOM_VICTIM = 1 << 5,
	PF_BOUND = 1 << 6, /* affinity fixed by the kernel */
};

/* task->work [atomic]: things to do before user code runs on. Tested as one word by the port. */
enum {
	WORK_RESCHED = 1 << 0, /* switch at the next chance; also seen by kernel preemption */
	WORK_SIGNAL = 1 << 1,  /* a signal is deliverable (recomputed under the sighand lock) */
	WORK_NOTIFY = 1 << 2,  /* run entry_user_work's other callbacks */
	WORK_POLLING = 1 << 3, /* idle tasks: it watches this word, WORK_RESCHED needs no IPI */
};

/* What the scheduler knows of a task. Owned by sched/. [rq->lock of the task's CPU] */
struct sched_entity {
	struct rb_node node; /* in its class's tree while queued and not running */
	uint64_t vruntime;   /* fair: weighted ns run */
	uint64_t deadline;   /* fair: vruntime at which its turn is used up; RT: order of arrival */
	uint64_t min_vruntime; /* fair: the smallest vruntime of node's subtree */
	int64_t vlag;	   /* fair, off the queue: service owed to it when it left, as vruntime */
	uint64_t slice_ns; /* length of a turn; SCHED_RR: what is left of it */
	uint64_t burst_start_ns;	/* fair: sum_exec_ns when it last woke up */
	uint64_t sum_exec_ns;		/* total time on CPU, exact at switches */
	uint64_t sampled_exec_ns;	/* of that, already split into user and system time */
	uint64_t queued_ns;		/* clock when it last began to wait for a CPU */
	struct task_struct *last_waker; /* compared only, never followed */
	uint32_t weight, inverse_weight;
	int8_t nice;	     /* -20 .. 19 */
	uint8_t policy;	     /* SCHED_ of uapi/sched.h */
	uint8_t rt_priority; /* 1 .. 99 for FIFO and RR, else 0 */
	bool reset_on_fork;
	bool is_queued;	      /* on a run queue; the running task is */
	bool is_moving;	      /* runnable, between two run queues */
	bool is_load_sleeper; /* counted in nr_uninterruptible */
	uint64_t nr_switches_voluntary, nr_switches_involuntary;
	uint64_t user_shown_ns, system_shown_ns; /* what was last reported: never goes back */
};

struct task_struct {
	/* Scheduling: first, so that a switch touches few lines. */
	void *stack;	  /* [const] lowest byte of the kernel stack */
	uint32_t work;	  /* [atomic] WORK_ */
	uint32_t state;	  /* [atomic] TASK_; only the task itself leaves RUNNING */
	uint32_t flags;	  /* [self] PF_ */
	uint32_t on_cpu;  /* [atomic] 1 from before its switch-in until after its switch-out */
	uint32_t cpu;	  /* [rq->lock] whose run queue it belongs to */
	uint32_t nofault; /* [self] user copies must not resolve faults */
	struct mm_struct
		*mm; /* [alloc_lock+self] owns a user (mm_users). NULL: kernel thread or exited */
	struct mm_struct *active_mm; /* [cpu] what the CPU stands on while it runs; see life.h */
	struct sched_entity se;
	uint64_t affinity;	   /* [rq->lock] CPUs it may run on */
	struct arch_thread thread; /* [self] */
	struct page *stack_frames; /* [const] what the stack is mapped from */

	struct refcount
		usage; /* struct and stack: itself until its last switch, parents, lookers-up */
	struct spinlock alloc_lock; /* task_lock: mm, files, fs, comm against readers */
	char comm[TASK_COMM_LEN];   /* [alloc_lock] NUL-terminated */

	/* Identity and family. Owned by task/. */
	int32_t pid, tgid;	    /* [task_list_lock] change only when a thread execs */
	struct pid *pid_object;	    /* [task_list_lock] NULL once released; see kern/process.h */
	struct task_struct *parent; /* [task_list_lock] who is told of its death */
	struct task_struct *group_leader;   /* [task_list_lock] */
	struct list_node children, sibling; /* [task_list_lock] */
	struct list_node thread_node;	    /* [task_list_lock+signal lock] in signal->threads */
	struct list_node dead_node;	    /* [who releases it] from its death to its release */
	int exit_signal;   /* [task_list_lock] what the parent gets; -1 for a thread */
	int exit_code;	   /* wait status format; stable once exit_state is set */
	int exit_state;	   /* [task_list_lock] 0, or EXIT_ZOMBIE, EXIT_DEAD */
	int pdeath_signal; /* [task_list_lock] prctl(PR_SET_PDEATHSIG) */

	/* What it has. Owned by task/ and fs/. */
	struct signal_struct *signal; /* [const] shared by the thread group; kept to the last put */
	struct sighand_struct *sighand; /* [signal lock] NULL once released */
	uint64_t blocked;		/* [signal lock; self reads] signal mask, bit n - 1 */
	uint64_t saved_blocked;		/* [self] to restore after sigsuspend and its like */
	uint64_t real_blocked; /* [signal lock] the true mask while sigtimedwait lifts it; else 0 */
	bool restore_blocked;  /* [self] */
	uint32_t jobctl;       /* [signal lock] JOBCTL_ */
	uint64_t pending_mask; /* [signal lock] private pending signals */
	struct list_node pending_list; /* [signal lock] with details: struct signal_entry */
	uintptr_t altstack_base, altstack_size; /* [self] */
	uint32_t altstack_flags;		/* [self] */
	uint32_t attributes;			/* [self] TASK_ATTR_ of kern/process.h */
	struct cred *cred;			/* [self; alloc_lock for others and to change] */
	struct files_struct *files;		/* [alloc_lock] */
	struct fs_struct *fs;			/* [alloc_lock] */
	uint32_t *set_child_tid;		/* [self] user addresses */
	uint32_t *clear_child_tid;		/* [self] */
	void *robust_list;			/* [self, racy readers] user address */
	struct completion *vfork_done;		/* [alloc_lock] the vfork parent's, or NULL */
	uint64_t start_time_ns;
	uint64_t user_time_ns, system_time_ns; /* [cpu] as sampled; ask sched_task_times() */
	uint64_t min_faults, maj_faults;
	uint64_t restart[6];			      /* [self] restart_syscall's state */
	long (*restart_fn)(struct task_struct *task); /* [self] */
	bool has_pi_waiters;   /* [signal lock] somebody may wait for a lock that it owns */
	bool has_left_futexes; /* [signal lock] it ends, and has told them */

	/* Kernel threads (sched/kthread.c): kmalloc()ed there, kfree()d with the struct by
	 * put_task_struct(), because kthread_stop() reads the status of a thread that is gone. */
	void *kthread;
};

static inline struct task_struct *arch_current(void)
{
	return arch_hot(task);
}
#define current arch_current()

static inline bool task_has_work(const struct task_struct *task, uint32_t work)
{
	return atomic_load_relaxed(&task->work) & work;
}
/* A signal waits: interruptible sleeps end. */
static inline bool signal_pending(const struct task_struct *task)
{
	return task_has_work(task, WORK_SIGNAL);
}

/*
 * Struct and stack, rank 3 (life/task.c). task_alloc gives a task with one reference, a guarded
 * stack, everything else zero; -ENOMEM as NULL. put_task_struct never sleeps, any context but NMI;
 * it asserts that all the task had is gone.
 */
MUST_USE struct task_struct *task_alloc(void);
static inline void get_task_struct(struct task_struct *task)
{
	refcount_get(&task->usage);
}
void put_task_struct(struct task_struct *task);
/* Called by the last put_task_struct before the struct is freed: lets go of what must last as long as
 * the struct itself (task->signal). Filled in by task/; NULL early. Same context as put. */
extern void (*task_free_hook)(struct task_struct *task);
/* Gives stacks that are kept for reuse back to the page allocator (memory short, tests). Context:
 * task, waits for other CPUs. */
void task_drain_stacks(void);
/* Cheap unless many dead stacks have gathered; then the same for most of them. Callers: whoever
 * reaps tasks. Context: as above. */
void task_trim_stacks(void);
/* Tasks allocated now, init_task not counted. */
uint64_t task_count_all(void);

static inline void task_lock(struct task_struct *task) ACQUIRES(task->alloc_lock)
{
	spin_lock(&task->alloc_lock);
}
static inline void task_unlock(struct task_struct *task) RELEASES(task->alloc_lock)
{
	spin_unlock(&task->alloc_lock);
}

/* The boot CPU's first thread; becomes its idle task. */
extern struct task_struct init_task;

#endif
