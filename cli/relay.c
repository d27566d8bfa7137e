/*
 * One poll loop. Each direction is a pump with one buffer: it waits for its source while the buffer
 * is empty, for its sink while it is not, so whoever is slow is waited for on both sides.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../user/protocol.h"
#include "relay.h"
#include "report.h"
#include "terminal.h"

enum {
	PUMP_BUFFER = 65536,
	/* A pipe or terminal that is ready takes at least so much without blocking (pipe(7)). */
	SAFE_WRITE = 4096,
	CONSOLE_KEPT = 1 << 20,
	/* How long the machine may take from `off` to its end. */
	OFF_SECONDS = 5,
	ESCAPE_KEY = 0x1d, /* ctrl-], three times in a row: ends the machine */
	ESCAPE_TIMES = 3,
};

struct pump {
	int from, to;	   /* -1: closed */
	size_t start, end; /* what the buffer holds */
	uint64_t received; /* bytes read from the source in all */
	size_t write_max;
	bool is_discarding; /* the sink is gone, the source is still read */
	char buffer[PUMP_BUFFER];
};

enum { PUMP_IN, PUMP_OUT, PUMP_ERR, PUMP_TTY, NR_PUMPS };

struct relay {
	struct machine *machine;
	const struct relay_options *options;
	struct relay_result *result;
	struct pump pumps[NR_PUMPS];
	int signal_fd;
	unsigned nr_interrupts, nr_escapes;
	bool has_end;		 /* init has told how the program ended */
	uint64_t nr_out, nr_err; /* valid with has_end: how much output is to come in all */
	bool is_off_sent, is_over;
	struct timespec deadline; /* of the time-out or of the power-off; tv_sec 0: none */
	char line[CTL_LINE_MAX];
	size_t line_len;
};

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

static void signals_fill(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(set, forwarded[i]);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGWINCH);
	sigaddset(set, SIGCONT);
}

void relay_block_signals(void)
{
	sigset_t set;

	signals_fill(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void deadline_set(struct relay *relay, double seconds)
{
	long whole = (long)seconds;

	clock_gettime(CLOCK_MONOTONIC, &relay->deadline);
	relay->deadline.tv_sec += whole;
	relay->deadline.tv_nsec += (long)((seconds - (double)whole) * 1e9);
	if (relay->deadline.tv_nsec >= 1000000000) {
		relay->deadline.tv_sec++;
		relay->deadline.tv_nsec -= 1000000000;
	}
}

/* Milliseconds for poll(2), rounded up. */
static int deadline_left(const struct relay *relay)
{
	struct timespec now;
	long long ns;

	if (!relay->deadline.tv_sec)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (relay->deadline.tv_sec - now.tv_sec) * 1000000000LL + relay->deadline.tv_nsec -
	     now.tv_nsec;
	return ns <= 0 ? 0 : (int)((ns + 999999) / 1000000);
}

__attribute__((format(printf, 2, 3))) static void ctl_send(struct relay *relay, const char *format,
							   ...)
{
	char line[CTL_LINE_MAX];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* The lines are few and the socket holds thousands; with the machine gone, nothing is lost.
	 */
	if (send(relay->machine->fds[CHANNEL_CTL], line, (size_t)len, MSG_NOSIGNAL) < 0)
		report_phase("the guest is not listening: %s", strerror(errno));
}

/* ---- pumps -------------------------------------------------------------------------------------
 */

static void pump_init(struct pump *pump, int from, int to)
{
	struct stat st;

	pump->from = from;
	pump->to = to;
	pump->write_max = SAFE_WRITE;
	if (fstat(to, &st) == 0 && (S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode)))
		pump->write_max = PUMP_BUFFER;
}

static bool pump_is_full(const struct pump *pump)
{
	return pump->start < pump->end;
}

/* false: the source has ended. */
static bool pump_read(struct pump *pump)
{
	ssize_t n = read(pump->from, pump->buffer, sizeof(pump->buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		pump->from = -1;
		return false;
	}
	pump->received += (uint64_t)n;
	pump->start = 0;
	pump->end = pump->is_discarding ? 0 : (size_t)n;
	return true;
}

/* 0, or why the sink takes nothing more. */
static int pump_write(struct pump *pump)
{
	size_t len = pump->end - pump->start;
	ssize_t n = write(pump->to, pump->buffer + pump->start,
			  len < pump->write_max ? len : pump->write_max);

	if (n >= 0) {
		pump->start += (size_t)n;
		return 0;
	}
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	pump->is_discarding = true;
	pump->start = pump->end = 0;
	return errno;
}

/* ---- what comes in -----------------------------------------------------------------------------
 */

/* Ends the machine if the user types the escape; else the keys go their way. */
static void relay_watch_keys(struct relay *relay, const struct pump *pump)
{
	for (size_t i = pump->start; i < pump->end; i++) {
		relay->nr_escapes = pump->buffer[i] == ESCAPE_KEY ? relay->nr_escapes + 1 : 0;
		if (relay->nr_escapes == ESCAPE_TIMES) {
			relay->result->end = RELAY_INTERRUPTED;
			relay->is_over = true;
		}
	}
}

static void relay_read_input(struct relay *relay, struct pump *pump)
{
	if (pump_read(pump)) {
		if (relay->options->uses_tty)
			relay_watch_keys(relay, pump);
	} else if (relay->options->uses_tty) {
		ctl_send(relay, "signal %d\n", SIGHUP);
	} else {
		ctl_send(relay, "input-end %llu\n", (unsigned long long)pump->received);
	}
}

static void relay_input(struct relay *relay)
{
	struct pump *pump = &relay->pumps[PUMP_IN];

	if (!pump_is_full(pump))
		relay_read_input(relay, pump);
	if (pump_is_full(pump) && pump_write(pump))
		pump->from = -1;
}

static void relay_output(struct relay *relay, int which)
{
	struct pump *pump = &relay->pumps[which];
	int error;

	if (!pump_is_full(pump))
		pump_read(pump);
	error = pump_is_full(pump) ? pump_write(pump) : 0;
	if (!error)
		return;
	if (error != EPIPE && which == PUMP_OUT)
		relay->result->output_errno = error;
	if (which != PUMP_TTY)
		ctl_send(relay, "output-closed %d\n", which == PUMP_OUT ? 1 : 2);
}

static void console_take(struct relay *relay)
{
	struct relay_result *result = relay->result;
	char text[4096];
	ssize_t n = read(relay->machine->fds[CHANNEL_CONSOLE], text, sizeof(text));

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			close(relay->machine->fds[CHANNEL_CONSOLE]);
			relay->machine->fds[CHANNEL_CONSOLE] = -1;
		}
		return;
	}
	if (result->console_len + (size_t)n > CONSOLE_KEPT) {
		result->console_len /= 2;
		memmove(result->console, result->console + result->console_len,
			result->console_len);
	}
	result->console = must_alloc(result->console, result->console_len + (size_t)n + 1);
	memcpy(result->console + result->console_len, text, (size_t)n);
	result->console_len += (size_t)n;
	result->console[result->console_len] = '\0';
	if (relay->options->is_verbose && write(STDERR_FILENO, text, (size_t)n) < 0)
		return; /* a courtesy */
}

