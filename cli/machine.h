/* The virtual machine: QEMU's command line, its process, and the sockets that lead into it. */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum channel {
	CHANNEL_CONSOLE, /* the first serial line: what the kernel says */
	CHANNEL_CTL,	 /* lines to and from the guest's init (user/protocol.h) */
	CHANNEL_STDIN,
	CHANNEL_STDOUT,
	CHANNEL_STDERR,
	CHANNEL_TTY,
	NR_CHANNELS,
};

struct machine_options {
	const char *type;  /* microvm, q35, pc */
	const char *accel; /* tcg, kvm */
	unsigned nr_cpus;
	uint64_t memory;    /* bytes */
	const char *kernel; /* path */
	bool is_linux;	    /* the kernel is a Linux bzImage */
	const char *lazy;   /* NULL: the kernel's default */
	const char *append; /* further words for the kernel; NULL: none */
	bool wants_gdb;	    /* wait for a debugger before the first instruction */
	bool is_counted;    /* one instruction is one nanosecond of the machine's time (-icount) */
	bool is_verbose;    /* the kernel may speak */
};

struct machine {
	pid_t pid;	      /* 0: not running */
	int fds[NR_CHANNELS]; /* our ends, non-blocking; -1: not there */
	int log_fd;	      /* what QEMU itself says */
};

/* Starts the machine with the initramfs behind initrd_fd and a socket for each channel that
 * has_channel names. Ends the command if QEMU cannot be started. */
void machine_start(const struct machine_options *options, int initrd_fd,
		   const bool has_channel[NR_CHANNELS], struct machine *machine);
/* Ends it at once. */
void machine_kill(struct machine *machine);
/* What QEMU said, to standard error. */
void machine_report_log(const struct machine *machine);

/* The debug-exit device: the kernel writes n to this port and QEMU leaves with status 2 n + 1. */
enum { DEBUG_EXIT_PORT = 0xf4 };

#endif
