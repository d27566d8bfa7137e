/* What goes into the machine: the initramfs with the program, its files and init's instructions. */
#ifndef CLI_GUEST_H
#define CLI_GUEST_H

#include <stdbool.h>

#include "options.h"

struct guest {
	int initrd_fd;
	uint64_t initrd_len;
	bool uses_tty;
	bool has_input; /* standard input is to be carried as a stream */
};

/* A file that belongs to the command (the kernel, init): beside it, or where it is installed.
 * NULL: it is not there. */
char *lodger_file(const char *name);

/* Builds the guest for argv (NULL-terminated; empty: an interactive shell). Looks at the
 * descriptors 0 to 2 to learn what they are. Ends the command when the program cannot run. */
void guest_build(const struct options *options, char **argv, struct guest *guest);

#endif
