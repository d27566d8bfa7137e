/*
 * Only for Lodger: a program that eats all memory dies, whoever else is there goes on with what he has.
 * (A Linux host has far more memory than a test should take.)
 */
#define _GNU_SOURCE
#include "memory.h"

enum { MINE = 256 };

/* Mostly by itself, now and then through the kernel, which reads a pipe into the memory. */
static int eat(void)
{
	char *p = mmap(NULL, 1UL << 40, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fds[2];

	CHECK(p != MAP_FAILED && pipe(fds) == 0);
	for (size_t i = 0;; i += PAGE) {
		p[i] = 1;
		i += PAGE;
		if (i / PAGE % 8 == 1 &&
		    (write(fds[1], "x", 1) != 1 || read(fds[0], p + i, 1) != 1))
			return errno;
	}
}

int main(void)
{
	char *mine = map_private(MINE);
	unsigned damaged = 0;

	memset(mine, 'm', MINE * PAGE);
	ok(killed(run(eat), SIGKILL), "the eater is killed");
	for (size_t i = 0; i < MINE * PAGE; i += 512)
		if (mine[i] != 'm')
			damaged++;
	ok(damaged == 0, "what others had is theirs");
	mine = map_private(MINE);
	memset(mine, 'n', MINE * PAGE);
	ok(mine[MINE * PAGE - 1] == 'n', "there is memory again");
	return tap_end();
}
