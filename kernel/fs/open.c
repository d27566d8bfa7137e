/*
 * Opening: from a path, or a place, to an open file. All that can fail comes before a file is created,
 * but for the memory of the open file itself, which is allocated first. Context: task, may sleep.
 */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/cred.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "file.h"
#include "files.h"
#include "mount.h"
#include "names.h"
#include "pipe.h"
#include "walk.h"

#define OPEN_FLAGS                                                                            \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | \
	 FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | \
	 O_PATH | O_TMPFILE)
#define O_PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)
#define TMPFILE_BIT  (O_TMPFILE & ~O_DIRECTORY)

/* ---- an open file for a place ---- */

static unsigned wanted_rights(int flags)
{
	unsigned may;

	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		may = MAY_READ;
		break;
	case O_WRONLY:
		may = MAY_WRITE;
		break;
	default:
		may = MAY_READ | MAY_WRITE;
	}
	return flags & O_TRUNC ? may | MAY_WRITE : may;
}

static int check_type(const struct path *path, unsigned may)
{
	const struct mount *mount = path->mount;

	switch (path->dentry->inode->mode & S_IFMT) {
	case S_IFDIR:
		return (may & MAY_WRITE) ? -EISDIR : 0;
	case S_IFLNK:
		return -ELOOP;
	case S_IFSOCK:
		return -ENXIO;
	case S_IFCHR:
	case S_IFBLK:
		return (atomic_load_relaxed(&mount->flags) & MS_NODEV) ? -EACCES : 0;
	case S_IFIFO:
		return 0;
	default:
		return (may & MAY_WRITE) ? mount_want_write(mount) : 0;
	}
}

/* May current open it so? */
static int check_open(const struct path *path, int flags)
{
	struct inode *inode = path->dentry->inode;
	unsigned may = wanted_rights(flags);
	int error = check_type(path, may);

	if (!error)
		error = inode_permission(inode, may);
	if (!error && (flags & O_NOATIME) && !inode_is_owner(inode))
		error = -EPERM;
	return error;
}

static const struct file_ops *ops_of(const struct inode *inode)
{
	switch (inode->mode & S_IFMT) {
	case S_IFCHR:
		return chrdev_ops(inode->rdev);
	case S_IFBLK:
		return NULL;
	case S_IFIFO:
		return &fifo_ops;
	default:
		return inode->file_ops;
	}
}

static const struct file_ops path_only_ops; /* O_PATH: nothing can be done with it */

static int file_alloc_at(const struct path *path, int flags, struct file **file)
{
	struct inode *inode = path->dentry->inode;
	const struct file_ops *ops = flags & O_PATH ? &path_only_ops : ops_of(inode);
	struct file *fresh;

	if (!ops)
		return -ENXIO;
	fresh = file_alloc(ops, (uint32_t)flags);
	if (!fresh)
		return -ENOMEM;
	if (flags & O_PATH)
		fresh->mode = FILE_PATH;
	fresh->path = *path;
	path_get(path);
	fresh->inode = inode;
	inode_get(inode);
	*file = fresh;
	return 0;
}

/* Rights were checked. */
static int open_at(const struct path *path, int flags, struct file **file)
{
	struct inode *inode = path->dentry->inode;
	struct file *fresh;
	int error = file_alloc_at(path, flags, &fresh);

	if (error)
		return error;
	if ((fresh->mode & FILE_WRITE) && S_ISREG(inode->mode)) {
		error = inode_get_write(inode);
		if (error)
			goto free_file;
		fresh->mode |= FILE_WRITER;
	}
	if (fresh->ops->open && !(flags & O_PATH)) {
		error = fresh->ops->open(inode, fresh);
		if (error)
			goto free_file;
	}
	*file = fresh;
	return 0;
free_file:
	file_free(fresh);
	return error;
}

static int truncate_at(const struct path *path)
{
	struct inode *inode = path->dentry->inode;
	struct inode_change change = {.what = ATTR_SIZE, .size = 0};
	int error;

	if (!S_ISREG(inode->mode))
		return 0;
	error = inode_get_write(inode);
	if (error)
		return error;
	error = inode_change(inode, &change);
	inode_put_write(inode);
	return error;
}

int file_open_path(const struct path *path, int flags, struct file **file)
{
	int error = 0;

	if (!(flags & O_PATH))
		error = check_open(path, flags);
	if (!error && (flags & O_TRUNC))
		error = truncate_at(path);
	return error ? error : open_at(path, flags, file);
}

