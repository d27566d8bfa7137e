/*
 * What threads, processes and their children have used: times(2), getrusage(2), and the sums behind
 * /proc. A live thread's own counts are read as they run; sums of the dead are under signal->lock.
 */
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "task_private.h"

void thread_cpu_usage(struct task_struct *task, struct cpu_usage *usage)
{
	sched_task_times(task, &usage->user_ns, &usage->system_ns);
}

static void thread_usage(struct task_struct *task, struct process_usage *usage)
{
	struct cpu_usage cpu;

	thread_cpu_usage(task, &cpu);
	*usage = (struct process_usage){
		.user_ns = cpu.user_ns,
		.system_ns = cpu.system_ns,
		.min_faults = task->min_faults,
		.maj_faults = task->maj_faults,
		.nr_voluntary = task->se.nr_switches_voluntary,
		.nr_involuntary = task->se.nr_switches_involuntary,
	};
}

void usage_add(struct process_usage *sum, const struct process_usage *usage)
{
	sum->user_ns += usage->user_ns;
	sum->system_ns += usage->system_ns;
	sum->min_faults += usage->min_faults;
	sum->maj_faults += usage->maj_faults;
	sum->nr_voluntary += usage->nr_voluntary;
	sum->nr_involuntary += usage->nr_involuntary;
	sum->max_rss_pages = MAX(sum->max_rss_pages, usage->max_rss_pages);
}

void process_usage_read_locked(struct signal_struct *process, struct process_usage *usage)
{
	struct process_usage one;
	struct task_struct *thread;

	*usage = process->dead_threads;
	for_each_thread (thread, process) {
		thread_usage(thread, &one);
		usage_add(usage, &one);
	}
}

void process_usage_read(struct task_struct *task, struct process_usage *usage)
{
	unsigned long flags = spin_lock_irqsave(&task->signal->lock);

	process_usage_read_locked(task->signal, usage);
	spin_unlock_irqrestore(&task->signal->lock, flags);
}

void process_cpu_usage(struct task_struct *task, struct cpu_usage *usage)
{
	struct process_usage sum;

	process_usage_read(task, &sum);
	usage->user_ns = sum.user_ns;
	usage->system_ns = sum.system_ns;
}

void process_children_usage(struct task_struct *task, struct process_usage *usage)
{
	unsigned long flags = spin_lock_irqsave(&task->signal->lock);

	*usage = task->signal->children;
	spin_unlock_irqrestore(&task->signal->lock, flags);
}

static void rusage_fill(struct abi_rusage *rusage, const struct process_usage *usage)
{
	*rusage = (struct abi_rusage){
		.utime = timeval_of(usage->user_ns),
		.stime = timeval_of(usage->system_ns),
		.maxrss = (int64_t)(usage->max_rss_pages * (PAGE_SIZE / 1024)),
		.minflt = (int64_t)usage->min_faults,
		.majflt = (int64_t)usage->maj_faults,
		.nvcsw = (int64_t)usage->nr_voluntary,
		.nivcsw = (int64_t)usage->nr_involuntary,
	};
}

void rusage_of_child(struct task_struct *child, struct abi_rusage *rusage)
{
	struct process_usage own, its_children;

	process_usage_read(child, &own);
	process_children_usage(child, &its_children);
	usage_add(&own, &its_children);
	rusage_fill(rusage, &own);
}

long sys_getrusage(int who, struct abi_rusage *user_rusage)
{
	struct process_usage usage;
	struct abi_rusage rusage;

	switch (who) {
	case RUSAGE_SELF:
		process_usage_read(current, &usage);
		usage.max_rss_pages =
			MAX(usage.max_rss_pages, contents_peak(current->mm->contents));
		break;
	case RUSAGE_THREAD:
		thread_usage(current, &usage);
		usage.max_rss_pages = contents_peak(current->mm->contents);
		break;
	case RUSAGE_CHILDREN:
		process_children_usage(current, &usage);
		break;
	default:
		return -EINVAL;
	}
	rusage_fill(&rusage, &usage);
	return copy_to_user(user_rusage, &rusage, sizeof(rusage));
}

long sys_times(struct abi_tms *user_tms)
{
	struct process_usage own, children;
	struct abi_tms tms;

	if (user_tms) {
		process_usage_read(current, &own);
		process_children_usage(current, &children);
		tms.utime = (int64_t)(own.user_ns / NSEC_PER_TICK);
		tms.stime = (int64_t)(own.system_ns / NSEC_PER_TICK);
		tms.cutime = (int64_t)(children.user_ns / NSEC_PER_TICK);
		tms.cstime = (int64_t)(children.system_ns / NSEC_PER_TICK);
		if (copy_to_user(user_tms, &tms, sizeof(tms)))
			return -EFAULT;
	}
	return (long)(clock_monotonic_ns() / NSEC_PER_TICK);
}
