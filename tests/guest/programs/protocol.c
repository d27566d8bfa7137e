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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
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

		if (sscanf(line, "%*u %u %*u %23s %*[^=]=%lu %*[^=]=%lu %*[^=]=%lu", &cpu, e->name, &e->a,
			   &e->b, &e->c) == 5 &&
		    cpu == 0)
			nr_events++;
	}
	fclose(file);
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
 * What happens to mm from its exit_mm on, as text: "u0" users became 0, "c2" count became 2, "Z" and
 * "F" the deaths, "k" a switch of the CPU to a task without mm, "U" to one with. Switches count only
 * from the last user's going until the struct is freed, and repeated ones only if a value lies between.
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
		else if (!strcmp(e->name, "mm_count"))
			len += snprintf(text + len, size - len, "c%lu ", e->b);
		else if (!strcmp(e->name, "mm_state")) {
			len += snprintf(text + len, size - len, "%s ", e->b == 1 ? "Z" : "F");
			if (e->b == 2)
				end = i;
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

/* Waits until pid is dead without being woken by its death: the CPU stays with whoever had it. */
static void poll_until_dead(pid_t pid)
{
	struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
	siginfo_t info;

	do {
		nanosleep(&pause, NULL);
		info.si_pid = 0;
		if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT))
			die("waitid");
	} while (info.si_pid == 0);
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
	if (child == 0)
		_exit(0);
	if (waitpid(child, NULL, 0) != child)
		die("waitpid");
	trace_switch("off");
	kill(spinner, SIGKILL);
	waitpid(spinner, NULL, 0);
	trace_load();
	chain_of(mm_of(child), got, sizeof(got));
	expect_chain("exit followed by a user task", got,
		     !strcmp(strategy, "eager") ? "u0 Z c0 F" : "c2 u0 Z c1 U c0 F");
}

/*
 * A large process wakes the kernel's reaper as it dies, and then closes the pipe that a real-time one
 * waits on, which so runs and dies while the reaper is runnable and no user task is: it is followed by
 * kernel threads (the large one, past its exit_mm, among them) until this process's timer.
 */
static void test_exit_to_kernel(void)
{
	int pipe_fds[2];
	pid_t large, child;
	char got[512], want[512] = "c2 u0 Z c1";
	char byte;

	if (pipe(pipe_fds))
		die("pipe");
	child = fork();
	if (child == 0) {
		struct sched_param param = {.sched_priority = 10};

		close(pipe_fds[1]);
		if (sched_setscheduler(0, SCHED_FIFO, &param))
			_exit(1);
		_exit(read(pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
	}
	large = fork();
	if (large == 0) {
		size_t len = 8 << 20;
		char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(memory, 1, len);
		_exit(0);
	}
	close(pipe_fds[0]);
	trace_switch("on");
	close(pipe_fds[1]);
	poll_until_dead(child);
	poll_until_dead(large);
	trace_switch("off");
	waitpid(child, NULL, 0);
	waitpid(large, NULL, 0);
	trace_load();

	/* Its birth was not traced: it is the one whose users reached 0 just before the first k after. */
	unsigned long mm = 0;
	int nr_kernel = 0;

	for (int i = 0; i < nr_events; i++)
		if (!strcmp(events[i].name, "mm_state") && events[i].b == 1 &&
		    events[i].c == (unsigned long)child)
			mm = events[i].a;
	chain_of(mm, got, sizeof(got));
	for (const char *p = got; *p; p++)
		nr_kernel += *p == 'k';
	if (!strcmp(strategy, "eager")) {
		strcpy(want, "u0 Z c0 F"); /* it stands on the kernel's root before its users are gone */
	} else {
		report(nr_kernel >= 2, "the exit is followed by two kernel threads or more");
		for (int i = 0; i < nr_kernel; i++)
			strcat(want, strcmp(strategy, "refcount-2.6") ? " k" : " c2 k c1");
		strcat(want, " U c0 F");
	}
	expect_chain("exit followed by kernel threads", got, want);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	read_strategy();
	pin_to_cpu0();
	test_exit_to_user();
	test_exit_to_kernel();
	printf("1..%d\n", nr_tests);
	return nr_failed ? 1 : 0;
}
