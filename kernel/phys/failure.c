/* Allocations that fail on request: tests set the counter, allocators ask. [atomic] */
#include "failure.h"

uint64_t alloc_failure_in; /* requests until the one that fails; 0: none will */
static bool has_failed;

void alloc_fail_nth(uint64_t n)
{
	atomic_store_relaxed(&has_failed, false);
	atomic_store_relaxed(&alloc_failure_in, n);
}

bool alloc_has_failed(void)
{
	return atomic_load_relaxed(&has_failed);
}

bool alloc_should_fail(void)
{
	uint64_t n = atomic_load_relaxed(&alloc_failure_in);

	do {
		if (!n)
			return false;
	} while (!atomic_cmpxchg_relaxed(&alloc_failure_in, &n, n - 1));
	if (n == 1)
		atomic_store_relaxed(&has_failed, true);
	return n == 1;
}
