/* Bring-up of fs/, as one list. Context: boot CPU, init_task. */
#include "fs_init.h"
#include <kern/assert.h>
#include <uapi/statfs.h>

/* /dev exists before the initramfs is unpacked, so that its archive may name places in it. */
static INIT_TEXT void mount_dev(void)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{"fd", "/proc/self/fd"},
		{"stdin", "/proc/self/fd/0"},
		{"stdout", "/proc/self/fd/1"},
		{"stderr", "/proc/self/fd/2"},
	};
	int error = fs_mkdir("/dev", 0755);

	if (!error)
		error = mount_at("/dev", "devtmpfs", "devtmpfs", 0, "");
	if (!error)
		error = devfs_mkdir("shm", 01777);
	if (!error)
		error = devfs_mkdir("pts", 0755);
	if (!error)
		error = mount_at("/dev/shm", "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "");
	for (size_t i = 0; !error && i < ARRAY_LEN(links); i++)
		error = devfs_symlink(links[i].name, links[i].target);
	if (error)
		panic("cannot set up /dev: error %d", error);
}

INIT_TEXT void fs_init(void)
{
	path_cache_init();
	dentry_cache_init();
	mount_cache_init();
	inode_cache_init();
	locks_init();
	file_cache_init();
	files_init();
	fs_struct_init();
	ramfs_init();
	pipe_init();
	devfs_init();
	epoll_init();
	socket_init();
	mount_root();
	memdev_init();
	mount_dev();
}
