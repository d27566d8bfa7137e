/* /proc/PID/stat, statm, status, limits, in the formats of proc(5). Context: task, may sleep. */
#include "procfs.h"
#include <kern/cred.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/sched.h>

enum { TICKS_PER_S = 100, PRIORITY_BASE = 20 };

static unsigned long long ticks(uint64_t ns)
{
	return ns / (NSEC_PER_SEC / TICKS_PER_S);
}

/* ---- what there is of an address space ---- */

struct memory {
	uint64_t total, resident, peak, file, data, stack, text, table, locked; /* pages */
	vaddr_t code_start, code_end, data_start, data_end, brk_start, stack_top;
	vaddr_t arg_start, arg_end, env_start, env_end;
};

static void memory_read(struct task_struct *task, struct memory *memory)
{
	struct mm_struct *mm = get_task_mm(task);
	struct mm_contents *c;

	memset(memory, 0, sizeof(*memory));
	if (!mm)
		return;
	c = mm->contents;
	rwsem_read_lock(&c->lock);
	*memory = (struct memory){
		.total = c->total_pages,
		.resident = contents_resident(c),
		.peak = contents_peak(c),
		.file = atomic_load_relaxed(&c->file_pages),
		.data = c->data_pages,
		.stack = c->stack_pages,
		.text = PAGES_FOR(c->code_end - (c->code_start & PAGE_MASK)),
		.table = atomic_load_relaxed(&c->table_pages),
		.locked = c->locked_pages,
		.code_start = c->code_start,
		.code_end = c->code_end,
		.data_start = c->data_start,
		.data_end = c->data_end,
		.brk_start = c->brk_start,
		.stack_top = c->stack_top,
		.arg_start = c->arg_start,
		.arg_end = c->arg_end,
		.env_start = c->env_start,
		.env_end = c->env_end,
	};
	rwsem_read_unlock(&c->lock);
	mmput(mm);
}

/* ---- stat ---- */

struct stat_ids {
	int32_t pgrp, session, foreground;
	uint64_t tty;
};

static void ids_read(struct task_struct *task, struct stat_ids *ids)
{
	unsigned long flags;
	void *tty;

	*ids = (struct stat_ids){task_pgrp(task), task_session(task), -1, 0};
	flags = task_list_lock_irqsave();
	tty = task->signal->tty;
	task_list_unlock_irqrestore(flags);
	if (tty && job_hooks.identify)
		job_hooks.identify(tty, &ids->tty, &ids->foreground);
}

/* As the scheduler's policies appear: -100 .. -2 for real time, 0 .. 39 for the others. */
static int priority_of(const struct task_struct *task)
{
	if (task->se.rt_priority)
		return -1 - task->se.rt_priority;
	return PRIORITY_BASE + task->se.nice;
}

static void show_identity(struct text *text, struct task_struct *task)
{
	char name[TASK_COMM_LEN];
	struct stat_ids ids;

	task_comm_read(task, name);
	ids_read(task, &ids);
	text_print(text, "%d (%s) %c %d %d %d %llu %d %u ", task->pid, name, task_state_char(task),
		   task_ppid(task), ids.pgrp, ids.session, (unsigned long long)ids.tty,
		   ids.foreground, task->flags);
}

static void show_usage(struct text *text, struct task_struct *task)
{
	struct process_usage own, children;

	process_usage_read(task, &own);
	process_children_usage(task, &children);
	text_print(text, "%llu %llu %llu %llu ", (unsigned long long)own.min_faults,
		   (unsigned long long)children.min_faults, (unsigned long long)own.maj_faults,
		   (unsigned long long)children.maj_faults);
	text_print(text, "%llu %llu %llu %llu ", ticks(own.user_ns), ticks(own.system_ns),
		   ticks(children.user_ns), ticks(children.system_ns));
}

static void show_memory(struct text *text, const struct memory *m, uint64_t limit)
{
	text_print(text, "%llu %llu %llu %llu %llu %llu 0 0 ",
		   (unsigned long long)m->total * PAGE_SIZE, (unsigned long long)m->resident,
		   (unsigned long long)limit, (unsigned long long)m->code_start,
		   (unsigned long long)m->code_end, (unsigned long long)m->stack_top);
}

