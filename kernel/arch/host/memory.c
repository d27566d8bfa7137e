/*
 * The plain memory system: each access is a choice point, then the compiler's builtin. An explorer
 * replaces host_memory to give stores a buffer.
 */
#include <arch/atomic.h>
#include <host/point.h>

void (*host_point_hook)(enum host_point kind, const volatile void *address);

/* Accesses are made sequentially consistent whatever was asked for: one thread runs all CPUs. */
#define BY_SIZE(size, access8, access4, access2, access1) \
	((size) == 8 ? (access8) : (size) == 4 ? (access4) : (size) == 2 ? (access2) : (access1))

#define P(bits) ((volatile uint##bits##_t *)p)

static uint64_t plain_load(const volatile void *address, unsigned size, int order)
{
	volatile void *p = (volatile void *)address;

	host_choice_point(HOST_POINT_LOAD, p);
	return BY_SIZE(size, __atomic_load_n(P(64), __ATOMIC_SEQ_CST),
		       __atomic_load_n(P(32), __ATOMIC_SEQ_CST),
		       __atomic_load_n(P(16), __ATOMIC_SEQ_CST),
		       __atomic_load_n(P(8), __ATOMIC_SEQ_CST));
}

static void plain_store(volatile void *p, unsigned size, uint64_t v, int order)
{
	host_choice_point(HOST_POINT_STORE, p);
	switch (size) {
	case 8:
		__atomic_store_n(P(64), v, __ATOMIC_SEQ_CST);
		break;
	case 4:
		__atomic_store_n(P(32), (uint32_t)v, __ATOMIC_SEQ_CST);
		break;
	case 2:
		__atomic_store_n(P(16), (uint16_t)v, __ATOMIC_SEQ_CST);
		break;
	default:
		__atomic_store_n(P(8), (uint8_t)v, __ATOMIC_SEQ_CST);
		break;
	}
}

#define RMW(name, builtin)                                                                   \
	static uint64_t plain_##name(volatile void *p, unsigned size, uint64_t v, int order) \
	{                                                                                    \
		host_choice_point(HOST_POINT_RMW, p);                                        \
		return BY_SIZE(size, builtin(P(64), v, __ATOMIC_SEQ_CST),                    \
			       builtin(P(32), (uint32_t)v, __ATOMIC_SEQ_CST),                \
			       builtin(P(16), (uint16_t)v, __ATOMIC_SEQ_CST),                \
			       builtin(P(8), (uint8_t)v, __ATOMIC_SEQ_CST));                 \
	}

RMW(exchange, __atomic_exchange_n)
RMW(fetch_add, __atomic_fetch_add)
RMW(fetch_and, __atomic_fetch_and)
RMW(fetch_or, __atomic_fetch_or)

#define CMPXCHG(bits)                                                                        \
	{                                                                                    \
		uint##bits##_t was = (uint##bits##_t)expect;                                 \
		bool is_done =                                                               \
			__atomic_compare_exchange_n(P(bits), &was, (uint##bits##_t)v, false, \
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);     \
		*old = was;                                                                  \
		return is_done;                                                              \
	}

static bool plain_cmpxchg(volatile void *p, unsigned size, uint64_t expect, uint64_t v,
			  uint64_t *old, int order)
{
	host_choice_point(HOST_POINT_RMW, p);
	switch (size) {
	case 8:
		CMPXCHG(64)
	case 4:
		CMPXCHG(32)
	case 2:
		CMPXCHG(16)
	default:
		CMPXCHG(8)
	}
}

static void plain_fence(int order)
{
	host_choice_point(HOST_POINT_FENCE, NULL);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

struct host_memory_ops host_memory = {
	.load = plain_load,
	.store = plain_store,
	.exchange = plain_exchange,
	.cmpxchg = plain_cmpxchg,
	.fetch_add = plain_fetch_add,
	.fetch_and = plain_fetch_and,
	.fetch_or = plain_fetch_or,
	.fence = plain_fence,
};
