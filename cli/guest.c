/* Puts the guest together: files first, then what init shall do with them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../user/protocol.h"
#include "base.h"
#include "guest.h"
#include "libs.h"
#include "linux_modules.h"
#include "program.h"
#include "report.h"
#include "terminal.h"

/* The text of the instructions while it grows. */
struct script {
	char *text;
	size_t len;
};

static void script_add(struct script *script, const char *key, const char *value)
{
	char *record = must_format("%s=%s", key, value);
	size_t len = strlen(record) + 1;

	script->text = must_alloc(script->text, script->len + len);
	memcpy(script->text + script->len, record, len);
	script->len += len;
	free(record);
}

static void script_add_module(void *script, const char *path)
{
	script_add(script, "module", path);
}

char *lodger_file(const char *name)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	static const char *const folders[] = {".", "../lib/lodger"};

	if (len < 0)
		return NULL;
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *path = must_format("%s/%s/%s", self, folders[i], name);

		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static void guest_add_init(struct tree *tree)
{
	char *init = lodger_file("user/init");
	int error;

	if (!init)
		report_fail(EXIT_TOOL, "the guest's init is not beside this command; run `make`");
	error = tree_add_host_as(tree, init, "/init", NULL, NULL);
	if (error)
		report_fail(EXIT_TOOL, "%s: %s", init, strerror(error));
	free(init);
}

static void extra_found(void *libs, const char *host)
{
	program_add_needs(libs, host);
}

/* The guest's path, its directory free of the host's links (in the guest they are links too). */
static char *extra_guest_path(struct tree *tree, const char *guest)
{
	char real[PATH_MAX];
	char *parent = must_copy(guest);
	char *slash = strrchr(parent, '/'), *path;

	if (slash == parent || !slash) {
		free(parent);
		return must_copy(guest);
	}
	*slash = '\0';
	path = tree_add_host(tree, parent, real) == 0
		       ? must_format("%s/%s", real[1] ? real : "", slash + 1)
		       : must_copy(guest);
	free(parent);
	return path;
}

/* One --add. */
static void extra_add(struct libs *libs, const char *argument, const char *cwd)
{
	char *host = must_copy(argument), *colon = strrchr(host, ':');
	char *absolute, *guest, real[PATH_MAX];
	int error = 0;

	/* A path with a colon in its name is itself if it is there. */
	if (colon && access(argument, F_OK) < 0)
		*colon = '\0';
	else
		colon = NULL;
	absolute = host[0] == '/' ? must_copy(host) : must_format("%s/%s", cwd, host);
	if (colon && colon[1] != '/')
		report_fail(EXIT_TOOL, "--add %s: the path in the guest must be absolute",
			    argument);
	if (colon) {
		guest = extra_guest_path(libs->tree, colon + 1);
	} else {
		error = tree_add_host(libs->tree, absolute, real);
		guest = must_copy(real);
	}
	if (!error && realpath(absolute, real))
		error = tree_add_host_as(libs->tree, real, guest, extra_found, libs);
	else if (!error)
		error = errno;
	if (error)
		report_fail(EXIT_TOOL, "--add %s: %s", host, strerror(error));
	/* A single file that was there before was not searched for what it needs. */
	program_add_needs(libs, real);
	free(host);
	free(absolute);
	free(guest);
}

/* The variables that --env sets win over those of the same name. */
static void env_add(struct script *script, const struct options *options, const char *name,
		    const char *value)
{
	size_t len = strlen(name);
	char *pair;

	for (unsigned i = 0; i < options->nr_envs; i++) {
		if (!strncmp(options->envs[i], name, len) && options->envs[i][len] == '=')
			return;
	}
	pair = must_format("%s=%s", name, value);
	script_add(script, "env", pair);
	free(pair);
}

static const char *env_find(const struct options *options, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < options->nr_envs; i++) {
		if (!strncmp(options->envs[i], name, len) && options->envs[i][len] == '=')
			return options->envs[i] + len + 1;
	}
	return NULL;
}

