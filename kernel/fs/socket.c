/*
 * Sockets: families, files, and the calls that make, name and connect them. What is common to all
 * families is here, in socket_msg.c and socket_option.c; families keep their own state and locks.
 * Context: task, may sleep.
 */
#include "socket.h"
#include <kern/fs.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include "fs_init.h"
#include "pipe.h"

static struct socket_family *families; /* [const] after bring-up */

INIT_TEXT void socket_family_register(struct socket_family *family)
{
	family->next = families;
	families = family;
}

void socket_setup(struct socket *socket, const struct socket_ops *ops, int family, int type,
		  int protocol)
{
	socket->ops = ops;
	socket->family = family;
	socket->type = type;
	socket->protocol = protocol;
	socket->send_buffer = SOCKET_BUFFER_DEFAULT;
	socket->receive_buffer = SOCKET_BUFFER_DEFAULT;
	socket->send_timeout_ns = UINT64_MAX;
	socket->receive_timeout_ns = UINT64_MAX;
}

int socket_take_error(struct socket *socket)
{
	if (likely(!atomic_load_relaxed(&socket->error)))
		return 0;
	return -atomic_exchange_relaxed(&socket->error, 0);
}

uint64_t socket_deadline(uint64_t timeout_ns)
{
	uint64_t now;

	if (likely(timeout_ns == UINT64_MAX))
		return UINT64_MAX;
	now = clock_monotonic_ns();
	return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

/* ---- files ---- */

static ssize_t socket_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct socket *socket = file->private;
	struct message message;
	ssize_t result;

	message.iter = *to;
	message.address.len = 0;
	message.control = NULL;
	message.flags = message.out_flags = 0;
	message.has_cred = false;
	message.is_nonblocking = file_is_nonblocking(file);
	result = socket->ops->receive(socket, &message);
	control_free(message.control); /* read(2) has no place for descriptors */
	return result;
}

static ssize_t socket_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	struct socket *socket = file->private;
	struct message message;

	message.iter = *from;
	message.address.len = 0;
	message.control = NULL;
	message.flags = message.out_flags = 0;
	message.has_cred = false;
	message.is_nonblocking = file_is_nonblocking(file);
	return socket->ops->send(socket, &message);
}

static unsigned socket_poll(struct file *file, struct poll_table *table)
{
	struct socket *socket = file->private;

	return socket->ops->poll(socket, file, table);
}

static long socket_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	struct socket *socket = file->private;

	return socket->ops->ioctl ? socket->ops->ioctl(socket, command, argument) : -ENOTTY;
}

static void socket_release(struct file *file)
{
	struct socket *socket = file->private;

	socket->ops->release(socket);
}

static const struct file_ops socket_file_ops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
};

struct socket *file_socket(const struct file *file)
{
	return file->ops == &socket_file_ops ? file->private : NULL;
}

struct file *socket_open_move(struct socket *socket, int flags)
{
	struct inode *inode = inode_create_anonymous(NULL, S_IFSOCK | 0777);
	struct file *file = NULL;

	if (inode)
		file = file_alloc(&socket_file_ops, O_RDWR | ((uint32_t)flags & SOCK_NONBLOCK));
	if (!file) {
		inode_put(inode);
		socket->ops->release(socket);
		return NULL;
	}
	file->inode = inode;
	file->private = socket;
	socket->file = file;
	file->kind = "socket";
	return file;
}

static int install_move(struct file *file, int flags)
{
	int fd = fd_install_move(file, 0, (unsigned)flags & SOCK_CLOEXEC);

	if (fd < 0)
		file_put(file);
	return fd;
}

/* ---- making ---- */

static const struct socket_family *family_find(int number)
{
	const struct socket_family *family = families;

	while (family && family->family != number)
		family = family->next;
	return family;
}

static int create(int family_number, int type, int protocol, struct file **file)
{
	const struct socket_family *family = family_find(family_number);
	struct socket *socket;
	int error;

	if (!family)
		return -EAFNOSUPPORT;
	error = family->create(type & SOCK_TYPE_MASK, protocol, &socket);
	if (error)
		return error;
	*file = socket_open_move(socket, type);
	return *file ? 0 : -ENOMEM;
}

static int check_type(int family, int type)
{
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	return type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK) ? -EINVAL : 0;
}

long sys_socket(int family, int type, int protocol)
{
	struct file *file;
	int error = check_type(family, type);

	if (!error)
		error = create(family, type, protocol, &file);
	return error ? error : install_move(file, type);
}

long sys_socketpair(int family, int type, int protocol, int32_t *user_fds)
{
	struct file *files[2];
	int error = check_type(family, type);

	if (!error)
		error = create(family, type, protocol, &files[0]);
	if (error)
		return error;
	error = create(family, type, protocol, &files[1]);
	if (error)
		goto put_first;
	error = -EOPNOTSUPP;
	if (family_find(family)->pair)
		error = family_find(family)->pair(file_socket(files[0]), file_socket(files[1]));
	if (!error)
		return files_install_pair_move(files, type & SOCK_CLOEXEC, user_fds);
	file_put(files[1]);
put_first:
	file_put(files[0]);
	return error;
}

