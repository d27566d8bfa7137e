/* Changing attributes: mode, owner, times, size, room. Rights are checked by inode_change. Context: task,
 * may sleep. */
#include <kern/fs.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "mount.h"

/* ---- where the change goes ---- */

static int change_path(const struct path *path, struct inode_change *change)
{
	int error = mount_want_write(path->mount);

	return error ? error : inode_change(path->dentry->inode, change);
}

static long change_at(int dirfd, const char *user_path, int flags, struct inode_change *change)
{
	unsigned lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;
	int error;

	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	error = path_lookup_user(dirfd, user_path, lookup, &path);
	if (error)
		return error;
	error = change_path(&path, change);
	path_put(&path);
	return error;
}

static long change_fd(int fd, struct inode_change *change)
{
	struct fd_ref ref = fd_borrow(fd);
	int error = 0;

	if (!ref.file)
		return -EBADF;
	if (ref.file->path.mount)
		error = change_path(&ref.file->path, change);
	else
		error = ref.file->inode ? inode_change(ref.file->inode, change) : -EINVAL;
	fd_return(ref);
	return error;
}

/* ---- mode, owner ---- */

static struct inode_change mode_change(unsigned mode)
{
	return (struct inode_change){.what = ATTR_MODE, .mode = mode & S_IALLUGO};
}

long sys_fchmodat(int dirfd, const char *user_path, unsigned mode)
{
	struct inode_change change = mode_change(mode);

	return change_at(dirfd, user_path, 0, &change);
}

long sys_chmod(const char *user_path, unsigned mode)
{
	return sys_fchmodat(AT_FDCWD, user_path, mode);
}

long sys_fchmod(int fd, unsigned mode)
{
	struct inode_change change = mode_change(mode);

	return change_fd(fd, &change);
}

static struct inode_change owner_change(uint32_t uid, uint32_t gid)
{
	const uint32_t keep = UINT32_MAX;
	struct inode_change change = {.what = ATTR_CTIME, .uid = uid, .gid = gid};

	if (uid != keep)
		change.what |= ATTR_UID;
	if (gid != keep)
		change.what |= ATTR_GID;
	return change;
}

long sys_fchownat(int dirfd, const char *user_path, uint32_t uid, uint32_t gid, int flags)
{
	struct inode_change change = owner_change(uid, gid);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_at(dirfd, user_path, flags, &change);
}

long sys_chown(const char *user_path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(AT_FDCWD, user_path, uid, gid, 0);
}

