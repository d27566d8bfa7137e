/*
 * What the `lodger` command and the guest's init agree on. Both include this; nobody else does.
 *
 * The command lays a file of instructions into the initramfs: NUL-terminated `key=value` records.
 *
 *	cwd=PATH	the program's working directory
 *	exec=PATH	what to execute; arg=STRING: its arguments, the first is argv[0]
 *	env=NAME=VALUE	one variable of its environment
 *	stdin=KIND	where descriptor 0 leads: `tty`, `stream` or `null`; also stdout=, stderr=
 *	size=ROWS COLS	of the terminal
 *	module=PATH	a Linux kernel module to load first (other kernels than Lodger)
 *
 * At run time init and the command talk over a byte stream, the port PORT_CTL, in lines:
 *
 *	to the guest	signal N	pass signal N on to the program
 *			size ROWS COLS	the terminal has this size now
 *			input-end N	standard input ended after N bytes
 *			output-closed N	nobody reads descriptor N (1 or 2) any more
 *			off		everything has arrived: power off
 *	to the command	exit STATUS OUT ERR	the program is gone: wait status, and how many bytes
 *						of standard output and error were sent in all
 *			failed ERRNO TEXT	the program could not be started
 *
 * The counts make both ends independent of when a virtio device reports that its other side closed.
 */
#ifndef USER_PROTOCOL_H
#define USER_PROTOCOL_H

#define LODGER_FOLDER	    "/.lodger"
#define LODGER_INSTRUCTIONS LODGER_FOLDER "/run"

/* Names of the virtio-serial ports. */
#define PORT_STDIN  "lodger.stdin"
#define PORT_STDOUT "lodger.stdout"
#define PORT_STDERR "lodger.stderr"
#define PORT_CTL    "lodger.ctl"
/* The port of the terminal: Lodger is told its name on the command line, for Linux it is a virtio
 * *console*; both show it as /dev/hvc0. */
#define PORT_TTY   "lodger.tty"
#define TTY_DEVICE "/dev/hvc0"

enum { CTL_LINE_MAX = 256 };

#endif
