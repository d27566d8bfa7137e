/* fork, exit, wait, exec, families, groups and sessions, threads' ends: clone(2), wait(2), execve(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "tap.h"

static const char *self; /* our own path, to exec */

static void pause_ms(int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* ---- fork, exit, wait ----------------------------------------------------------------------------- */

static int exit_seven(void)
{
	return 7;
}

static int kill_self(void)
{
	raise(SIGKILL);
	return 0;
}

static int abort_self(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	abort();
}

static int sleep_forever(void)
{
	for (;;)
		pause();
	return 0;
}

static void test_exit_status(void)
{
	int status;

	ok(exited(run(exit_seven), 7), "an exit status arrives");
	ok(killed(run(kill_self), SIGKILL), "so does the signal that killed");
	status = run(abort_self);
	ok(killed(status, SIGABRT) && !WCOREDUMP(status), "no core bit without a core");
	ok(waitpid(-1, NULL, 0) == -1 && errno == ECHILD, "no child: ECHILD");
	ok(waitpid(getpid(), NULL, 0) == -1 && errno == ECHILD, "not one's own: ECHILD");
	ok(waitpid(-1, NULL, 0x12345) == -1 && errno == EINVAL, "strange options: EINVAL");
}

static void test_nohang(void)
{
	pid_t pid = spawn(sleep_forever);
	siginfo_t info;
	int status;

	ok(waitpid(pid, &status, WNOHANG) == 0, "WNOHANG of a running child is 0");
	kill(pid, SIGTERM);
	memset(&info, 0, sizeof(info));
	ok(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == pid &&
		   info.si_code == CLD_KILLED && info.si_status == SIGTERM &&
		   info.si_signo == SIGCHLD,
	   "waitid tells who, how and why");
	ok(waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid,
	   "WNOWAIT had left it waitable");
	ok(waitpid(pid, &status, 0) == -1 && errno == ECHILD, "it is gone then");
}

static void test_stop_and_continue(void)
{
	pid_t pid = spawn(sleep_forever);
	int status;

	kill(pid, SIGSTOP);
	ok(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
		   WSTOPSIG(status) == SIGSTOP,
	   "a stop is told");
	ok(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0, "once");
	kill(pid, SIGCONT);
	ok(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status), "and that it goes on");
	kill(pid, SIGSTOP);
	kill(pid, SIGKILL);
	ok(killed(reap(pid), SIGKILL), "SIGKILL ends one that is stopped");
}

static void test_rusage(void)
{
	struct rusage usage;
	volatile unsigned long n = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct timespec start, now;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		do {
			n++;
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
		} while ((now.tv_sec - start.tv_sec) * 1000 +
				 (now.tv_nsec - start.tv_nsec) / 1000000 <
			 50);
		_exit(0);
	}
	memset(&usage, 0, sizeof(usage));
	ok(wait4(pid, NULL, 0, &usage) == pid &&
		   usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 40000,
	   "wait4 tells the CPU time of the child");
	getrusage(RUSAGE_CHILDREN, &usage);
	ok(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 40000, "it is our children's now");
}

/* ---- families ---------------------------------------------------------------------------------------- */

static int orphan_reports(int fd)
{
	pid_t middle = fork();

	if (middle == 0) {
		pid_t father = getpid();

		if (fork() == 0) {
			int32_t parent;

			while (getppid() == father)
				pause_ms(5);
			parent = getppid();
			if (write(fd, &parent, sizeof(parent)) < 0)
				_exit(1);
			_exit(0);
		}
		_exit(0);
	}
	reap(middle);
	return 0;
}

static int subreaper_main(void)
{
	int fds[2];
	int32_t parent = 0;

	if (pipe(fds) || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return 1;
	orphan_reports(fds[1]);
	if (read(fds[0], &parent, sizeof(parent)) != sizeof(parent) || parent != getpid())
		return 2;
	return wait(NULL) > 0 ? 0 : 3;
}

static int pdeath_main(void)
{
	int fds[2];
	char byte;

	if (pipe(fds))
		return 1;
	if (fork() == 0) {
		pid_t child = fork();

		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			if (write(fds[1], "r", 1) != 1)
				_exit(1);
			sleep_forever();
		}
		close(fds[1]);
		if (read(fds[0], &byte, 1) != 1)
			_exit(1);
		_exit(0); /* and so its child is killed and closes the pipe */
	}
	close(fds[1]);
	wait(NULL);
	while (read(fds[0], &byte, 1) > 0)
		;
	return 0;
}

static int autoreap_main(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};
	int status;

	sigaction(SIGCHLD, &action, NULL);
	if (spawn(exit_seven) < 0)
		return 1;
	return wait(&status) == -1 && errno == ECHILD ? 0 : 2;
}

static void test_families(void)
{
	ok(exited(run(subreaper_main), 0), "orphans go to a subreaper");
	ok(exited(run(pdeath_main), 0), "PR_SET_PDEATHSIG");
	ok(exited(run(autoreap_main), 0), "SIGCHLD ignored: children leave no zombie");
}

/* ---- groups and sessions -------------------------------------------------------------------------------- */