static void script_add_environment(struct script *script, const struct options *options,
				   const char *cwd, bool uses_tty)
{
	static const char *const from_host[] = {"TERM", "COLORTERM"};

	env_add(script, options, "PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	env_add(script, options, "HOME", "/root");
	env_add(script, options, "USER", "root");
	env_add(script, options, "LOGNAME", "root");
	env_add(script, options, "SHELL", "/bin/sh");
	env_add(script, options, "PWD", cwd);
	for (size_t i = 0; uses_tty && i < sizeof(from_host) / sizeof(from_host[0]); i++) {
		if (getenv(from_host[i]))
			env_add(script, options, from_host[i], getenv(from_host[i]));
	}
	if (uses_tty)
		env_add(script, options, "LANG", "C.UTF-8");
	for (unsigned i = 0; i < options->nr_envs; i++)
		script_add(script, "env", options->envs[i]);
}

static enum guest_stream stream_kind(int fd, bool uses_tty)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return GUEST_NULL;
	if (uses_tty && isatty(fd))
		return GUEST_TTY;
	if (fd == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return GUEST_NULL;
	return GUEST_STREAM;
}

void guest_look_at_streams(struct guest *guest)
{
	for (int fd = 0; fd < 3; fd++)
		guest->streams[fd] = stream_kind(fd, isatty(STDIN_FILENO));
}

static void script_add_streams(struct script *script, const struct guest *guest)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	static const char *const kinds[] = {
		[GUEST_NULL] = "null", [GUEST_STREAM] = "stream", [GUEST_TTY] = "tty"};
	unsigned rows, cols;
	char *size;

	for (int fd = 0; fd < 3; fd++)
		script_add(script, names[fd], kinds[guest->streams[fd]]);
	if (guest->streams[0] == GUEST_TTY && terminal_size(&rows, &cols)) {
		size = must_format("%u %u", rows, cols);
		script_add(script, "size", size);
		free(size);
	}
}

/* The program's files and the instructions to start it. A script is told the path that it was
 * started by, so that is as it was given, if it means the same there. */
static void guest_add_program(struct libs *libs, char **argv, const char *cwd, bool is_cwd_there,
			      struct script *script)
{
	int error;
	char *path;

	if (!argv[0]) {
		script_add(script, "exec", "/bin/sh");
		script_add(script, "arg", "sh");
		return;
	}
	path = program_find(argv[0], cwd, &error);
	if (!path && error == EACCES)
		report_fail(EXIT_TOOL, "%s: permission denied", argv[0]);
	if (!path)
		report_fail(EXIT_NOT_FOUND, "%s: not found", argv[0]);
	program_add(libs, path);
	program_add_arguments(libs, argv + 1, cwd);
	script_add(script, "exec", strchr(argv[0], '/') && is_cwd_there ? argv[0] : path);
	for (char **arg = argv; *arg; arg++)
		script_add(script, "arg", *arg);
	free(path);
}

/* false: the program starts in the root directory, since it cannot start in this one. */
static bool guest_add_folder(struct tree *tree, const char *cwd, struct script *script)
{
	bool is_kernels =
		!strncmp(cwd, "/proc", 5) || !strncmp(cwd, "/sys", 4) || !strncmp(cwd, "/dev", 4);

	bool is_there = !is_kernels && tree_add_host(tree, cwd, NULL) == 0;

	script_add(script, "cwd", is_there ? cwd : "/");
	return is_there;
}

void guest_build(const struct options *options, char **argv, struct guest *guest)
{
	struct script script = {.text = NULL};
	char cwd[PATH_MAX], release[128];
	bool uses_tty = guest->streams[0] == GUEST_TTY, is_cwd_there;
	struct libs libs;
	struct tree tree;

	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "/");
	tree_open(&tree);
	libs_init(&libs, &tree, env_find(options, "LD_LIBRARY_PATH"));
	base_add_layout(&tree);
	guest_add_init(&tree);
	is_cwd_there = guest_add_folder(&tree, cwd, &script);
	guest_add_program(&libs, argv, cwd, is_cwd_there, &script);
	for (unsigned i = 0; i < options->nr_adds; i++)
		extra_add(&libs, options->adds[i], cwd);
	if (uses_tty)
		base_add_locale(&tree);
	base_add_files(&tree, uses_tty ? getenv("TERM") : NULL);
	if (!base_add_busybox(&libs) && !argv[0])
		report_fail(EXIT_TOOL, "busybox is not installed; on Debian and Ubuntu: "
				       "apt-get install busybox-static");
	if (libs.needs_cache)
		tree_add_host(&tree, "/etc/ld.so.cache", NULL);
	if (linux_kernel_release(options->machine.kernel, release, sizeof(release)))
		linux_modules_add(&tree, options->machine.kernel, release, script_add_module,
				  &script);
	script_add_environment(&script, options, cwd, uses_tty);
	script_add_streams(&script, guest);
	tree_add_text(&tree, LODGER_INSTRUCTIONS, 0400, script.text, script.len);
	cpio_finish(&tree.cpio);
	guest->initrd_fd = tree.cpio.fd;
	guest->initrd_len = tree.cpio.len;
	free(script.text);
}
