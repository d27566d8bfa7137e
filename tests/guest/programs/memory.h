/* What the tests of address spaces share: checks that end a test, memory, and the signal that an access gets. */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tap.h"

/* Each test is a process of its own: the first fact that does not hold ends it. */
#define CHECK(fact)                                                                           \
	do {                                                                                  \
		if (!(fact)) {                                                                \
			printf("# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #fact, errno); \
			fflush(stdout);                                                       \
			_exit(1);                                                             \
		}                                                                             \
	} while (0)
/* The call fails with that errno. */
#define CHECK_ERRNO(call, wanted) CHECK((errno = 0, (long)(call) == -1 && errno == (wanted)))

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PAGE 4096UL

static inline char *map(size_t pages, int prot, int flags)
{
	char *p = mmap(NULL, pages * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static inline char *map_private(size_t pages)
{
	return map(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

/* A file that is gone when it is closed. */
static inline int temp_file(void)
{
	char name[] = "/tmp/lodger-test-XXXXXX";
	int fd = mkstemp(name);

	CHECK(fd >= 0);
	unlink(name);
	return fd;
}

/* ---- the signal that an access gets: 0 none ------------------------------------------------------ */

static sigjmp_buf jump;
static volatile sig_atomic_t caught_code;
static void *volatile caught_address;

static inline void on_fault(int signal, siginfo_t *info, void *unused)
{
	(void)unused;
	caught_code = info->si_code;
	caught_address = info->si_addr;
	siglongjmp(jump, signal);
}

static inline void catch_faults(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
	CHECK(sigaction(SIGBUS, &action, NULL) == 0);
}

static inline int read_signal(const volatile char *p)
{
	int signal = sigsetjmp(jump, 1);

	if (!signal)
		(void)*p;
	return signal;
}

static inline int write_signal(volatile char *p)
{
	int signal = sigsetjmp(jump, 1);

	if (!signal)
		*p = 1;
	return signal;
}

struct memory_test {
	const char *name;
	int (*fn)(void);
};

/* Runs each in a process of its own. */
static inline int run_tests(const struct memory_test *tests, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		ok(exited(run(tests[i].fn), 0), "%s", tests[i].name);
	return tap_end();
}

#endif
