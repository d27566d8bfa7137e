/* One run of the machine from start to end, for every verb that has one. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "guest.h"
#include "options.h"
#include "relay.h"

/* Runs argv (NULL-terminated; empty: a shell) in a machine as options say. guest: its streams are set;
 * the rest is filled in. What is missing in options (the kernel) is filled in too. */
void session_run(struct options *options, char **argv, struct guest *guest,
		 struct relay_result *result);
/* What came of it as the command's exit code; says what there is to say. program: for messages. */
int session_code(const struct options *options, const char *program,
		 const struct relay_result *result);

#endif
