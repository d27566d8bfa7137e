/*
 * What the tests of files share: checks that end a test, and a directory of its own in memory (tmpfs here
 * and there, so that both sides have the same kind of file system).
 */
#ifndef GUEST_FILES_H
#define GUEST_FILES_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "tap.h"

/* Each test is a process of its own: the first fact that does not hold ends it. */
#define CHECK(fact)                                                                           \
	do {                                                                                  \
		if (!(fact)) {                                                                \
			printf("# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #fact, errno); \
			fflush(stdout);                                                       \
			_exit(1);                                                             \
		}                                                                             \
	} while (0)
/* The call fails with that errno. */
#define CHECK_ERRNO(call, wanted) CHECK((errno = 0, (long)(call) == -1 && errno == (wanted)))

static char scratch[64];

static inline void enter_scratch(void)
{
	strcpy(scratch, "/dev/shm/lodger-test-XXXXXX");
	CHECK(mkdtemp(scratch) != NULL);
	CHECK(chdir(scratch) == 0);
	umask(022);
}

static inline void remove_below(const char *name)
{
	DIR *dir = opendir(name);
	struct dirent *entry;
	struct stat st;
	char path[PATH_MAX + NAME_MAX + 2];

	while (dir && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", name, entry->d_name) >= PATH_MAX)
			continue;
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			remove_below(path);
		else
			unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(name);
}

struct file_test {
	const char *name;
	int (*fn)(void);
};

/* Runs each in a process and directory of its own. */
static inline int run_tests(const struct file_test *tests, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		enter_scratch();
		ok(exited(run(tests[i].fn), 0), "%s", tests[i].name);
		if (chdir("/") == 0)
			remove_below(scratch);
	}
	return tap_end();
}

#define NR_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline void write_text(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(close(fd) == 0);
}

static inline bool text_is(const char *name, const char *text)
{
	char buf[4096];
	int fd = open(name, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (fd >= 0)
		close(fd);
	return len == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)len) == 0;
}

static inline struct stat stat_of(const char *name)
{
	struct stat st;

	CHECK(lstat(name, &st) == 0);
	return st;
}

#endif
