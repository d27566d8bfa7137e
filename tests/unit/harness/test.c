/* The list of a program's tests, and main. */
#include "test.h"
#include <string.h>
#include <kern/assert.h>

enum { MAX_TESTS = 256 };

static struct test *first, **last = &first;

void test_register(struct test *test)
{
	*last = test;
	last = &test->next;
}

static void fail_test(const char *message, const char *file, int line)
{
	print_error("%s\n", message);
	_fail(file, line);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[MAX_TESTS];
	size_t nr = 0;

	host_fail = fail_test;
	host_cpus_init();
	for (struct test *test = first; test; test = test->next) {
		assert(nr < MAX_TESTS);
		if (argc > 1 && strcmp(argv[1], test->name) != 0)
			continue;
		tests[nr++] = (struct CMUnitTest){test->name, test->fn, test->setup, test->teardown,
						  NULL};
	}
	return _cmocka_run_group_tests(argv[0], tests, nr, NULL, NULL);
}
