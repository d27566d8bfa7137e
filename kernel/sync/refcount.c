/* Reference counts: the parts that are not inline. No state, no locks; any context may call. */
#include <kern/atomic.h>
#include <kern/assert.h>

void refcount_misuse(const struct refcount *r, int32_t old, const char *verb)
{
	panic("refcount %p: %s found %d, the object was dead (I11)", (const void *)r, verb, old);
}

bool refcount_tryget(struct refcount *r)
{
	int32_t n = atomic_load_relaxed(&r->n);

	do {
		if (unlikely(n < 0))
			refcount_misuse(r, n, "tryget");
		if (n == 0)
			return false;
	} while (!atomic_cmpxchg_acquire(&r->n, &n, n + 1));
	return true;
}
