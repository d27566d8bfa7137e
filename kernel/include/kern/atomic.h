/*
 * Shared memory outside locks: every access names its order. Both sides of a pairing name each
 * other in a comment. Fields stay plain scalars marked [atomic]; only these macros touch them.
 */
#ifndef KERN_ATOMIC_H
#define KERN_ATOMIC_H

#include <kern/types.h>
#include <arch/atomic.h>

#define atomic_load_relaxed(p) port_atomic_load(p, __ATOMIC_RELAXED)
#define atomic_load_acquire(p) port_atomic_load(p, __ATOMIC_ACQUIRE)
#define atomic_load_seqcst(p)  port_atomic_load(p, __ATOMIC_SEQ_CST)

#define atomic_store_relaxed(p, v) port_atomic_store(p, v, __ATOMIC_RELAXED)
#define atomic_store_release(p, v) port_atomic_store(p, v, __ATOMIC_RELEASE)
#define atomic_store_seqcst(p, v)  port_atomic_store(p, v, __ATOMIC_SEQ_CST)

/* Each returns the value before. */
#define atomic_exchange_relaxed(p, v)  port_atomic_exchange(p, v, __ATOMIC_RELAXED)
#define atomic_exchange_acquire(p, v)  port_atomic_exchange(p, v, __ATOMIC_ACQUIRE)
#define atomic_exchange_acqrel(p, v)   port_atomic_exchange(p, v, __ATOMIC_ACQ_REL)
#define atomic_fetch_add_relaxed(p, v) port_atomic_fetch_add(p, v, __ATOMIC_RELAXED)
#define atomic_fetch_add_acqrel(p, v)  port_atomic_fetch_add(p, v, __ATOMIC_ACQ_REL)
#define atomic_fetch_add_seqcst(p, v)  port_atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_or_relaxed(p, v)  port_atomic_fetch_or(p, v, __ATOMIC_RELAXED)
#define atomic_fetch_or_acqrel(p, v)   port_atomic_fetch_or(p, v, __ATOMIC_ACQ_REL)
#define atomic_fetch_or_seqcst(p, v)   port_atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_and_relaxed(p, v) port_atomic_fetch_and(p, v, __ATOMIC_RELAXED)
#define atomic_fetch_and_acqrel(p, v)  port_atomic_fetch_and(p, v, __ATOMIC_ACQ_REL)
#define atomic_fetch_and_seqcst(p, v)  port_atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)

/* true: *p was *expect_ptr and is now v. false: *expect_ptr is what *p holds. */
#define atomic_cmpxchg_relaxed(p, expect_ptr, v) \
	port_atomic_cmpxchg(p, expect_ptr, v, __ATOMIC_RELAXED)
#define atomic_cmpxchg_acquire(p, expect_ptr, v) \
	port_atomic_cmpxchg(p, expect_ptr, v, __ATOMIC_ACQUIRE)
#define atomic_cmpxchg_acqrel(p, expect_ptr, v) \
	port_atomic_cmpxchg(p, expect_ptr, v, __ATOMIC_ACQ_REL)

#define atomic_fence_acquire() port_fence(__ATOMIC_ACQUIRE)
#define atomic_fence_release() port_fence(__ATOMIC_RELEASE)
#define atomic_fence_seqcst()  port_fence(__ATOMIC_SEQ_CST)

/*
 * A count of references. It starts at n > 0, never leaves 0, and asserts on every misuse (I11).
 */
struct refcount {
	int32_t n; /* [atomic] */
};

static inline void refcount_init(struct refcount *r, int32_t n)
{
	atomic_store_relaxed(&r->n, n);
}
static inline int32_t refcount_read(const struct refcount *r)
{
	return atomic_load_relaxed(&r->n);
}

/* What the inlines below call on misuse: a count that was not positive. */
NORETURN COLD void refcount_misuse(const struct refcount *r, int32_t old, const char *verb);

/* One more, by somebody who holds one. Relaxed is enough: the holder's own reference orders it. */
static inline void refcount_get(struct refcount *r)
{
	int32_t old = atomic_fetch_add_relaxed(&r->n, 1);

	if (unlikely(old <= 0))
		refcount_misuse(r, old, "get");
}

/* One more unless it is 0; false then. Acquire on success. */
MUST_USE bool refcount_tryget(struct refcount *r);

/* One less; true if it was the last: then all earlier puts happened before. Release, and acquire
 * on true. */
MUST_USE static inline bool refcount_put(struct refcount *r)
{
	int32_t old = atomic_fetch_add_acqrel(&r->n, -1);

	if (unlikely(old <= 0))
		refcount_misuse(r, old, "put");
	return old == 1;
}

#endif
