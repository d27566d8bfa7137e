/*
 * Choice points: the steps of the kernel's own code that another CPU, an interrupt or the memory
 * system could fall between. Every atomic access, interrupt flag change, root load, flush, IPI and
 * wait announces itself here before it takes effect.
 */
#ifndef HOST_POINT_H
#define HOST_POINT_H

#include <kern/types.h>

enum host_point {
	HOST_POINT_LOAD,
	HOST_POINT_STORE,
	HOST_POINT_RMW, /* exchange, compare-exchange, fetch-and-anything */
	HOST_POINT_FENCE,
	HOST_POINT_IRQ_OFF,
	HOST_POINT_IRQ_ON,
	HOST_POINT_RELAX, /* a spin loop: nothing will change unless another CPU runs */
	HOST_POINT_IDLE,  /* the same, until an interrupt */
	HOST_POINT_ROOT,
	HOST_POINT_FLUSH,
	HOST_POINT_WALK, /* the MMU fills its TLB */
	HOST_POINT_IPI,
	HOST_POINT_FREE, /* memory goes back to its allocator */
	NR_HOST_POINTS,
};

/* Who is asked at each point; NULL: nobody, one CPU runs straight through. */
extern void (*host_point_hook)(enum host_point kind, const volatile void *address);

static inline void host_choice_point(enum host_point kind, const volatile void *address)
{
	if (unlikely(host_point_hook))
		host_point_hook(kind, address);
}

#endif
