/* Shared memory accesses: the compiler's builtins, which know this machine's ordering (SDM vol. 3,
 * 9.2: only a later load may pass an earlier store). */
#ifndef PORT_ATOMIC_H
#define PORT_ATOMIC_H

#define port_atomic_load(p, order)	  __atomic_load_n(p, order)
#define port_atomic_store(p, v, order)	  __atomic_store_n(p, v, order)
#define port_atomic_exchange(p, v, order) __atomic_exchange_n(p, v, order)
#define port_atomic_cmpxchg(p, expect_ptr, v, order)                                 \
	__atomic_compare_exchange_n(p, expect_ptr, v, false, order,                  \
				    (order) == __ATOMIC_ACQ_REL	  ? __ATOMIC_ACQUIRE \
				    : (order) == __ATOMIC_RELEASE ? __ATOMIC_RELAXED \
								  : (order))
#define port_atomic_fetch_add(p, v, order) __atomic_fetch_add(p, v, order)
#define port_atomic_fetch_and(p, v, order) __atomic_fetch_and(p, v, order)
#define port_atomic_fetch_or(p, v, order)  __atomic_fetch_or(p, v, order)
#define port_fence(order)		   __atomic_thread_fence(order)

#endif
