/*
 * Unit tests: programs of the host that link the kernel's portable files through arch/host. How to
 * write one: docs/testing.md.
 *
 * Include this first. Of the C library only string.h may come with it: others bring structs that the
 * kernel has too (timespec, stat, ...).
 */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <kern/types.h>
#include <host/machine.h>

/* A test, named for the behaviour. It registers itself. */
#define TEST(behaviour) TEST_WITH(behaviour, NULL, NULL)

/*
 * The same with a machine: 64 MiB of RAM, page frames and object caches set up (once for the whole
 * program). After the test, free frames and live objects must be what they were before it.
 */
#define MACHINE_TEST(behaviour) TEST_WITH(behaviour, machine_setup, machine_teardown)

#define TEST_WITH(behaviour, before, after)                                                 \
	static void behaviour(void **state);                                                \
	static struct test behaviour##_test = {#behaviour, behaviour, before, after, NULL}; \
	static __attribute__((constructor)) void behaviour##_register(void)                 \
	{                                                                                   \
		test_register(&behaviour##_test);                                           \
	}                                                                                   \
	static void behaviour(UNUSED void **state)

struct test {
	const char *name;
	void (*fn)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
	struct test *next;
};

void test_register(struct test *test);
int machine_setup(void **state);
int machine_teardown(void **state);

/* A test program may define it: called once, when the machine is up and before the first baseline. */
void test_machine_ready(void);

/*
 * Runs scenario with the first allocation failing, then the second, and so on, until it has run with
 * none failing; each time nothing may be left over. The scenario undoes whatever it did, whether it
 * was let down or not. Returns how many runs met a failure.
 */
unsigned test_each_allocation_failing(void (*scenario)(void));

#endif
