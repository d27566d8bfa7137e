/*
 * Only for Lodger: what a program may try, the kernel must survive. Every system call gets every kind of
 * bad pointer in every argument; a fork bomb goes off; and afterwards processes, memory and files still
 * work. (As root on a host some of these calls would find something to break.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NR_CALLS = 470 };
static int nr_tests, nr_failed;

static void ok(int fact, const char *what)
{
	printf("%s %d - %s\n", fact ? "ok" : "not ok", ++nr_tests, what);
	nr_failed += !fact;
}

/* Calls that do what they say whatever their arguments are: they end the caller or the machine. */
static int is_left_out(long nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_reboot || nr == SYS_rt_sigreturn;
}

static uintptr_t pointers[12];
static int nr_pointers;

static void make_pointers(void)
{
	char *page =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + 2 * 4096, 4096);
	mprotect(page + 4096, 4096, PROT_READ);
	memset(page, 0xff, 4096);
	pointers[nr_pointers++] = 0;
	pointers[nr_pointers++] = 1;
	pointers[nr_pointers++] = (uintptr_t)page;	      /* garbage, then read-only */
	pointers[nr_pointers++] = (uintptr_t)page + 4096 - 3; /* across into read-only */
	pointers[nr_pointers++] = (uintptr_t)page + 8192 - 5; /* across into nothing */
	pointers[nr_pointers++] = (uintptr_t)page + 8192;     /* nothing */
	pointers[nr_pointers++] = 0x00007fffffffefff;	      /* the end of user space */
	pointers[nr_pointers++] = 0x00007ffffffff000;
	pointers[nr_pointers++] = 0x0000800000000000; /* not canonical */
	pointers[nr_pointers++] = 0xffff800000100000; /* the kernel's memory */
	pointers[nr_pointers++] = 0xffffffff80100000; /* the kernel's text */
	pointers[nr_pointers++] = UINTPTR_MAX;
}

/* As root: calls that would signal everybody, this program too. */
static int is_for_all(long nr)
{
	return nr == SYS_kill || nr == SYS_tkill || nr == SYS_tgkill || nr == SYS_rt_sigqueueinfo ||
	       nr == SYS_rt_tgsigqueueinfo;
}

/* In a process of its own: one call with one pointer in all arguments, then in one at a time. */
static void try_call(long nr, uintptr_t p, int as_root)
{
	struct rlimit limit = {1, 1};
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (!as_root && setuid(1000))
		_exit(1);

	setpgid(0, 0);
	setrlimit(RLIMIT_CPU, &limit);
	alarm(1);
	syscall(nr, p, p, p, p, p, p);
	for (int i = 0; i < 6; i++) {
		uintptr_t a[6] = {1, 1, 1, 1, 1, 1};

		a[i] = p;
		syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	_exit(0);
}

/* The child stands in a process group of its own; whatever it started goes with it. */
static void reap(pid_t pid)
{
	struct timespec pause = {.tv_nsec = 1000 * 1000};

	for (int tries = 0; waitpid(pid, NULL, WNOHANG) == 0; tries++) {
		if (tries > 50)
			kill(-pid, SIGKILL);
		nanosleep(&pause, NULL);
	}
	kill(-pid, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void test_pointers(int as_root)
{
	int nr_tried = 0, nr_calls = 0;

	for (long nr = 0; nr < NR_CALLS; nr++) {
		if (is_left_out(nr) || (as_root && is_for_all(nr)))
			continue;
		nr_calls++;
		for (int i = 0; i < nr_pointers; i++) {
			pid_t pid = fork();

			if (pid == 0)
				try_call(nr, pointers[i], as_root);
			if (pid > 0)
				reap(pid);
			nr_tried += pid > 0;
		}
	}
	ok(nr_calls > NR_CALLS - 12 && nr_tried == nr_calls * nr_pointers,
	   as_root ? "every system call with every bad pointer, as root"
		   : "every system call with every bad pointer, as a user");
}

static void bomb(void)
{
	setpgid(0, 0);
	for (;;)
		if (fork() < 0)
			sched_yield();
}

static void test_fork_bomb(void)
{
	struct timespec pause = {.tv_nsec = 300 * 1000 * 1000};
	struct rlimit limit = {400, 400};
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_NPROC, &limit);
		if (setuid(1000))
			_exit(1);
		bomb();
	}
	nanosleep(&pause, NULL);
	do
		kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) == 0);
	/* The others are orphans, which init reaps; none may be left to signal. */
	for (int tries = 0; tries < 2000 && kill(-pid, SIGKILL) == 0; tries++)
		nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
	ok(kill(-pid, 0) < 0 && errno == ESRCH, "a fork bomb is put out");
}

static void test_afterwards(void)
{
	char *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FILE *file = fopen("/tmp/after", "w");
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "processes work");
	memset(memory, 5, 1 << 20);
	ok(memory[(1 << 20) - 1] == 5, "memory works");
	ok(file && fputs("x", file) >= 0 && fclose(file) == 0, "files work");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_pointers();
	test_pointers(0);
	test_pointers(1);
	test_fork_bomb();
	test_afterwards();
	printf("1..%d\n", nr_tests);
	return nr_failed ? 1 : 0;
}
