/*
 * The scheduler (rank 4). There is no scheduler thread: a switch is made by the leaving task, on its
 * stack and in its address space, and finished by the arriving one (sched/switch.c).
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
 * wrote before is seen by the woken. Context: any. */
bool task_wake_state(struct task_struct *task, uint32_t states);
static inline bool task_wake(struct task_struct *task)
{
	return task_wake_state(task, TASK_SLEEPING);
}
/* Wakes it for the first time, on a CPU of its affinity. */
void task_wake_new(struct task_struct *task);
/* A running task shall notice its work bits: sets WORK_RESCHED or sends an IPI as needed. */
void task_kick(struct task_struct *task);

/* A child's scheduling state from its parent's. Context: fork. */
void sched_fork(struct task_struct *child);
/* -EINVAL: nice outside -20..19, empty mask. Moves the task if it must. May sleep. */
MUST_USE int sched_set_nice(struct task_struct *task, int nice);
MUST_USE int sched_set_affinity(struct task_struct *task, uint64_t mask);
MUST_USE int sched_set_policy(struct task_struct *task, int policy, int rt_priority);

/* Bring-up: boot CPU's run queue and idle task; then one call for each CPU that comes online. */
void sched_init(void);
void sched_cpu_online(unsigned cpu);
/* Creates the idle task of a secondary CPU. NULL: no memory. */
MUST_USE struct task_struct *sched_idle_create(unsigned cpu);
/* The idle loop; the boot and secondary CPUs' first threads end here. */
NORETURN void sched_idle(void);

/* Hard timer interrupt: expires timers, charges the running task. */
void sched_timer_interrupt(void);

/* User, system, idle time of a CPU in ns; run-queue length; load averages (fixed point, 11 bits). */
struct cpu_times {
	uint64_t user_ns, system_ns, idle_ns, irq_ns;
	uint64_t nr_switches;
	uint32_t nr_running;
};
void sched_cpu_times(unsigned cpu, struct cpu_times *times);
void sched_load_average(uint64_t load[3]);
/* Entry from and return to user mode, for user/system time. Cheap. */
void sched_account_user_enter(void);
void sched_account_user_exit(void);

#endif
