/* Starts the program with its descriptors, session and terminal, and passes things on to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"

/* What the child of vfork works with: it shares init's memory, so it only makes system calls. */
struct start {
	const struct instructions *in;
	char **shell_argv; /* for a text without `#!`: the shell's, as execvp(3) has it */
	int fds[3];
	bool has_tty;
	const char *step; /* what failed */
	int error;
};

static void start_child_exec(struct start *start, char *const *argv, const char *path)
{
	start->error = 0;
	execve(path, argv, start->in->envp);
	start->error = errno;
}

/* In the child of vfork: becomes the program, or leaves step and error behind. */
static void start_child(struct start *start)
{
	signal(SIGPIPE, SIG_DFL);
	start->step = "setsid";
	if (setsid() < 0)
		goto failed;
	start->step = "terminal";
	if (start->has_tty && ioctl(start->fds[0], TIOCSCTTY, 0) < 0)
		goto failed;
	start->step = "streams";
	for (int i = 0; i < 3; i++) {
		if (dup2(start->fds[i], i) < 0)
			goto failed;
	}
	start->step = start->in->cwd;
	if (chdir(start->in->cwd) < 0)
		goto failed;
	start->step = start->in->exec;
	start_child_exec(start, start->in->argv, start->in->exec);
	if (start->error == ENOEXEC)
		start_child_exec(start, start->shell_argv, start->shell_argv[0]);
	return;
failed:
	start->error = errno;
}

/* A descriptor above the three that it may replace. */
static int fd_raise(int fd)
{
	int raised;

	if (fd < 0 || fd > 2)
		return fd;
	raised = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return raised;
}

static int pipe_make(int *ours, int *theirs, int our_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	*ours = fd_raise(ends[our_end]);
	*theirs = fd_raise(ends[!our_end]);
	if (*ours < 0 || *theirs < 0 || fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
		return errno;
	return 0;
}

static int stream_open(const struct instructions *in, int which, struct program *program, int *fd)
{
	switch (in->streams[which]) {
	case STREAM_TTY:
		*fd = program->tty_fd;
		return 0;
	case STREAM_PIPE:
		if (which == 0)
			return pipe_make(&program->stdin_fd, fd, 1);
		return pipe_make(&program->output_fd[which], fd, 0);
	case STREAM_NULL:
		break;
	}
	*fd = fd_raise(open("/dev/null", O_RDWR | O_CLOEXEC));
	return *fd < 0 ? errno : 0;
}

static char **shell_argv_make(const struct instructions *in)
{
	size_t nr = 0;
	char **argv;

	while (in->argv[nr])
		nr++;
	argv = calloc(nr + 2, sizeof(*argv));
	if (!argv)
		machine_fail("arguments", ENOMEM);
	argv[0] = (char *)"/bin/sh";
	argv[1] = (char *)in->exec;
	memcpy(argv + 2, in->argv + 1, (nr - 1) * sizeof(*argv));
	return argv;
}

int program_start(const struct instructions *in, struct program *program, const char **what)
{
	struct start start = {.in = in, .shell_argv = shell_argv_make(in)};
	sigset_t none, mask;

	program->stdin_fd = program->output_fd[0] = program->output_fd[1] = program->output_fd[2] =
		program->tty_fd = -1;
	*what = TTY_DEVICE;
	start.has_tty = in->streams[0] == STREAM_TTY;
	if (start.has_tty) {
		program->tty_fd = fd_raise(open(TTY_DEVICE, O_RDWR | O_NOCTTY | O_CLOEXEC));
		if (program->tty_fd < 0)
			return errno;
		program_resize(program, in->rows, in->cols);
	}
	*what = "streams";
	for (int i = 0; i < 3; i++) {
		int error = stream_open(in, i, program, &start.fds[i]);

		if (error)
			return error;
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &mask);
	program->pid = vfork();
	if (program->pid == 0) {
		start_child(&start);
		_exit(127);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	*what = "vfork";
	if (program->pid < 0)
		return errno;
	*what = start.step;
	for (int i = 0; i < 3; i++) {
		if (start.fds[i] != program->tty_fd)
			close(start.fds[i]);
	}
	return start.error;
}

void program_signal(const struct program *program, int signal)
{
	bool is_keyboard = signal == SIGINT || signal == SIGQUIT;

	if (is_keyboard)
		kill(-program->pid, signal);
	else
		kill(program->pid, signal);
}

void program_resize(const struct program *program, unsigned short rows, unsigned short cols)
{
	struct winsize size = {.ws_row = rows, .ws_col = cols};

	if (program->tty_fd >= 0 && rows && cols)
		ioctl(program->tty_fd, TIOCSWINSZ, &size);
}
