/* The options of `lodger run`, which other verbs take as well. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

#include "machine.h"

struct options {
	struct machine_options machine; /* kernel NULL: the one beside the command */
	const char *accel;		/* auto, tcg, kvm */
	char **adds;			/* HOST[:GUEST] */
	char **envs;			/* NAME=VALUE */
	unsigned nr_adds, nr_envs;
	double timeout; /* seconds; 0: none */
	bool wants_help;
};

/* Parses argv[1..]; returns the index of the first word that is no option. Wrong use ends the
 * command. verb: for messages. */
int options_parse(const char *verb, int argc, char **argv, struct options *options);

#endif
