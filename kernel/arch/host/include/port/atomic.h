/*
 * Shared memory on the host. Every access is a call, so that an explorer can stand in for the
 * memory system: host_memory holds the functions that perform them, and the plain ones
 * (machine/memory.c) are a choice point and the compiler's builtin. Values travel as 64-bit words.
 */
#ifndef PORT_ATOMIC_H
#define PORT_ATOMIC_H

#include <kern/types.h>

struct host_memory_ops {
	uint64_t (*load)(const volatile void *p, unsigned size, int order);
	void (*store)(volatile void *p, unsigned size, uint64_t v, int order);
	uint64_t (*exchange)(volatile void *p, unsigned size, uint64_t v, int order);
	/* *old is what was there; true: it was expect. */
	bool (*cmpxchg)(volatile void *p, unsigned size, uint64_t expect, uint64_t v, uint64_t *old,
			int order);
	uint64_t (*fetch_add)(volatile void *p, unsigned size, uint64_t v, int order);
	uint64_t (*fetch_and)(volatile void *p, unsigned size, uint64_t v, int order);
	uint64_t (*fetch_or)(volatile void *p, unsigned size, uint64_t v, int order);
	void (*fence)(int order);
};
extern struct host_memory_ops host_memory;

/* A scalar or pointer as a word, and back (a result that nobody uses is no reason to warn). */
#define HOST_WORD(v) ((uint64_t)(v))
#define HOST_SCALAR(p, w)                                              \
	({                                                             \
		__typeof__(*(p)) host_scalar_ = (__typeof__(*(p)))(w); \
		host_scalar_;                                          \
	})
/* What v is when it has been stored in *p: narrowed, then widened. */
#define HOST_STORED(p, v)                            \
	({                                           \
		__typeof__(*(p)) host_stored_ = (v); \
		HOST_WORD(host_stored_);             \
	})

#define port_atomic_load(p, order)     HOST_SCALAR(p, host_memory.load(p, sizeof(*(p)), order))
#define port_atomic_store(p, v, order) host_memory.store(p, sizeof(*(p)), HOST_STORED(p, v), order)
#define port_atomic_exchange(p, v, order) \
	HOST_SCALAR(p, host_memory.exchange(p, sizeof(*(p)), HOST_STORED(p, v), order))
#define port_atomic_cmpxchg(p, expect_ptr, v, order)                                        \
	({                                                                                  \
		uint64_t host_old_;                                                         \
		bool host_done_ =                                                           \
			host_memory.cmpxchg(p, sizeof(*(p)), HOST_STORED(p, *(expect_ptr)), \
					    HOST_STORED(p, v), &host_old_, order);          \
		if (!host_done_)                                                            \
			*(expect_ptr) = HOST_SCALAR(p, host_old_);                          \
		host_done_;                                                                 \
	})
#define port_atomic_fetch_add(p, v, order) \
	HOST_SCALAR(p, host_memory.fetch_add(p, sizeof(*(p)), (uint64_t)(v), order))
#define port_atomic_fetch_and(p, v, order) \
	HOST_SCALAR(p, host_memory.fetch_and(p, sizeof(*(p)), (uint64_t)(v), order))
#define port_atomic_fetch_or(p, v, order) \
	HOST_SCALAR(p, host_memory.fetch_or(p, sizeof(*(p)), (uint64_t)(v), order))
#define port_fence(order) host_memory.fence(order)

#endif
