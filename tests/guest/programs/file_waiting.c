/* Waiting for files: pipes and fifos, poll, select, epoll, eventfd, timerfd; against the host. */
#define _GNU_SOURCE
#include "files.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

enum { SHORT_MS = 30 };

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* The child does something after a moment. */
static pid_t later(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep(SHORT_MS * 1000);
		fn();
		_exit(0);
	}
	return pid;
}

static int ends[2];

static void write_x(void)
{
	CHECK(write(ends[1], "x", 1) == 1);
}

static int pipes_carry_bytes_between_processes(void)
{
	enum { TOTAL = 1 << 20 };
	static char buf[70000];
	size_t done = 0;
	unsigned sum = 0, want = 0;
	pid_t child;
	ssize_t n;

	CHECK(pipe(ends) == 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		for (size_t i = 0; i < TOTAL; i += sizeof(buf) / 2) {
			size_t len = TOTAL - i < sizeof(buf) / 2 ? TOTAL - i : sizeof(buf) / 2;

			for (size_t j = 0; j < len; j++)
				buf[j] = (char)((i + j) * 7);
			CHECK(write(ends[1], buf, len) == (ssize_t)len);
		}
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++, done++) {
			sum = sum * 31 + (unsigned char)buf[i];
			want = want * 31 + (unsigned char)(done * 7);
		}
	CHECK(n == 0 && done == TOTAL && sum == want);
	CHECK(exited(reap(child), 0));
	return 0;
}

static int a_broken_pipe_is_told(void)
{
	struct pollfd fd;
	char byte;

	signal(SIGPIPE, SIG_IGN);
	CHECK(pipe2(ends, O_NONBLOCK) == 0);
	CHECK_ERRNO(read(ends[0], &byte, 1), EAGAIN);
	fd = (struct pollfd){ends[1], POLLOUT, 0};
	CHECK(poll(&fd, 1, 0) == 1 && fd.revents == POLLOUT);
	close(ends[0]);
	CHECK(poll(&fd, 1, 0) == 1 && fd.revents == (POLLOUT | POLLERR));
	CHECK_ERRNO(write(ends[1], "x", 1), EPIPE);
	CHECK(pipe(ends) == 0);
	close(ends[1]);
	fd = (struct pollfd){ends[0], POLLIN, 0};
	CHECK(poll(&fd, 1, -1) == 1 && fd.revents == POLLHUP);
	CHECK(read(ends[0], &byte, 1) == 0);
	signal(SIGPIPE, SIG_DFL);
	CHECK(pipe(ends) == 0);
	close(ends[0]);
	if (fork() == 0) {
		CHECK(write(ends[1], "x", 1) == 99);
		_exit(0);
	}
	int status;
	CHECK(wait(&status) > 0 && killed(status, SIGPIPE));
	return 0;
}

static int a_pipe_has_a_size(void)
{
	static char buf[1 << 20];
	int bytes;

	CHECK(pipe2(ends, O_NONBLOCK) == 0);
	CHECK(fcntl(ends[0], F_GETPIPE_SZ) == 65536);
	CHECK(write(ends[1], buf, sizeof(buf)) == 65536);
	CHECK(ioctl(ends[0], FIONREAD, &bytes) == 0 && bytes == 65536);
	CHECK_ERRNO(fcntl(ends[1], F_SETPIPE_SZ, 4096), EBUSY);
	CHECK(fcntl(ends[1], F_SETPIPE_SZ, 100000) == 131072);
	CHECK(write(ends[1], buf, sizeof(buf)) == 65536);
	CHECK(read(ends[0], buf, sizeof(buf)) == 131072);
	CHECK_ERRNO(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
	CHECK_ERRNO(pread(ends[0], buf, 1, 0), ESPIPE);
	CHECK_ERRNO(pipe2(ends, 0x12345678), EINVAL);
	CHECK_ERRNO(syscall(SYS_pipe, 1L), EFAULT);
	return 0;
}

static int fifos_meet(void)
{
	char byte;
	pid_t child;
	int fd;

	CHECK(mkfifo("fifo", 0600) == 0);
	CHECK_ERRNO(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	child = fork();
	if (child == 0) {
		fd = open("fifo", O_WRONLY);
		CHECK(fd >= 0 && write(fd, "f", 1) == 1);
		_exit(0);
	}
	fd = open("fifo", O_RDONLY);
	CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'f');
	CHECK(exited(reap(child), 0));
	CHECK(read(fd, &byte, 1) == 0);
	return 0;
}

static int poll_waits_and_times_out(void)
{
	struct pollfd fds[3];
	struct timespec start;
	pid_t child;

	CHECK(pipe(ends) == 0);
	fds[0] = (struct pollfd){ends[0], POLLIN, 99};
	fds[1] = (struct pollfd){-1, POLLIN, 99};
	fds[2] = (struct pollfd){77, POLLIN, 99};
	CHECK(poll(fds, 3, -1) == 1);
	CHECK(fds[0].revents == 0 && fds[1].revents == 0 && fds[2].revents == POLLNVAL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK(poll(fds, 2, SHORT_MS) == 0 && elapsed_ms(&start) >= SHORT_MS - 1);
	child = later(write_x);
	CHECK(poll(fds, 2, 5000) == 1 && fds[0].revents == POLLIN);
	CHECK(exited(reap(child), 0));
	CHECK(poll(NULL, 0, 1) == 0);
	CHECK_ERRNO(poll((struct pollfd *)8, 1, 0), EFAULT);
	CHECK_ERRNO(poll(fds, 10000000, 0), EINVAL);
	return 0;
}

static volatile sig_atomic_t nr_alarms;

static void on_alarm(int signal)
{
	nr_alarms += signal == SIGALRM;
}

static int a_signal_ends_waiting(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct timespec second = {5, 0};
	sigset_t none, alarms;
	struct pollfd fd;

	CHECK(pipe(ends) == 0);
	fd = (struct pollfd){ends[0], POLLIN, 0};
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	ualarm(SHORT_MS * 1000, 0);
	CHECK_ERRNO(poll(&fd, 1, 5000), EINTR);
	CHECK(nr_alarms == 1);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigemptyset(&none);
	CHECK(sigprocmask(SIG_BLOCK, &alarms, NULL) == 0);
	ualarm(1000, 0);
	usleep(SHORT_MS * 1000);
	CHECK(nr_alarms == 1);
	CHECK_ERRNO(ppoll(&fd, 1, &second, &none), EINTR); /* only inside is it let through */
	CHECK(nr_alarms == 2);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &none) == 0 && sigismember(&none, SIGALRM));
	ualarm(SHORT_MS * 1000, 0);
	CHECK(ppoll(&fd, 1, &(struct timespec){0, 2 * SHORT_MS * 1000000}, NULL) == 0);
	CHECK(sigprocmask(SIG_UNBLOCK, &alarms, NULL) == 0 && nr_alarms == 3);
	return 0;
}

