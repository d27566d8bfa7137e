/*
 * Carries bytes between the program's pipes and the ports, and lines over the control port.
 *
 * Each stream has one buffer and moves in one direction: it waits for its source while the buffer
 * is empty and for its sink while it is not. So nothing is read that cannot be passed on, and
 * whoever is slow holds up the other side, as a pipe would.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

enum { STREAM_BUFFER = 32768 };

struct stream {
	int from, to;	     /* -1: closed */
	size_t start, end;   /* what the buffer holds */
	uint64_t moved;	     /* bytes passed on in all */
	uint64_t limit;	     /* input ends after so many bytes; UINT64_MAX: not yet known */
	bool is_source_ours; /* `from` is the program's pipe, and closing it tells the program */
	char buffer[STREAM_BUFFER];
};

struct relay {
	const struct instructions *in;
	struct program *program;
	struct stream streams[3];
	int ctl_fd;
	char line[CTL_LINE_MAX]; /* an unfinished line of the control port */
	size_t line_len;
	bool has_exited, is_released;
	int status; /* wait status of the program */
};

static void stream_close(struct stream *stream)
{
	int pipe_fd = stream->is_source_ours ? stream->from : stream->to;

	if (pipe_fd >= 0)
		close(pipe_fd);
	stream->from = stream->to = -1;
	stream->start = stream->end = 0;
}

static bool stream_is_full(const struct stream *stream)
{
	return stream->start < stream->end;
}

/* The end of input may become known before or after its last byte has been passed on. */
static void stream_check_end(struct stream *stream)
{
	if (stream->to >= 0 && !stream_is_full(stream) && stream->moved >= stream->limit)
		stream_close(stream);
}

static bool error_is_wait(int error)
{
	return error == EAGAIN || error == EINTR;
}

/* Moves what can be moved without waiting; true: something was. */
static bool stream_move(struct stream *stream)
{
	ssize_t n;

	if (stream->from < 0)
		return false;
	if (!stream_is_full(stream)) {
		n = read(stream->from, stream->buffer, sizeof(stream->buffer));
		if (n <= 0) {
			/* A port that ends says so by a count; the program's pipe by 0. */
			if (stream->is_source_ours && (n == 0 || !error_is_wait(errno)))
				stream_close(stream);
			return false;
		}
		stream->start = 0;
		stream->end = (size_t)n;
	}
	n = write(stream->to, stream->buffer + stream->start, stream->end - stream->start);
	if (n < 0) {
		if (!error_is_wait(errno))
			stream_close(stream);
		return false;
	}
	stream->start += (size_t)n;
	stream->moved += (uint64_t)n;
	stream_check_end(stream);
	return n > 0;
}

static void relay_do_line(struct relay *relay, const char *line)
{
	char *end;

	if (!strncmp(line, "signal ", 7)) {
		if (!relay->has_exited)
			program_signal(relay->program, atoi(line + 7));
	} else if (!strncmp(line, "size ", 5)) {
		unsigned long rows = strtoul(line + 5, &end, 10);

		program_resize(relay->program, (unsigned short)rows,
			       (unsigned short)strtoul(end, NULL, 10));
	} else if (!strncmp(line, "input-end ", 10)) {
		relay->streams[0].limit = strtoull(line + 10, NULL, 10);
		stream_check_end(&relay->streams[0]);
	} else if (!strncmp(line, "output-closed ", 14)) {
		int which = atoi(line + 14);

		if (which == 1 || which == 2)
			stream_close(&relay->streams[which]);
	} else if (!strcmp(line, "off")) {
		relay->is_released = true;
	}
}

static void relay_read_ctl(struct relay *relay)
{
	char text[CTL_LINE_MAX];
	ssize_t n = read(relay->ctl_fd, text, sizeof(text));

	for (ssize_t i = 0; i < n; i++) {
		if (text[i] != '\n') {
			if (relay->line_len < sizeof(relay->line) - 1)
				relay->line[relay->line_len++] = text[i];
			continue;
		}
		relay->line[relay->line_len] = '\0';
		relay->line_len = 0;
		relay_do_line(relay, relay->line);
	}
}

static void ctl_write(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(fd, text, len);
		struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if (n < 0 && !error_is_wait(errno)) {
			machine_fail(PORT_CTL, errno);
		} else {
			poll(&poll_fd, 1, -1);
		}
	}
}

static void relay_reap(struct relay *relay)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == relay->program->pid) {
			relay->has_exited = true;
			relay->status = status;
		}
	}
}

