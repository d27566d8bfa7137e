/*
 * Which shared libraries a program needs, found as its dynamic linker finds them (ld.so(8)), by
 * reading ELF files: nothing is executed.
 */
#ifndef CLI_LIBS_H
#define CLI_LIBS_H

#include <stdbool.h>

#include "tree.h"

struct libs {
	struct tree *tree;
	const char *library_path; /* LD_LIBRARY_PATH as the guest will see it; NULL: none */
	struct lib_object *objects, *last; /* everything that has been looked at */
	bool needs_cache;		   /* something was found only through /etc/ld.so.cache */
};

/* A name that was not found, by whom it is wanted. */
typedef void (*libs_missing_fn)(void *context, const char *name, const char *wanted_by);

void libs_init(struct libs *libs, struct tree *tree, const char *library_path);
/*
 * Adds what the ELF file at an absolute host path needs: interpreter and libraries, transitively;
 * the file itself is in the tree already. A file that is no ELF needs nothing.
 */
void libs_add(struct libs *libs, const char *path, libs_missing_fn missing, void *context);

#endif
