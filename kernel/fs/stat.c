/* Looking at files: stat, statx, statfs, access, readlink. Changes nothing. Context: task, may sleep. */
#include <kern/fs.h>
#include <kern/cred.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "superblock.h"

enum { NS_PER_S = 1000000000 };

/* Seconds and nanoseconds of a time that may lie before 1970. */
static void split_time(int64_t ns, int64_t *sec, int64_t *nsec)
{
	*sec = ns / NS_PER_S;
	*nsec = ns % NS_PER_S;
	if (*nsec < 0) {
		*nsec += NS_PER_S;
		*sec -= 1;
	}
}

static uint64_t blocks_of(const struct inode *inode)
{
	return inode->mapping ? atomic_load_relaxed(&inode->mapping->nr_pages) * (PAGE_SIZE / 512)
			      : 0;
}

void inode_stat(struct inode *inode, struct abi_stat *stat)
{
	if (inode->ops->refresh)
		inode->ops->refresh(inode);
	memset(stat, 0, sizeof(*stat));
	stat->dev = inode->sb->dev;
	stat->ino = inode->ino;
	stat->nlink = inode->nlink;
	stat->mode = atomic_load_relaxed(&inode->mode);
	stat->uid = atomic_load_relaxed(&inode->uid);
	stat->gid = atomic_load_relaxed(&inode->gid);
	stat->rdev = inode->rdev;
	stat->size = (int64_t)inode_size(inode);
	stat->blksize = PAGE_SIZE;
	stat->blocks = (int64_t)blocks_of(inode);
	split_time(atomic_load_relaxed(&inode->atime_ns), &stat->atime_sec, &stat->atime_nsec);
	split_time(atomic_load_relaxed(&inode->mtime_ns), &stat->mtime_sec, &stat->mtime_nsec);
	split_time(atomic_load_relaxed(&inode->ctime_ns), &stat->ctime_sec, &stat->ctime_nsec);
}

/* ---- the inode that a call is about ---- */

/* What (dirfd, path, AT_ flags) names, with a reference; also a file without a path by its descriptor. */
static int target_of(int dirfd, const char *user_path, int flags, struct inode **inode,
		     int32_t *mount_id)
{
	unsigned lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;
	struct fd_ref ref;
	char *name;
	int error;

	*mount_id = 0;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	error = path_name_from_user(user_path, lookup, &name);
	if (error)
		return error;
	if (!name[0] && dirfd != AT_FDCWD) {
		ref = fd_borrow_any(dirfd);
		error = ref.file && ref.file->inode ? 0 : -EBADF;
		if (!error) {
			*inode = ref.file->inode;
			inode_get(*inode);
			if (ref.file->path.mount)
				*mount_id = ref.file->path.mount->id;
		}
		if (ref.file)
			fd_return(ref);
	} else {
		error = path_lookup(dirfd, name, lookup, &path);
		if (!error) {
			*inode = path.dentry->inode;
			inode_get(*inode);
			*mount_id = path.mount->id;
			path_put(&path);
		}
	}
	path_name_free(name);
	return error;
}

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)

long sys_newfstatat(int dirfd, const char *user_path, struct abi_stat *user_stat, int flags)
{
	struct abi_stat stat;
	struct inode *inode;
	int32_t mount_id;
	int error;

	if (flags & ~STAT_FLAGS)
		return -EINVAL;
	error = target_of(dirfd, user_path, flags, &inode, &mount_id);
	if (error)
		return error;
	inode_stat(inode, &stat);
	inode_put(inode);
	return copy_to_user(user_stat, &stat, sizeof(stat));
}

long sys_stat(const char *user_path, struct abi_stat *user_stat)
{
	return sys_newfstatat(AT_FDCWD, user_path, user_stat, 0);
}

