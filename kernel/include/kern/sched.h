/*
 * The scheduler (rank 4). There is no scheduler thread: a switch is made by the leaving task, on
 * its stack and in its address space, and finished by the arriving one (sched/switch.c).
 */
#ifndef KERN_SCHED_H
#define KERN_SCHED_H

#include <kern/types.h>
#include <kern/task.h>

/* Gives the CPU away if another task should have it. A caller whose state is not RUNNING sleeps
 * until woken (unless a signal that its state listens to is pending: then it stays RUNNING).
 * Context: task, no spinlock. */
void schedule(void);
/* The same until deadline_ns (clock; UINT64_MAX: never); true: woken before it. Set state first. */
bool schedule_until(uint64_t deadline_ns);
/* To the end of the line. */
void sched_yield(void);
/* Ends the running task: state DEAD, switch, never back. The next task puts it. */
NORETURN void schedule_dead(void);

static inline void set_current_state(uint32_t state)
{
	/* Pairs with the barrier in task_wake: state before condition. */
	atomic_store_seqcst(&current->state, state);
}

/* Makes task runnable if its state is among states; false if it was not. A release: what the waker
 * wrote before is seen by the woken. is_sync: the caller will sleep soon, so the woken task had
 * better wait for this CPU than travel to an idle one. Context: any. */
bool task_wake_from(struct task_struct *task, uint32_t states, bool is_sync);
static inline bool task_wake_state(struct task_struct *task, uint32_t states)
{
	return task_wake_from(task, states, false);
}
static inline bool task_wake(struct task_struct *task)
{
	return task_wake_from(task, TASK_SLEEPING, false);
}
/* Wakes it for the first time, on a CPU of its affinity. */
void task_wake_new(struct task_struct *task);
/* A running task shall notice its work bits: sets WORK_RESCHED or sends an IPI as needed. */
void task_kick(struct task_struct *task);

/* A child's scheduling state from its parent's (`current`); state NEW. Context: fork. */
void sched_fork(struct task_struct *child);
/* -EINVAL: nice outside -20..19; no online CPU in mask; no such policy, or a priority outside its
 * range (1..99 for FIFO and RR, 0 for the others). Permissions are the caller's to check. The task
 * leaves a CPU that it may not use any more by itself, at once; a caller that changed its own has
 * moved when this returns. Context: task. */
MUST_USE int sched_set_nice(struct task_struct *task, int nice);
MUST_USE int sched_set_affinity(struct task_struct *task, uint64_t mask);
/* policy: SCHED_, with SCHED_RESET_ON_FORK or-ed in or not. */
MUST_USE int sched_set_policy(struct task_struct *task, int policy, int rt_priority);
/* Length of its turn, ns (sched_rr_get_interval). */
uint64_t sched_slice_ns(struct task_struct *task);

/* Bring-up: boot CPU's run queue and idle task (init_task). Before it no lock is contended and
 * nothing is woken. Then, on each CPU that comes online, on its idle task, interrupts off: adds it
 * to cpus_online; it is given work from here on. Ends in sched_idle(). */
void sched_init(void);
void sched_cpu_online(unsigned cpu);
/* Creates the idle task of a secondary CPU. NULL: no memory. */
MUST_USE struct task_struct *sched_idle_create(unsigned cpu);
/* The idle loop; the boot and secondary CPUs' first threads end here. */
NORETURN void sched_idle(void);

/* The task without an mm that runs on a CPU and what it stands on (compare, do not follow; NULL: a task
 * with an mm runs there). For /proc/lodger. Context: any. */
struct borrower {
	const struct mm_struct *mm;
	int32_t pid;
	char comm[TASK_COMM_LEN];
};
struct borrower sched_borrower(unsigned cpu);

/* User, system, idle time of a CPU in ns (their sum is its time online); run-queue length. User
 * and system are sampled, as in Linux without VIRT_CPU_ACCOUNTING: the sum is exact, the parts
 * are split by what the timer interrupted. */
struct cpu_times {
	uint64_t user_ns, system_ns, idle_ns;
	uint64_t nr_switches;
	uint32_t nr_running;
};
void sched_cpu_times(unsigned cpu, struct cpu_times *times);
/* The same of a task; neither part ever goes back. Its sum is exact to the ns. */
void sched_task_times(struct task_struct *task, uint64_t *user_ns, uint64_t *system_ns);
/* Load averages over 1, 5 and 15 minutes, fixed point with 11 fraction bits. */
void sched_load_average(uint64_t load[3]);

/* What is above may want to know of time that passes. May be NULL. */
extern struct sched_hooks {
	/* A timer interrupt charged delta_ns of user or system time to the running task (CPU-time
	 * limits, ITIMER_VIRTUAL, ITIMER_PROF). Context: hard interrupt. */
	void (*charged)(struct task_struct *task, bool is_user, uint64_t delta_ns);
} sched_hooks;

#endif
