/* fork, exit, wait, families, groups and sessions, threads' ends: clone(2), wait(2). */
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

static void *spin_thread(void *arg)
{
	for (;;)
		pause();
	return arg;
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

int main(void)
{
	test_exit_status();
	test_nohang();
	test_stop_and_continue();
	test_rusage();
	test_families();
	test_groups();
	test_vfork();
	test_clone_errors();
	test_threads();
	test_many_children();
	test_limits();
	return tap_end();
}
