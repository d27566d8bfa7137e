/*
 * /proc/lodger: what the kernel knows of its own address spaces.
 *
 *	mm	a line for each: users, count, who holds it, where it is loaded, since when a zombie
 *	stat	for each CPU: switches by kind, root loads and those saved, flushes, interrupts, atomics
 *	memory	frames by use and live objects by cache, for tests that look for leaks
 *	trace	the event rings as text, oldest first; write "on" or "off"
 *
 * Everything is read without stopping anybody: a line is true at some moment, the lines of a file not
 * at the same one.
 */
#include <kern/kcache.h>
#include <kern/life.h>
#include <kern/process.h>
#include <kern/procfs.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <kern/trace.h>
#include <arch/cpu.h>
#include <arch/time.h>
#include <uapi/errno.h>

/* ---- mm ---------------------------------------------------------------------------------------- */

/* A copy, since a struct may be gone when its line is written. */
struct mm_line {
	const struct mm_struct *mm; /* only compared */
	uint64_t id, born_ns, zombie_since_ns;
	int32_t users, count, owner_pid;
	uint32_t visit_pins;
	uint8_t state;
	char comm[TASK_COMM_LEN];
};

struct mm_lines {
	struct mm_line *lines;
	size_t nr, max;
};

static void mm_line_take(struct mm_struct *mm, void *arg)
{
	struct mm_lines *all = arg;
	struct mm_line *line;

	if (all->nr == all->max)
		return;
	line = &all->lines[all->nr++];
	line->mm = mm;
	line->id = mm->id;
	line->born_ns = mm->born_ns;
	line->zombie_since_ns = atomic_load_relaxed(&mm->zombie_since_ns);
	line->users = refcount_read(&mm->mm_users);
	line->count = refcount_read(&mm->mm_count);
	line->owner_pid = mm->owner_pid;
	line->visit_pins = atomic_load_relaxed(&mm->visit_pins);
	line->state = atomic_load_relaxed(&mm->state);
	string_copy(line->comm, mm->owner_comm, sizeof(line->comm));
}

/* Every task whose mm it is. The pointers are compared, never followed. */
static void print_users(struct text *text, const struct mm_struct *mm)
{
	struct task_struct *process, *thread;

	for (process = process_next(1); process; process = process_next_put(process)) {
		for (thread = thread_next(process, 1); thread;) {
			int32_t next = thread->pid + 1;

			if (thread->mm == mm)
				text_print(text, " %s:%d",
					   thread->flags & PF_KTHREAD ? "kthread" : "user",
					   thread->pid);
			put_task_struct(thread);
			thread = thread_next(process, next);
		}
	}
}

static void print_cpus(struct text *text, const struct mm_struct *mm)
{
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++) {
		const struct borrower borrower = sched_borrower(cpu);

		if (borrower.mm == mm)
			text_print(text, " lazy:cpu%u(%s:%d)", cpu, borrower.comm, borrower.pid);
	}
}

static uint64_t loaded_on(const struct mm_struct *mm)
{
	uint64_t cpus = 0;

	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++)
		if (atomic_load_acquire(&per_cpu(tlb_state, cpu).loaded_mm) == mm)
			cpus |= 1ULL << cpu;
	return cpus;
}

static void print_mm_line(struct text *text, const struct mm_line *line, uint64_t now_ns)
{
	static const char *const states[] = {"live", "zombie", "free"};

	text_print(text, "%-6llu %-6s users %-3d count %-3d loaded %-4llx owner %s:%d",
		   (unsigned long long)line->id, states[line->state], line->users, line->count,
		   (unsigned long long)loaded_on(line->mm), line->comm, line->owner_pid);
	if (line->zombie_since_ns)
		text_print(text, " zombie_for %llu us",
			   (unsigned long long)(now_ns - line->zombie_since_ns) / 1000);
	text_print(text, " holders");
	print_users(text, line->mm);
	print_cpus(text, line->mm);
	if (line->visit_pins)
		text_print(text, " visitors:%u", line->visit_pins);
	text_print(text, "\n");
}

