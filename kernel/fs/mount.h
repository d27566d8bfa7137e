/* The mount table, between the files of fs/. */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include <kern/fs.h>
#include <uapi/fcntl.h>
#include <uapi/statfs.h>

/* The flags of a mount that this kernel keeps. */
#define MOUNT_FLAGS \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME)

extern struct spinlock mount_lock;
extern struct mount *anonymous_mount; /* [const] what path_of_anonymous uses */

void mount_put(struct mount *mount);
/* place: a path with references; it may be changed to what covers it. 0 or -Exxx. */
MUST_USE int mount_new(struct path *place, const char *source, const char *type_name,
		       uint32_t flags, const char *options);
MUST_USE int mount_bind(struct path *place, const struct path *from);
MUST_USE int mount_remount(struct path *path, uint32_t flags, const char *options);
/* -EBUSY while it is used, unless lazy: then its users keep it, nobody finds it any more. */
MUST_USE int mount_remove(struct path *path, bool is_lazy);

#endif