int pid_show_stat(struct text *text, struct task_struct *task)
{
	struct signal_summary signals;
	struct memory m;

	memory_read(task, &m);
	task_signal_summary(task, &signals);
	show_identity(text, task);
	show_usage(text, task);
	text_print(text, "%d %d %u 0 %llu ", priority_of(task), task->se.nice,
		   process_nr_threads(task), ticks(task->start_time_ns));
	show_memory(text, &m, process_rlimit(task, RLIMIT_RSS).soft);
	text_print(text, "%llu %llu %llu %llu 0 0 0 %d %u %u %u 0 0 0 ",
		   (unsigned long long)signals.pending, (unsigned long long)signals.blocked,
		   (unsigned long long)signals.ignored, (unsigned long long)signals.caught,
		   task->exit_signal, atomic_load_relaxed(&task->cpu), task->se.rt_priority,
		   task->se.policy);
	text_print(text, "%llu %llu %llu %llu %llu %llu %llu %d\n",
		   (unsigned long long)m.data_start, (unsigned long long)m.data_end,
		   (unsigned long long)m.brk_start, (unsigned long long)m.arg_start,
		   (unsigned long long)m.arg_end, (unsigned long long)m.env_start,
		   (unsigned long long)m.env_end, task->exit_state ? task->exit_code : 0);
	return 0;
}

int pid_show_statm(struct text *text, struct task_struct *task)
{
	struct memory m;

	memory_read(task, &m);
	text_print(text, "%llu %llu %llu %llu 0 %llu 0\n", (unsigned long long)m.total,
		   (unsigned long long)m.resident, (unsigned long long)m.file,
		   (unsigned long long)m.text, (unsigned long long)(m.data + m.stack));
	return 0;
}

/* ---- status ---- */

static const char *state_name(char state)
{
	static const struct {
		char state;
		const char *name;
	} names[] = {
		{'R', "running"},      {'S', "sleeping"}, {'D', "disk sleep"}, {'T', "stopped"},
		{'t', "tracing stop"}, {'Z', "zombie"},	  {'X', "dead"},       {'I', "idle"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].state == state)
			return names[i].name;
	}
	return "unknown";
}

static unsigned fd_size(struct task_struct *task)
{
	struct files_struct *files = files_get_of(task);
	unsigned size = files ? files_capacity(files) : 0;

	files_put(files);
	return size;
}

static void show_cred(struct text *text, struct task_struct *task)
{
	struct cred *cred = task_cred_get(task);

	if (!cred)
		return;
	text_print(text, "Uid:\t%u\t%u\t%u\t%u\n", cred->uid, cred->euid, cred->suid, cred->fsuid);
	text_print(text, "Gid:\t%u\t%u\t%u\t%u\n", cred->gid, cred->egid, cred->sgid, cred->fsgid);
	text_print(text, "FDSize:\t%u\nGroups:\t", fd_size(task));
	for (uint32_t i = 0; i < cred->nr_groups; i++)
		text_print(text, "%u ", cred->groups[i]);
	text_print(text, "\n");
	cred_put(cred);
}

static void show_caps(struct text *text, struct task_struct *task)
{
	struct cred *cred = task_cred_get(task);

	if (!cred)
		return;
	text_print(text, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n",
		   (unsigned long long)cred->cap_inheritable,
		   (unsigned long long)cred->cap_permitted,
		   (unsigned long long)cred->cap_effective);
	text_print(text, "CapBnd:\t%016llx\nCapAmb:\t%016llx\nNoNewPrivs:\t%d\nSeccomp:\t0\n",
		   (unsigned long long)cred->cap_bounding, (unsigned long long)cred->cap_ambient,
		   (task->attributes & TASK_ATTR_NO_NEW_PRIVS) != 0);
	cred_put(cred);
}

static void show_kib(struct text *text, const char *name, uint64_t pages)
{
	text_print(text, "%s:\t%8llu kB\n", name, (unsigned long long)pages * (PAGE_SIZE / 1024));
}

static void show_vm(struct text *text, struct task_struct *task)
{
	struct memory m;

	memory_read(task, &m);
	if (!m.total)
		return;
	show_kib(text, "VmPeak", m.total);
	show_kib(text, "VmSize", m.total);
	show_kib(text, "VmLck", m.locked);
	show_kib(text, "VmPin", 0);
	show_kib(text, "VmHWM", m.peak);
	show_kib(text, "VmRSS", m.resident);
	show_kib(text, "RssAnon", m.resident - MIN(m.resident, m.file));
	show_kib(text, "RssFile", MIN(m.resident, m.file));
	show_kib(text, "RssShmem", 0);
	show_kib(text, "VmData", m.data);
	show_kib(text, "VmStk", m.stack);
	show_kib(text, "VmExe", m.text);
	show_kib(text, "VmLib", 0);
	show_kib(text, "VmPTE", m.table);
	show_kib(text, "VmSwap", 0);
}

