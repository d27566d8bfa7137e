/* Sending and receiving on sockets: messages from and to user memory. Context: task, may sleep. */
#include "socket.h"
#include <kern/fs.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "poll.h"

static void message_begin(struct message *message, const struct file *file, unsigned flags)
{
	message->address.len = 0;
	message->control = NULL;
	message->has_cred = false;
	message->flags = flags;
	message->out_flags = 0;
	message->is_nonblocking = file_is_nonblocking(file) || (flags & MSG_DONTWAIT);
}

/* ---- sendto, recvfrom ---- */

long sys_sendto(int fd, const void *user_buf, size_t len, unsigned flags,
		const struct abi_sockaddr *user_address, int address_len)
{
	struct message message;
	struct socket *socket;
	struct fd_ref ref;
	long result = socket_borrow(fd, &ref, &socket);

	if (result)
		return result;
	message_begin(&message, ref.file, flags);
	iov_init_user(&message.iter, (void *)(uintptr_t)user_buf, len);
	if (!user_range_ok(user_buf, len))
		result = -EFAULT;
	else if (user_address)
		result = address_from_user(&message.address, user_address, address_len);
	if (!result)
		result = socket->ops->send(socket, &message);
	fd_return(ref);
	return result;
}

long sys_recvfrom(int fd, void *user_buf, size_t len, unsigned flags,
		  struct abi_sockaddr *user_address, int32_t *user_address_len)
{
	struct message message;
	struct socket *socket;
	struct fd_ref ref;
	long result = socket_borrow(fd, &ref, &socket);

	if (result)
		return result;
	message_begin(&message, ref.file, flags);
	iov_init_user(&message.iter, user_buf, len);
	result = -EFAULT;
	if (user_range_ok(user_buf, len))
		result = socket->ops->receive(socket, &message);
	control_free(message.control);
	if (result >= 0 && user_address) {
		int error = address_to_user(&message.address, user_address, user_address_len);
		if (error)
			result = error;
	}
	fd_return(ref);
	return result;
}

/* ---- sendmsg ---- */

static long send_header(struct socket *socket, const struct file *file,
			const struct abi_msghdr *header, unsigned flags)
{
	struct message message;
	long result = 0;

	message_begin(&message, file, flags);
	if (header->name && header->namelen)
		result = address_from_user(&message.address, (void *)header->name, header->namelen);
	if (result)
		return result;
	result = iov_init_vector(&message.iter, (void *)header->iov, header->iovlen);
	if (result)
		return result == -EINVAL && header->iovlen > UIO_MAXIOV ? -EMSGSIZE : result;
	if (header->control && header->controllen)
		result = control_from_user(&message, header->control, header->controllen);
	if (!result)
		result = socket->ops->send(socket, &message);
	control_free(message.control);
	iov_destroy(&message.iter);
	return result;
}

long sys_sendmsg(int fd, const struct abi_msghdr *user_msg, unsigned flags)
{
	struct abi_msghdr header;
	struct socket *socket;
	struct fd_ref ref;
	long result = socket_borrow(fd, &ref, &socket);

	if (result)
		return result;
	result = copy_from_user(&header, user_msg, sizeof(header));
	if (!result)
		result = send_header(socket, ref.file, &header, flags);
	fd_return(ref);
	return result;
}

long sys_sendmmsg(int fd, struct abi_mmsghdr *user_msgs, unsigned nr, unsigned flags)
{
	struct socket *socket;
	struct fd_ref ref;
	unsigned done = 0;
	long result = socket_borrow(fd, &ref, &socket);

	if (result)
		return result;
	for (nr = MIN(nr, (unsigned)UIO_MAXIOV); done < nr; done++) {
		struct abi_msghdr header;
		uint32_t len;

		result = copy_from_user(&header, &user_msgs[done].hdr, sizeof(header));
		if (!result)
			result = send_header(socket, ref.file, &header, flags);
		if (result < 0)
			break;
		len = (uint32_t)result;
		result = copy_to_user(&user_msgs[done].len, &len, sizeof(len));
		if (result)
			break;
	}
	fd_return(ref);
	return done ? (long)done : result;
}

/* ---- recvmsg ---- */

static int store_header(struct message *message, const struct abi_msghdr *header,
			struct abi_msghdr *user_header)
{
	struct abi_msghdr out = *header;
	size_t room = header->control ? header->controllen : 0;
	int error = 0;

	if (header->name) {
		size_t len = MIN(message->address.len, (size_t)MAX(header->namelen, 0));
		error = copy_to_user((void *)header->name, message->address.bytes, len);
		out.namelen = (int32_t)message->address.len;
	}
	if (!error)
		error = control_to_user(message, header->control, &room);
	out.controllen = room;
	out.flags = message->out_flags;
	if (!error)
		error = copy_to_user(&user_header->namelen, &out.namelen, sizeof(out.namelen));
	if (!error)
		error = copy_to_user(&user_header->controllen, &out.controllen,
				     sizeof(out.controllen));
	if (!error)
		error = copy_to_user(&user_header->flags, &out.flags, sizeof(out.flags));
	return error;
}

static long receive_header(struct socket *socket, const struct file *file,
			   struct abi_msghdr *user_header, unsigned flags)
{
	struct abi_msghdr header;
	struct message message;
	long result = copy_from_user(&header, user_header, sizeof(header));

	if (result)
		return result;
	message_begin(&message, file, flags);
	result = iov_init_vector(&message.iter, (void *)header.iov, header.iovlen);
	if (result)
		return result == -EINVAL && header.iovlen > UIO_MAXIOV ? -EMSGSIZE : result;
	message.out_flags = flags & MSG_CMSG_CLOEXEC;
	result = socket->ops->receive(socket, &message);
	iov_destroy(&message.iter);
	if (result >= 0) {
		int error = store_header(&message, &header, user_header);
		if (error)
			result = error;
	}
	control_free(message.control);
	return result;
}

long sys_recvmsg(int fd, struct abi_msghdr *user_msg, unsigned flags)
{
	struct socket *socket;
	struct fd_ref ref;
	long result = socket_borrow(fd, &ref, &socket);

	if (result)
		return result;
	result = receive_header(socket, ref.file, user_msg, flags);
	fd_return(ref);
	return result;
}

long sys_recvmmsg(int fd, struct abi_mmsghdr *user_msgs, unsigned nr, unsigned flags,
		  struct abi_timespec *user_timeout)
{
	uint64_t deadline_ns;
	struct socket *socket;
	struct fd_ref ref;
	unsigned done = 0;
	long result = poll_deadline_of(user_timeout, &deadline_ns);

	if (!result)
		result = socket_borrow(fd, &ref, &socket);
	if (result)
		return result;
	for (nr = MIN(nr, (unsigned)UIO_MAXIOV); done < nr; done++) {
		uint32_t len;

		if (done && clock_monotonic_ns() >= deadline_ns)
			break;
		result = receive_header(socket, ref.file, &user_msgs[done].hdr,
					flags & ~(unsigned)MSG_WAITFORONE);
		if (result < 0)
			break;
		len = (uint32_t)result;
		result = copy_to_user(&user_msgs[done].len, &len, sizeof(len));
		if (result)
			break;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
	}
	fd_return(ref);
	poll_store_left(user_timeout, deadline_ns);
	return done ? (long)done : result;
}
