/*
 * Our own mistakes. assert() is always compiled in; a failure stops every CPU, prints
 * registers and symbolised backtraces, and ends the machine with a non-zero status.
 */
#ifndef KERN_ASSERT_H
#define KERN_ASSERT_H

#include <kern/types.h>

/*
 * Stops the machine with a message (printf format). Context: any, NMI included. Supplied by
 * init/panic.c in the kernel and by arch/host in tests (where it aborts or is caught).
 */
NORETURN COLD PRINTF(3, 4) void panic_at(const char *file, int line, const char *format, ...);

#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)

#define assert(fact)                                                                 \
	do {                                                                         \
		if (unlikely(!(fact)))                                               \
			panic_at(__FILE__, __LINE__, "assertion failed: %s", #fact); \
	} while (0)

/* With the facts that matter printed: assert_msg(n > 0, "count of mm %p left zero", mm). */
#define assert_msg(fact, ...)                                      \
	do {                                                       \
		if (unlikely(!(fact)))                             \
			panic_at(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

/* Checks that cost: LODGER_DEBUG is 1 in debug builds (mk/config.mk), 0 otherwise. */
#ifndef LODGER_DEBUG
#define LODGER_DEBUG 0
#endif
#define debug_assert(fact)            \
	do {                          \
		if (LODGER_DEBUG)     \
			assert(fact); \
	} while (0)

#endif