static int session_main(void)
{
	pid_t child, me = getpid();

	if (getpgrp() == me || setsid() != me || getsid(0) != me || getpgrp() != me)
		return 1;
	if (setsid() != -1 || errno != EPERM)
		return 2;
	child = spawn(sleep_forever);
	if (setpgid(child, child) || getpgid(child) != child || getsid(child) != me)
		return 3;
	if (setpgid(child, 999999) != -1)
		return 4;
	if (setpgid(me, child) != -1 || errno != EPERM)
		return 5; /* a session leader stays */
	if (kill(-child, SIGTERM))
		return 6;
	return killed(reap(child), SIGTERM) ? 0 : 7;
}

static volatile sig_atomic_t got_hup, got_cont;

static void note(int signal)
{
	if (signal == SIGHUP)
		got_hup = 1;
	if (signal == SIGCONT)
		got_cont = 1;
}

/* The last one who could continue a stopped group leaves: it gets SIGHUP and SIGCONT. */
static int orphaned_group_main(void)
{
	int fds[2];
	char byte = 0;

	if (pipe(fds) || setsid() < 0)
		return 1;
	if (fork() == 0) {
		if (fork() == 0) {
			signal(SIGHUP, note);
			signal(SIGCONT, note);
			setpgid(0, 0);
			if (write(fds[1], "r", 1) != 1)
				_exit(1);
			raise(SIGSTOP);
			byte = got_hup && got_cont ? 'y' : 'n';
			_exit(write(fds[1], &byte, 1) != 1);
		}
		if (read(fds[0], &byte, 1) != 1)
			_exit(1);
		pause_ms(50);
		_exit(0);
	}
	wait(NULL);
	close(fds[1]);
	return read(fds[0], &byte, 1) == 1 && byte == 'y' ? 0 : 2;
}

static void test_groups(void)
{
	ok(exited(run(session_main), 0), "sessions and process groups");
	ok(exited(run(orphaned_group_main), 0), "a stopped group that is orphaned is told");
	ok(getpgid(999999) == -1 && errno == ESRCH, "getpgid of nobody: ESRCH");
	ok(kill(-999999, 0) == -1 && errno == ESRCH, "kill of no group: ESRCH");
}

/* ---- exec ------------------------------------------------------------------------------------------------- */

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
	signal(SIGUSR1, note);
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

/* ---- vfork, clone ------------------------------------------------------------------------------------------ */

static void test_vfork(void)
{
	volatile int value = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		value = 5;
		_exit(3);
	}
	ok(value == 5, "a vfork child shares memory, and its parent waits");
	ok(exited(reap(pid), 3), "and can be waited for");
}

static long raw_clone(unsigned long flags)
{
	return syscall(SYS_clone, flags, 0, 0, 0, 0);
}

static void test_clone_errors(void)
{
	ok(raw_clone(CLONE_THREAD) == -1 && errno == EINVAL, "CLONE_THREAD without CLONE_SIGHAND");
	ok(raw_clone(CLONE_SIGHAND) == -1 && errno == EINVAL, "CLONE_SIGHAND without CLONE_VM");
	ok(syscall(SYS_clone3, NULL, 8) == -1 && errno == EINVAL, "clone3 with a short struct");
	ok(syscall(SYS_clone3, NULL, 64) == -1 && errno == EFAULT, "clone3 with none");
}

static void *exit_group_thread(void *arg)
{
	pause_ms(10);
	_exit(9);
	return arg;
}

static int leader_leaves_main(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_group_thread, NULL);
	syscall(SYS_exit, 1); /* only this thread */
	return 2;
}

static int group_exit_main(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&thread, NULL, spin_thread, NULL);
	return 12;
}

static void *thread_sum(void *arg)
{
	return (void *)((uintptr_t)arg + 1);
}

static void test_threads(void)
{
	pthread_t threads[16];
	uintptr_t sum = 0;
	void *result;
	int i, round;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 16; i++)
			pthread_create(&threads[i], NULL, thread_sum, (void *)(uintptr_t)i);
		for (i = 0; i < 16; i++) {
			pthread_join(threads[i], &result);
			sum += (uintptr_t)result;
		}
	}
	ok(sum == 20 * (120 + 16), "320 threads made and joined");
	ok(exited(run(leader_leaves_main), 9),
	   "the process lives on when its first thread has left");
	ok(exited(run(group_exit_main), 12), "exit_group ends sleeping threads");
}

static void test_many_children(void)
{
	int i, status, good = 0;

	for (i = 0; i < 200; i++) {
		if (spawn(exit_seven) < 0)
			break;
	}
	while (wait(&status) > 0)
		good += exited(status, 7);
	ok(i == 200 && good == 200, "200 children at once");
}

static int nproc_main(void)
{
	struct rlimit limit = {20, 20};
	int nr = 0;

	setrlimit(RLIMIT_NPROC, &limit);
	if (setuid(12345))
		return 1;
	while (nr < 100 && spawn(sleep_forever) > 0)
		nr++;
	if (errno != EAGAIN)
		return 2;
	signal(SIGTERM, SIG_IGN);
	kill(-1, SIGKILL);
	return nr == 19 ? 0 : 3;
}

static void test_limits(void)
{
	if (getuid() == 0)
		ok(exited(run(nproc_main), 0), "RLIMIT_NPROC: EAGAIN");
	else
		ok(true, "RLIMIT_NPROC # SKIP needs root");
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

	test_exit_status();
	test_nohang();
	test_stop_and_continue();
	test_rusage();
	test_families();
	test_groups();
	test_exec();
	test_exec_of_threads();
	test_cloexec_and_signals();
	test_vfork();
	test_clone_errors();
	test_threads();
	test_many_children();
	test_limits();
	return tap_end();
}
