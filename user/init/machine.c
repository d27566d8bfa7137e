/* The machine around the program: mounts, kernel modules, ports, power. */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

static void console_write(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* nowhere to complain */
}

_Noreturn void machine_fail(const char *what, int error)
{
	console_write("init: ");
	console_write(what);
	console_write(": ");
	console_write(strerror(error));
	console_write("\n");
	machine_off();
}

_Noreturn void machine_off(void)
{
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* Lodger mounts these itself; elsewhere a failure shows when the thing is needed. */
void machine_mount(void)
{
	static const struct {
		const char *type, *at;
	} mounts[] = {
		{"devtmpfs", "/dev"},	{"proc", "/proc"},     {"sysfs", "/sys"},
		{"devpts", "/dev/pts"}, {"tmpfs", "/dev/shm"},
	};
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};

	if (access("/proc/self", F_OK) < 0) {
		for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
			mkdir(mounts[i].at, 0755);
			mount(mounts[i].type, mounts[i].at, mounts[i].type, 0, NULL);
		}
		chmod("/dev/shm", 01777);
	}
	if (access("/dev/fd", F_OK) < 0) {
		for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
			if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
				console_write("init: cannot make the links in /dev\n");
		}
	}
}

void machine_load_modules(char *const *paths)
{
	for (; *paths; paths++) {
		int fd = open(*paths, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			machine_fail(*paths, errno);
		close(fd);
	}
}

/* Looks for the port under /sys, where Linux tells the names; its device node into path. */
static bool port_find(const char *name, char *path, size_t size)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	bool is_found = false;

	while (dir && !is_found && (entry = readdir(dir))) {
		char text[64];
		ssize_t len;
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, size, "/sys/class/virtio-ports/%.32s/name", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[len < 0 ? 0 : len] = '\0';
		text[strcspn(text, "\n")] = '\0';
		is_found = !strcmp(text, name);
		snprintf(path, size, "/dev/%.32s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return is_found;
}

int port_open(const char *name)
{
	const struct timespec pause_time = {.tv_nsec = 10 * 1000 * 1000};
	char path[96];

	for (int tries = 0; tries < 500; tries++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/virtio-ports/%.48s", name);
		if (access(path, F_OK) == 0 || port_find(name, path, sizeof(path))) {
			fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
			if (fd >= 0)
				return fd;
		}
		nanosleep(&pause_time, NULL);
	}
	machine_fail(name, ENODEV);
}
