/*
 * The few words that guest tests are written in: TAP lines on standard output. The same binaries run
 * on the host's Linux, which is the oracle.
 */
#ifndef GUEST_TAP_H
#define GUEST_TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int tap_nr, tap_failed;

#define ok(condition, ...)                                                                 \
	do {                                                                               \
		bool tap_good_ = (condition);                                              \
		int tap_errno_ = errno;                                                    \
		printf("%s %d - ", tap_good_ ? "ok" : "not ok", ++tap_nr);                 \
		printf(__VA_ARGS__);                                                       \
		printf("\n");                                                              \
		if (!tap_good_) {                                                          \
			tap_failed++;                                                      \
			printf("# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, \
			       tap_errno_);                                                \
		}                                                                          \
		fflush(stdout);                                                            \
	} while (0)

static inline int tap_end(void)
{
	printf("1..%d\n", tap_nr);
	fflush(stdout);
	return tap_failed ? 1 : 0;
}

/* Forks; the child runs fn and exits with what it returns. */
static inline pid_t spawn(int (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	return pid;
}

/* Wait status of a child. */
static inline int reap(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static inline int run(int (*fn)(void))
{
	return reap(spawn(fn));
}

static inline bool exited(int status, int code)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

static inline bool killed(int status, int signal)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

#endif
