/* What goes into the machine: the initramfs with the program, its files and init's instructions. */
#ifndef CLI_GUEST_H
#define CLI_GUEST_H

#include <stdbool.h>

#include "options.h"

enum guest_stream {
	GUEST_NULL,   /* /dev/null */
	GUEST_STREAM, /* carried byte for byte */
	GUEST_TTY,    /* the terminal; input at least is one then */
};

struct guest {
	enum guest_stream streams[3]; /* what descriptors 0 to 2 are in the guest */
	int output_fd;		      /* where its standard output goes here */
	int initrd_fd;
	uint64_t initrd_len;
};

/* The streams are what the command's own descriptors are. */
void guest_look_at_streams(struct guest *guest);

/* A file that belongs to the command (the kernel, init): beside it, or where it is installed.
 * NULL: it is not there. */
char *lodger_file(const char *name);

/* Builds the initramfs for argv (NULL-terminated; empty: a shell). Ends the command when the program
 * cannot run. */
void guest_build(const struct options *options, char **argv, struct guest *guest);

#endif
