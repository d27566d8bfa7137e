/*
 * The two chains of docs/life.md, step by step, on the running kernel: an exit followed by a user
 * task, and an exit followed by kernel threads. The kernel's own trace is read back and each value of
 * users and count compared with the table of the strategy in force.
 *
 * Everything is pinned to CPU 0, so the order of events is that CPU's ring. Only for Lodger: it reads
 * /proc/lodger.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_EVENTS = 20000 };

/* A line of /proc/lodger/trace: "TIME CPU SEQUENCE NAME KEY=VALUE KEY=VALUE KEY=VALUE". */
struct event {
	char name[24];
	unsigned long a, b, c;
};

static struct event events[MAX_EVENTS];
static int nr_events;
static int nr_tests, nr_failed;
static char strategy[32];

static void report(bool ok, const char *what)
{
	printf("%s %d - %s: %s\n", ok ? "ok" : "not ok", ++nr_tests, strategy, what);
	nr_failed += !ok;
}

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void read_strategy(void)
{
	FILE *file = fopen("/proc/lodger/stat", "r");
	char line[256];

	if (!file)
		die("/proc/lodger/stat");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "strategy %31s", strategy) == 1)
			break;
	fclose(file);
}

static void trace_switch(const char *word)
{
	int fd = open("/proc/lodger/trace", O_WRONLY);

	if (fd < 0 || write(fd, word, strlen(word)) < 0)
		die("/proc/lodger/trace");
	close(fd);
}

static void trace_load(void)
{
	FILE *file = fopen("/proc/lodger/trace", "r");
	char line[256];

	if (!file)
		die("/proc/lodger/trace");
	nr_events = 0;
	while (fgets(line, sizeof(line), file) && nr_events < MAX_EVENTS) {
		struct event *e = &events[nr_events];
		unsigned cpu;

		if (sscanf(line, "%*u %u %*u %23s %*[^=]=%lu %*[^=]=%lu %*[^=]=%lu", &cpu, e->name,
			   &e->a, &e->b, &e->c) == 5 &&
		    cpu == 0)
			nr_events++;
	}
	fclose(file);
}

static bool is_counted(void)
{
	return !strncmp(strategy, "refcount", 8);
}

/* Nobody stands on the root when the last user has gone, or is made to leave it then. */
static bool dies_in_exit(void)
{
	return !strcmp(strategy, "eager") || !strcmp(strategy, "shootdown") ||
	       !strcmp(strategy, "hazard-ipi");
}

static void pin_to_cpu0(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

/* The address space that was made for pid, and not reused by it with exec: its id. */
static unsigned long mm_of(pid_t pid)
{
	for (int i = 0; i < nr_events; i++)
		if (!strcmp(events[i].name, "mm_state") && events[i].b == 0 &&
		    events[i].c == (unsigned long)pid)
			return events[i].a;
	return 0;
}

/*
 * What happens to mm from its exit_mm on, as text: "u0" users became 0, "c2" count became 2, "Z" it is
 * a zombie, "k" a switch of the CPU to a task without mm, "U" to one with; until the count is 0.
 */
static void chain_of(unsigned long mm, char *text, size_t size)
{
	int start = -1, end = nr_events;
	size_t len = 0;

	for (int i = 0; i < nr_events; i++)
		if (events[i].a == mm && !strcmp(events[i].name, "mm_users") && events[i].b == 0)
			start = i;
	/* The borrow in exit_mm comes just before. */
	for (int i = start - 1; i >= 0 && i > start - 4; i--)
		if (events[i].a == mm && !strcmp(events[i].name, "mm_count")) {
			start = i;
			break;
		}
	text[0] = '\0';
	for (int i = start; i >= 0 && i < end && len + 4 < size; i++) {
		const struct event *e = &events[i];

		if (!strcmp(e->name, "switch"))
			len += snprintf(text + len, size - len, "%s ", e->c & 1 ? "U" : "k");
		else if (e->a != mm)
			continue;
		else if (!strcmp(e->name, "mm_users"))
			len += snprintf(text + len, size - len, "u%lu ", e->b);
		else if (!strcmp(e->name, "mm_count")) {
			len += snprintf(text + len, size - len, "c%lu ", e->b);
			if (e->b == 0)
				end = i;
		} else if (!strcmp(e->name, "mm_state") && e->b == 1) {
			len += snprintf(text + len, size - len, "Z ");
		}
	}
	if (len)
		text[len - 1] = '\0';
}

static void expect_chain(const char *what, const char *got, const char *want)
{
	report(!strcmp(got, want), what);
	if (strcmp(got, want))
		printf("# got  %s\n# want %s\n", got, want);
	else
		printf("# %s\n", got);
}

/* Pins the kernel's reaper to CPU 0 too. Its pid is that of the task called mm_reaper. */
static void pin_reaper(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	for (int pid = 2; pid < 64; pid++) {
		char path[32], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strcmp(comm, "mm_reaper\n"))
			if (sched_setaffinity(pid, sizeof(set), &set))
				die("sched_setaffinity of mm_reaper");
		fclose(file);
	}
}

