/* getsockopt(2), setsockopt(2): the options of SOL_SOCKET (socket(7)) that every family has; the others
 * are asked of the family. Context: task. */
#include "socket.h"
#include <kern/bitmap.h>
#include <kern/cred.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/time.h>

enum { OPTION_MAX = 256 };

/* Options that are remembered and shown, and change nothing here. */
#define REMEMBERED                                                                               \
	((1U << SO_DEBUG) | (1U << SO_REUSEADDR) | (1U << SO_DONTROUTE) | (1U << SO_BROADCAST) | \
	 (1U << SO_KEEPALIVE) | (1U << SO_OOBINLINE) | (1U << SO_REUSEPORT))

union option {
	int32_t number;
	struct abi_linger linger;
	struct abi_timeval time;
	char bytes[OPTION_MAX];
};

/* ---- get ---- */

static struct abi_timeval time_of(uint64_t ns)
{
	if (ns == UINT64_MAX)
		return (struct abi_timeval){0, 0};
	return (struct abi_timeval){(int64_t)(ns / NSEC_PER_SEC),
				    (int64_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
}

static int get_number(struct socket *socket, int name, int32_t *number)
{
	switch (name) {
	case SO_TYPE:
		*number = socket->type;
		return 0;
	case SO_DOMAIN:
		*number = socket->family;
		return 0;
	case SO_PROTOCOL:
		*number = socket->protocol;
		return 0;
	case SO_ERROR:
		*number = -socket_take_error(socket);
		return 0;
	case SO_SNDBUF:
		*number = (int32_t)atomic_load_relaxed(&socket->send_buffer);
		return 0;
	case SO_RCVBUF:
		*number = (int32_t)atomic_load_relaxed(&socket->receive_buffer);
		return 0;
	case SO_PASSCRED:
		*number = (int32_t)atomic_load_relaxed(&socket->wants_cred);
		return 0;
	case SO_ACCEPTCONN:
		*number = atomic_load_relaxed(&socket->is_listening);
		return 0;
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		*number = 1;
		return 0;
	case SO_PRIORITY:
		*number = 0;
		return 0;
	default:
		if (name < 0 || name >= 32 || !(REMEMBERED >> name & 1))
			return -ENOPROTOOPT;
		*number = (int32_t)(atomic_load_relaxed(&socket->flags) >> name & 1);
		return 0;
	}
}

static int get_common(struct socket *socket, int name, union option *value, size_t *len)
{
	switch (name) {
	case SO_LINGER:
		value->linger = socket->linger;
		*len = sizeof(value->linger);
		return 0;
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		value->time = time_of(atomic_load_relaxed(name == SO_RCVTIMEO
								  ? &socket->receive_timeout_ns
								  : &socket->send_timeout_ns));
		*len = sizeof(value->time);
		return 0;
	default:
		*len = sizeof(value->number);
		return get_number(socket, name, &value->number);
	}
}

long sys_getsockopt(int fd, int level, int name, void *user_value, int32_t *user_len)
{
	union option value;
	struct socket *socket;
	struct fd_ref ref;
	size_t len = sizeof(value);
	int32_t room;
	int error = socket_borrow(fd, &ref, &socket);

	if (error)
		return error;
	error = -ENOPROTOOPT;
	if (level == SOL_SOCKET)
		error = get_common(socket, name, &value, &len);
	if (error == -ENOPROTOOPT && socket->ops->get_option) {
		len = sizeof(value);
		error = socket->ops->get_option(socket, level, name, &value, &len);
	} else if (error == -ENOPROTOOPT && level != SOL_SOCKET) {
		error = -EOPNOTSUPP;
	}
	fd_return(ref);
	if (error)
		return error;
	if (copy_from_user(&room, user_len, sizeof(room)) != 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	room = (int32_t)MIN((size_t)room, len);
	if (copy_to_user(user_value, &value, (size_t)room) != 0)
		return -EFAULT;
	return copy_to_user(user_len, &room, sizeof(room));
}

/* ---- set ---- */

static int set_time(uint64_t *field, const union option *value, size_t len)
{
	uint64_t ns;

	if (len < sizeof(value->time))
		return -EINVAL;
	if (value->time.usec < 0 || value->time.usec >= 1000000)
		return -EDOM;
	if (value->time.sec < 0)
		ns = 0;
	else if (__builtin_mul_overflow((uint64_t)value->time.sec, NSEC_PER_SEC, &ns))
		ns = UINT64_MAX;
	else
		ns += (uint64_t)value->time.usec * NSEC_PER_USEC;
	if (value->time.sec == 0 && value->time.usec == 0)
		ns = UINT64_MAX;
	atomic_store_relaxed(field, ns);
	return 0;
}

/* The kernel keeps twice what was asked for (socket(7)). */
static void set_buffer(uint32_t *field, int32_t bytes)
{
	uint32_t wanted = (uint32_t)MIN(MAX(bytes, 0), SOCKET_BUFFER_MAX / 2) * 2;

	atomic_store_relaxed(field, MAX(wanted, (uint32_t)SOCKET_BUFFER_MIN));
}

static int set_number(struct socket *socket, int name, int32_t number)
{
	switch (name) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		set_buffer(&socket->send_buffer, number);
		return 0;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		set_buffer(&socket->receive_buffer, number);
		return 0;
	case SO_PASSCRED:
		atomic_store_relaxed(&socket->wants_cred, number != 0);
		return 0;
	case SO_RCVLOWAT:
	case SO_PRIORITY:
		return 0;
	default:
		if (name < 0 || name >= 32 || !(REMEMBERED >> name & 1))
			return -ENOPROTOOPT;
		if (number)
			atomic_fetch_or_relaxed(&socket->flags, 1U << name);
		else
			atomic_fetch_and_relaxed(&socket->flags, ~(1U << name));
		return 0;
	}
}

static int set_common(struct socket *socket, int name, const union option *value, size_t len)
{
	switch (name) {
	case SO_LINGER:
		if (len < sizeof(value->linger))
			return -EINVAL;
		socket->linger = value->linger;
		return 0;
	case SO_RCVTIMEO:
		return set_time(&socket->receive_timeout_ns, value, len);
	case SO_SNDTIMEO:
		return set_time(&socket->send_timeout_ns, value, len);
	default:
		return len < sizeof(value->number) ? -EINVAL
						   : set_number(socket, name, value->number);
	}
}

long sys_setsockopt(int fd, int level, int name, const void *user_value, int len)
{
	union option value;
	struct socket *socket;
	struct fd_ref ref;
	int error;

	if (len < 0)
		return -EINVAL;
	error = socket_borrow(fd, &ref, &socket);
	if (error)
		return error;
	memset(&value, 0, sizeof(value));
	error = copy_from_user(&value, user_value, MIN((size_t)len, sizeof(value)));
	if (!error) {
		error = -ENOPROTOOPT;
		if (level == SOL_SOCKET)
			error = set_common(socket, name, &value, (size_t)len);
		if (error == -ENOPROTOOPT && socket->ops->set_option)
			error = socket->ops->set_option(socket, level, name, &value, (size_t)len);
		else if (error == -ENOPROTOOPT && level != SOL_SOCKET)
			error = -EOPNOTSUPP;
	}
	fd_return(ref);
	return error;
}
