/*
 * The search of ld.so(8): DT_RPATH of the object and of those that loaded it (unless the object has
 * DT_RUNPATH), LD_LIBRARY_PATH, DT_RUNPATH, the cache, the default directories. musl's linker has
 * no cache and directories of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"
#include "ld_cache.h"
#include "libs.h"
#include "report.h"

static const char *const glibc_folders =
	"/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib";
static const char *const musl_folders = "/lib:/usr/local/lib:/usr/lib:/lib/x86_64-linux-musl";

struct lib_object {
	struct lib_object *next;
	struct lib_object *loader; /* who asked for it; NULL: a program */
	char *path;		   /* as the dynamic linker names it */
	char *origin;		   /* its directory */
	char *name;		   /* by which it was asked for, or its soname */
	struct elf_file elf;
};

struct search {
	struct libs *libs;
	bool is_musl;
	libs_missing_fn missing;
	void *context;
};

void libs_init(struct libs *libs, struct tree *tree, const char *library_path)
{
	memset(libs, 0, sizeof(*libs));
	libs->tree = tree;
	libs->library_path = library_path;
}

/* The value of the token that text begins with (`$ORIGIN`, `${LIB}`…) and its length; or NULL. */
static const char *token_value(const char *text, const char *origin, size_t *len)
{
	static const char *const names[] = {"ORIGIN", "LIB", "PLATFORM"};
	const char *const values[] = {origin, "lib/x86_64-linux-gnu", "x86_64"};
	bool is_braced = text[0] == '$' && text[1] == '{';

	for (size_t i = 0; text[0] == '$' && i < 3; i++) {
		size_t name_len = strlen(names[i]);

		if (!strncmp(text + 1 + is_braced, names[i], name_len)) {
			*len = 1 + name_len + 2 * (size_t)is_braced;
			return values[i];
		}
	}
	return NULL;
}

/* One directory of a search list, its tokens replaced; "" if it gets too long. */
static void folder_expand(const char *folder, size_t len, const char *origin, char *out,
			  size_t size)
{
	size_t used = 0, token_len;

	for (size_t i = 0; i < len;) {
		const char *value = token_value(folder + i, origin, &token_len);
		size_t n = value ? strlen(value) : 1;

		if (used + n + 1 > size) {
			used = 0;
			break;
		}
		memcpy(out + used, value ? value : folder + i, n);
		used += n;
		i += value ? token_len : 1;
	}
	out[used] = '\0';
}

/* Looks in a colon-separated list; the path that exists, to be freed, or NULL. */
static char *list_find(const char *list, const char *origin, const char *name)
{
	while (list && *list) {
		size_t len = strcspn(list, ":;");
		char folder[PATH_MAX];
		char *path;

		folder_expand(list, len, origin, folder, sizeof(folder));
		path = must_format("%s/%s", folder, name);
		if (folder[0] == '/' && access(path, R_OK) == 0)
			return path;
		free(path);
		list += len + (list[len] != '\0');
	}
	return NULL;
}

static char *library_find(struct search *search, const struct lib_object *wanted_by,
			  const char *name)
{
	char *path = NULL;

	if (strchr(name, '/'))
		return access(name, R_OK) == 0 ? must_copy(name) : NULL;
	if (!wanted_by->elf.runpath) {
		for (const struct lib_object *o = wanted_by; o && !path; o = o->loader)
			path = o->elf.runpath ? NULL : list_find(o->elf.rpath, o->origin, name);
	}
	if (!path)
		path = list_find(search->libs->library_path, wanted_by->origin, name);
	if (!path)
		path = list_find(wanted_by->elf.runpath, wanted_by->origin, name);
	if (!path)
		path = list_find(search->is_musl ? musl_folders : glibc_folders, "/", name);
	if (!path && !search->is_musl) {
		const char *cached = ld_cache_find(name);

		if (cached && access(cached, R_OK) == 0) {
			path = must_copy(cached);
			search->libs->needs_cache = true;
		}
	}
	return path;
}

static struct lib_object *object_find(const struct libs *libs, const char *name)
{
	struct lib_object *object = libs->objects;

	while (object && strcmp(object->name, name) != 0 &&
	       (!object->elf.soname || strcmp(object->elf.soname, name) != 0))
		object = object->next;
	return object;
}

/* Takes path over. NULL: it is no ELF file for this machine. */
static struct lib_object *object_add(struct libs *libs, char *path, const char *name,
				     struct lib_object *loader)
{
	struct lib_object *object = must_alloc(NULL, sizeof(*object));
	char real[PATH_MAX];
	char *slash;

	if (elf_file_open(path, &object->elf) != ELF_OK) {
		free(object);
		free(path);
		return NULL;
	}
	/* $ORIGIN is where the file lies once links are followed. */
	object->origin = must_copy(realpath(path, real) ? real : path);
	slash = strrchr(object->origin, '/');
	if (slash)
		*slash = '\0';
	object->path = path;
	object->name = must_copy(name);
	object->loader = loader;
	object->next = NULL;
	*(libs->last ? &libs->last->next : &libs->objects) = object;
	libs->last = object;
	return object;
}

static void library_add(struct search *search, struct lib_object *wanted_by, const char *name)
{
	char *path;
	int error;

	if (object_find(search->libs, name))
		return;
	/* musl's dynamic linker is its C library as well. */
	if (search->is_musl && !strncmp(name, "libc.", 5))
		return;
	path = library_find(search, wanted_by, name);
	if (!path) {
		search->missing(search->context, name, wanted_by->path);
		return;
	}
	error = tree_add_host(search->libs->tree, path, NULL);
	if (error)
		report("%s: %s", path, strerror(error));
	object_add(search->libs, path, name, wanted_by);
}

/* What glibc loads by itself when it is asked to end a thread or to show a backtrace. */
static bool object_wants_unwinder(const struct lib_object *object)
{
	static const char *const symbols[] = {"pthread_exit", "pthread_cancel", "backtrace"};

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		if (elf_file_names(&object->elf, symbols[i]))
			return true;
	}
	return false;
}

static void object_add_needs(struct search *search, struct lib_object *object)
{
	static const char *const unwinder = "libgcc_s.so.1";
	bool is_libc = !strncmp(object->name, "libc.so", 7);
	char *path;

	for (size_t i = 0; i < object->elf.nr_needed; i++)
		library_add(search, object, object->elf.needed[i]);
	if (search->is_musl || is_libc || !object->elf.nr_needed || !object_wants_unwinder(object))
		return;
	path = library_find(search, object, unwinder);
	if (path)
		library_add(search, object, unwinder);
	free(path);
}

void libs_add(struct libs *libs, const char *path, libs_missing_fn missing, void *context)
{
	struct search search = {.libs = libs, .missing = missing, .context = context};
	struct lib_object *object = object_add(libs, must_copy(path), path, NULL);
	const char *interpreter;
	int error;

	if (!object)
		return;
	interpreter = object->elf.interpreter;
	if (interpreter) {
		error = tree_add_host(libs->tree, interpreter, NULL);
		if (error)
			missing(context, interpreter, path);
		search.is_musl = strstr(interpreter, "/ld-musl-") != NULL;
		if (!object_find(libs, interpreter))
			object_add(libs, must_copy(interpreter), interpreter, object);
	}
	/* In the order of loading: all that one object wants, before what those want. What one finds,
	 * the others need not. */
	for (; object; object = object->next)
		object_add_needs(&search, object);
}
