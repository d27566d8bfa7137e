/* Sockets: no family is registered. */
#include <kern/file.h>
#include <kern/sys_fs.h>
#include <uapi/errno.h>

static long not_a_socket(int fd)
{
	struct fd_ref ref = fd_borrow(fd);

	if (!ref.file)
		return -EBADF;
	fd_return(ref);
	return -ENOTSOCK;
}

long sys_socket(int family, int type, int protocol)
{
	return -EAFNOSUPPORT;
}

long sys_socketpair(int family, int type, int protocol, int32_t *user_fds)
{
	return -EAFNOSUPPORT;
}

long sys_bind(int fd, const struct abi_sockaddr *user_address, int len)
{
	return not_a_socket(fd);
}

long sys_listen(int fd, int backlog)
{
	return not_a_socket(fd);
}

long sys_accept(int fd, struct abi_sockaddr *user_address, int32_t *user_len)
{
	return not_a_socket(fd);
}

long sys_accept4(int fd, struct abi_sockaddr *user_address, int32_t *user_len, int flags)
{
	return not_a_socket(fd);
}

long sys_connect(int fd, const struct abi_sockaddr *user_address, int len)
{
	return not_a_socket(fd);
}

long sys_getsockname(int fd, struct abi_sockaddr *user_address, int32_t *user_len)
{
	return not_a_socket(fd);
}

long sys_getpeername(int fd, struct abi_sockaddr *user_address, int32_t *user_len)
{
	return not_a_socket(fd);
}

long sys_shutdown(int fd, int how)
{
	return not_a_socket(fd);
}

long sys_sendto(int fd, const void *user_buf, size_t len, unsigned flags,
		const struct abi_sockaddr *user_address, int address_len)
{
	return not_a_socket(fd);
}

long sys_recvfrom(int fd, void *user_buf, size_t len, unsigned flags,
		  struct abi_sockaddr *user_address, int32_t *user_address_len)
{
	return not_a_socket(fd);
}

long sys_sendmsg(int fd, const struct abi_msghdr *user_msg, unsigned flags)
{
	return not_a_socket(fd);
}

long sys_recvmsg(int fd, struct abi_msghdr *user_msg, unsigned flags)
{
	return not_a_socket(fd);
}

long sys_sendmmsg(int fd, struct abi_mmsghdr *user_msgs, unsigned nr, unsigned flags)
{
	return not_a_socket(fd);
}

long sys_recvmmsg(int fd, struct abi_mmsghdr *user_msgs, unsigned nr, unsigned flags,
		  struct abi_timespec *user_timeout)
{
	return not_a_socket(fd);
}

long sys_getsockopt(int fd, int level, int name, void *user_value, int32_t *user_len)
{
	return not_a_socket(fd);
}

long sys_setsockopt(int fd, int level, int name, const void *user_value, int len)
{
	return not_a_socket(fd);
}