/* ---- creating ---- */

/* The walk stands at the last name: finds it, or makes a regular file of that name. */
static int find_or_create(struct walk *walk, int flags, unsigned mode, struct path *path,
			  bool *is_created)
{
	int error;

	*is_created = false;
	if (walk->last_type != LAST_NAME)
		return flags & O_EXCL ? -EEXIST : -EISDIR;
	error = walk_last(walk, path);
	if (error == -ENOENT) {
		if (walk->wants_directory)
			return -EISDIR;
		error = name_create(&walk->path, walk->last, walk->last_len,
				    S_IFREG | (mode & S_IALLUGO & ~fs_current_umask()), path);
		*is_created = error == 0;
		if (error == -EEXIST) /* somebody was quicker */
			error = walk_last(walk, path);
	}
	if (error)
		return error;
	if (!*is_created && (flags & O_EXCL)) {
		path_put(path);
		return -EEXIST;
	}
	return 0;
}

static int walk_create(struct walk *walk, int flags, unsigned mode, struct path *path,
		       bool *is_created)
{
	for (;;) {
		bool is_done;
		int error = walk_to_parent(walk);

		if (!error)
			error = find_or_create(walk, flags, mode, path, is_created);
		if (error)
			return error;
		if (!S_ISLNK(path->dentry->inode->mode))
			break;
		if (flags & O_NOFOLLOW) {
			path_put(path);
			return -ELOOP;
		}
		error = walk_into_link_move(walk, path, &is_done);
		if (error)
			return error;
		if (is_done) {
			*path = walk->path;
			path_get(path);
			break;
		}
	}
	if (S_ISDIR(path->dentry->inode->mode) || walk->wants_directory) {
		int error = S_ISDIR(path->dentry->inode->mode) ? -EISDIR : -ENOTDIR;
		path_put(path);
		return error;
	}
	return 0;
}

/* O_TMPFILE: a file in path's file system that has no name. */
static int open_tmpfile(const struct path *dir, int flags, unsigned mode, struct file **file)
{
	struct path path;
	int error =
		name_create_unnamed(dir, S_IFREG | (mode & S_IALLUGO & ~fs_current_umask()), &path);

	if (error)
		return error;
	error = open_at(&path, flags & ~O_TMPFILE, file);
	path_put(&path);
	return error;
}

