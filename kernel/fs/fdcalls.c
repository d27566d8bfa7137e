/* Descriptors: dup, fcntl, ioctl, flock, close_range. Context: task, may sleep. */
#include "files.h"
#include <kern/fs.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/ioctl.h>
#include <uapi/signal.h>
#include "file.h"
#include "locks.h"
#include "memfd.h"
#include "pipe.h"

/* ---- dup ---- */

static long dup_from(int fd, int from, unsigned flags)
{
	struct file *file = fd_get_any(fd);
	int fresh;

	if (!file)
		return -EBADF;
	fresh = fd_install_move(file, from, flags);
	if (fresh < 0)
		file_put(file);
	return fresh;
}

long sys_dup(int fd)
{
	return dup_from(fd, 0, 0);
}

long sys_dup3(int old_fd, int new_fd, int flags)
{
	struct file *file;
	int result;

	if ((flags & ~O_CLOEXEC) || old_fd == new_fd)
		return -EINVAL;
	if ((unsigned)new_fd >= files_limit())
		return -EBADF;
	file = fd_get_any(old_fd);
	if (!file)
		return -EBADF;
	result = files_replace_move(current->files, (unsigned)new_fd, file, flags & O_CLOEXEC);
	if (result < 0)
		file_put(file);
	return result;
}

long sys_dup2(int old_fd, int new_fd)
{
	struct fd_ref ref;

	if (old_fd != new_fd)
		return sys_dup3(old_fd, new_fd, 0);
	ref = fd_borrow_any(old_fd);
	if (!ref.file)
		return -EBADF;
	fd_return(ref);
	return new_fd;
}

/* ---- close_range ---- */

long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	struct files_struct *files;

	if (first > last || (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		int error = files_unshare();
		if (error)
			return error;
	}
	files = current->files;
	for (int fd = files_next(files, (int)MIN(first, (unsigned)FILES_MAX));
	     fd >= 0 && (unsigned)fd <= last; fd = files_next(files, fd + 1)) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			files_set_cloexec(files, (unsigned)fd, true);
		else
			fd_close(fd);
	}
	return 0;
}

/* ---- fcntl ---- */

/* What F_SETFL may change. */
#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static long set_status_flags(struct file *file, uint32_t flags)
{
	if ((flags & O_NOATIME) && !(file->flags & O_NOATIME) &&
	    (!file->inode || !inode_is_owner(file->inode)))
		return -EPERM;
	if (file->ops->check_flags) {
		int error = file->ops->check_flags(file, flags);
		if (error)
			return error;
	}
	spin_lock(&file->lock);
	atomic_store_relaxed(&file->flags,
			     (file->flags & ~(uint32_t)SETTABLE_FLAGS) | (flags & SETTABLE_FLAGS));
	spin_unlock(&file->lock);
	return 0;
}

/* Between two processes' looks at the table a thread could close the descriptor while another sets a lock
 * through it: then nobody would ever release that lock, so it goes now. */
static void recheck_owner(int fd, struct file *file)
{
	bool is_cloexec;
	struct file *now = files_lookup(current->files, fd, &is_cloexec);

	if (now != file)
		locks_release_owner(file, current->files);
	if (now)
		file_put(now);
}

static long fcntl_set_lock(int fd, struct file *file, enum lock_kind kind, uintptr_t argument,
			   bool may_wait)
{
	struct abi_flock lock;
	int error;

	if (copy_from_user(&lock, (void *)argument, sizeof(lock)) != 0)
		return -EFAULT;
	error = lock_set(file, kind, &lock, may_wait);
	if (!error && kind == LOCK_POSIX && lock.type != F_UNLCK)
		recheck_owner(fd, file);
	return error;
}

static long fcntl_get_lock(struct file *file, enum lock_kind kind, uintptr_t argument)
{
	struct abi_flock lock;
	int error;

	if (copy_from_user(&lock, (void *)argument, sizeof(lock)) != 0)
		return -EFAULT;
	error = lock_test(file, kind, &lock);
	return error ? error : copy_to_user((void *)argument, &lock, sizeof(lock));
}

