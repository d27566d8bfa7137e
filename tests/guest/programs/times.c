/* Clocks, sleeping, POSIX timers: clock_gettime(2), nanosleep(2), timer_create(2), times(2). */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "tap.h"

static long ms_between(const struct timespec *a, const struct timespec *b)
{
	return (b->tv_sec - a->tv_sec) * 1000 + (b->tv_nsec - a->tv_nsec) / 1000000;
}

static struct timespec now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts;
}

static void test_clocks(void)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME,	     CLOCK_MONOTONIC,
					   CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
					   CLOCK_MONOTONIC_RAW,	     CLOCK_REALTIME_COARSE,
					   CLOCK_MONOTONIC_COARSE,   CLOCK_BOOTTIME};
	struct timespec a, b, resolution;
	struct timeval tv;
	unsigned i, good = 0;

	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int j, forward = 1;

		a = now(clocks[i]);
		for (j = 0; j < 1000; j++) {
			b = now(clocks[i]);
			if (b.tv_sec < a.tv_sec ||
			    (b.tv_sec == a.tv_sec && b.tv_nsec < a.tv_nsec) ||
			    b.tv_nsec >= 1000000000)
				forward = 0;
			a = b;
		}
		good += forward && clock_getres(clocks[i], &resolution) == 0;
	}
	ok(good == i, "clocks never go back");
	ok(syscall(SYS_clock_gettime, 77, &a) == -1 && errno == EINVAL, "no clock 77: EINVAL");
	ok(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8) == -1 && errno == EFAULT, "EFAULT");
	gettimeofday(&tv, NULL);
	ok(labs(tv.tv_sec - time(NULL)) <= 1 && tv.tv_sec > 1600000000, "it is after 2020");
}

static void test_sleep(void)
{
	struct timespec request = {0, 30000000}, bad = {0, -1}, start, end;

	start = now(CLOCK_MONOTONIC);
	ok(nanosleep(&request, NULL) == 0, "nanosleep");
	end = now(CLOCK_MONOTONIC);
	ok(ms_between(&start, &end) >= 30, "not shorter than asked for");
	ok(nanosleep(&bad, NULL) == -1 && errno == EINVAL, "an impossible time: EINVAL");
	request = now(CLOCK_MONOTONIC);
	start = request;
	request.tv_nsec += 30000000;
	if (request.tv_nsec >= 1000000000) {
		request.tv_nsec -= 1000000000;
		request.tv_sec++;
	}
	ok(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &request, NULL) == 0, "until a time");
	end = now(CLOCK_MONOTONIC);
	ok(ms_between(&start, &end) >= 30, "which has come");
	ok(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &start, NULL) == 0, "a time long past");
	ok(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &request, NULL) == EINVAL,
	   "not on a thread's clock");
}

static volatile sig_atomic_t nr_fired, overruns;
static timer_t the_timer;

static void on_timer(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	nr_fired++;
	overruns += timer_getoverrun(the_timer);
	if (info->si_code != SI_TIMER || info->si_value.sival_int != 99)
		nr_fired += 1000;
}

static void spin_ms(long ms)
{
	struct timespec start = now(CLOCK_MONOTONIC), end;

	do
		end = now(CLOCK_MONOTONIC);
	while (ms_between(&start, &end) < ms);
}

static void test_timers(void)
{
	struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct itimerspec value = {{0, 5000000}, {0, 5000000}}, left;
	struct timespec start, end;
	sigset_t set;
	int seen;

	event.sigev_value.sival_int = 99;
	sigaction(SIGRTMIN, &action, NULL);
	ok(timer_create(CLOCK_MONOTONIC, &event, &the_timer) == 0, "timer_create");
	ok(timer_gettime(the_timer, &left) == 0 && !left.it_value.tv_nsec, "not armed");
	start = now(CLOCK_MONOTONIC);
	timer_settime(the_timer, 0, &value, NULL);
	spin_ms(100);
	/* How many are signals and how many overruns is a matter of how busy the machine is. */
	seen = nr_fired + overruns;
	end = now(CLOCK_MONOTONIC);
	ok(nr_fired >= 1 && seen >= 15 && seen <= ms_between(&start, &end) / 5,
	   "5 ms for %ld ms: %d signals, %d overruns", (long)ms_between(&start, &end),
	   (int)nr_fired, (int)overruns);
	ok(timer_gettime(the_timer, &left) == 0 && left.it_interval.tv_nsec == 5000000,
	   "its period");
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	nr_fired = overruns = 0;
	spin_ms(60);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	ok(nr_fired >= 1 && nr_fired <= 2 && overruns >= 8, "blocked: overruns (%d)",
	   (int)overruns);
	ok(timer_delete(the_timer) == 0 && timer_delete(the_timer) != 0, "deleted, once");
	nr_fired = 0;
	spin_ms(15);
	ok(nr_fired == 0, "silent then");
	event.sigev_notify = SIGEV_NONE;
	ok(timer_create(CLOCK_REALTIME, &event, &the_timer) == 0, "without a signal");
	value.it_interval.tv_nsec = 0;
	timer_settime(the_timer, 0, &value, NULL);
	spin_ms(10);
	ok(timer_gettime(the_timer, &left) == 0 && !left.it_value.tv_nsec && !left.it_value.tv_sec,
	   "it is over when looked at");
	timer_delete(the_timer);
	event.sigev_signo = 77;
	event.sigev_notify = SIGEV_SIGNAL;
	ok(timer_create(CLOCK_REALTIME, &event, &the_timer) == -1 && errno == EINVAL,
	   "no signal 77: EINVAL");
}

static void test_cpu_time(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct itimerspec value = {{0, 0}, {0, 40000000}};
	struct timespec before = now(CLOCK_PROCESS_CPUTIME_ID), after, wall;
	struct rusage usage;
	struct tms tms;
	clockid_t clock;

	spin_ms(50);
	after = now(CLOCK_PROCESS_CPUTIME_ID);
	ok(ms_between(&before, &after) >= 5, "the process's clock counts work");
	before = after;
	usleep(50000);
	after = now(CLOCK_PROCESS_CPUTIME_ID);
	ok(ms_between(&before, &after) < 40, "but not sleep");
	pthread_getcpuclockid(pthread_self(), &clock);
	ok(clock_gettime(clock, &after) == 0 && after.tv_nsec + after.tv_sec > 0,
	   "a thread's clock by number");
	ok(times(&tms) != (clock_t)-1 && tms.tms_utime + tms.tms_stime >= 3, "times");
	getrusage(RUSAGE_SELF, &usage);
	ok(usage.ru_maxrss > 0 && usage.ru_minflt > 0 && usage.ru_nvcsw > 0, "getrusage");
	event.sigev_value.sival_int = 99;
	nr_fired = 0;
	ok(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &the_timer) == 0, "a timer of CPU time");
	timer_settime(the_timer, 0, &value, NULL);
	usleep(60000);
	ok(nr_fired == 0, "does not count sleep");
	wall = now(CLOCK_MONOTONIC);
	do
		after = now(CLOCK_MONOTONIC);
	while (!nr_fired && ms_between(&wall, &after) < 5000);
	ok(nr_fired == 1, "but work");
	timer_delete(the_timer);
}

int main(void)
{
	test_clocks();
	test_sleep();
	test_timers();
	test_cpu_time();
	return tap_end();
}
