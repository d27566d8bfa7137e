/*
 * The port contract: one access to shared memory. kern/atomic.h gives them names with the order;
 * nothing else uses these. On hardware they are the compiler's builtins; arch/host can make each
 * one a choice point and give stores a buffer.
 *
 * port/atomic.h defines, for scalars of 1, 2, 4 or 8 bytes, order = an __ATOMIC_ constant:
 *	port_atomic_load(p, order)		port_atomic_store(p, v, order)
 *	port_atomic_exchange(p, v, order)	port_atomic_cmpxchg(p, expect_ptr, v, order) -> bool
 *	port_atomic_fetch_add(p, v, order)	port_atomic_fetch_and/or(p, v, order)
 *	port_fence(order)
 */
#ifndef ARCH_ATOMIC_H
#define ARCH_ATOMIC_H

#include <port/atomic.h>

#endif
