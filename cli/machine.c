/* Builds QEMU's command line and starts it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../user/protocol.h"
#include "machine.h"
#include "report.h"

#define QEMU "qemu-system-x86_64"

/* microvm has a second I/O APIC for its virtio-mmio places, but under TCG nothing arrives through it
 * (QEMU 7.2); without it the places are wired to the first one, from line 16 on. */
#define MICROVM	       "microvm,ioapic2=off"
#define MICROVM_VIRTIO "virtio_mmio.device=512@0xfeb00000:16"

enum { ARGUMENTS_MAX = 128, CHANNEL_BUFFER = 1 << 20 };

struct command {
	char *argv[ARGUMENTS_MAX];
	size_t nr;
};

/* text is taken over. */
static void command_add(struct command *command, char *text)
{
	if (command->nr + 1 >= ARGUMENTS_MAX)
		report_fail(EXIT_TOOL, "too many arguments for " QEMU);
	command->argv[command->nr++] = text;
	command->argv[command->nr] = NULL;
}

static void command_add_pair(struct command *command, const char *name, char *value)
{
	command_add(command, must_copy(name));
	command_add(command, value);
}

static char *kernel_words(const struct machine_options *options)
{
	const char *append = options->append ? options->append : "";
	bool is_microvm = !strcmp(options->type, "microvm");

	if (options->is_linux)
		return must_format("console=ttyS0 panic=-1 %s %s",
				   options->is_verbose ? "" : "quiet loglevel=4", append);
	return must_format(
		"terminal=" PORT_TTY " %s%s%s%s%s", options->is_verbose ? "" : "console=off ",
		is_microvm ? MICROVM_VIRTIO " " : "", options->lazy ? "lazy=" : "",
		options->lazy ? options->lazy : "", append[0] ? must_format(" %s", append) : "");
}

static void command_add_machine(struct command *command, const struct machine_options *options)
{
	bool is_kvm = !strcmp(options->accel, "kvm");
	const char *type = strcmp(options->type, "microvm") ? options->type : MICROVM;
	unsigned long long kilobytes = options->memory / 1024;

	command_add_pair(command, "-machine", must_format("%s,memory-backend=ram", type));
	/* Memory that the guest does not touch need not exist here. */
	command_add_pair(
		command, "-object",
		must_format("memory-backend-ram,id=ram,size=%lluK,reserve=off", kilobytes));
	command_add_pair(command, "-accel",
			 must_copy(is_kvm		 ? "kvm"
				   : options->is_counted ? "tcg,thread=single"
							 : "tcg,thread=multi"));
	command_add_pair(command, "-cpu", must_copy(is_kvm ? "host" : "max"));
	command_add_pair(command, "-smp", must_format("%u", options->nr_cpus));
	command_add_pair(command, "-m", must_format("%lluK", kilobytes));
	command_add(command, must_copy("-nodefaults"));
	command_add(command, must_copy("-no-user-config"));
	command_add(command, must_copy("-no-reboot"));
	command_add_pair(command, "-display", must_copy("none"));
	command_add_pair(command, "-device",
			 must_format("isa-debug-exit,iobase=%#x,iosize=4", DEBUG_EXIT_PORT));
	if (options->is_counted)
		command_add_pair(command, "-icount", must_copy("shift=0,sleep=off"));
	if (options->wants_gdb) {
		command_add(command, must_copy("-S"));
		command_add(command, must_copy("-s"));
	}
}

/*
 * Lodger makes a terminal of a port that it is told of. Linux has a terminal for consoles only; there
 * QEMU drops what is not taken at once, so that the sockets have a large buffer (channel_make).
 */
static const char *port_device(const struct machine_options *options, int channel)
{
	return options->is_linux && channel == CHANNEL_TTY ? "virtconsole" : "virtserialport";
}

static void command_add_channels(struct command *command, const struct machine_options *options,
				 const int fds[NR_CHANNELS])
{
	static const char *const ports[NR_CHANNELS] = {
		[CHANNEL_CTL] = PORT_CTL,	[CHANNEL_STDIN] = PORT_STDIN,
		[CHANNEL_STDOUT] = PORT_STDOUT, [CHANNEL_STDERR] = PORT_STDERR,
		[CHANNEL_TTY] = PORT_TTY,
	};
	bool is_microvm = !strcmp(options->type, "microvm");

	if (is_microvm)
		command_add_pair(command, "-global", must_copy("virtio-mmio.force-legacy=false"));
	command_add_pair(command, "-device",
			 must_format("%s,id=ports,max_ports=8%s",
				     is_microvm ? "virtio-serial-device" : "virtio-serial-pci",
				     is_microvm ? ",bus=virtio-mmio-bus.0" : ",disable-legacy=on"));
	for (int i = 0; i < NR_CHANNELS; i++) {
		if (fds[i] < 0)
			continue;
		command_add_pair(command, "-chardev",
				 must_format("socket,id=c%d,fd=%d,server=off", i, fds[i]));
		if (i == CHANNEL_CONSOLE)
			command_add_pair(command, "-serial", must_format("chardev:c%d", i));
		else
			command_add_pair(command, "-device",
					 must_format("%s,bus=ports.0,chardev=c%d,name=%s,nr=%d",
						     port_device(options, i), i, ports[i], i));
	}
}