static int normalize_flags(int *flags)
{
	*flags &= OPEN_FLAGS;
	if (*flags & O_PATH)
		*flags &= O_PATH_FLAGS;
	else
		*flags |= O_LARGEFILE; /* as 64-bit programs are always told */
	if ((*flags & TMPFILE_BIT) &&
	    (!(*flags & O_DIRECTORY) || (*flags & O_ACCMODE) == O_RDONLY || (*flags & O_CREAT)))
		return -EINVAL;
	if ((*flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	return 0;
}

static int open_existing(struct walk *walk, int flags, unsigned mode, struct file **file)
{
	struct path path;
	int error = walk_all(walk, &path);

	if (error)
		return error;
	if (flags & TMPFILE_BIT)
		error = open_tmpfile(&path, flags, mode, file);
	else if (S_ISLNK(path.dentry->inode->mode) && !(flags & O_PATH))
		error = -ELOOP;
	else
		error = file_open_path(&path, flags, file);
	path_put(&path);
	return error;
}

static int open_or_create(struct walk *walk, int flags, unsigned mode, struct file **file)
{
	struct path path;
	bool is_created;
	int error = walk_create(walk, flags, mode, &path, &is_created);

	if (error)
		return error;
	if (is_created) /* its creator may use it as asked, whatever its mode */
		error = open_at(&path, flags, file);
	else
		error = file_open_path(&path, flags, file);
	if (!error && is_created)
		(*file)->mode |= FILE_CREATED;
	path_put(&path);
	return error;
}

static int file_open_at(int dirfd, const char *name, int flags, unsigned mode, unsigned lookup,
			struct file **file)
{
	struct walk walk;
	int error = normalize_flags(&flags);

	if (error)
		return error;
	if (flags & O_DIRECTORY)
		lookup |= LOOKUP_DIRECTORY;
	if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		lookup |= LOOKUP_FOLLOW;
	else
		flags |= O_NOFOLLOW;
	error = walk_begin(&walk, dirfd, name, lookup);
	if (error)
		return error;
	if (flags & O_CREAT)
		error = open_or_create(&walk, flags, mode, file);
	else
		error = open_existing(&walk, flags, mode, file);
	walk_end(&walk);
	return error;
}

int file_open(const char *path, int flags, unsigned mode, struct file **file)
{
	return file_open_at(AT_FDCWD, path, flags, mode, 0, file);
}

/* ---- exec ---- */

int file_open_exec(int dirfd, const char *name, int flags, struct file **file)
{
	unsigned lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;
	struct inode *inode;
	int error;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	error = path_lookup(dirfd, name, lookup, &path);
	if (error)
		return error;
	inode = path.dentry->inode;
	error = -EACCES;
	if (S_ISLNK(inode->mode))
		error = -ELOOP;
	else if (S_ISREG(inode->mode) && !(atomic_load_relaxed(&path.mount->flags) & MS_NOEXEC))
		error = inode_permission(inode, MAY_EXEC);
	if (!error)
		error = inode_deny_write(inode);
	if (error)
		goto put_path;
	error = open_at(&path, O_RDONLY, file);
	if (error)
		inode_allow_write(inode);
	else
		(*file)->mode |= FILE_EXEC;
put_path:
	path_put(&path);
	return error;
}

/* ---- the calls ---- */

static long open_user(int dirfd, const char *user_path, int flags, unsigned mode, unsigned lookup)
{
	struct file *file;
	char *name;
	int fd, error = path_name_from_user(user_path, 0, &name);

	if (error)
		return error;
	fd = fd_reserve(0, (unsigned)flags);
	if (fd >= 0) {
		error = file_open_at(dirfd, name, flags, mode, lookup, &file);
		if (error) {
			fd_cancel(fd);
			fd = error;
		} else {
			fd_install_reserved_move(fd, file);
		}
	}
	path_name_free(name);
	return fd;
}

long sys_openat(int dirfd, const char *user_path, int flags, unsigned mode)
{
	return open_user(dirfd, user_path, flags, mode, 0);
}

long sys_open(const char *user_path, int flags, unsigned mode)
{
	return open_user(AT_FDCWD, user_path, flags, mode, 0);
}

long sys_creat(const char *user_path, unsigned mode)
{
	return open_user(AT_FDCWD, user_path, O_CREAT | O_WRONLY | O_TRUNC, mode, 0);
}

/* openat2(2): resolve bits. */
#define RESOLVE_NO_XDEV	      0x01
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS   0x04
#define RESOLVE_BENEATH	      0x08
#define RESOLVE_IN_ROOT	      0x10

static int lookup_of_resolve(uint64_t resolve, unsigned *lookup)
{
	static const struct {
		uint64_t resolve;
		unsigned lookup;
	} bits[] = {
		{RESOLVE_NO_XDEV, LOOKUP_NO_XDEV},	{RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGIC},
		{RESOLVE_NO_SYMLINKS, LOOKUP_NO_LINKS}, {RESOLVE_BENEATH, LOOKUP_BENEATH},
		{RESOLVE_IN_ROOT, LOOKUP_IN_ROOT},
	};

	*lookup = 0;
	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		if (resolve & bits[i].resolve)
			*lookup |= bits[i].lookup;
		resolve &= ~bits[i].resolve;
	}
	if (resolve ||
	    (*lookup & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) == (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -EINVAL;
	return 0;
}

long sys_openat2(int dirfd, const char *user_path, const struct abi_open_how *user_how, size_t size)
{
	struct abi_open_how how;
	unsigned lookup;
	int error;

	if (size < sizeof(how))
		return -EINVAL;
	if (size > sizeof(how))
		return -E2BIG;
	if (copy_from_user(&how, user_how, sizeof(how)) != 0)
		return -EFAULT;
	error = lookup_of_resolve(how.resolve, &lookup);
	if (error || (how.flags & ~(uint64_t)OPEN_FLAGS) || (how.mode & ~(uint64_t)S_IALLUGO) ||
	    (how.mode && !(how.flags & (O_CREAT | TMPFILE_BIT))))
		return -EINVAL;
	return open_user(dirfd, user_path, (int)how.flags, (unsigned)how.mode, lookup);
}

long sys_close(int fd)
{
	int error = fd_close(fd);

	/* The descriptor is gone: the program must not try again. */
	if (error == -ERESTARTSYS || error == -ERESTARTNOINTR || error == -ERESTARTNOHAND)
		error = -EINTR;
	return error;
}
