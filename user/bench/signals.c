/* Signals: to oneself, and there and back between two processes. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static pid_t us, other;
static volatile sig_atomic_t has_come;

static void note(int signal)
{
	(void)signal;
	has_come = 1;
}

static void self_set_up(void)
{
	const struct sigaction action = {.sa_handler = note};

	pin_to_cpu(0);
	us = getpid();
	sigaction(SIGUSR1, &action, NULL);
}

static uint64_t run_self(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--)
		kill(us, SIGUSR1);
	return clock_ns() - start;
}

/* Lets the signal in only here, so that none is missed. */
static void await_signal(void)
{
	sigset_t none;

	sigemptyset(&none);
	while (!has_come)
		sigsuspend(&none);
	has_come = 0;
}

static void round_trip_set_up(void)
{
	sigset_t mask;

	self_set_up();
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	other = fork();
	if (other < 0)
		bench_fail("fork");
	while (other == 0) {
		await_signal();
		kill(us, SIGUSR1);
	}
}

static void round_trip_tear_down(void)
{
	sigset_t mask;

	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static uint64_t run_round_trip(unsigned n)
{
	uint64_t start = clock_ns();

	while (n--) {
		kill(other, SIGUSR1);
		await_signal();
	}
	return clock_ns() - start;
}

const struct bench signal_benches[] = {
	{.name = "signal-self", .set_up = self_set_up, .run = run_self},
	{.name = "signal-round-trip",
	 .set_up = round_trip_set_up,
	 .tear_down = round_trip_tear_down,
	 .run = run_round_trip},
	{.name = NULL},
};