static long fcntl_more(int fd, struct file *file, unsigned command, uintptr_t argument)
{
	struct pipe *pipe = file_pipe(file);

	switch (command) {
	case F_SETOWN:
		atomic_store_relaxed(&file->owner_pid, (int32_t)argument);
		return 0;
	case F_GETOWN:
		return atomic_load_relaxed(&file->owner_pid);
	case F_SETSIG:
		return argument <= NR_SIGNALS ? 0 : -EINVAL;
	case F_GETSIG:
		return 0;
	case F_SETPIPE_SZ:
		return pipe ? pipe_resize(pipe, argument) : -EBADF;
	case F_GETPIPE_SZ:
		return pipe ? (long)(atomic_load_relaxed(&pipe->nr_slots) * PAGE_SIZE) : -EBADF;
	case F_ADD_SEALS:
		return seals_add(file, (uint32_t)argument);
	case F_GET_SEALS:
		return file->inode && file->inode->mapping
			       ? (long)atomic_load_relaxed(&file->inode->seals)
			       : -EINVAL;
	default:
		return -EINVAL;
	}
}

static long fcntl_file(int fd, struct file *file, unsigned command, uintptr_t argument)
{
	switch (command) {
	case F_SETFL:
		return set_status_flags(file, (uint32_t)argument);
	case F_GETLK:
		return fcntl_get_lock(file, LOCK_POSIX, argument);
	case F_SETLK:
	case F_SETLKW:
		return fcntl_set_lock(fd, file, LOCK_POSIX, argument, command == F_SETLKW);
	case F_OFD_GETLK:
		return fcntl_get_lock(file, LOCK_OFD, argument);
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return fcntl_set_lock(fd, file, LOCK_OFD, argument, command == F_OFD_SETLKW);
	default:
		return fcntl_more(fd, file, command, argument);
	}
}

long sys_fcntl(int fd, unsigned command, uintptr_t argument)
{
	struct fd_ref ref;
	bool is_cloexec = false;
	long result;

	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (argument >= files_limit())
			return -EINVAL;
		return dup_from(fd, (int)argument, command == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0);
	case F_GETFD:
		if (!files_get_cloexec(current->files, (unsigned)fd, &is_cloexec))
			return -EBADF;
		return is_cloexec ? FD_CLOEXEC : 0;
	case F_SETFD:
		return files_set_cloexec(current->files, (unsigned)fd, argument & FD_CLOEXEC)
			       ? 0
			       : -EBADF;
	default:
		break;
	}
	ref = fd_borrow_any(fd);
	if (!ref.file)
		return -EBADF;
	if (command == F_GETFL)
		result = (long)atomic_load_relaxed(&ref.file->flags);
	else if (ref.file->mode & FILE_PATH)
		result = -EBADF;
	else
		result = fcntl_file(fd, ref.file, command, argument);
	fd_return(ref);
	return result;
}

/* ---- ioctl, flock ---- */

/* FIONREAD of a file with a size: what is left behind the position. */
static long bytes_left(struct file *file, uintptr_t argument)
{
	int64_t left = (int64_t)inode_size(file->inode) - file->pos;
	int32_t value = (int32_t)MIN(MAX(left, 0), INT32_MAX);

	return copy_to_user((void *)argument, &value, sizeof(value));
}

static long ioctl_any(int fd, struct file *file, unsigned command, uintptr_t argument)
{
	int32_t on;

	switch (command) {
	case FIOCLEX:
	case FIONCLEX:
		files_set_cloexec(current->files, (unsigned)fd, command == FIOCLEX);
		return 0;
	case FIONBIO:
		if (copy_from_user(&on, (void *)argument, sizeof(on)) != 0)
			return -EFAULT;
		return set_status_flags(file, on ? file->flags | O_NONBLOCK
						 : file->flags & ~(uint32_t)O_NONBLOCK);
	case FIONREAD:
		if (file->inode && S_ISREG(file->inode->mode))
			return bytes_left(file, argument);
		break;
	default:
		break;
	}
	return file->ops->ioctl ? file->ops->ioctl(file, command, argument) : -ENOTTY;
}

long sys_ioctl(int fd, unsigned command, uintptr_t argument)
{
	struct fd_ref ref = fd_borrow(fd);
	long result;

	if (!ref.file)
		return -EBADF;
	result = ioctl_any(fd, ref.file, command, argument);
	fd_return(ref);
	return result;
}

long sys_flock(int fd, unsigned operation)
{
	struct fd_ref ref;
	int type, result;

	switch (operation & ~(unsigned)LOCK_NB) {
	case LOCK_SH:
		type = F_RDLCK;
		break;
	case LOCK_EX:
		type = F_WRLCK;
		break;
	case LOCK_UN:
		type = F_UNLCK;
		break;
	default:
		return -EINVAL;
	}
	ref = fd_borrow(fd);
	if (!ref.file)
		return -EBADF;
	result = lock_whole(ref.file, type, !(operation & LOCK_NB));
	fd_return(ref);
	return result;
}
