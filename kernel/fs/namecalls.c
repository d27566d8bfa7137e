/* The system calls that make, link, move and remove names: paths from user memory, then names.c and
 * rename.c. Also what bring-up uses of them. Context: task, may sleep. */
#include "names.h"
#include <kern/cred.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <uapi/errno.h>
#include "walk.h"

static long make_user(int dirfd, const char *user_path, uint32_t mode, uint64_t rdev,
		      const char *target)
{
	char *name;
	int error = path_name_from_user(user_path, 0, &name);

	if (error)
		return error;
	error = path_make(dirfd, name, mode, rdev, target);
	path_name_free(name);
	return error;
}

long sys_mkdirat(int dirfd, const char *user_path, unsigned mode)
{
	mode &= (S_IRWXU | S_ISVTX | 077) & ~fs_current_umask();
	return make_user(dirfd, user_path, S_IFDIR | mode, 0, NULL);
}

long sys_mkdir(const char *user_path, unsigned mode)
{
	return sys_mkdirat(AT_FDCWD, user_path, mode);
}

/* mknod(2) passes a device number in its old 32-bit form, which agrees with makedev's for what fits. */
long sys_mknodat(int dirfd, const char *user_path, unsigned mode, uint64_t rdev)
{
	uint32_t type = mode & S_IFMT;

	mode = mode & S_IALLUGO & ~fs_current_umask();
	switch (type) {
	case 0:
	case S_IFREG:
		return make_user(dirfd, user_path, S_IFREG | mode, 0, NULL);
	case S_IFIFO:
	case S_IFSOCK:
		return make_user(dirfd, user_path, type | mode, 0, NULL);
	case S_IFCHR:
	case S_IFBLK:
		if (!capable(CAP_MKNOD))
			return -EPERM;
		return make_user(dirfd, user_path, type | mode, (uint32_t)rdev, NULL);
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

long sys_mknod(const char *user_path, unsigned mode, uint64_t rdev)
{
	return sys_mknodat(AT_FDCWD, user_path, mode, rdev);
}

long sys_symlinkat(const char *user_target, int dirfd, const char *user_path)
{
	char *target;
	long error = path_name_from_user(user_target, 0, &target);

	if (error)
		return error;
	error = make_user(dirfd, user_path, S_IFLNK | 0777, 0, target);
	path_name_free(target);
	return error;
}

long sys_symlink(const char *user_target, const char *user_path)
{
	return sys_symlinkat(user_target, AT_FDCWD, user_path);
}

static long remove_user(int dirfd, const char *user_path, bool wants_dir)
{
	char *name;
	int error = path_name_from_user(user_path, 0, &name);

	if (error)
		return error;
	error = path_remove(dirfd, name, wants_dir);
	path_name_free(name);
	return error;
}

long sys_unlinkat(int dirfd, const char *user_path, int flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return remove_user(dirfd, user_path, flags & AT_REMOVEDIR);
}

long sys_unlink(const char *user_path)
{
	return remove_user(AT_FDCWD, user_path, false);
}

long sys_rmdir(const char *user_path)
{
	return remove_user(AT_FDCWD, user_path, true);
}

long sys_linkat(int from_dirfd, const char *user_from, int to_dirfd, const char *user_to, int flags)
{
	unsigned lookup = flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0;
	struct path from;
	char *to;
	int error;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH) {
		if (!capable(CAP_DAC_READ_SEARCH))
			return -ENOENT;
		lookup |= LOOKUP_EMPTY;
	}
	error = path_lookup_user(from_dirfd, user_from, lookup, &from);
	if (error)
		return error;
	error = path_name_from_user(user_to, 0, &to);
	if (!error) {
		error = path_link(&from, to_dirfd, to);
		path_name_free(to);
	}
	path_put(&from);
	return error;
}

long sys_link(const char *user_from, const char *user_to)
{
	return sys_linkat(AT_FDCWD, user_from, AT_FDCWD, user_to, 0);
}

long sys_renameat2(int from_dirfd, const char *user_from, int to_dirfd, const char *user_to,
		   unsigned flags)
{
	char *from, *to;
	int error = path_name_from_user(user_from, 0, &from);

	if (error)
		return error;
	error = path_name_from_user(user_to, 0, &to);
	if (!error) {
		error = path_rename(from_dirfd, from, to_dirfd, to, flags);
		path_name_free(to);
	}
	path_name_free(from);
	return error;
}

long sys_renameat(int from_dirfd, const char *user_from, int to_dirfd, const char *user_to)
{
	return sys_renameat2(from_dirfd, user_from, to_dirfd, user_to, 0);
}

long sys_rename(const char *user_from, const char *user_to)
{
	return sys_renameat2(AT_FDCWD, user_from, AT_FDCWD, user_to, 0);
}

/* ---- for bring-up, by kernel strings ---- */

int fs_mkdir(const char *path, uint32_t mode)
{
	return path_make(AT_FDCWD, path, S_IFDIR | (mode & S_IALLUGO), 0, NULL);
}

int fs_symlink(const char *target, const char *path)
{
	return path_make(AT_FDCWD, path, S_IFLNK | 0777, 0, target);
}

int fs_mknod(const char *path, uint32_t mode, uint64_t rdev)
{
	return path_make(AT_FDCWD, path, mode, rdev, NULL);
}

int fs_link(const char *from, const char *to)
{
	struct path path;
	int error = path_lookup(AT_FDCWD, from, 0, &path);

	if (error)
		return error;
	error = path_link(&path, AT_FDCWD, to);
	path_put(&path);
	return error;
}

int fs_unlink(const char *path)
{
	return path_remove(AT_FDCWD, path, false);
}