static void child_ended(int signal)
{
	(void)signal; /* it is there to interrupt ppoll */
}

/* One wait for whatever comes next, and its handling. wait_mask: signals to let in meanwhile. */
static void relay_step(struct relay *relay, const sigset_t *wait_mask)
{
	struct pollfd fds[4] = {{.fd = relay->ctl_fd, .events = POLLIN}};

	for (int i = 0; i < 3; i++) {
		struct stream *stream = &relay->streams[i];
		bool is_full = stream_is_full(stream);

		fds[1 + i].fd = is_full ? stream->to : stream->from;
		fds[1 + i].events = is_full ? POLLOUT : POLLIN;
	}
	if (ppoll(fds, 4, NULL, wait_mask) < 0 && errno != EINTR)
		machine_fail("ppoll", errno);
	if (fds[0].revents)
		relay_read_ctl(relay);
	for (int i = 0; i < 3; i++) {
		if (fds[1 + i].revents)
			stream_move(&relay->streams[i]);
	}
	relay_reap(relay);
}

/* Passes on what the stream's pipe holds now. Who else still writes to it is not waited for. */
static void relay_drain_stream(struct relay *relay, struct stream *stream)
{
	uint64_t goal;
	int pending;

	if (stream->from < 0)
		return;
	if (ioctl(stream->from, FIONREAD, &pending) < 0)
		pending = STREAM_BUFFER;
	goal = stream->moved + (stream->end - stream->start) + (uint64_t)pending;
	while (stream->from >= 0 && stream->moved < goal) {
		struct pollfd fds[2] = {{.fd = relay->ctl_fd, .events = POLLIN},
					{.fd = stream->to, .events = POLLOUT}};

		if (stream_move(stream))
			continue;
		if (!stream_is_full(stream))
			break;
		poll(fds, 2, -1);
		if (fds[0].revents)
			relay_read_ctl(relay);
	}
}

static void stream_init(struct stream *stream, int from, int to, bool is_source_ours)
{
	stream->from = from;
	stream->to = to;
	stream->is_source_ours = is_source_ours;
	stream->limit = UINT64_MAX;
}

static void relay_init(struct relay *relay, const struct instructions *in, struct program *program,
		       int ctl_fd)
{
	static const char *const ports[3] = {PORT_STDIN, PORT_STDOUT, PORT_STDERR};

	relay->in = in;
	relay->program = program;
	relay->ctl_fd = ctl_fd;
	for (int i = 0; i < 3; i++) {
		int pipe_fd = i == 0 ? program->stdin_fd : program->output_fd[i];
		int port_fd = pipe_fd >= 0 ? port_open(ports[i]) : -1;

		if (i == 0)
			stream_init(&relay->streams[i], port_fd, pipe_fd, false);
		else
			stream_init(&relay->streams[i], pipe_fd, port_fd, true);
	}
}

void relay_run(const struct instructions *in, struct program *program, int ctl_fd)
{
	static struct relay relay;
	const struct sigaction action = {.sa_handler = child_ended};
	char line[CTL_LINE_MAX];
	sigset_t old_mask, mask;

	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &old_mask);
	relay_init(&relay, in, program, ctl_fd);
	relay_reap(&relay);
	while (!relay.has_exited)
		relay_step(&relay, &old_mask);
	relay_drain_stream(&relay, &relay.streams[1]);
	relay_drain_stream(&relay, &relay.streams[2]);
	if (program->tty_fd >= 0)
		tcdrain(program->tty_fd);
	kill(-1, SIGKILL);
	snprintf(line, sizeof(line), "exit %d %llu %llu\n", relay.status,
		 (unsigned long long)relay.streams[1].moved,
		 (unsigned long long)relay.streams[2].moved);
	ctl_write(ctl_fd, line);
	for (int i = 0; i < 3; i++)
		stream_close(&relay.streams[i]);
	while (!relay.is_released)
		relay_step(&relay, &old_mask);
}

void relay_report_failure(int ctl_fd, int error, const char *text)
{
	static struct relay relay;
	char line[CTL_LINE_MAX];
	sigset_t mask;

	sigemptyset(&mask);
	for (int i = 0; i < 3; i++)
		relay.streams[i].from = relay.streams[i].to = -1;
	relay.ctl_fd = ctl_fd;
	snprintf(line, sizeof(line), "failed %d %.200s\n", error, text);
	ctl_write(ctl_fd, line);
	while (!relay.is_released)
		relay_step(&relay, &mask);
}
