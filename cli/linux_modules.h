/* What another kernel needs before our ports can be opened: Linux's virtio drivers are modules. */
#ifndef CLI_LINUX_MODULES_H
#define CLI_LINUX_MODULES_H

#include <stdbool.h>

#include "tree.h"

/* The kernel at path is a Linux bzImage; its release (like `6.1.0-9-amd64`) into release. */
bool linux_kernel_release(const char *path, char *release, unsigned long size);
/*
 * Adds the modules of that release that the ports need, from beside the kernel
 * (KERNEL/../../lib/modules) or from the host's /lib/modules, and calls found for each with its
 * path in the guest, in the order of loading. What is not there is taken to be built in.
 */
void linux_modules_add(struct tree *tree, const char *kernel, const char *release,
		       void (*found)(void *context, const char *guest_path), void *context);

#endif
