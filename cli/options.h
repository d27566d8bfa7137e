/* The options of `lodger run`, which other verbs take as well. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

#include "machine.h"

struct options {
	struct machine_options machine; /* kernel NULL: the one beside the command; type NULL: the
					 * one that suits the kernel */
	char **adds;			/* HOST[:GUEST] */
	char **envs;			/* NAME=VALUE */
	unsigned nr_adds, nr_envs;
	double timeout; /* seconds; 0: none */
	bool wants_help;
};

/* An option that one verb has beside run's; the list ends with a NULL name. */
struct verb_option {
	const char *name;
	bool takes_value;
	void (*take)(const char *value); /* NULL value: it takes none */
};

/* Parses argv[1..], argv[0] being the verb; returns the index of the first word that is no option.
 * extra: more options, or NULL. Wrong use ends the command. */
int options_parse(int argc, char **argv, const struct verb_option *extra, struct options *options);

#endif
