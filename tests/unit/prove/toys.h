/* Small concurrent programs whose answers are known: what the engine is tested with. */
#ifndef TOYS_H
#define TOYS_H

#include <engine.h>

/* The threads are in toys.c, compiled as the code under test is. */
struct toy {
	const char *name;
	unsigned nr_agents;
	void (*setup)(void);
	void (*threads[3])(void *);
	bool fails;	     /* with sequential consistency */
	bool fails_buffered; /* with store buffers */
};
extern const struct toy toys[];
extern const unsigned nr_toys;

void toy_enter(unsigned who); /* a critical section that two are not to be in */
void toy_leave(unsigned who);
void toy_fail(const char *why);
void toy_interrupt(void); /* what the event of a toy does */

#endif