/* Not every C library hands the time that is left back. */
static long call_select(int nr, fd_set *in, fd_set *out, struct timeval *left)
{
	return syscall(SYS_select, nr, in, out, NULL, left);
}

static int select_knows_three_sets(void)
{
	struct timeval left = {5, 0};
	fd_set in, out;
	pid_t child;

	CHECK(pipe(ends) == 0);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(ends[0], &in);
	FD_SET(ends[1], &out);
	CHECK(call_select(ends[1] + 1, &in, &out, NULL) == 1);
	CHECK(!FD_ISSET(ends[0], &in) && FD_ISSET(ends[1], &out));
	FD_SET(ends[0], &in);
	left = (struct timeval){0, 1000};
	CHECK(call_select(ends[0] + 1, &in, NULL, &left) == 0 && !FD_ISSET(ends[0], &in));
	CHECK(left.tv_sec == 0 && left.tv_usec == 0);
	FD_SET(ends[0], &in);
	child = later(write_x);
	left = (struct timeval){5, 0};
	CHECK(call_select(ends[0] + 1, &in, NULL, &left) == 1 && FD_ISSET(ends[0], &in));
	CHECK(left.tv_sec == 4 && exited(reap(child), 0));
	close(ends[0]);
	CHECK_ERRNO(call_select(ends[0] + 1, &in, NULL, NULL), EBADF);
	CHECK_ERRNO(call_select(-1, NULL, NULL, NULL), EINVAL);
	return 0;
}

static int epoll_reports_levels_edges_and_once(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcULL}, got[4];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char byte;

	CHECK(epoll >= 0 && pipe(ends) == 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event), EEXIST);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_MOD, ends[1], &event), ENOENT);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event), EINVAL);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, 99, &event), EBADF);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, open(".", O_RDONLY), &event), EPERM);
	CHECK(epoll_wait(epoll, got, 4, 0) == 0);
	write_x();
	for (int i = 0; i < 2; i++) /* a level stays */
		CHECK(epoll_wait(epoll, got, 4, 0) == 1 && got[0].events == EPOLLIN &&
		      got[0].data.u64 == 0x123456789abcULL);
	event.events = EPOLLIN | EPOLLET;
	CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, ends[0], &event) == 0);
	CHECK(epoll_wait(epoll, got, 4, 0) == 1);
	CHECK(epoll_wait(epoll, got, 4, 0) == 0); /* an edge is told once */
	write_x();
	CHECK(epoll_wait(epoll, got, 4, 0) == 1);
	event.events = EPOLLIN | EPOLLONESHOT;
	CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, ends[0], &event) == 0);
	CHECK(epoll_wait(epoll, got, 4, 0) == 1);
	write_x();
	CHECK(epoll_wait(epoll, got, 4, 0) == 0); /* until it is armed again */
	CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, ends[0], &event) == 0);
	CHECK(epoll_wait(epoll, got, 4, 0) == 1);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL) == 0);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL), ENOENT);
	CHECK(read(ends[0], &byte, 1) == 1);
	CHECK_ERRNO(epoll_wait(epoll, got, 0, 0), EINVAL);
	CHECK_ERRNO(epoll_wait(ends[0], got, 1, 0), EINVAL);
	return 0;
}

