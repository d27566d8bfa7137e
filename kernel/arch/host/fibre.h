/* Fibres: stacks that one thread of the host runs in turn. */
#ifndef HOST_FIBRE_H
#define HOST_FIBRE_H

#include <kern/types.h>

struct host_fibre {
	void *sp;    /* while it does not run */
	char *stack; /* lowest usable byte */
	size_t stack_len;
	void *fake_stack; /* the address sanitizer's */
	void (*fn)(void *arg);
	void *arg;
	bool is_original; /* the thread's own stack */
};

/* fn must not return. The stack has a guard below it. */
struct host_fibre *host_fibre_create(void (*fn)(void *arg), void *arg);
/* One that does not run and never will again. */
void host_fibre_destroy(struct host_fibre *fibre);
/* The fibre that the program started on. */
struct host_fibre *host_fibre_original(void);

void host_fibre_switch(struct host_fibre *from, struct host_fibre *to);

#endif
