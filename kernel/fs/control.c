/*
 * What travels beside the bytes of a socket (cmsg(3), unix(7)): descriptors and credentials, between
 * user memory and struct control. How many files are under way altogether is bounded, since they count
 * against no process's limit while they are. Context: task, may sleep.
 */
#include "socket.h"
#include <kern/assert.h>
#include <kern/cred.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>

enum { IN_FLIGHT_MAX = 65536, CMSG_ALIGN = 8 };

static uint32_t in_flight; /* [atomic] files in struct controls */

int control_note_files(unsigned nr)
{
	if (atomic_fetch_add_relaxed(&in_flight, nr) + nr <= IN_FLIGHT_MAX)
		return 0;
	atomic_fetch_add_relaxed(&in_flight, -nr);
	return -ETOOMANYREFS;
}

static struct control *control_alloc(unsigned nr)
{
	struct control *control =
		kmalloc(sizeof(*control) + nr * sizeof(control->files[0]), ALLOC_KERNEL);

	if (control)
		control->nr_files = 0;
	return control;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	for (unsigned i = 0; i < control->nr_files; i++)
		file_put(control->files[i]);
	atomic_fetch_add_relaxed(&in_flight, -control->nr_files);
	kfree(control);
}

struct control *control_dup(const struct control *control)
{
	struct control *copy;

	if (control_note_files(control->nr_files) != 0)
		return NULL;
	copy = control_alloc(control->nr_files);
	if (!copy) {
		atomic_fetch_add_relaxed(&in_flight, -control->nr_files);
		return NULL;
	}
	for (; copy->nr_files < control->nr_files; copy->nr_files++) {
		copy->files[copy->nr_files] = control->files[copy->nr_files];
		file_get(copy->files[copy->nr_files]);
	}
	return copy;
}

/* ---- from the program ---- */

static int take_files(struct message *message, const int32_t *fds, unsigned nr)
{
	struct control *control;
	int error;

	if (message->control || nr == 0 || nr > SCM_MAX_FD)
		return -EINVAL;
	error = control_note_files(nr);
	if (error)
		return error;
	control = control_alloc(nr);
	if (!control) {
		atomic_fetch_add_relaxed(&in_flight, -nr);
		return -ENOMEM;
	}
	for (; control->nr_files < nr; control->nr_files++) {
		struct file *file = fd_get_any(fds[control->nr_files]);

		if (!file) {
			atomic_fetch_add_relaxed(&in_flight, -(nr - control->nr_files));
			control_free(control);
			return -EBADF;
		}
		control->files[control->nr_files] = file;
	}
	message->control = control;
	return 0;
}

/* A program may say that it is another only with the right to (unix(7), SCM_CREDENTIALS). */
static int check_cred(const struct abi_ucred *claim)
{
	const struct cred *own = current_cred();

	if (claim->pid != current->tgid && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (claim->uid != own->uid && claim->uid != own->euid && claim->uid != own->suid &&
	    !capable(CAP_SETUID))
		return -EPERM;
	if (claim->gid != own->gid && claim->gid != own->egid && claim->gid != own->sgid &&
	    !capable(CAP_SETGID))
		return -EPERM;
	return 0;
}

static int take_one(struct message *message, const struct abi_cmsghdr *header, const void *data,
		    size_t len)
{
	if (header->level != SOL_SOCKET)
		return 0; /* for a protocol that we are not */
	switch (header->type) {
	case SCM_RIGHTS:
		return take_files(message, data, (unsigned)(len / sizeof(int32_t)));
	case SCM_CREDENTIALS:
		if (len != sizeof(message->cred))
			return -EINVAL;
		memcpy(&message->cred, data, len);
		message->has_cred = true;
		return check_cred(&message->cred);
	default:
		return -EINVAL;
	}
}

static int take_all(struct message *message, const char *buf, size_t len)
{
	size_t at = 0;

	while (at + sizeof(struct abi_cmsghdr) <= len) {
		struct abi_cmsghdr header;
		int error;

		memcpy(&header, buf + at, sizeof(header));
		if (header.len < sizeof(header) || header.len > len - at)
			return -EINVAL;
		error = take_one(message, &header, buf + at + sizeof(header),
				 header.len - sizeof(header));
		if (error)
			return error;
		at += ROUND_UP((size_t)header.len, CMSG_ALIGN);
	}
	return 0;
}

int control_from_user(struct message *message, uintptr_t user, size_t len)
{
	enum { CONTROL_MAX = 20480 };
	char *buf;
	int error;

	if (len > CONTROL_MAX)
		return -ENOBUFS;
	buf = kmalloc(len, ALLOC_KERNEL);
	if (!buf)
		return -ENOMEM;
	error = copy_from_user(buf, (void *)user, len);
	if (!error)
		error = take_all(message, buf, len);
	kfree(buf);
	return error;
}

/* ---- to the program ---- */

struct writer {
	uintptr_t user;
	size_t used, room;
};

static int put_one(struct writer *w, struct message *message, int type, const void *data,
		   size_t len)
{
	struct abi_cmsghdr header = {sizeof(header) + len, SOL_SOCKET, type};
	size_t left = w->room - w->used;

	if (left < sizeof(header)) {
		message->out_flags |= MSG_CTRUNC;
		return 0;
	}
	if (header.len > left) {
		message->out_flags |= MSG_CTRUNC;
		header.len = left;
		len = left - sizeof(header);
	}
	if (copy_to_user((void *)(w->user + w->used), &header, sizeof(header)) != 0 ||
	    copy_to_user((void *)(w->user + w->used + sizeof(header)), data, len) != 0)
		return -EFAULT;
	w->used += MIN(ROUND_UP((size_t)header.len, CMSG_ALIGN), left);
	return 0;
}

/* As many descriptors as there is room for; those that were installed are gone from the control. */
static int put_files(struct writer *w, struct message *message)
{
	struct control *control = message->control;
	size_t left = w->room - w->used;
	unsigned nr = 0, room = 0, flags = message->flags & MSG_CMSG_CLOEXEC ? O_CLOEXEC : 0;
	int32_t fds[SCM_MAX_FD];
	int error = 0;

	if (left >= sizeof(struct abi_cmsghdr))
		room = (unsigned)((left - sizeof(struct abi_cmsghdr)) / sizeof(fds[0]));
	while (nr < control->nr_files && nr < room) {
		fds[nr] = fd_reserve(0, flags);
		if (fds[nr] < 0)
			break;
		nr++;
	}
	if (nr < control->nr_files)
		message->out_flags |= MSG_CTRUNC;
	if (nr)
		error = put_one(w, message, SCM_RIGHTS, fds, nr * sizeof(fds[0]));
	for (unsigned i = 0; i < nr; i++) {
		if (error) {
			fd_cancel(fds[i]);
		} else {
			file_get(control->files[i]);
			fd_install_reserved_move(fds[i], control->files[i]);
		}
	}
	return error;
}

int control_to_user(struct message *message, uintptr_t user, size_t *len)
{
	struct writer w = {user, 0, *len};
	int error = 0;

	if (message->has_cred)
		error = put_one(&w, message, SCM_CREDENTIALS, &message->cred,
				sizeof(message->cred));
	if (!error && message->control)
		error = put_files(&w, message);
	*len = w.used;
	return error;
}