long sys_lstat(const char *user_path, struct abi_stat *user_stat)
{
	return sys_newfstatat(AT_FDCWD, user_path, user_stat, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(int fd, struct abi_stat *user_stat)
{
	struct fd_ref ref = fd_borrow_any(fd);
	struct abi_stat stat;

	if (!ref.file)
		return -EBADF;
	if (ref.file->inode)
		inode_stat(ref.file->inode, &stat);
	else
		memset(&stat, 0, sizeof(stat));
	fd_return(ref);
	return copy_to_user(user_stat, &stat, sizeof(stat));
}

static struct abi_statx_timestamp statx_time(int64_t sec, int64_t nsec)
{
	return (struct abi_statx_timestamp){.sec = sec, .nsec = (uint32_t)nsec};
}

static void fill_statx(struct inode *inode, int32_t mount_id, struct abi_statx *x)
{
	struct abi_stat s;
	int64_t sec, nsec;

	inode_stat(inode, &s);
	memset(x, 0, sizeof(*x));
	x->mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
	x->blksize = (uint32_t)s.blksize;
	x->nlink = (uint32_t)s.nlink;
	x->uid = s.uid;
	x->gid = s.gid;
	x->mode = (uint16_t)s.mode;
	x->ino = s.ino;
	x->size = (uint64_t)s.size;
	x->blocks = (uint64_t)s.blocks;
	x->atime = statx_time(s.atime_sec, s.atime_nsec);
	x->mtime = statx_time(s.mtime_sec, s.mtime_nsec);
	x->ctime = statx_time(s.ctime_sec, s.ctime_nsec);
	split_time(inode->btime_ns, &sec, &nsec);
	x->btime = statx_time(sec, nsec);
	x->rdev_major = device_major(s.rdev);
	x->rdev_minor = device_minor(s.rdev);
	x->dev_major = device_major(s.dev);
	x->dev_minor = device_minor(s.dev);
	x->mnt_id = (uint64_t)mount_id;
}

long sys_statx(int dirfd, const char *user_path, int flags, unsigned mask,
	       struct abi_statx *user_statx)
{
	struct abi_statx statx;
	struct inode *inode;
	int32_t mount_id;
	int error;

	if ((flags & ~(STAT_FLAGS | AT_STATX_SYNC_TYPE)) || (mask & STATX__RESERVED) ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	error = target_of(dirfd, user_path, flags, &inode, &mount_id);
	if (error)
		return error;
	fill_statx(inode, mount_id, &statx);
	inode_put(inode);
	return copy_to_user(user_statx, &statx, sizeof(statx));
}

/* ---- statfs ---- */

long sys_statfs(const char *user_path, struct abi_statfs *user_statfs)
{
	struct abi_statfs statfs;
	struct path path;
	int error = path_lookup_user(AT_FDCWD, user_path, LOOKUP_FOLLOW, &path);

	if (error)
		return error;
	error = superblock_statfs(path.dentry->inode->sb, path.mount->flags, &statfs);
	path_put(&path);
	return error ? error : copy_to_user(user_statfs, &statfs, sizeof(statfs));
}

long sys_fstatfs(int fd, struct abi_statfs *user_statfs)
{
	struct fd_ref ref = fd_borrow_any(fd);
	struct abi_statfs statfs;
	int error = -EBADF;

	if (!ref.file)
		return -EBADF;
	if (ref.file->inode)
		error = superblock_statfs(ref.file->inode->sb,
					  ref.file->path.mount ? ref.file->path.mount->flags : 0,
					  &statfs);
	fd_return(ref);
	return error ? error : copy_to_user(user_statfs, &statfs, sizeof(statfs));
}

/* ---- access(2): with the real ids instead of the effective ones ---- */

static struct cred *cred_of_real_ids(void)
{
	struct cred *cred = cred_copy();

	if (!cred)
		return NULL;
	cred->fsuid = cred->uid;
	cred->fsgid = cred->gid;
	cred->cap_effective = cred->uid == 0 ? cred->cap_permitted : 0;
	return cred;
}

static int check_access(int dirfd, const char *user_path, int mode, int flags)
{
	unsigned lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;
	struct inode *inode;
	int error;

	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	error = path_lookup_user(dirfd, user_path, lookup, &path);
	if (error)
		return error;
	inode = path.dentry->inode;
	if ((mode & X_OK) && S_ISREG(inode->mode) &&
	    (atomic_load_relaxed(&path.mount->flags) & MS_NOEXEC))
		error = -EACCES;
	if (!error)
		error = inode_permission(inode, (unsigned)mode & (R_OK | W_OK | X_OK));
	if (!error && (mode & W_OK) && !S_ISCHR(inode->mode) && !S_ISFIFO(inode->mode))
		error = mount_want_write(path.mount);
	path_put(&path);
	return error;
}

long sys_faccessat2(int dirfd, const char *user_path, int mode, int flags)
{
	const struct cred *cred = current_cred();
	struct cred *saved, *real;
	int error;

	if ((mode & ~(R_OK | W_OK | X_OK)) ||
	    (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	if ((flags & AT_EACCESS) || (cred->fsuid == cred->uid && cred->fsgid == cred->gid))
		return check_access(dirfd, user_path, mode, flags);
	real = cred_of_real_ids();
	if (!real)
		return -ENOMEM;
	saved = task_cred_get(current);
	cred_install_move(real);
	error = check_access(dirfd, user_path, mode, flags);
	cred_install_move(saved);
	return error;
}

long sys_faccessat(int dirfd, const char *user_path, int mode)
{
	return sys_faccessat2(dirfd, user_path, mode, 0);
}

long sys_access(const char *user_path, int mode)
{
	return sys_faccessat2(AT_FDCWD, user_path, mode, 0);
}

/* ---- readlink ---- */

static ssize_t read_link(const struct path *path, char *buf, size_t size)
{
	struct inode *inode = path->dentry->inode;

	if (!S_ISLNK(inode->mode) || !inode->ops->readlink)
		return -EINVAL;
	inode_touch(inode, ATTR_ATIME);
	return inode->ops->readlink(inode, buf, size);
}

long sys_readlinkat(int dirfd, const char *user_path, char *user_buf, int size)
{
	struct path path;
	char *buf;
	ssize_t len;
	int error;

	if (size <= 0)
		return -EINVAL;
	error = path_lookup_user(dirfd, user_path, LOOKUP_EMPTY, &path);
	if (error)
		return error;
	buf = kmalloc(PATH_MAX, ALLOC_KERNEL);
	len = buf ? read_link(&path, buf, MIN((size_t)size, (size_t)PATH_MAX)) : -ENOMEM;
	if (len > 0 && copy_to_user(user_buf, buf, (size_t)len) != 0)
		len = -EFAULT;
	kfree(buf);
	path_put(&path);
	return len;
}

long sys_readlink(const char *user_path, char *user_buf, int size)
{
	return sys_readlinkat(AT_FDCWD, user_path, user_buf, size);
}
