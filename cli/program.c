/* Programs and their chains of interpreters. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_file.h"
#include "program.h"
#include "report.h"

enum { SCRIPT_LINE = 256, SCRIPT_DEPTH = 5 };

static bool is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static char *path_absolute(const char *path, const char *cwd)
{
	return path[0] == '/' ? must_copy(path) : must_format("%s/%s", cwd[1] ? cwd : "", path);
}

/* path if it can be executed; else frees it. EACCES is remembered, ENOENT is not. */
static char *path_if_executable(char *path, int *error)
{
	if (is_regular(path) && access(path, X_OK) == 0)
		return path;
	if (access(path, F_OK) == 0)
		*error = EACCES;
	free(path);
	return NULL;
}

char *program_find(const char *name, const char *cwd, int *error)
{
	const char *list = getenv("PATH");

	*error = ENOENT;
	if (!name[0])
		return NULL;
	if (strchr(name, '/'))
		return path_if_executable(path_absolute(name, cwd), error);
	if (!list)
		list = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
	for (;; list++) {
		size_t len = strcspn(list, ":");
		char *folder = must_format("%.*s", (int)len, list);
		char *base = path_absolute(len ? folder : ".", cwd);
		char *path = path_if_executable(must_format("%s/%s", base, name), error);

		free(folder);
		free(base);
		if (path)
			return path;
		list += len;
		if (!*list)
			return NULL;
	}
}

static void missing_fails(void *context, const char *name, const char *wanted_by)
{
	(void)context;
	report_fail(EXIT_NOT_FOUND, "%s: needs %s, which this machine does not have", wanted_by,
		    name);
}

static void missing_warns(void *context, const char *name, const char *wanted_by)
{
	(void)context;
	report("%s: needs %s, which this machine does not have", wanted_by, name);
}

static void program_add_depth(struct libs *libs, const char *path, unsigned depth);

/* `#! /usr/bin/env [-S] [NAME=VALUE] prog`: prog is needed as well. */
static void script_add_env(struct libs *libs, char *rest, unsigned depth)
{
	char *word, *save, *found;
	int error;

	for (word = strtok_r(rest, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) {
		if (word[0] == '-' || strchr(word, '='))
			continue;
		found = program_find(word, "/", &error);
		if (!found)
			report_fail(EXIT_NOT_FOUND, "%s: not found (a script asks for it)", word);
		program_add_depth(libs, found, depth + 1);
		free(found);
		return;
	}
}

/* true: path is a script, and its interpreter has been added. */
static bool script_add(struct libs *libs, const char *path, unsigned depth)
{
	char line[SCRIPT_LINE + 1], *interpreter, *rest;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *name;
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, line, SCRIPT_LINE);
	close(fd);
	if (len < 2 || line[0] != '#' || line[1] != '!')
		return false;
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	interpreter = line + 2 + strspn(line + 2, " \t");
	rest = interpreter + strcspn(interpreter, " \t");
	if (*rest)
		*rest++ = '\0';
	if (!interpreter[0])
		return true;
	if (access(interpreter, X_OK) < 0)
		report_fail(EXIT_NOT_FOUND, "%s: its interpreter %s: %s", path, interpreter,
			    strerror(errno));
	program_add_depth(libs, interpreter, depth + 1);
	name = strrchr(interpreter, '/');
	if (!strcmp(name ? name + 1 : interpreter, "env"))
		script_add_env(libs, rest, depth);
	return true;
}

static void program_add_depth(struct libs *libs, const char *path, unsigned depth)
{
	struct elf_file elf;
	enum elf_kind kind;
	int error;

	if (depth > SCRIPT_DEPTH)
		report_fail(EXIT_TOOL, "%s: too many interpreters of interpreters", path);
	error = tree_add_host(libs->tree, path, NULL);
	if (error)
		report_fail(EXIT_TOOL, "%s: %s", path, strerror(error));
	if (script_add(libs, path, depth))
		return;
	kind = elf_file_open(path, &elf);
	if (kind == ELF_FOREIGN)
		report_fail(EXIT_TOOL, "%s: not a program for x86-64", path);
	if (kind == ELF_BROKEN)
		report("%s: its ELF headers lead outside the file", path);
	if (kind == ELF_OK) {
		elf_file_close(&elf);
		libs_add(libs, path, missing_fails, NULL);
	}
}

void program_add(struct libs *libs, const char *path)
{
	program_add_depth(libs, path, 0);
}

void program_add_needs(struct libs *libs, const char *path)
{
	libs_add(libs, path, missing_warns, NULL);
}

static void argument_add(struct libs *libs, const char *argument, const char *cwd)
{
	char *path = path_absolute(argument, cwd);
	int error;

	if (strlen(path) < PATH_MAX && is_regular(path) && access(path, R_OK) == 0 &&
	    strncmp(path, "/proc/", 6) != 0 && strncmp(path, "/sys/", 5) != 0) {
		error = tree_add_host(libs->tree, path, NULL);
		if (error)
			report("%s: %s", path, strerror(error));
		if (access(path, X_OK) == 0 && !script_add(libs, path, 0))
			program_add_needs(libs, path);
	}
	free(path);
}

void program_add_arguments(struct libs *libs, char *const *arguments, const char *cwd)
{
	for (; *arguments; arguments++) {
		const char *value = strchr(*arguments, '=');

		if (**arguments)
			argument_add(libs, *arguments, cwd);
		if (value && value[1])
			argument_add(libs, value + 1, cwd);
	}
}