static int mm_show(struct text *text, void *arg)
{
	struct life_totals totals;
	struct mm_lines all = {0};

	life_totals_read(&totals);
	all.max = totals.mms + 64; /* some may be born meanwhile; more than that are left out */
	all.lines = kmalloc(all.max * sizeof(all.lines[0]), 0);
	if (!all.lines)
		return -ENOMEM;
	mm_for_each(mm_line_take, &all);
	text_print(text, "id     state  holders of the contents and of the struct\n");
	for (size_t i = 0; i < all.nr; i++)
		print_mm_line(text, &all.lines[i], arch_clock_ns());
	kfree(all.lines);
	return 0;
}

/* ---- stat -------------------------------------------------------------------------------------- */

static int stat_show(struct text *text, void *arg)
{
	struct life_totals totals;

	life_totals_read(&totals);
	text_print(text, "strategy %s\n", lazy->name);
	text_print(text, "mms %llu zombies %llu zombies_high %llu\n",
		   (unsigned long long)totals.mms, (unsigned long long)totals.zombies,
		   (unsigned long long)totals.zombies_high);
	text_print(text, "cpu u->u u->k k->k k->u root_loads loads_saved flushes ipis_sent "
			 "shared_atomics\n");
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++) {
		const struct life_stat *stat = &per_cpu(life_stat, cpu);

		text_print(
			text, "%u %llu %llu %llu %llu %llu %llu %llu %llu %llu\n", cpu,
			(unsigned long long)stat->switches_uu,
			(unsigned long long)stat->switches_uk,
			(unsigned long long)stat->switches_kk,
			(unsigned long long)stat->switches_ku, (unsigned long long)stat->root_loads,
			(unsigned long long)stat->loads_saved,
			(unsigned long long)stat->tlb_flushes, (unsigned long long)stat->ipis_sent,
			(unsigned long long)stat->shared_atomics);
	}
	return 0;
}

/* ---- memory ------------------------------------------------------------------------------------ */

enum { MAX_CACHES = 128 };

static int memory_show(struct text *text, void *arg)
{
	struct kcache_stats *caches = kmalloc(MAX_CACHES * sizeof(caches[0]), 0);
	struct page_stats pages;
	size_t nr;

	if (!caches)
		return -ENOMEM;
	task_drain_stacks(); /* what is kept for the next fork is in nobody's use */
	page_stats_read(&pages);
	nr = MIN(kcache_stats_read(caches, MAX_CACHES), (size_t)MAX_CACHES);
	text_print(text,
		   "frames table %llu\nframes anon %llu\nframes file %llu\nframes kernel %llu\n",
		   (unsigned long long)pages.table, (unsigned long long)pages.anon,
		   (unsigned long long)pages.file, (unsigned long long)pages.kernel);
	for (size_t i = 0; i < nr; i++)
		text_print(text, "objects %s %llu\n", caches[i].name,
			   (unsigned long long)caches[i].live);
	kfree(caches);
	return 0;
}

/* ---- trace ------------------------------------------------------------------------------------- */

enum { TRACE_SHOW_MAX = 8192 }; /* events of each CPU */

static void print_event(struct text *text, const struct trace_event *event)
{
	const char *const *keys = trace_kind_keys(event->kind);

	text_print(text, "%llu %u %u %s %s=%llu %s=%llu %s=%llu\n",
		   (unsigned long long)event->time_ns, event->cpu, event->sequence,
		   trace_kind_name(event->kind), keys[0], (unsigned long long)event->a, keys[1],
		   (unsigned long long)event->b, keys[2], (unsigned long long)event->c);
}

/* The rings one after another, each in its own order; readers sort by time if they want to. */
static int trace_show(struct text *text, void *arg)
{
	struct trace_event *events = kmalloc(TRACE_SHOW_MAX * sizeof(events[0]), 0);

	if (!events)
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++) {
		size_t nr = trace_read(cpu, events, TRACE_SHOW_MAX);

		for (size_t i = 0; i < nr; i++)
			print_event(text, &events[i]);
	}
	kfree(events);
	return 0;
}

static int trace_store(const char *data, size_t len, void *arg)
{
	if (strncmp(data, "on", 2) == 0)
		return trace_start();
	if (strncmp(data, "off", 3) != 0)
		return -EINVAL;
	trace_stop();
	return 0;
}

void procfs_lodger_init(void)
{
	procfs_register("lodger/mm", 0444, mm_show, NULL);
	procfs_register("lodger/stat", 0444, stat_show, NULL);
	procfs_register("lodger/memory", 0444, memory_show, NULL);
	procfs_register_writable("lodger/trace", 0600, trace_show, trace_store, NULL);
}
