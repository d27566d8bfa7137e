/*
 * The system calls in front of fork.c: they turn their arguments into a struct clone_request and
 * refuse the combinations of flags that clone(2) refuses.
 */
#include <kern/file.h>
#include <kern/process.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <arch/mmu.h>

#include "task_private.h"

/* Name spaces of one's own are not offered. */
#define CLONE_NAMESPACES                                                               \
	(CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | \
	 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

int clone_check(const struct clone_request *request)
{
	const uint64_t flags = request->flags;

	if (flags & (CLONE_NAMESPACES | CLONE_INTO_CGROUP))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && (flags & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_PARENT) && (current->signal->flags & SIGNAL_UNKILLABLE))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
		return -EINVAL;
	if ((flags & CLONE_SETTLS) && request->tls >= ARCH_USER_END)
		return -EPERM;
	return 0;
}

/* With CLONE_PIDFD: the descriptor comes first, since it can fail. */
static long clone_with_pidfd(struct clone_request *request)
{
	int fd = pidfd_prepare(&request->pidfd_file);
	long result;

	if (fd < 0)
		return fd;
	if (copy_to_user(request->pidfd, &fd, sizeof(fd))) {
		result = -EFAULT;
		goto cancel;
	}
	result = process_clone(request);
	if (result < 0)
		goto cancel;
	fd_install_reserved_move(fd, request->pidfd_file);
	return result;
cancel:
	fd_cancel(fd);
	file_put(request->pidfd_file);
	return result;
}

static long clone_checked(struct clone_request *request)
{
	int err = clone_check(request);

	if (err)
		return err;
	return request->flags & CLONE_PIDFD ? clone_with_pidfd(request) : process_clone(request);
}

long sys_fork(void)
{
	struct clone_request request = {.exit_signal = SIGCHLD};

	return process_clone(&request);
}

long sys_vfork(void)
{
	struct clone_request request = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};

	return process_clone(&request);
}

long sys_clone(uint64_t flags, uintptr_t stack, int32_t *parent_tid, int32_t *child_tid,
	       uintptr_t tls)
{
	struct clone_request request = {
		.flags = (uint32_t)flags & ~CSIGNAL,
		.exit_signal = (int)(flags & CSIGNAL),
		.sp = stack,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.pidfd = parent_tid,
		.tls = tls,
	};

	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID))
		return -EINVAL;
	if (request.exit_signal > NR_SIGNALS)
		return -EINVAL;
	return clone_checked(&request);
}

/* A newer and longer struct is fine as long as what we do not know is zero. */
static int clone_args_read(struct abi_clone_args *args, const struct abi_clone_args *user,
			   size_t size)
{
	uint8_t extra[64];
	size_t pos, len, i;

	if (size < ABI_CLONE_ARGS_SIZE_0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	memset(args, 0, sizeof(*args));
	if (copy_from_user(args, user, MIN(size, sizeof(*args))))
		return -EFAULT;
	for (pos = sizeof(*args); pos < size; pos += len) {
		len = MIN(size - pos, sizeof(extra));
		if (copy_from_user(extra, (const char *)user + pos, len))
			return -EFAULT;
		for (i = 0; i < len; i++) {
			if (extra[i])
				return -E2BIG;
		}
	}
	return 0;
}

static int clone_args_check(const struct abi_clone_args *args)
{
	if (args->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME)))
		return -EINVAL;
	if (args->flags & ~(0xffffffffULL | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP))
		return -EINVAL;
	if (args->exit_signal > NR_SIGNALS)
		return -EINVAL;
	if ((args->flags & (CLONE_THREAD | CLONE_PARENT)) && args->exit_signal)
		return -EINVAL;
	if (!args->stack != !args->stack_size)
		return -EINVAL;
	if (args->stack && !user_range_ok((const void *)args->stack, args->stack_size))
		return -EINVAL;
	if (args->set_tid || args->set_tid_size)
		return -EINVAL;
	return 0;
}

long sys_clone3(const struct abi_clone_args *user_args, size_t size)
{
	struct clone_request request = {0};
	struct abi_clone_args args;
	int err = clone_args_read(&args, user_args, size);

	if (!err)
		err = clone_args_check(&args);
	if (err)
		return err;
	request.flags = args.flags;
	request.exit_signal = (int)args.exit_signal;
	request.sp = args.stack + args.stack_size;
	request.tls = args.tls;
	request.pidfd = (int32_t *)args.pidfd;
	request.child_tid = (int32_t *)args.child_tid;
	request.parent_tid = (int32_t *)args.parent_tid;
	return clone_checked(&request);
}

long sys_set_tid_address(int32_t *tid)
{
	current->clear_child_tid = (uint32_t *)tid;
	return current->pid;
}

long sys_unshare(uint64_t flags)
{
	const uint64_t known =
		CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM;
	int err = 0;

	if (flags & ~known)
		return -EINVAL;
	/* Threads cannot be parted: asking for it is fine only for one who is alone. */
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) &&
	    (current->signal->nr_threads > 1 || refcount_read(&current->sighand->refs) > 1))
		return -EINVAL;
	if (flags & CLONE_FS)
		err = fs_unshare();
	if (!err && (flags & CLONE_FILES))
		err = files_unshare();
	return err;
}
