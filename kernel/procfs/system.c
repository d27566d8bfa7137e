/* /proc: the machine and the kernel as a whole, in the formats of proc(5). Reads others' counters, owns
 * nothing. Context: task, may sleep. */
#include "procfs.h"
#include <kern/boot.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/timer.h>
#include <arch/time.h>

enum { TICKS_PER_S = 100, LOAD_BITS = 11 }; /* USER_HZ; fraction bits of load averages */

static unsigned long long ticks(uint64_t ns)
{
	return ns / (NSEC_PER_SEC / TICKS_PER_S);
}

/* ---- meminfo ---- */

static void show_kib(struct text *text, const char *name, uint64_t pages)
{
	text_print(text, "%s:%*llu kB\n", name, (int)(23 - strlen(name)),
		   (unsigned long long)pages * (PAGE_SIZE / 1024));
}

static int show_meminfo(struct text *text, void *arg)
{
	struct page_stats stats;
	uint64_t stacks = task_count_all() * (KERNEL_STACK_SIZE / PAGE_SIZE), idle, cached;

	page_stats_read(&stats);
	idle = stats.free;
	cached = stats.file;
	show_kib(text, "MemTotal", stats.total);
	show_kib(text, "MemFree", idle);
	show_kib(text, "MemAvailable", idle);
	show_kib(text, "Buffers", 0);
	show_kib(text, "Cached", cached);
	show_kib(text, "SwapCached", 0);
	show_kib(text, "Active", stats.anon + cached);
	show_kib(text, "Inactive", 0);
	show_kib(text, "Active(anon)", stats.anon + cached);
	show_kib(text, "Inactive(anon)", 0);
	show_kib(text, "Active(file)", 0);
	show_kib(text, "Inactive(file)", 0);
	show_kib(text, "Unevictable", 0);
	show_kib(text, "Mlocked", 0);
	show_kib(text, "SwapTotal", 0);
	show_kib(text, "SwapFree", 0);
	show_kib(text, "Dirty", 0);
	show_kib(text, "Writeback", 0);
	show_kib(text, "AnonPages", stats.anon);
	show_kib(text, "Mapped", 0);
	show_kib(text, "Shmem", cached);
	show_kib(text, "KReclaimable", 0);
	show_kib(text, "Slab", stats.slab);
	show_kib(text, "SReclaimable", 0);
	show_kib(text, "SUnreclaim", stats.slab);
	show_kib(text, "KernelStack", stacks);
	show_kib(text, "PageTables", stats.table);
	show_kib(text, "CommitLimit", stats.total);
	show_kib(text, "Committed_AS", stats.anon + cached);
	show_kib(text, "HugePages_Total", 0);
	return 0;
}

/* ---- stat ---- */

struct cpu_line {
	uint64_t user_ns, system_ns, idle_ns;
};

static void show_cpu_line(struct text *text, const char *name, const struct cpu_line *line)
{
	text_print(text, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", name, ticks(line->user_ns),
		   ticks(line->system_ns), ticks(line->idle_ns));
}

static void cpu_line_add(struct cpu_line *sum, const struct cpu_times *times)
{
	sum->user_ns += times->user_ns;
	sum->system_ns += times->system_ns;
	sum->idle_ns += times->idle_ns;
}

static uint64_t boot_time_s(void)
{
	return clock_realtime_offset_ns() / NSEC_PER_SEC;
}

static int show_stat(struct text *text, void *arg)
{
	struct cpu_line all = {0, 0, 0};
	uint64_t switches = 0, running = 0;
	struct cpu_times times;
	unsigned cpu;

	for_each_online_cpu (cpu) {
		sched_cpu_times(cpu, &times);
		cpu_line_add(&all, &times);
		switches += times.nr_switches;
		running += times.nr_running;
	}
	show_cpu_line(text, "cpu ", &all);
	for_each_online_cpu (cpu) {
		struct cpu_line one = {0, 0, 0};

		sched_cpu_times(cpu, &times);
		cpu_line_add(&one, &times);
		text_print(text, "cpu%u", cpu);
		show_cpu_line(text, "", &one);
	}
	text_print(text, "intr 0\nctxt %llu\nbtime %llu\nprocesses %d\n",
		   (unsigned long long)switches, (unsigned long long)boot_time_s(), pid_last());
	text_print(text, "procs_running %llu\nprocs_blocked 0\nsoftirq 0\n",
		   (unsigned long long)running);
	return 0;
}

