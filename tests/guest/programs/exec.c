/* Becoming another program: execve(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tap.h"

static const char *self; /* our own path, to exec */

static void nothing(int signal)
{
	(void)signal;
}

static int exec_status(char *const argv[], char *const envp[])
{
	pid_t pid = fork();

	if (pid == 0) {
		execve(argv[0], argv, envp);
		_exit(200 + (errno > 55 ? 55 : errno));
	}
	return reap(pid);
}

static int exec_error(const char *path)
{
	char *argv[] = {(char *)path, NULL};
	int status = exec_status(argv, environ);

	return WIFEXITED(status) ? WEXITSTATUS(status) - 200 : -1;
}

static void write_file(const char *path, const void *data, size_t len, int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		printf("# cannot write %s\n", path);
	fchmod(fd, (mode_t)mode);
	close(fd);
}

static void test_exec(void)
{
	char *echo[] = {(char *)self, "exec-arguments", "two words", "", NULL};
	char *environment[] = {"A=1", "LONG=x", NULL};
	char script[512], *run_script[] = {"/tmp/guest-script", "end", NULL};
	static char big[200000];
	char *too_long[] = {(char *)self, big, NULL};
	int status;

	ok(exited(exec_status(echo, environment), 42), "arguments, environment, auxiliary vector");
	ok(exec_error("/nonexistent") == ENOENT, "no file: ENOENT");
	ok(exec_error("/") == EACCES, "a folder: EACCES");
	write_file("/tmp/guest-bad", "\177ELF rubbish", 12, 0755);
	ok(exec_error("/tmp/guest-bad") == ENOEXEC, "rubbish: ENOEXEC");
	write_file("/tmp/guest-bad", "x", 1, 0644);
	ok(exec_error("/tmp/guest-bad") == EACCES, "no x bit: EACCES");
	write_file("/tmp/guest-bad", "", 0, 0755);
	ok(exec_error("/tmp/guest-bad") == ENOEXEC, "an empty file: ENOEXEC");
	snprintf(script, sizeof(script), "#!%s script-word  more \n", self);
	write_file("/tmp/guest-script", script, strlen(script), 0755);
	ok(exited(exec_status(run_script, environment), 43), "#! with one word");
	snprintf(script, sizeof(script), "#!/tmp/guest-loop\n");
	write_file("/tmp/guest-loop", script, strlen(script), 0755);
	ok(exec_error("/tmp/guest-loop") == ELOOP, "a script that interprets itself: ELOOP");
	memset(big, 'x', sizeof(big) - 1);
	status = exec_status(too_long, environment);
	ok(exited(status, 200 + E2BIG), "a string of 200 KB: E2BIG");
	ok(syscall(SYS_execve, self, 8, environ) == -1 && errno == EFAULT, "bad argv: EFAULT");
	unlink("/tmp/guest-bad");
	unlink("/tmp/guest-script");
	unlink("/tmp/guest-loop");
}

/* What test_exec() runs: looks at what it was given. */
static int exec_arguments_main(int argc, char **argv)
{
	if (argc != 4 || strcmp(argv[2], "two words") || argv[3][0] || argv[4])
		return 1;
	if (!environ[0] || strcmp(environ[0], "A=1") || strcmp(environ[1], "LONG=x") || environ[2])
		return 2;
	if ((uintptr_t)argv % 8 || (char *)environ != (char *)(argv + 5))
		return 3;
	return 42;
}

static int script_main(int argc, char **argv)
{
	/* self, "script-word  more", /tmp/guest-script, end */
	return argc == 4 && !strcmp(argv[1], "script-word  more") &&
			       !strcmp(argv[2], "/tmp/guest-script") && !strcmp(argv[3], "end")
		       ? 43
		       : 1;
}

static void *exec_from_thread(void *arg)
{
	char *argv[] = {(char *)self, "exec-pid", arg, NULL};

	execve(self, argv, environ);
	return NULL;
}

static void *spin_thread(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int exec_in_thread_main(void)
{
	static char number[16];
	pthread_t thread;
	int i;

	snprintf(number, sizeof(number), "%d", getpid());
	for (i = 0; i < 4; i++)
		pthread_create(&thread, NULL, spin_thread, NULL);
	pthread_create(&thread, NULL, exec_from_thread, number);
	pthread_join(thread, NULL);
	return 1;
}

static void test_exec_of_threads(void)
{
	ok(exited(run(exec_in_thread_main), 44), "a thread execs: the others end, the pid stays");
}

static void test_cloexec_and_signals(void)
{
	char number[16], *argv[] = {(char *)self, "exec-state", number, NULL};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), kept = open("/dev/null", O_RDONLY);
	sigset_t set, old;

	snprintf(number, sizeof(number), "%d,%d", fd, kept);
	signal(SIGUSR1, nothing);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &old);
	ok(exited(exec_status(argv, environ), 45),
	   "exec closes what is marked, resets handlers, keeps what is ignored or blocked");
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	close(fd);
	close(kept);
}

static int exec_state_main(const char *numbers)
{
	int fd, kept;
	struct sigaction action;
	sigset_t set;

	if (sscanf(numbers, "%d,%d", &fd, &kept) != 2)
		return 1;
	if (fcntl(fd, F_GETFD) != -1 || fcntl(kept, F_GETFD) == -1)
		return 2;
	sigaction(SIGUSR1, NULL, &action);
	if (action.sa_handler != SIG_DFL)
		return 3;
	sigaction(SIGUSR2, NULL, &action);
	if (action.sa_handler != SIG_IGN)
		return 4;
	sigprocmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, SIGWINCH) ? 45 : 5;
}

int main(int argc, char **argv)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	self = argv[0];
	if (len > 0) {
		path[len] = '\0';
		self = path;
	}
	if (argc > 1 && !strcmp(argv[1], "exec-arguments"))
		return exec_arguments_main(argc, argv);
	if (argc > 2 && !strcmp(argv[1], "exec-pid"))
		return atoi(argv[2]) == getpid() && syscall(SYS_gettid) == getpid() ? 44 : 1;
	if (argc > 2 && !strcmp(argv[1], "exec-state"))
		return exec_state_main(argv[2]);
	if (argc > 1 && !strncmp(argv[1], "script-word", 11))
		return script_main(argc, argv);

	test_exec();
	test_exec_of_threads();
	test_cloexec_and_signals();
	return tap_end();
}