static void show_signals(struct text *text, struct task_struct *task)
{
	struct signal_summary s;

	task_signal_summary(task, &s);
	text_print(text, "Threads:\t%u\nSigQ:\t%u/%llu\n", process_nr_threads(task), s.nr_queued,
		   (unsigned long long)process_rlimit(task, RLIMIT_SIGPENDING).soft);
	text_print(text, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
		   (unsigned long long)s.pending, (unsigned long long)s.shared_pending,
		   (unsigned long long)s.blocked);
	text_print(text, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (unsigned long long)s.ignored,
		   (unsigned long long)s.caught);
}

/* An affinity mask as 32-bit words from the highest, and as ranges. */
static void show_affinity(struct text *text, struct task_struct *task)
{
	uint64_t mask = atomic_load_relaxed(&task->affinity) & cpus_present;
	const char *separator = "";

	text_print(text, "Cpus_allowed:\t");
	if (mask >> 32)
		text_print(text, "%x,%08x\n", (uint32_t)(mask >> 32), (uint32_t)mask);
	else
		text_print(text, "%x\n", (uint32_t)mask);
	text_print(text, "Cpus_allowed_list:\t");
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		unsigned first = cpu;

		if (!(mask >> cpu & 1))
			continue;
		while (cpu + 1 < MAX_CPUS && (mask >> (cpu + 1) & 1))
			cpu++;
		text_print(text, cpu == first ? "%s%u" : "%s%u-%u", separator, first, cpu);
		separator = ",";
	}
	text_print(text, "\nMems_allowed:\t1\nMems_allowed_list:\t0\n");
}

int pid_show_status(struct text *text, struct task_struct *task)
{
	struct path root, cwd;
	char name[TASK_COMM_LEN], state = task_state_char(task);
	uint32_t umask;

	task_comm_read(task, name);
	text_print(text, "Name:\t");
	text_escaped(text, name, "\n\\");
	text_print(text, "\n");
	if (fs_paths_of(task, &root, &cwd, &umask) == 0) {
		text_print(text, "Umask:\t%04o\n", umask);
		path_put(&root);
		path_put(&cwd);
	}
	text_print(text,
		   "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		   state, state_name(state), task->tgid, task->pid, task_ppid(task));
	show_cred(text, task);
	text_print(text, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", task->tgid,
		   task->pid, task_pgrp(task), task_session(task));
	show_vm(text, task);
	show_signals(text, task);
	show_caps(text, task);
	show_affinity(text, task);
	text_print(text, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		   (unsigned long long)task->se.nr_switches_voluntary,
		   (unsigned long long)task->se.nr_switches_involuntary);
	return 0;
}

/* ---- limits ---- */

static void show_limit(struct text *text, uint64_t limit)
{
	if (limit == RLIM_INFINITY)
		text_print(text, "%-20s ", "unlimited");
	else
		text_print(text, "%-20llu ", (unsigned long long)limit);
}

int pid_show_limits(struct text *text, struct task_struct *task)
{
	static const struct {
		const char *name, *unit;
	} limits[NR_RLIMITS] = {
		[RLIMIT_CPU] = {"Max cpu time", "seconds"},
		[RLIMIT_FSIZE] = {"Max file size", "bytes"},
		[RLIMIT_DATA] = {"Max data size", "bytes"},
		[RLIMIT_STACK] = {"Max stack size", "bytes"},
		[RLIMIT_CORE] = {"Max core file size", "bytes"},
		[RLIMIT_RSS] = {"Max resident set", "bytes"},
		[RLIMIT_NPROC] = {"Max processes", "processes"},
		[RLIMIT_NOFILE] = {"Max open files", "files"},
		[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
		[RLIMIT_AS] = {"Max address space", "bytes"},
		[RLIMIT_LOCKS] = {"Max file locks", "locks"},
		[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
		[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
		[RLIMIT_NICE] = {"Max nice priority", ""},
		[RLIMIT_RTPRIO] = {"Max realtime priority", ""},
		[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
	};

	text_print(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < NR_RLIMITS; i++) {
		struct abi_rlimit limit = process_rlimit(task, i);

		text_print(text, "%-25s ", limits[i].name);
		show_limit(text, limit.soft);
		show_limit(text, limit.hard);
		text_print(text, "%-10s\n", limits[i].unit);
	}
	return 0;
}
