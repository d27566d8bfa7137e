/* mount(2), umount2(2): arguments and rights; the table is mount.c's. Context: task, may sleep. */
#include <kern/cred.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "mount.h"

enum { FIELD_MAX = 64 };

/* Flags that say how changes propagate between mount namespaces: there is one namespace. */
#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

struct mount_request {
	char source[FIELD_MAX], type[FIELD_MAX];
	char *options; /* PATH_MAX */
	struct path place;
};

static int copy_field(char *field, const char *user)
{
	ssize_t len;

	field[0] = 0;
	if (!user)
		return 0;
	len = string_from_user(field, user, FIELD_MAX);
	if (len == -ENAMETOOLONG) { /* for show only: cut */
		field[FIELD_MAX - 1] = 0;
		len = 0;
	}
	return len < 0 ? (int)len : 0;
}

static int bind(struct path *place, const char *user_source)
{
	struct path from;
	int error = path_lookup_user(AT_FDCWD, user_source, LOOKUP_FOLLOW, &from);

	if (error)
		return error;
	error = mount_bind(place, &from);
	path_put(&from);
	return error;
}

static int perform(struct mount_request *r, const char *user_source, unsigned long flags)
{
	if (flags & MS_REMOUNT)
		return mount_remount(&r->place, (uint32_t)flags, r->options);
	if (flags & MS_BIND)
		return bind(&r->place, user_source);
	if (flags & PROPAGATION)
		return 0;
	if (flags & MS_MOVE)
		return -EINVAL;
	return mount_new(&r->place, r->source[0] ? r->source : "none", r->type, (uint32_t)flags,
			 r->options);
}

static int fetch(struct mount_request *r, const char *user_source, const char *user_path,
		 const char *user_type, const void *user_options)
{
	int error = copy_field(r->type, user_type);

	if (!error)
		error = copy_field(r->source, user_source);
	r->options[0] = 0;
	if (!error && user_options) {
		ssize_t len = string_from_user(r->options, user_options, PATH_MAX);
		error = len < 0 ? (int)len : 0;
	}
	if (!error)
		error = path_lookup_user(AT_FDCWD, user_path, LOOKUP_FOLLOW, &r->place);
	return error;
}

long sys_mount(const char *user_source, const char *user_path, const char *user_type,
	       unsigned long flags, const void *user_options)
{
	struct mount_request r;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(unsigned long)MS_MGC_MSK;
	r.options = kmalloc(PATH_MAX, ALLOC_KERNEL);
	if (!r.options)
		return -ENOMEM;
	error = fetch(&r, user_source, user_path, user_type, user_options);
	if (!error) {
		error = perform(&r, user_source, flags);
		path_put(&r.place);
	}
	kfree(r.options);
	return error;
}

long sys_umount2(const char *user_path, int flags)
{
	unsigned lookup = flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;
	int error;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	error = path_lookup_user(AT_FDCWD, user_path, lookup, &path);
	if (error)
		return error;
	error = mount_remove(&path, flags & MNT_DETACH);
	path_put(&path);
	return error;
}
