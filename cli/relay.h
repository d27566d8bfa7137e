/* While the machine runs: carries the streams, passes signals on, and learns how it all ended. */
#ifndef CLI_RELAY_H
#define CLI_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "machine.h"

struct relay_options {
	bool uses_tty;	 /* standard input is a terminal and belongs to the guest */
	bool is_verbose; /* the console goes to standard error as it comes */
	double timeout;	 /* seconds; 0: none */
	int output_fd;	 /* where the guest's standard output goes */
};

enum relay_end {
	RELAY_EXITED,	   /* status holds the program's wait status */
	RELAY_NOT_STARTED, /* failure_errno, failure: why init could not start it */
	RELAY_TIMED_OUT,
	RELAY_INTERRUPTED,  /* the user insisted */
	RELAY_MACHINE_DIED, /* without a word from init, or with a panic after it */
};

struct relay_result {
	enum relay_end end;
	int status;
	int failure_errno;
	char failure[256];
	int machine_status; /* wait status of QEMU; valid unless it was killed */
	int output_errno;   /* standard output could not be written (other than: nobody reads) */
	char *console;	    /* what the kernel said, NUL-terminated; the end of it if it was much */
	size_t console_len;
};

/* Context: the machine has been started; it is gone afterwards. Signals that are forwarded must be
 * blocked (relay_block_signals), and stay so. */
void relay_run(struct machine *machine, const struct relay_options *options,
	       struct relay_result *result);
void relay_block_signals(void);

#endif
