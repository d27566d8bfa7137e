/* Births and deaths of processes. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { BIG_LEN = 64 << 20 };

static char *big;

static void process_wait(pid_t pid)
{
	int status;

	if (pid < 0)
		bench_fail("fork");
	if (waitpid(pid, &status, 0) != pid || status != 0)
		bench_fail("wait");
}

static void exec_self(void)
{
	char *argv[] = {(char *)"bench", (char *)"--exit", NULL};
	char *envp[] = {NULL};

	execve(self_path, argv, envp);
	_exit(1);
}

static void exec_shell(void)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)":", NULL};
	char *envp[] = {NULL};

	execve("/bin/sh", argv, envp);
	_exit(1);
}

static uint64_t run_fork(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		process_wait(pid);
	}
	return clock_ns() - start;
}

static uint64_t run_fork_exec(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			exec_self();
		process_wait(pid);
	}
	return clock_ns() - start;
}

static void vfork_exec(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		exec_self();
	process_wait(pid);
}

static uint64_t run_vfork_exec(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--)
		vfork_exec();
	return clock_ns() - start;
}

static uint64_t run_shell(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			exec_shell();
		process_wait(pid);
	}
	return clock_ns() - start;
}

static void big_set_up(void)
{
	pin_to_cpu(0);
	big = mmap(NULL, BIG_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (big == MAP_FAILED)
		bench_fail("mmap");
	memset(big, 1, BIG_LEN);
}

static void big_tear_down(void)
{
	munmap(big, BIG_LEN);
}

static void one_cpu(void)
{
	pin_to_cpu(0);
}

const struct bench process_benches[] = {
	{.name = "fork", .set_up = one_cpu, .run = run_fork},
	{.name = "fork-64m",
	 .set_up = big_set_up,
	 .tear_down = big_tear_down,
	 .run = run_fork,
	 .max_n = 4},
	{.name = "fork-exec", .set_up = one_cpu, .run = run_fork_exec},
	{.name = "vfork-exec", .set_up = one_cpu, .run = run_vfork_exec},
	{.name = "shell", .set_up = one_cpu, .run = run_shell, .max_n = 32},
	{.name = NULL},
};
