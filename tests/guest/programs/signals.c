/* Signals: masks, queues, handlers, restarts, waiting, threads, interval timers: signal(7). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "tap.h"

static volatile sig_atomic_t nr_got, last_signal, last_code, last_value;
static volatile pid_t last_pid;

static void on_info(int signal, siginfo_t *info, void *context)
{
	(void)context;
	nr_got++;
	last_signal = signal;
	last_code = info->si_code;
	last_pid = info->si_pid;
	last_value = info->si_value.sival_int;
}

static void handle(int signal, int flags)
{
	struct sigaction action = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO | flags};

	sigaction(signal, &action, NULL);
	nr_got = 0;
}

static void block(int signal, bool is_blocked)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	sigprocmask(is_blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static bool is_pending(int signal)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, signal);
}

static void pause_ms(int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* ---- sending and masks -------------------------------------------------------------------------- */

static void test_delivery(void)
{
	union sigval value = {.sival_int = 77};

	handle(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	ok(nr_got == 1 && last_signal == SIGUSR1 && last_code == SI_USER && last_pid == getpid(),
	   "kill: at once, with who and how");
	raise(SIGUSR1);
	ok(nr_got == 2 && last_code == SI_TKILL, "tgkill: SI_TKILL");
	sigqueue(getpid(), SIGUSR1, value);
	ok(nr_got == 3 && last_code == SI_QUEUE && last_value == 77, "sigqueue: with a value");
	block(SIGUSR1, true);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	ok(nr_got == 3 && is_pending(SIGUSR1), "blocked: pending");
	block(SIGUSR1, false);
	ok(nr_got == 4 && !is_pending(SIGUSR1), "unblocked: delivered, once");
	ok(kill(getpid(), 65) == -1 && errno == EINVAL, "there is no signal 65");
	ok(kill(getpid(), 0) == 0, "signal 0 only looks");
	signal(SIGUSR1, SIG_IGN);
	block(SIGUSR1, true);
	kill(getpid(), SIGUSR1);
	ok(is_pending(SIGUSR1), "ignored but blocked: pending on Linux");
	signal(SIGUSR1, SIG_IGN);
	ok(!is_pending(SIGUSR1), "ignoring it discards it");
	block(SIGUSR1, false);
}

static int order[64], nr_order;

static void on_order(int signal, siginfo_t *info, void *context)
{
	(void)context;
	order[nr_order++] = signal * 1000 + info->si_value.sival_int;
}

static void test_realtime(void)
{
	struct sigaction action = {.sa_sigaction = on_order, .sa_flags = SA_SIGINFO};
	int low = SIGRTMIN + 1, high = SIGRTMIN + 2, i;
	union sigval value;
	sigset_t set, old;
	bool good;

	sigemptyset(&set);
	sigaddset(&set, low);
	sigaddset(&set, high);
	action.sa_mask = set;
	sigaction(low, &action, NULL);
	sigaction(high, &action, NULL);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (i = 0; i < 3; i++) {
		value.sival_int = i;
		sigqueue(getpid(), high, value);
		sigqueue(getpid(), low, value);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	good = nr_order == 6;
	for (i = 0; i < 3; i++)
		good = good && order[i] == low * 1000 + i && order[3 + i] == high * 1000 + i;
	ok(good, "real-time signals queue, low numbers first, each in order");
}

static void test_queue_limit(void)
{
	struct rlimit old, limit = {5, 5};
	union sigval value = {0};
	int nr = 0, signal = SIGRTMIN + 3;

	getrlimit(RLIMIT_SIGPENDING, &old);
	limit.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_SIGPENDING, &limit);
	block(signal, true);
	while (nr < 100 && sigqueue(getpid(), signal, value) == 0)
		nr++;
	ok(nr <= 5 && errno == EAGAIN, "RLIMIT_SIGPENDING: EAGAIN");
	setrlimit(RLIMIT_SIGPENDING, &old);
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(signal, &ignore, NULL);
	block(signal, false);
}

/* ---- flags of sigaction ---------------------------------------------------------------------------- */

static volatile int depth, max_depth, nr_nested;

static void on_nested(int signal)
{
	if (++depth > max_depth)
		max_depth = depth;
	if (++nr_nested < 3)
		raise(signal);
	depth--;
}

static void test_flags(void)
{
	struct sigaction action = {.sa_handler = on_nested}, old;

	sigaction(SIGUSR2, &action, NULL);
	raise(SIGUSR2);
	ok(max_depth == 1, "a handler's signal is blocked while it runs");
	max_depth = nr_nested = 0;
	action.sa_flags = SA_NODEFER;
	sigaction(SIGUSR2, &action, NULL);
	raise(SIGUSR2);
	ok(max_depth == 3, "SA_NODEFER: it nests");
	handle(SIGUSR2, SA_RESETHAND);
	raise(SIGUSR2);
	sigaction(SIGUSR2, NULL, &old);
	ok(nr_got == 1 && old.sa_handler == SIG_DFL, "SA_RESETHAND: once");
	ok(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL, "SIGKILL has no handler");
	ok(sigaction(SIGSTOP, &action, NULL) == -1 && errno == EINVAL, "nor has SIGSTOP");
}

/* ---- interrupted calls --------------------------------------------------------------------------------- */

static void alarm_in_ms(int ms)
{
	struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void *write_later(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pause_ms(60);
	if (write(*(int *)arg, "x", 1) != 1)
		perror("write");
	return NULL;
}

static void test_restart(void)
{
	struct timespec request = {0, 50000000}, left = {0, 0}, start, end;
	pthread_t thread;
	int fds[2];
	char byte;
	long ms;

	if (pipe(fds))
		return;
	handle(SIGALRM, 0);
	alarm_in_ms(20);
	ok(read(fds[0], &byte, 1) == -1 && errno == EINTR && nr_got == 1,
	   "a read is interrupted: EINTR");
	handle(SIGALRM, SA_RESTART);
	pthread_create(&thread, NULL, write_later, &fds[1]);
	alarm_in_ms(20);
	ok(read(fds[0], &byte, 1) == 1 && nr_got == 1, "SA_RESTART: it goes on");
	pthread_join(thread, NULL);
	alarm_in_ms(20);
	ok(nanosleep(&request, &left) == -1 && errno == EINTR && left.tv_nsec > 0 &&
		   left.tv_nsec < 50000000,
	   "nanosleep tells what is left, even with SA_RESTART");
	handle(SIGALRM, 0);
	alarm_in_ms(20);
	ok(pause() == -1 && errno == EINTR, "pause");
	alarm_in_ms(20);
	ok(select(0, NULL, NULL, NULL, NULL) == -1 && errno == EINTR, "select");
	/* A stop and its end are no handler: the sleep goes on to its own end. */
	if (fork() == 0) {
		pause_ms(10);
		kill(getppid(), SIGSTOP);
		_exit(0);
	}
	if (fork() == 0) {
		pause_ms(30);
		kill(getppid(), SIGCONT);
		_exit(0);
	}
	request.tv_nsec = 60000000;
	clock_gettime(CLOCK_MONOTONIC, &start);
	int result = nanosleep(&request, NULL);

	clock_gettime(CLOCK_MONOTONIC, &end);
	ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
	ok(result == 0 && ms >= 59, "a stopped sleep goes on (%ld ms)", ms);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	close(fds[0]);
	close(fds[1]);
}

static void test_suspend(void)
{
	sigset_t set, old, now;

	handle(SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	kill(getpid(), SIGUSR1);
	ok(sigsuspend(&old) == -1 && errno == EINTR && nr_got == 1,
	   "sigsuspend takes what was pending");
	sigprocmask(SIG_SETMASK, NULL, &now);
	ok(sigismember(&now, SIGUSR1), "and the mask is as before");
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_wait(void)
{
	struct timespec none = {0, 0}, some = {0, 20000000};
	union sigval value = {.sival_int = 5};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 4);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ok(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN, "sigtimedwait: none, EAGAIN");
	ok(sigtimedwait(&set, &info, &some) == -1 && errno == EAGAIN, "nor within 20 ms");
	sigqueue(getpid(), SIGRTMIN + 4, value);
	ok(sigwaitinfo(&set, &info) == SIGRTMIN + 4 && info.si_value.sival_int == 5,
	   "sigwaitinfo takes one");
	if (fork() == 0) {
		pause_ms(20);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	ok(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_code == SI_USER,
	   "or waits, for one whose default is to kill");
	wait(NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- threads ------------------------------------------------------------------------------------------------ */

static volatile int got_in_thread;

static void on_thread(int signal)
{
	(void)signal;
	got_in_thread = (int)syscall(SYS_gettid);
}

static void *thread_waits(void *arg)
{
	*(volatile int *)arg = (int)syscall(SYS_gettid);
	while (!got_in_thread)
		pause_ms(5);
	return NULL;
}

static void test_threads(void)
{
	volatile int tid = 0;
	pthread_t thread;

	signal(SIGUSR2, on_thread);
	got_in_thread = 0;
	pthread_create(&thread, NULL, thread_waits, (void *)&tid);
	while (!tid)
		pause_ms(1);
	block(SIGUSR2, true);
	kill(getpid(), SIGUSR2);
	pthread_join(thread, NULL);
	ok(got_in_thread == tid, "a signal to the process goes to a thread that takes it");
	block(SIGUSR2, false);
	got_in_thread = 0;
	pthread_create(&thread, NULL, thread_waits, (void *)&tid);
	pause_ms(5);
	pthread_kill(thread, SIGUSR2);
	pthread_join(thread, NULL);
	ok(got_in_thread == tid, "a signal to a thread goes to that thread");
	signal(SIGUSR2, SIG_DFL);
}

static void test_intervals(void)
{
	struct itimerval timer = {{0, 2000}, {0, 2000}}, left;
	struct timespec start, now;
	volatile unsigned long spins = 0;
	long elapsed_us;

	/* How many expire is the machine's business when it is busy; none may come too early. */
	handle(SIGALRM, SA_RESTART);
	clock_gettime(CLOCK_MONOTONIC, &start);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (nr_got < 20)
		;
	clock_gettime(CLOCK_MONOTONIC, &now);
	elapsed_us = (now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000;
	getitimer(ITIMER_REAL, &left);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	ok(elapsed_us >= 20 * 2000, "20 signals of a 2 ms timer in %ld us", elapsed_us);
	ok(left.it_interval.tv_usec == 2000 && left.it_value.tv_usec <= 2000, "getitimer");
	handle(SIGVTALRM, 0);
	timer.it_value.tv_usec = 30000;
	setitimer(ITIMER_VIRTUAL, &timer, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		spins++;
		if (spins % 1000 == 0)
			clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!nr_got && now.tv_sec - start.tv_sec < 10);
	ok(nr_got == 1, "ITIMER_VIRTUAL counts user time");
	alarm(100);
	ok(alarm(0) == 100 && alarm(0) == 0, "alarm tells what was left");
}

static int cpu_limit_main(void)
{
	struct rlimit limit = {1, 3};

	setrlimit(RLIMIT_CPU, &limit);
	for (;;)
		;
	return 0;
}

int main(void)
{
	test_delivery();
	test_realtime();
	test_queue_limit();
	test_flags();
	test_restart();
	test_suspend();
	test_wait();
	test_threads();
	test_intervals();
	ok(killed(run(cpu_limit_main), SIGXCPU), "RLIMIT_CPU: SIGXCPU");
	return tap_end();
}
