/* The operating system under the host port: memory, output, the end of the process. */
#define _GNU_SOURCE
#include "os.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_copy;

static void *map(void *address, size_t len, int protection, int flags)
{
	void *p = mmap(address, len, protection,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		abort();
	}
	return p;
}

void *os_map(size_t len)
{
	return map(NULL, len, PROT_READ | PROT_WRITE, 0);
}

void *os_reserve(size_t len)
{
	return map(NULL, len, PROT_NONE, 0);
}

void os_commit(void *address, size_t len)
{
	map(address, len, PROT_READ | PROT_WRITE, MAP_FIXED);
}

void os_decommit(void *address, size_t len)
{
	map(address, len, PROT_NONE, MAP_FIXED);
}

void os_write_error(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, text, len);
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

void os_exit(int status)
{
	if (is_copy)
		_exit(status);
	exit(status);
}

void os_abort(void)
{
	if (is_copy)
		_exit(66);
	abort();
}

void os_stack(char **lowest, size_t *len)
{
	pthread_attr_t attributes;
	void *address;

	if (pthread_getattr_np(pthread_self(), &attributes) ||
	    pthread_attr_getstack(&attributes, &address, len))
		abort();
	pthread_attr_destroy(&attributes);
	*lowest = address;
}

unsigned os_backtrace(uintptr_t *addresses, unsigned max)
{
	int n = backtrace((void **)addresses, (int)max);

	return n > 0 ? (unsigned)n : 0;
}

void os_backtrace_print(void)
{
	void *addresses[32];
	int n = backtrace(addresses, 32);

	backtrace_symbols_fd(addresses, n, STDERR_FILENO);
}

bool os_run_in_copy(int *status, char *text, size_t size)
{
	int ends[2];
	size_t len = 0;
	ssize_t n;

	fflush(NULL);
	if (pipe(ends))
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		is_copy = true;
		/* The test runner would take a crash of the copy for the end of its own test. */
		for (int number = 1; number < 32; number++)
			signal(number, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		return true;
	}
	close(ends[1]);
	while ((n = read(ends[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	/* What does not fit is read all the same: the copy must not wait for room. */
	char rest[256];
	while (read(ends[0], rest, sizeof(rest)) > 0)
		;
	text[len] = '\0';
	close(ends[0]);
	if (pid < 0 || waitpid(pid, status, 0) != pid)
		abort();
	return false;
}

/* Address sanitizer: our fibres are not its threads, and what a test leaves to the end of the
 * process is none of its business: the tests count the kernel's own objects. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=0:handle_abort=0";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1:halt_on_error=1";
}