static void ctl_do_line(struct relay *relay, const char *line)
{
	struct relay_result *result = relay->result;
	unsigned long long out = 0, err = 0;
	int at = 0;

	if (sscanf(line, "exit %d %llu %llu", &result->status, &out, &err) == 3) {
		result->end = RELAY_EXITED;
		report_phase("the program has ended");
	} else if (sscanf(line, "failed %d %n", &result->failure_errno, &at) == 1) {
		result->end = RELAY_NOT_STARTED;
		snprintf(result->failure, sizeof(result->failure), "%s", line + at);
	} else {
		return;
	}
	relay->has_end = true;
	relay->nr_out = out;
	relay->nr_err = err;
}

static void ctl_take(struct relay *relay)
{
	char text[CTL_LINE_MAX];
	ssize_t n = read(relay->machine->fds[CHANNEL_CTL], text, sizeof(text));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(relay->machine->fds[CHANNEL_CTL]);
		relay->machine->fds[CHANNEL_CTL] = -1;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] != '\n') {
			if (relay->line_len < sizeof(relay->line) - 1)
				relay->line[relay->line_len++] = text[i];
			continue;
		}
		relay->line[relay->line_len] = '\0';
		relay->line_len = 0;
		ctl_do_line(relay, relay->line);
	}
}

static void relay_signal(struct relay *relay, int signal)
{
	unsigned rows, cols;

	if (signal == SIGCHLD) {
		if (relay->machine->pid > 0 &&
		    waitpid(relay->machine->pid, &relay->result->machine_status, WNOHANG) > 0)
			relay->machine->pid = 0;
	} else if (signal == SIGWINCH) {
		if (relay->options->uses_tty && terminal_size(&rows, &cols))
			ctl_send(relay, "size %u %u\n", rows, cols);
	} else if (signal == SIGCONT) {
		if (relay->options->uses_tty)
			terminal_make_raw();
	} else {
		ctl_send(relay, "signal %d\n", signal);
		if (signal == SIGINT && ++relay->nr_interrupts >= ESCAPE_TIMES) {
			relay->result->end = RELAY_INTERRUPTED;
			relay->is_over = true;
		}
	}
}

