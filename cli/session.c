/* Builds the guest, starts the machine, and turns what came of it into an exit code. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "linux_modules.h"
#include "machine.h"
#include "options.h"
#include "relay.h"
#include "report.h"
#include "session.h"
#include "terminal.h"

enum { EXIT_POWER_OFF = 65 };

static struct machine machine;

static void session_clean_up(void)
{
	machine_kill(&machine);
	terminal_restore();
}

static void session_check(struct options *options)
{
	struct machine_options *m = &options->machine;
	char release[128];

	if (!m->kernel)
		m->kernel = lodger_file("kernel/lodger.elf");
	if (!m->kernel)
		report_fail(EXIT_TOOL, "the kernel is not beside this command; run `make`");
	if (access(m->kernel, R_OK) < 0)
		report_fail(EXIT_TOOL, "--kernel %s: %s", m->kernel, strerror(errno));
	m->is_linux = linux_kernel_release(m->kernel, release, sizeof(release));
	/* microvm has the least to start; but Linux often fails to calibrate its clock there. */
	if (!m->type)
		m->type = m->is_linux ? "pc" : "microvm";
}

/* The archive lies in the machine's memory, and the guest needs some beside it. */
static void session_check_memory(const struct options *options, const struct guest *guest)
{
	const unsigned long long mega = 1 << 20;

	if (guest->initrd_len + 4 * mega > options->machine.memory)
		report_fail(EXIT_TOOL,
			    "the program and its files take %llu MiB, the machine has %llu: "
			    "give it more with --memory",
			    (unsigned long long)guest->initrd_len / mega + 1,
			    (unsigned long long)options->machine.memory / mega);
}

/* What the kernel left on its console, without the carriage returns. */
static void console_show(const struct relay_result *result)
{
	for (size_t i = 0; i < result->console_len; i++) {
		if (result->console[i] != '\r')
			fputc(result->console[i], stderr);
	}
	if (result->console_len && result->console[result->console_len - 1] != '\n')
		fputc('\n', stderr);
}

/* QEMU ends with 0 after a power-off by ACPI and with 65 after one by the debug-exit device
 * (kernel/arch/x86_64/machine/exit.c); everything else above 1 is a panic, also one on the way to the
 * power-off. */
static bool machine_ended_badly(const struct relay_result *result)
{
	int status = result->machine_status;

	return WIFEXITED(status) && WEXITSTATUS(status) > 1 &&
	       WEXITSTATUS(status) != EXIT_POWER_OFF;
}

static int result_of_machine(const struct options *options, const struct relay_result *result)
{
	int status = result->machine_status;

	if (!options->machine.is_verbose)
		console_show(result);
	machine_report_log(&machine);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && !result->console_len)
		report_fail(EXIT_TOOL, "QEMU could not start the machine");
	if (WIFSIGNALED(status))
		report("QEMU was killed by signal %d", WTERMSIG(status));
	else if (machine_ended_badly(result) ||
		 (result->console_len && strstr(result->console, "Kernel panic")))
		report("the kernel panicked");
	else
		report("the machine stopped before the program ended");
	return EXIT_PANIC;
}

int session_code(const struct options *options, const char *program,
		 const struct relay_result *result)
{
	switch (result->end) {
	case RELAY_TIMED_OUT:
		report("timed out after %g seconds", options->timeout);
		return EXIT_TIMED_OUT;
	case RELAY_INTERRUPTED:
		report("interrupted");
		return 128 + SIGINT;
	case RELAY_NOT_STARTED:
		report("%s: cannot be started: %s: %s", program, result->failure,
		       strerror(result->failure_errno));
		return result->failure_errno == ENOENT ? EXIT_NOT_FOUND : EXIT_TOOL;
	case RELAY_MACHINE_DIED:
		return result_of_machine(options, result);
	case RELAY_EXITED:
		break;
	}
	if (machine_ended_badly(result))
		return result_of_machine(options, result);
	if (result->output_errno) {
		report("standard output: %s", strerror(result->output_errno));
		return EXIT_TOOL;
	}
	if (WIFSIGNALED(result->status))
		return 128 + WTERMSIG(result->status);
	return WEXITSTATUS(result->status);
}

static void session_run_machine(const struct options *options, const struct guest *guest,
				struct relay_result *result)
{
	const bool uses_tty = guest->streams[0] == GUEST_TTY;
	const bool has_channel[NR_CHANNELS] = {
		[CHANNEL_CONSOLE] = true,
		[CHANNEL_CTL] = true,
		[CHANNEL_STDIN] = guest->streams[0] == GUEST_STREAM,
		[CHANNEL_STDOUT] = guest->streams[1] == GUEST_STREAM,
		[CHANNEL_STDERR] = guest->streams[2] == GUEST_STREAM,
		[CHANNEL_TTY] = uses_tty,
	};
	const struct relay_options relay = {
		.uses_tty = uses_tty,
		.is_verbose = options->machine.is_verbose,
		.timeout = options->timeout,
		.output_fd = guest->output_fd,
	};

	relay_block_signals();
	report_at_fail(session_clean_up);
	machine_start(&options->machine, guest->initrd_fd, has_channel, &machine);
	close(guest->initrd_fd);
	if (options->machine.wants_gdb)
		report("waiting for a debugger: gdb %s -ex 'target remote :1234'",
		       options->machine.kernel);
	if (uses_tty)
		terminal_make_raw();
	relay_run(&machine, &relay, result);
	terminal_restore();
}

void session_run(struct options *options, char **argv, struct guest *guest,
		 struct relay_result *result)
{
	report_phase("start");
	session_check(options);
	guest_build(options, argv, guest);
	report_phase("the initramfs is built, %llu KiB",
		     (unsigned long long)guest->initrd_len / 1024);
	session_check_memory(options, guest);
	session_run_machine(options, guest, result);
}