/* ---- uptime, loadavg ---- */

static void show_seconds(struct text *text, uint64_t ns, const char *end)
{
	text_print(text, "%llu.%02llu%s", (unsigned long long)(ns / NSEC_PER_SEC),
		   ticks(ns) % TICKS_PER_S, end);
}

static int show_uptime(struct text *text, void *arg)
{
	uint64_t idle_ns = 0;
	struct cpu_times times;
	unsigned cpu;

	for_each_online_cpu (cpu) {
		sched_cpu_times(cpu, &times);
		idle_ns += times.idle_ns;
	}
	show_seconds(text, clock_monotonic_ns(), " ");
	show_seconds(text, idle_ns, "\n");
	return 0;
}

static int show_loadavg(struct text *text, void *arg)
{
	uint64_t load[3];
	uint32_t running = 0;
	struct cpu_times times;
	unsigned cpu;

	sched_load_average(load);
	for_each_online_cpu (cpu) {
		sched_cpu_times(cpu, &times);
		running += times.nr_running;
	}
	for (unsigned i = 0; i < ARRAY_LEN(load); i++) {
		uint64_t rounded = load[i] + (1 << LOAD_BITS) / 200;
		uint64_t fraction = (rounded & ((1 << LOAD_BITS) - 1)) * 100 >> LOAD_BITS;

		text_print(text, "%llu.%02llu ", (unsigned long long)(rounded >> LOAD_BITS),
			   (unsigned long long)fraction);
	}
	text_print(text, "%u/%u %d\n", running, task_count(), pid_last());
	return 0;
}

/* ---- short ones ---- */

static int show_fixed(struct text *text, void *arg)
{
	text_add(text, arg, strlen(arg));
	return 0;
}

static int show_cmdline(struct text *text, void *arg)
{
	text_print(text, "%s\n", boot_cmdline());
	return 0;
}

static int show_vmstat(struct text *text, void *arg)
{
	struct page_stats stats;

	page_stats_read(&stats);
	text_print(text,
		   "nr_free_pages %llu\nnr_anon_pages %llu\nnr_file_pages %llu\n"
		   "nr_page_table_pages %llu\nnr_slab_unreclaimable %llu\npgpgin 0\npgpgout 0\n"
		   "pswpin 0\npswpout 0\npgfault 0\npgmajfault 0\noom_kill 0\n",
		   (unsigned long long)stats.free, (unsigned long long)stats.anon,
		   (unsigned long long)stats.file, (unsigned long long)stats.table,
		   (unsigned long long)stats.slab);
	return 0;
}

INIT_TEXT void procfs_system_init(void)
{
	static const struct {
		const char *name, *text;
	} fixed[] = {
		{"swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"},
		{"partitions", "major minor  #blocks  name\n\n"},
		{"devices", "Character devices:\n  1 mem\n  4 tty\n  5 /dev/tty\n  5 /dev/console\n"
			    "136 pts\n\nBlock devices:\n"},
		{"interrupts", "           CPU0\n"},
		{"modules", ""},
		{"diskstats", ""},
		{"crypto", ""},
		{"cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"},
	};

	procfs_register("meminfo", 0444, show_meminfo, NULL);
	procfs_register("stat", 0444, show_stat, NULL);
	procfs_register("uptime", 0444, show_uptime, NULL);
	procfs_register("loadavg", 0444, show_loadavg, NULL);
	procfs_register("cmdline", 0444, show_cmdline, NULL);
	procfs_register("vmstat", 0444, show_vmstat, NULL);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		procfs_register(fixed[i].name, 0444, show_fixed, (void *)(uintptr_t)fixed[i].text);
}