static int epoll_waits_and_forgets_what_is_closed(void)
{
	struct epoll_event event = {.events = EPOLLIN}, got[4];
	int epoll = epoll_create1(0), outer = epoll_create1(0);
	struct pollfd fd = {epoll, POLLIN, 0};
	struct timespec start;
	pid_t child;
	int copy;

	CHECK(pipe(ends) == 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
	CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, epoll, &event) == 0);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, outer, &event), ELOOP);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK(epoll_wait(epoll, got, 4, SHORT_MS) == 0 && elapsed_ms(&start) >= SHORT_MS - 1);
	child = later(write_x);
	CHECK(epoll_wait(outer, got, 4, 5000) == 1);
	CHECK(poll(&fd, 1, 0) == 1 && epoll_wait(epoll, got, 4, 0) == 1);
	CHECK(exited(reap(child), 0));
	copy = dup(ends[0]);
	close(ends[0]);
	CHECK(epoll_wait(epoll, got, 4, 0) == 1); /* the open file lives on */
	close(copy);
	CHECK(epoll_wait(epoll, got, 4, 0) == 0);
	close(epoll);
	CHECK(epoll_wait(outer, got, 4, 0) == 0);
	return 0;
}

static int event_counters_count(void)
{
	struct pollfd fd;
	uint64_t value = 5;
	int event = eventfd(3, EFD_NONBLOCK);

	fd = (struct pollfd){event, POLLIN | POLLOUT, 0};
	CHECK(poll(&fd, 1, 0) == 1 && fd.revents == (POLLIN | POLLOUT));
	CHECK(write(event, &value, 8) == 8 && read(event, &value, 8) == 8 && value == 8);
	CHECK_ERRNO(read(event, &value, 8), EAGAIN);
	value = UINT64_MAX - 1;
	CHECK(write(event, &value, 8) == 8);
	value = 1;
	CHECK_ERRNO(write(event, &value, 8), EAGAIN);
	value = UINT64_MAX;
	CHECK_ERRNO(write(event, &value, 8), EINVAL);
	CHECK_ERRNO(read(event, &value, 4), EINVAL);
	event = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	CHECK(read(event, &value, 8) == 8 && value == 1);
	CHECK(read(event, &value, 8) == 8 && value == 1);
	CHECK_ERRNO(read(event, &value, 8), EAGAIN);
	return 0;
}

static int timers_can_be_read(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec set = {{0, 5000000}, {0, 10000000}}, now;
	struct pollfd fd = {timer, POLLIN, 0};
	uint64_t ticks;

	CHECK(timer >= 0);
	CHECK_ERRNO(read(timer, &ticks, 8), EAGAIN);
	CHECK(timerfd_settime(timer, 0, &set, &now) == 0 && now.it_value.tv_nsec == 0);
	CHECK(timerfd_gettime(timer, &now) == 0 && now.it_interval.tv_nsec == 5000000);
	CHECK(now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 10000000);
	CHECK(poll(&fd, 1, 5000) == 1);
	usleep(40000);
	CHECK(read(timer, &ticks, 8) == 8 && ticks >= 5);
	CHECK(poll(&fd, 1, 5000) == 1 && read(timer, &ticks, 8) == 8 && ticks >= 1);
	memset(&set, 0, sizeof(set));
	CHECK(timerfd_settime(timer, 0, &set, NULL) == 0);
	CHECK(poll(&fd, 1, SHORT_MS) == 0);
	set.it_value.tv_nsec = 1; /* long past */
	CHECK(timerfd_settime(timer, TFD_TIMER_ABSTIME, &set, NULL) == 0);
	CHECK(poll(&fd, 1, 5000) == 1 && read(timer, &ticks, 8) == 8 && ticks == 1);
	set.it_value.tv_nsec = 1000000000;
	CHECK_ERRNO(timerfd_settime(timer, 0, &set, NULL), EINVAL);
	CHECK_ERRNO(timerfd_create(77, 0), EINVAL);
	return 0;
}

static const struct file_test tests[] = {
	{"pipes carry bytes between processes", pipes_carry_bytes_between_processes},
	{"a broken pipe is told", a_broken_pipe_is_told},
	{"a pipe has a size", a_pipe_has_a_size},
	{"fifos meet", fifos_meet},
	{"poll waits and times out", poll_waits_and_times_out},
	{"a signal ends waiting", a_signal_ends_waiting},
	{"select knows three sets", select_knows_three_sets},
	{"epoll reports levels, edges and once", epoll_reports_levels_edges_and_once},
	{"epoll waits and forgets what is closed", epoll_waits_and_forgets_what_is_closed},
	{"event counters count", event_counters_count},
	{"timers can be read", timers_can_be_read},
};

int main(void)
{
	return run_tests(tests, NR_OF(tests));
}
