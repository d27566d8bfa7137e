/*
 * Descriptors of processes: pidfd_open(2), pidfd_send_signal(2), CLONE_PIDFD. The file keeps the
 * struct pid, never the task: once the process has been waited for, there is just nobody there. It
 * polls readable when the process is a zombie or gone.
 */
#include <kern/file.h>
#include <kern/format.h>
#include <kern/process.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include <uapi/poll.h>

#include "task_private.h"

static unsigned pidfd_poll(struct file *file, struct poll_table *table)
{
	struct pid *pid = file->private;
	unsigned long flags;
	bool is_over;

	if (!pid)
		return 0;
	poll_wait(file, &pid->exit_queue, table);
	flags = task_list_lock_irqsave();
	is_over = !pid->task || (pid->task->exit_state && pid->task->signal->nr_threads == 1);
	task_list_unlock_irqrestore(flags);
	return is_over ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_release(struct file *file)
{
	pid_put(file->private);
}

static size_t pidfd_fdinfo(struct file *file, char *buf, size_t size)
{
	struct pid *pid = file->private;
	unsigned long flags = task_list_lock_irqsave();
	int32_t nr = pid && pid->task ? pid->nr : -1;

	task_list_unlock_irqrestore(flags);
	return (size_t)format_string(buf, size, "Pid:\t%d\n", nr);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll,
	.release = pidfd_release,
	.fdinfo = pidfd_fdinfo,
};

int pidfd_prepare(struct file **result)
{
	struct file *file = file_alloc(&pidfd_ops, O_RDWR);
	int fd;

	if (!file)
		return -ENOMEM;
	file->kind = "[pidfd]";
	file->private = NULL;
	fd = fd_reserve(0, O_CLOEXEC);
	if (fd < 0) {
		file_put(file);
		return fd;
	}
	*result = file;
	return fd;
}

void pidfd_attach(struct file *file, struct pid *pid)
{
	file->private = pid_get(pid);
}

/* The process behind a descriptor, with a reference. -EBADF: not a pidfd; -ESRCH: gone. */
static int pidfd_task(int fd, struct task_struct **result)
{
	struct fd_ref ref = fd_borrow(fd);
	struct pid *pid;
	unsigned long flags;
	int err = -EBADF;

	if (!ref.file)
		return -EBADF;
	if (ref.file->ops != &pidfd_ops)
		goto out;
	pid = ref.file->private;
	err = -ESRCH;
	flags = task_list_lock_irqsave();
	if (pid && pid->task) {
		get_task_struct(pid->task);
		*result = pid->task;
		err = 0;
	}
	task_list_unlock_irqrestore(flags);
out:
	fd_return(ref);
	return err;
}

int pidfd_number(int fd, int32_t *nr)
{
	struct task_struct *task;
	int err = pidfd_task(fd, &task);

	if (err == -ESRCH)
		return -ECHILD;
	if (err)
		return err;
	*nr = task->pid;
	put_task_struct(task);
	return 0;
}

long sys_pidfd_open(int32_t nr, unsigned flags)
{
	struct task_struct *task;
	struct file *file;
	struct pid *pid = NULL;
	unsigned long irq;
	int fd;

	if (nr <= 0 || (flags & ~(unsigned)O_NONBLOCK))
		return -EINVAL;
	irq = task_list_lock_irqsave();
	task = task_lookup(nr);
	if (task)
		pid = pid_get(task->pid_object);
	fd = !task ? -ESRCH : task->tgid != task->pid ? -EINVAL : 0;
	task_list_unlock_irqrestore(irq);
	if (fd)
		goto put;
	fd = pidfd_prepare(&file);
	if (fd < 0)
		goto put;
	file->flags |= flags;
	file->private = pid;
	fd_install_reserved_move(fd, file);
	return fd;
put:
	pid_put(pid);
	return fd;
}

long sys_pidfd_send_signal(int pidfd, int signal, const void *user_info, unsigned flags)
{
	struct signal_info info;
	struct task_struct *task;
	int err;

	if (flags)
		return -EINVAL;
	err = pidfd_task(pidfd, &task);
	if (err)
		return err;
	if (user_info) {
		err = signal_info_from_user(&info, signal, user_info);
		if (!err && signal_info_is_forged(&info, task))
			err = -EPERM;
	} else {
		signal_info_of_sender(&info, signal, SI_USER);
	}
	if (!err)
		err = signal_check_permission(task, signal);
	if (!err)
		err = signal_send_process(task, signal, &info);
	put_task_struct(task);
	return err;
}