static void signals_take(struct relay *relay)
{
	struct signalfd_siginfo info;

	while (read(relay->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		relay_signal(relay, (int)info.ssi_signo);
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

static bool output_is_complete(const struct relay *relay)
{
	const struct pump *out = &relay->pumps[PUMP_OUT], *err = &relay->pumps[PUMP_ERR];

	return (out->from < 0 || out->received >= relay->nr_out) &&
	       (err->from < 0 || err->received >= relay->nr_err);
}

static void relay_poll(struct relay *relay)
{
	struct pollfd fds[3 + NR_PUMPS] = {
		{.fd = relay->signal_fd, .events = POLLIN},
		{.fd = relay->machine->fds[CHANNEL_CONSOLE], .events = POLLIN},
		{.fd = relay->machine->fds[CHANNEL_CTL], .events = POLLIN},
	};

	for (int i = 0; i < NR_PUMPS; i++) {
		struct pump *pump = &relay->pumps[i];
		bool is_full = pump_is_full(pump);

		fds[3 + i].fd = is_full ? pump->to : pump->from;
		fds[3 + i].events = is_full ? POLLOUT : POLLIN;
	}
	if (poll(fds, 3 + NR_PUMPS, deadline_left(relay)) < 0 && errno != EINTR)
		report_fail(EXIT_TOOL, "poll: %s", strerror(errno));
	if (fds[1].revents)
		console_take(relay);
	if (fds[3 + PUMP_IN].revents)
		relay_input(relay);
	for (int i = PUMP_OUT; i < NR_PUMPS; i++) {
		if (fds[3 + i].revents)
			relay_output(relay, i);
	}
	if (fds[2].revents)
		ctl_take(relay);
	if (fds[0].revents)
		signals_take(relay);
}

static void relay_step(struct relay *relay)
{
	relay_poll(relay);
	if (relay->has_end && !relay->is_off_sent && output_is_complete(relay)) {
		ctl_send(relay, "off\n");
		relay->is_off_sent = true;
		relay->pumps[PUMP_IN].from = -1;
		relay->pumps[PUMP_IN].start = relay->pumps[PUMP_IN].end = 0;
		deadline_set(relay, OFF_SECONDS);
	}
	if (relay->machine->pid == 0) {
		relay->is_over = true;
	} else if (deadline_left(relay) == 0) {
		if (!relay->has_end)
			relay->result->end = RELAY_TIMED_OUT;
		relay->is_over = true;
	}
}

/* What is still in the sockets of a machine that is gone, to where it belongs. Output that nobody
 * takes is not waited for if the machine was ended by force. */
static void relay_drain(struct relay *relay)
{
	bool is_forced =
		relay->result->end == RELAY_TIMED_OUT || relay->result->end == RELAY_INTERRUPTED;

	while (relay->machine->fds[CHANNEL_CONSOLE] >= 0)
		console_take(relay);
	for (int i = PUMP_OUT; i < NR_PUMPS; i++) {
		struct pump *pump = &relay->pumps[i];

		while (pump->from >= 0 || pump_is_full(pump)) {
			struct pollfd fd = {.fd = pump->to, .events = POLLOUT};

			if (pump_is_full(pump) && poll(&fd, 1, is_forced ? 100 : -1) == 0)
				break;
			relay_output(relay, i);
		}
	}
}

static void relay_init(struct relay *relay)
{
	const int *fds = relay->machine->fds;
	bool uses_tty = relay->options->uses_tty;
	sigset_t set;

	pump_init(&relay->pumps[PUMP_IN], STDIN_FILENO,
		  uses_tty ? fds[CHANNEL_TTY] : fds[CHANNEL_STDIN]);
	if (relay->pumps[PUMP_IN].to < 0)
		relay->pumps[PUMP_IN].from = -1;
	pump_init(&relay->pumps[PUMP_OUT], fds[CHANNEL_STDOUT], relay->options->output_fd);
	pump_init(&relay->pumps[PUMP_ERR], fds[CHANNEL_STDERR], STDERR_FILENO);
	pump_init(&relay->pumps[PUMP_TTY], fds[CHANNEL_TTY], uses_tty ? terminal_output() : -1);
	signals_fill(&set);
	relay->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (relay->signal_fd < 0)
		report_fail(EXIT_TOOL, "signalfd: %s", strerror(errno));
	if (relay->options->timeout > 0)
		deadline_set(relay, relay->options->timeout);
}

void relay_run(struct machine *machine, const struct relay_options *options,
	       struct relay_result *result)
{
	struct relay *relay = must_alloc(NULL, sizeof(*relay));
	bool was_killed;

	memset(relay, 0, sizeof(*relay));
	memset(result, 0, sizeof(*result));
	result->end = RELAY_MACHINE_DIED;
	relay->machine = machine;
	relay->options = options;
	relay->result = result;
	relay_init(relay);
	while (!relay->is_over)
		relay_step(relay);
	was_killed = machine->pid > 0;
	machine_kill(machine);
	relay_drain(relay);
	report_phase("the machine is off%s", was_killed ? " (ended by force)" : "");
	close(relay->signal_fd);
	free(relay);
}
