/* AF_UNIX sockets, against the host. */
#define _GNU_SOURCE
#include "files.h"
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static int pair[2];

static void make_pair(int type)
{
	CHECK(socketpair(AF_UNIX, type, 0, pair) == 0);
}

static struct sockaddr_un address_of(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, name);
	return address;
}

static int streams_run_both_ways(void)
{
	struct pollfd fd;
	char buf[16];
	int bytes;

	make_pair(SOCK_STREAM);
	CHECK(write(pair[0], "ab", 2) == 2 && send(pair[0], "cd", 2, 0) == 2);
	CHECK(ioctl(pair[1], FIONREAD, &bytes) == 0 && bytes == 4);
	CHECK(recv(pair[1], buf, 3, MSG_PEEK) == 3 && memcmp(buf, "abc", 3) == 0);
	CHECK(read(pair[1], buf, sizeof(buf)) == 4 && memcmp(buf, "abcd", 4) == 0);
	CHECK_ERRNO(recv(pair[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK(write(pair[1], "back", 4) == 4 && read(pair[0], buf, 4) == 4);
	CHECK(shutdown(pair[0], SHUT_WR) == 0);
	CHECK(read(pair[1], buf, 1) == 0);
	CHECK_ERRNO(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(write(pair[1], "still", 5) == 5);
	fd = (struct pollfd){pair[1], POLLIN | POLLOUT | POLLRDHUP, 0};
	CHECK(poll(&fd, 1, 0) == 1 && fd.revents == (POLLIN | POLLOUT | POLLRDHUP));
	close(pair[0]);
	CHECK(poll(&fd, 1, 0) == 1 && (fd.revents & POLLHUP));
	CHECK_ERRNO(read(pair[1], buf, 1), ECONNRESET); /* "still" was never read */
	CHECK(read(pair[1], buf, 1) == 0);
	return 0;
}

static int much_data_arrives_whole(void)
{
	enum { TOTAL = 3 << 20 };
	static char buf[100000];
	size_t done = 0;
	ssize_t n;
	pid_t child;

	make_pair(SOCK_STREAM);
	child = fork();
	if (child == 0) {
		close(pair[1]);
		while (done < TOTAL) {
			size_t len = TOTAL - done < sizeof(buf) ? TOTAL - done : sizeof(buf);

			for (size_t i = 0; i < len; i++)
				buf[i] = (char)((done + i) * 11 >> 3);
			CHECK(write(pair[0], buf, len) == (ssize_t)len);
			done += len;
		}
		_exit(0);
	}
	close(pair[0]);
	while ((n = read(pair[1], buf, 77777)) > 0)
		for (ssize_t i = 0; i < n; i++, done++)
			CHECK(buf[i] == (char)(done * 11 >> 3));
	CHECK(n == 0 && done == TOTAL && exited(reap(child), 0));
	return 0;
}

static int servers_answer(void)
{
	struct sockaddr_un address = address_of("socket"), got;
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client, served;
	socklen_t len = sizeof(got);
	struct ucred cred;
	char buf[16];
	pid_t child;

	CHECK(bind(server, (void *)&address, sizeof(address)) == 0);
	CHECK(S_ISSOCK(stat_of("socket").st_mode));
	CHECK_ERRNO(open("socket", O_RDWR), ENXIO);
	got = address_of("other");
	CHECK_ERRNO(bind(server, (void *)&got, sizeof(got)), EINVAL);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(bind(client, (void *)&address, sizeof(address)), EADDRINUSE);
	CHECK_ERRNO(connect(client, (void *)&address, sizeof(address)), ECONNREFUSED);
	CHECK_ERRNO(accept(server, NULL, NULL), EINVAL);
	CHECK(listen(server, 5) == 0);
	child = fork();
	if (child == 0) {
		CHECK(connect(client, (void *)&address, sizeof(address)) == 0);
		CHECK(write(client, "ping", 4) == 4 && read(client, buf, sizeof(buf)) == 4);
		CHECK(memcmp(buf, "pong", 4) == 0);
		_exit(0);
	}
	served = accept4(server, (void *)&got, &len, SOCK_CLOEXEC);
	CHECK(served >= 0 && len == 2 && fcntl(served, F_GETFD) == FD_CLOEXEC);
	len = sizeof(cred);
	CHECK(getsockopt(served, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0);
	CHECK(cred.pid == child && cred.uid == geteuid());
	len = sizeof(got);
	CHECK(getsockname(served, (void *)&got, &len) == 0 && strcmp(got.sun_path, "socket") == 0);
	CHECK(len == offsetof(struct sockaddr_un, sun_path) + 7);
	CHECK(read(served, buf, sizeof(buf)) == 4 && write(served, "pong", 4) == 4);
	CHECK(exited(reap(child), 0));
	CHECK(unlink("socket") == 0);
	CHECK_ERRNO(connect(client, (void *)&address, sizeof(address)), ENOENT);
	CHECK_ERRNO(connect(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&address, 1), EINVAL);
	return 0;
}

static int abstract_names_need_no_file(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX}, got;
	int server = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1 +
			(socklen_t)snprintf(address.sun_path + 1, 60, "%s", scratch),
		  got_len;
	char buf[16];

	CHECK(bind(server, (void *)&address, len) == 0);
	CHECK(bind(client, (void *)&address, offsetof(struct sockaddr_un, sun_path)) == 0);
	CHECK(sendto(client, "hello", 5, 0, (void *)&address, len) == 5);
	got_len = sizeof(got);
	CHECK(recvfrom(server, buf, sizeof(buf), 0, (void *)&got, &got_len) == 5);
	CHECK(got_len == offsetof(struct sockaddr_un, sun_path) + 6 && got.sun_path[0] == 0);
	CHECK(sendto(server, "back", 4, 0, (void *)&got, got_len) == 4);
	CHECK(recv(client, buf, 2, MSG_TRUNC) == 4);
	CHECK(connect(client, (void *)&address, len) == 0 && send(client, "c", 1, 0) == 1);
	close(server);
	CHECK_ERRNO(send(client, "c", 1, 0), ECONNREFUSED);
	CHECK_ERRNO(sendto(client, "c", 1, 0, (void *)&address, len), ECONNREFUSED);
	return 0;
}

static int messages_keep_their_borders(void)
{
	static char large[1 << 20];
	char buf[16];

	make_pair(SOCK_SEQPACKET);
	CHECK(send(pair[0], "one", 3, 0) == 3 && send(pair[0], "two", 3, 0) == 3);
	CHECK(recv(pair[1], buf, sizeof(buf), 0) == 3 && recv(pair[1], buf, 1, 0) == 1);
	close(pair[0]);
	CHECK(recv(pair[1], buf, sizeof(buf), 0) == 0);
	make_pair(SOCK_DGRAM);
	CHECK(write(pair[0], "", 0) == 0 && read(pair[1], buf, sizeof(buf)) == 0);
	CHECK_ERRNO(send(pair[0], large, sizeof(large), 0), EMSGSIZE);
	return 0;
}

static ssize_t send_descriptors(int to, const int *fds, size_t nr, char byte)
{
	char control[CMSG_SPACE(sizeof(int) * 8)];
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_SPACE(sizeof(int) * nr)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * nr);
	memcpy(CMSG_DATA(header), fds, sizeof(int) * nr);
	return sendmsg(to, &message, 0);
}

/* Descriptors that came with one byte; how many there was room for. */
static int receive_descriptors(int from, int *fds, size_t room, int *flags)
{
	char control[CMSG_SPACE(sizeof(int) * 8)], byte;
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = room ? CMSG_LEN(sizeof(int) * room) : 0};
	struct cmsghdr *header;

	CHECK(recvmsg(from, &message, MSG_CMSG_CLOEXEC) == 1);
	*flags = message.msg_flags;
	header = CMSG_FIRSTHDR(&message);
	if (!header)
		return 0;
	CHECK(header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS);
	memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
	return (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

static int descriptors_travel(void)
{
	int ends[2], got[8], flags;
	char byte;

	make_pair(SOCK_STREAM);
	CHECK(pipe(ends) == 0);
	CHECK(send_descriptors(pair[0], ends, 2, 'a') == 1);
	close(ends[0]);
	CHECK(receive_descriptors(pair[1], got, 8, &flags) == 2);
	CHECK(!(flags & MSG_CTRUNC) && fcntl(got[0], F_GETFD) == FD_CLOEXEC);
	CHECK(write(ends[1], "x", 1) == 1 && read(got[0], &byte, 1) == 1 && byte == 'x');
	got[2] = 99;
	CHECK_ERRNO(send_descriptors(pair[0], got, 3, 'b'), EBADF);
	CHECK(send_descriptors(pair[0], got, 2, 'c') == 1);
	CHECK(receive_descriptors(pair[1], got + 2, 1, &flags) == 1 && (flags & MSG_CTRUNC));
	CHECK(send_descriptors(pair[0], got, 2, 'd') == 1);
	CHECK(receive_descriptors(pair[1], got + 4, 0, &flags) == 0 && (flags & MSG_CTRUNC));
	CHECK(send_descriptors(pair[0], pair, 2, 'e') == 1); /* the socket over itself */
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static int senders_can_be_known(void)
{
	char control[CMSG_SPACE(sizeof(struct ucred))], byte;
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	struct ucred cred;
	int on = 1;

	make_pair(SOCK_DGRAM);
	CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	CHECK(send(pair[0], "x", 1, 0) == 1 && recvmsg(pair[1], &message, 0) == 1);
	header = CMSG_FIRSTHDR(&message);
	CHECK(header && header->cmsg_type == SCM_CREDENTIALS);
	memcpy(&cred, CMSG_DATA(header), sizeof(cred));
	CHECK(cred.pid == getpid() && cred.uid == getuid() && cred.gid == getgid());
	return 0;
}

static int options_are_kept(void)
{
	struct timeval timeout = {0, 20000};
	socklen_t len = sizeof(int);
	int value;
	char byte;

	make_pair(SOCK_STREAM);
	CHECK(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &len) == 0 && value == SOCK_STREAM);
	CHECK(getsockopt(pair[0], SOL_SOCKET, SO_DOMAIN, &value, &len) == 0 && value == AF_UNIX);
	CHECK(getsockopt(pair[0], SOL_SOCKET, SO_ERROR, &value, &len) == 0 && value == 0);
	value = 10000;
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)) == 0);
	CHECK(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, &len) == 0 && value == 20000);
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
	CHECK_ERRNO(read(pair[0], &byte, 1), EAGAIN);
	CHECK_ERRNO(getsockopt(pair[0], SOL_SOCKET, 9999, &value, &len), ENOPROTOOPT);
	CHECK_ERRNO(getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &len), ENOTSOCK);
	CHECK_ERRNO(socket(AF_UNIX, 77, 0), EINVAL);
	CHECK_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	CHECK_ERRNO(socket(100, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERRNO(listen(pair[0], 1), EINVAL);
	CHECK_ERRNO(sendto(pair[0], "x", 1, 0, (void *)&value, 2), EISCONN);
	CHECK_ERRNO(recv(socket(AF_UNIX, SOCK_STREAM, 0), &byte, 1, 0), EINVAL);
	CHECK_ERRNO(send(socket(AF_UNIX, SOCK_STREAM, 0), "x", 1, 0), ENOTCONN);
	return 0;
}

static const struct file_test tests[] = {
	{"streams run both ways", streams_run_both_ways},
	{"much data arrives whole", much_data_arrives_whole},
	{"servers answer", servers_answer},
	{"abstract names need no file", abstract_names_need_no_file},
	{"messages keep their borders", messages_keep_their_borders},
	{"descriptors travel", descriptors_travel},
	{"senders can be known", senders_can_be_known},
	{"options are kept", options_are_kept},
};

int main(void)
{
	return run_tests(tests, NR_OF(tests));
}