/* ---- addresses ---- */

int address_from_user(struct socket_address *address, const void *user, int len)
{
	if (len < 0 || len > SOCKADDR_MAX)
		return -EINVAL;
	memset(address, 0, sizeof(*address));
	address->len = (size_t)len;
	return copy_from_user(address->bytes, user, (size_t)len);
}

int address_to_user(const struct socket_address *address, void *user, int32_t *user_len)
{
	int32_t room, len = (int32_t)address->len;

	if (copy_from_user(&room, user_len, sizeof(room)) != 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(user, address->bytes, (size_t)MIN(room, len)) != 0)
		return -EFAULT;
	return copy_to_user(user_len, &len, sizeof(len)); /* how long it really is */
}

/* ---- the calls on one socket ---- */

int socket_borrow(int fd, struct fd_ref *ref, struct socket **socket)
{
	*ref = fd_borrow(fd);
	if (!ref->file)
		return -EBADF;
	*socket = file_socket(ref->file);
	if (*socket)
		return 0;
	fd_return(*ref);
	return -ENOTSOCK;
}

long sys_bind(int fd, const struct abi_sockaddr *user_address, int len)
{
	struct socket_address address;
	struct socket *socket;
	struct fd_ref ref;
	int error = socket_borrow(fd, &ref, &socket);

	if (error)
		return error;
	error = address_from_user(&address, user_address, len);
	if (!error)
		error = socket->ops->bind(socket, &address);
	fd_return(ref);
	return error;
}

long sys_connect(int fd, const struct abi_sockaddr *user_address, int len)
{
	struct socket_address address;
	struct socket *socket;
	struct fd_ref ref;
	int error = socket_borrow(fd, &ref, &socket);

	if (error)
		return error;
	error = address_from_user(&address, user_address, len);
	if (!error)
		error = socket->ops->connect(socket, &address, file_is_nonblocking(ref.file));
	fd_return(ref);
	return error;
}

long sys_listen(int fd, int backlog)
{
	struct socket *socket;
	struct fd_ref ref;
	int error = socket_borrow(fd, &ref, &socket);

	if (error)
		return error;
	error = socket->ops->listen(socket, MIN((unsigned)backlog, (unsigned)SOMAXCONN));
	fd_return(ref);
	return error;
}

static long accept(struct socket *socket, bool is_nonblocking, void *user_address,
		   int32_t *user_len, int flags)
{
	struct socket_address address;
	struct socket *fresh;
	struct file *file;
	int fd, error = socket->ops->accept(socket, is_nonblocking, &fresh);

	if (error)
		return error;
	file = socket_open_move(fresh, flags);
	if (!file)
		return -ENOMEM;
	fd = fd_reserve(0, (unsigned)flags & SOCK_CLOEXEC);
	if (fd < 0) {
		error = fd;
		goto put_file;
	}
	if (user_address) {
		error = fresh->ops->get_name(fresh, true, &address);
		if (!error)
			error = address_to_user(&address, user_address, user_len);
	}
	if (error)
		goto cancel;
	fd_install_reserved_move(fd, file);
	return fd;
cancel:
	fd_cancel(fd);
put_file:
	file_put(file);
	return error;
}

long sys_accept4(int fd, struct abi_sockaddr *user_address, int32_t *user_len, int flags)
{
	struct socket *socket;
	struct fd_ref ref;
	long result;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	result = socket_borrow(fd, &ref, &socket);
	if (result)
		return result;
	result = accept(socket, file_is_nonblocking(ref.file), user_address, user_len, flags);
	fd_return(ref);
	return result;
}

long sys_accept(int fd, struct abi_sockaddr *user_address, int32_t *user_len)
{
	return sys_accept4(fd, user_address, user_len, 0);
}

static long get_name(int fd, bool is_peer, void *user_address, int32_t *user_len)
{
	struct socket_address address;
	struct socket *socket;
	struct fd_ref ref;
	int error = socket_borrow(fd, &ref, &socket);

	if (error)
		return error;
	error = socket->ops->get_name(socket, is_peer, &address);
	fd_return(ref);
	return error ? error : address_to_user(&address, user_address, user_len);
}

long sys_getsockname(int fd, struct abi_sockaddr *user_address, int32_t *user_len)
{
	return get_name(fd, false, user_address, user_len);
}

long sys_getpeername(int fd, struct abi_sockaddr *user_address, int32_t *user_len)
{
	return get_name(fd, true, user_address, user_len);
}

long sys_shutdown(int fd, int how)
{
	struct socket *socket;
	struct fd_ref ref;
	int error;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	error = socket_borrow(fd, &ref, &socket);
	if (error)
		return error;
	error = socket->ops->shutdown(socket, how);
	fd_return(ref);
	return error;
}

INIT_TEXT void socket_init(void)
{
	unix_init();
}