static int channel_make(int *ours)
{
	const int buffer_len = CHANNEL_BUFFER;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
	    fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
		report_fail(EXIT_TOOL, "cannot make a socket: %s", strerror(errno));
	if (setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &buffer_len, sizeof(buffer_len)) < 0)
		report_phase("SO_SNDBUF: %s", strerror(errno));
	*ours = ends[0];
	return ends[1];
}

/* In the child. inherited: descriptors that QEMU keeps; the list ends with -1. */
static _Noreturn void qemu_exec(const struct command *command, const int *inherited, int log_fd,
				pid_t parent)
{
	sigset_t none;

	/* It dies with the command, but not of the keyboard. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (; *inherited >= 0; inherited++)
		fcntl(*inherited, F_SETFD, 0);
	if (getppid() == parent && dup2(open("/dev/null", O_RDWR), 0) == 0 &&
	    dup2(log_fd, 1) == 1 && dup2(log_fd, 2) == 2)
		execvp(command->argv[0], command->argv);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_TOOL);
}

/* Where QEMU is, before it is started, so that its absence gives a clear line. */
static void qemu_check(void)
{
	const char *path = getenv("PATH");
	bool is_there = false;

	for (const char *at = path ? path : "/usr/bin"; !is_there && *at;) {
		size_t len = strcspn(at, ":");
		char *file = must_format("%.*s/" QEMU, (int)len, at);

		is_there = access(file, X_OK) == 0;
		free(file);
		at += len + (at[len] == ':');
	}
	if (!is_there)
		report_fail(EXIT_TOOL,
			    QEMU " is not installed; on Debian and Ubuntu: "
				 "apt-get install --no-install-recommends qemu-system-x86");
}

static void command_print(const struct command *command)
{
	char *text = must_copy("");

	for (size_t i = 0; i < command->nr; i++) {
		bool is_plain = !strpbrk(command->argv[i], " '\"$&;");
		char *longer = must_format("%s%s%s%s%s", text, i ? " " : "", is_plain ? "" : "'",
					   command->argv[i], is_plain ? "" : "'");

		free(text);
		text = longer;
	}
	report_phase("%s", text);
	free(text);
}

void machine_start(const struct machine_options *options, int initrd_fd,
		   const bool has_channel[NR_CHANNELS], struct machine *machine)
{
	int theirs[NR_CHANNELS], inherited[NR_CHANNELS + 2];
	struct command command = {.nr = 0};
	size_t nr_inherited = 0;
	pid_t parent = getpid();

	qemu_check();
	for (int i = 0; i < NR_CHANNELS; i++) {
		machine->fds[i] = theirs[i] = -1;
		if (has_channel[i]) {
			theirs[i] = channel_make(&machine->fds[i]);
			inherited[nr_inherited++] = theirs[i];
		}
	}
	inherited[nr_inherited++] = initrd_fd;
	inherited[nr_inherited] = -1;
	machine->log_fd = memfd_create("qemu-log", MFD_CLOEXEC);
	command_add(&command, must_copy(QEMU));
	command_add_machine(&command, options);
	command_add_pair(&command, "-kernel", must_copy(options->kernel));
	command_add_pair(&command, "-initrd", must_format("/proc/self/fd/%d", initrd_fd));
	command_add_pair(&command, "-append", kernel_words(options));
	command_add_channels(&command, options, theirs);
	command_print(&command);
	machine->pid = vfork();
	if (machine->pid == 0)
		qemu_exec(&command, inherited, machine->log_fd, parent);
	if (machine->pid < 0)
		report_fail(EXIT_TOOL, "cannot start " QEMU ": %s", strerror(errno));
	for (int i = 0; i < NR_CHANNELS; i++) {
		if (theirs[i] >= 0)
			close(theirs[i]);
	}
	for (size_t i = 0; i < command.nr; i++)
		free(command.argv[i]);
}

void machine_kill(struct machine *machine)
{
	if (machine->pid <= 0)
		return;
	kill(machine->pid, SIGKILL);
	waitpid(machine->pid, NULL, 0);
	machine->pid = 0;
}

void machine_report_log(const struct machine *machine)
{
	char text[4096];
	ssize_t n;

	if (lseek(machine->log_fd, 0, SEEK_SET) < 0)
		return;
	while ((n = read(machine->log_fd, text, sizeof(text))) > 0) {
		if (write(STDERR_FILENO, text, (size_t)n) != n)
			return;
	}
}
