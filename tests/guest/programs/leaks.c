/*
 * Only for Lodger: what programs do again and again leaves nothing behind. Frames by use and live
 * objects by cache (/proc/lodger/memory) are the same before and after, exactly. An argument says how
 * many rounds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int nr_rounds = 1000, nr_tests, nr_failed;
static char self[256];

/* Runs on every CPU once: what an idle one borrowed, it releases then. */
static void visit_cpus(void)
{
	long nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	for (long cpu = 0; cpu < nr_cpus; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	CPU_ZERO(&set);
	for (long cpu = 0; cpu < nr_cpus; cpu++)
		CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void snapshot(char *text, size_t size)
{
	int fd = open("/proc/lodger/memory", O_RDONLY);
	ssize_t len = 0, got;

	visit_cpus();
	while ((got = read(fd, text + len, size - 1 - (size_t)len)) > 0)
		len += got;
	text[len] = '\0';
	close(fd);
}

static void print_differences(char *before, char *after)
{
	char *b, *a, *b_rest, *a_rest;

	b = strtok_r(before, "\n", &b_rest);
	a = strtok_r(after, "\n", &a_rest);
	while (a && b) {
		if (strcmp(a, b))
			printf("# %s -> %s\n", b, a);
		b = strtok_r(NULL, "\n", &b_rest);
		a = strtok_r(NULL, "\n", &a_rest);
	}
}

static void child_exits(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void child_runs_a_program(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl(self, self, "--nothing", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void fork_and_exec(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(self, self, "--nothing", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void *thread_main(void *arg)
{
	return arg;
}

static void thread_ends(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, NULL) == 0)
		pthread_join(thread, NULL);
}

static void memory_comes_and_goes(void)
{
	size_t len = 300 * 4096;
	char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t at = 0; at < len; at += 4096)
		memory[at] = 1;
	mprotect(memory + 4096 * 7, 4096 * 9, PROT_READ);
	madvise(memory, 4096 * 20, MADV_DONTNEED);
	munmap(memory + 4096 * 100, 4096 * 100);
	munmap(memory, len);
}

static void files_and_pipes(void)
{
	char name[64], byte = 'x';
	int fds[2], fd;

	snprintf(name, sizeof(name), "/tmp/leak-%d", getpid());
	fd = open(name, O_RDWR | O_CREAT, 0600);
	if (write(fd, self, sizeof(self)) < 0 || ftruncate(fd, 1 << 20) || pipe(fds))
		_exit(1);
	if (write(fds[1], &byte, 1) != 1 || read(fds[0], &byte, 1) != 1)
		_exit(1);
	close(fds[0]);
	close(fds[1]);
	close(fd);
	unlink(name);
}

/* Large contents die on a kernel thread: what it still has to do is waited for. */
static void test(const char *name, void (*once)(void), int rounds)
{
	static char before[16384], after[16384];
	struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	int same = 0;

	memset(after, 1, sizeof(after)); /* its frames are this program's own */
	for (int i = 0; i < 50; i++)
		once();
	nanosleep(&pause, NULL);
	snapshot(before, sizeof(before));
	for (int i = 0; i < rounds; i++)
		once();
	for (int tries = 0; tries < 200 && !same; tries++) {
		snapshot(after, sizeof(after));
		same = !strcmp(before, after);
		if (!same)
			nanosleep(&pause, NULL);
	}
	printf("%s %d - %d x %s\n", same ? "ok" : "not ok", ++nr_tests, rounds, name);
	if (!same)
		print_differences(before, after);
	nr_failed += !same;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--nothing"))
		return 0;
	if (argc > 1)
		nr_rounds = atoi(argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	test("fork, exit, wait", child_exits, nr_rounds);
	test("fork, exec, exit, wait", fork_and_exec, nr_rounds);
	test("vfork, exec, exit, wait", child_runs_a_program, nr_rounds);
	test("thread create, join", thread_ends, nr_rounds);
	test("mmap, touch, mprotect, munmap", memory_comes_and_goes, nr_rounds / 10);
	test("files and pipes", files_and_pipes, nr_rounds);
	printf("1..%d\n", nr_tests);
	return nr_failed ? 1 : 0;
}