static void be_realtime(void)
{
	struct sched_param param = {.sched_priority = 10};

	/* musl refuses sched_setscheduler without asking the kernel. */
	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param))
		_exit(1);
}

static void test_exit_to_user(void)
{
	pid_t spinner, child;
	char got[512];

	spinner = fork();
	if (spinner == 0)
		for (;;)
			;
	trace_switch("on");
	child = fork();
	if (child == 0) {
		be_realtime(); /* or the spinner could have the CPU in the middle of the exit */
		_exit(0);
	}
	if (waitpid(child, NULL, 0) != child)
		die("waitpid");
	trace_switch("off");
	kill(spinner, SIGKILL);
	waitpid(spinner, NULL, 0);
	trace_load();
	chain_of(mm_of(child), got, sizeof(got));
	expect_chain("exit followed by a user task", got,
		     is_counted()     ? "c2 u0 Z c1 U c0"
		     : dies_in_exit() ? "u0 Z c0"
				      : "u0 Z U c0");
}

/*
 * A large process wakes the kernel's reaper as it dies, and then closes the pipe that a real-time one
 * waits on. That one runs and dies while the reaper is runnable and no user task is, so it is followed
 * by kernel threads. This process sleeps until a timer that the dying one sets as its last act.
 */
static void test_exit_to_kernel(void)
{
	struct itimerspec soon = {.it_value.tv_nsec = 100 * 1000 * 1000};
	int pipe_fds[2], timer = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t ticks;
	pid_t large, child;
	char got[512], want[512];
	int nr_kernel = 0;

	if (pipe(pipe_fds) || timer < 0)
		die("pipe, timerfd_create");
	trace_switch("on");
	child = fork();
	if (child == 0) {
		char byte;

		close(pipe_fds[1]);
		be_realtime();
		if (read(pipe_fds[0], &byte, 1) != 0)
			_exit(1);
		_exit(timerfd_settime(timer, 0, &soon, NULL) ? 1 : 0);
	}
	large = fork();
	if (large == 0) {
		size_t len = 8 << 20;
		char *memory =
			mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(memory, 1, len);
		_exit(0);
	}
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		die("timerfd");
	trace_switch("off");
	waitpid(child, NULL, 0);
	waitpid(large, NULL, 0);
	trace_load();

	chain_of(mm_of(child), got, sizeof(got));
	for (const char *p = got; *p; p++)
		nr_kernel += *p == 'k';
	strcpy(want, is_counted() ? "c2 u0 Z c1" : "u0 Z");
	for (int i = 0; i < nr_kernel; i++)
		strcat(want, !strcmp(strategy, "refcount-2.6") ? " c2 k c1" : " k");
	strcat(want, dies_in_exit() ? " c0" : " U c0");
	if (!dies_in_exit())
		report(nr_kernel >= 2, "the exit is followed by two kernel threads or more");
	expect_chain("exit followed by kernel threads", got, want);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	read_strategy();
	pin_to_cpu0();
	pin_reaper();
	test_exit_to_user();
	test_exit_to_kernel();
	printf("1..%d\n", nr_tests);
	return nr_failed ? 1 : 0;
}
