/* The verbs of the command. Each gets its own argv (argv[0] is the verb) and returns the exit code.
 */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include <stdbool.h>

#define LODGER_VERSION "0.1"

int verb_run(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_prove(int argc, char **argv);
int verb_help(int argc, char **argv);

/* Prints the help of a verb (NULL: the overview); false: there is no such verb. */
bool help_print(const char *verb);

#endif
