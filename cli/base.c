/* Files that programs expect of any system. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "program.h"
#include "report.h"

void base_add_layout(struct tree *tree)
{
	static const char *const names[] = {"/bin",   "/sbin",	  "/lib",
					    "/lib64", "/usr/bin", "/usr/sbin"};
	static const struct {
		const char *path;
		mode_t mode;
	} folders[] = {
		{"/dev", 0755}, {"/proc", 0555}, {"/sys", 0555},      {"/tmp", 01777},
		{"/run", 0755}, {"/root", 0700}, {"/var/tmp", 01777}, {"/etc", 0755},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (tree_add_host(tree, names[i], NULL) != 0)
			tree_add_folder(tree, names[i], 0755);
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		tree_add_folder(tree, folders[i].path, folders[i].mode);
}

/* The description of the terminal, so that full-screen programs know its escape sequences. */
static void base_add_terminfo(struct tree *tree, const char *term)
{
	static const char *const folders[] = {"/etc/terminfo", "/lib/terminfo",
					      "/usr/share/terminfo"};

	if (!term || !term[0] || strchr(term, '/'))
		return;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *path = must_format("%s/%c/%s", folders[i], term[0], term);

		if (access(path, R_OK) == 0)
			tree_add_host(tree, path, NULL);
		free(path);
	}
}

void base_add_files(struct tree *tree, const char *term)
{
	static const char *const files[][2] = {
		{"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
				"daemon:x:1:1:daemon:/:/usr/sbin/nologin\n"
				"nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
		{"/etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n"},
		{"/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
		{"/etc/hostname", "lodger\n"},
		{"/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n"
				       "hosts: files\nservices: files\nprotocols: files\n"},
		{"/etc/shells", "/bin/sh\n/bin/bash\n"},
		{"/etc/profile", "PS1='\\w \\$ '\n"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		tree_add_text(tree, files[i][0], 0644, files[i][1], strlen(files[i][1]));
	if (access("/etc/localtime", R_OK) == 0)
		tree_add_host(tree, "/etc/localtime", NULL);
	tree_add_link(tree, "/etc/mtab", "/proc/mounts");
	base_add_terminfo(tree, term);
}

void base_add_locale(struct tree *tree)
{
	static const char *const folder = "/usr/lib/locale/C.utf8";
	char real[PATH_MAX];

	if (tree_add_host(tree, folder, real) == 0)
		tree_add_host_as(tree, real, real, NULL, NULL);
}

/* busybox's own list of the places of its applets, one path a line; to be read and closed. */
static FILE *applets_list(const char *busybox, pid_t *pid)
{
	char *argv[] = {(char *)busybox, (char *)"--list-full", NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		report_fail(EXIT_TOOL, "pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	error = posix_spawn(pid, busybox, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		report_fail(EXIT_TOOL, "%s: %s", busybox, strerror(error));
	close(ends[1]);
	return fdopen(ends[0], "r");
}

/* The real directory of a path like `usr/bin/awk` in the tree; the last answer is remembered. */
static const char *applet_folder(struct tree *tree, const char *applet)
{
	static char folder[PATH_MAX], real[PATH_MAX];
	char wanted[PATH_MAX];
	const char *slash = strrchr(applet, '/');

	snprintf(wanted, sizeof(wanted), "/%.*s", slash ? (int)(slash - applet) : 0, applet);
	if (strcmp(wanted, folder) != 0) {
		strcpy(folder, wanted);
		if (tree_add_host(tree, folder, real) != 0)
			strcpy(real, folder);
	}
	return real;
}

/* Is there a program of that name already, in any directory where programs are looked for? */
static bool command_is_there(const struct tree *tree, const char *name)
{
	static const char *const folders[] = {"/bin", "/usr/bin", "/sbin", "/usr/sbin",
					      "/usr/local/bin"};
	bool is_there = false;

	for (size_t i = 0; !is_there && i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *path = must_format("%s/%s", folders[i], name);

		is_there = tree_has(tree, path);
		free(path);
	}
	return is_there;
}

bool base_add_busybox(struct libs *libs)
{
	char line[256], real[PATH_MAX];
	struct tree *tree = libs->tree;
	int error;
	char *busybox = program_find("busybox", "/", &error);
	FILE *list;
	pid_t pid;

	if (!busybox)
		return false;
	list = applets_list(busybox, &pid);
	program_add(libs, busybox);
	if (tree_add_host(tree, busybox, real) != 0)
		return false;
	while (list && fgets(line, sizeof(line), list)) {
		const char *slash = strrchr(line, '/');
		const char *name = slash ? slash + 1 : line;
		char *path;

		line[strcspn(line, "\n")] = '\0';
		if (!name[0] || command_is_there(tree, name))
			continue;
		path = must_format("%s/%s", applet_folder(tree, line), name);
		tree_add_link(tree, path, real);
		free(path);
	}
	if (list)
		fclose(list);
	waitpid(pid, NULL, 0);
	free(busybox);
	return true;
}