long sys_lchown(const char *user_path, uint32_t uid, uint32_t gid)
{
	return sys_fchownat(AT_FDCWD, user_path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, uint32_t uid, uint32_t gid)
{
	struct inode_change change = owner_change(uid, gid);

	return change_fd(fd, &change);
}

/* ---- times ---- */

static int set_time(struct inode_change *change, unsigned what, const struct abi_timespec *time,
		    int64_t now, int64_t *ns)
{
	if (time->nsec == UTIME_OMIT)
		return 0;
	change->what |= what;
	if (time->nsec == UTIME_NOW) {
		*ns = now;
		return 0;
	}
	if (time->nsec < 0 || time->nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	change->what |= ATTR_TIMES_SET;
	if (__builtin_mul_overflow(time->sec, (int64_t)NSEC_PER_SEC, ns) ||
	    __builtin_add_overflow(*ns, time->nsec, ns))
		*ns = time->sec < 0 ? INT64_MIN : INT64_MAX; /* as far as we can tell */
	return 0;
}

/* times NULL: both now. */
static long change_times(int dirfd, const char *user_path, const struct abi_timespec *times,
			 int flags)
{
	static const struct abi_timespec both_now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	int64_t now = (int64_t)clock_realtime_ns();
	struct inode_change change = {.what = 0};
	int error;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!times)
		times = both_now;
	error = set_time(&change, ATTR_ATIME, &times[0], now, &change.atime_ns);
	if (!error)
		error = set_time(&change, ATTR_MTIME, &times[1], now, &change.mtime_ns);
	if (error || !change.what)
		return error;
	/* "now" for one and nothing or a value for the other is the owner's business (utimensat(2)). */
	if (times[0].nsec != UTIME_NOW || times[1].nsec != UTIME_NOW)
		change.what |= ATTR_TIMES_SET;
	if (!user_path)
		return change_fd(dirfd, &change);
	return change_at(dirfd, user_path, flags, &change);
}

long sys_utimensat(int dirfd, const char *user_path, const struct abi_timespec *user_times,
		   int flags)
{
	struct abi_timespec times[2];

	if (user_times && copy_from_user(times, user_times, sizeof(times)) != 0)
		return -EFAULT;
	return change_times(dirfd, user_path, user_times ? times : NULL, flags);
}

long sys_futimesat(int dirfd, const char *user_path, const struct abi_timeval *user_times)
{
	struct abi_timeval given[2];
	struct abi_timespec times[2];

	if (user_times && copy_from_user(given, user_times, sizeof(given)) != 0)
		return -EFAULT;
	for (int i = 0; user_times && i < 2; i++) {
		if (given[i].usec < 0 || given[i].usec >= 1000000)
			return -EINVAL;
		times[i] = (struct abi_timespec){given[i].sec, given[i].usec * 1000};
	}
	return change_times(dirfd, user_path, user_times ? times : NULL, 0);
}

long sys_utimes(const char *user_path, const struct abi_timeval *user_times)
{
	return sys_futimesat(AT_FDCWD, user_path, user_times);
}

long sys_utime(const char *user_path, const int64_t *user_times)
{
	int64_t given[2];
	struct abi_timespec times[2];

	if (!user_times)
		return change_times(AT_FDCWD, user_path, NULL, 0);
	if (copy_from_user(given, user_times, sizeof(given)) != 0)
		return -EFAULT;
	times[0] = (struct abi_timespec){given[0], 0};
	times[1] = (struct abi_timespec){given[1], 0};
	return change_times(AT_FDCWD, user_path, times, 0);
}

/* ---- size ---- */

static int truncate_path(const struct path *path, int64_t size)
{
	struct inode_change change = {.what = ATTR_SIZE, .size = (uint64_t)size};
	struct inode *inode = path->dentry->inode;
	int error;

	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	error = mount_want_write(path->mount);
	if (!error)
		error = inode_permission(inode, MAY_WRITE);
	if (!error)
		error = inode_get_write(inode);
	if (error)
		return error;
	error = inode_change(inode, &change);
	inode_put_write(inode);
	return error;
}

long sys_truncate(const char *user_path, int64_t size)
{
	struct path path;
	int error;

	if (size < 0)
		return -EINVAL;
	error = path_lookup_user(AT_FDCWD, user_path, LOOKUP_FOLLOW, &path);
	if (error)
		return error;
	error = truncate_path(&path, size);
	path_put(&path);
	return error;
}

long sys_ftruncate(int fd, int64_t size)
{
	struct inode_change change = {.what = ATTR_SIZE, .size = (uint64_t)size};
	struct fd_ref ref;
	int error = -EINVAL;

	if (size < 0)
		return -EINVAL;
	ref = fd_borrow(fd);
	if (!ref.file)
		return -EBADF;
	if (ref.file->inode && S_ISREG(ref.file->inode->mode) && (ref.file->mode & FILE_WRITE))
		error = inode_change(ref.file->inode, &change);
	fd_return(ref);
	return error;
}

long sys_fallocate(int fd, int mode, int64_t offset, int64_t len)
{
	struct fd_ref ref;
	int64_t end;
	int error = 0;

	if (offset < 0 || len <= 0)
		return -EINVAL;
	if (__builtin_add_overflow(offset, len, &end))
		return -EFBIG;
	ref = fd_borrow(fd);
	if (!ref.file)
		return -EBADF;
	if (!(ref.file->mode & FILE_WRITE))
		error = -EBADF;
	else if (ref.file->ops->fallocate)
		error = ref.file->ops->fallocate(ref.file, (unsigned)mode, offset, len);
	else if (ref.file->inode && S_ISFIFO(ref.file->inode->mode))
		error = -ESPIPE;
	else
		error = ref.file->path.mount ? -ENODEV : -EOPNOTSUPP;
	fd_return(ref);
	return error;
}

long sys_xattr_unsupported(void)
{
	return -EOPNOTSUPP;
}
