/* Finds the modules by name; the order satisfies their dependencies. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../user/protocol.h"
#include "linux_modules.h"
#include "report.h"

bool linux_kernel_release(const char *path, char *release, unsigned long size)
{
	/* Linux's Documentation/arch/x86/boot.rst: "HdrS" at 0x202; at 0x20e the version string's
	 * place, less 0x200. */
	unsigned char setup[0x8000];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, setup, sizeof(setup) - 1);
	size_t at;

	if (fd >= 0)
		close(fd);
	if (len < 0x210 || memcmp(setup + 0x202, "HdrS", 4) != 0)
		return false;
	setup[len] = '\0';
	at = 0x200 + (setup[0x20e] | (size_t)setup[0x20f] << 8);
	snprintf(release, size, "%s", at < (size_t)len ? (const char *)setup + at : "");
	release[strcspn(release, " ")] = '\0';
	return true;
}

static char *modules_folder(const char *kernel, const char *release)
{
	const char *slash = strrchr(kernel, '/');
	char *path = must_format("%.*s/../lib/modules/%s", slash ? (int)(slash - kernel) : 1,
				 slash ? kernel : ".", release);

	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return must_format("/lib/modules/%s", release);
}

void linux_modules_add(struct tree *tree, const char *kernel, const char *release,
		       void (*found)(void *context, const char *guest_path), void *context)
{
	static const char *const modules[] = {
		"virtio/virtio_ring",		"virtio/virtio",     "virtio/virtio_pci_legacy_dev",
		"virtio/virtio_pci_modern_dev", "virtio/virtio_pci", "virtio/virtio_mmio",
		"char/virtio_console",
	};
	char *folder = modules_folder(kernel, release);

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		char *host = must_format("%s/kernel/drivers/%s.ko", folder, modules[i]);
		char *guest = must_format(LODGER_FOLDER "/%zu.ko", i);

		if (access(host, R_OK) == 0 && tree_add_host_as(tree, host, guest, NULL, NULL) == 0)
			found(context, guest);
		free(host);
		free(guest);
	}
	free(folder);
}
