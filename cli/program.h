/*
 * Finds the program and all that it needs to run: `#!` interpreters, ELF interpreters, libraries,
 * and files that its arguments name.
 */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include "libs.h"

/* The absolute path of a program of the host, found as execvp(3) would; NULL: there is none.
 * error: why not (ENOENT, or EACCES if there is one that cannot be executed). */
char *program_find(const char *name, const char *cwd, int *error);

/* Adds the program at an absolute path with all it needs. Ends the command if that is impossible.
 */
void program_add(struct libs *libs, const char *path);
/* Adds what an extra file needs, where that can be found; the rest is reported. */
void program_add_needs(struct libs *libs, const char *path);
/* Adds those arguments that name regular files of the host (as they are, or behind `=`), and what
 * they need if they are programs. */
void program_add_arguments(struct libs *libs, char *const *arguments, const char *cwd);

#endif
