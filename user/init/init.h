/*
 * The guest's first program: it starts the one that the `lodger` command names, carries its streams
 * over virtio-serial ports, and powers the machine off when it is gone. It uses plain Linux system
 * calls only, so that it also runs on other kernels. One thread, no locks.
 */
#ifndef USER_INIT_H
#define USER_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../protocol.h"

/* ---- instructions.c ----------------------------------------------------------------------------
 */

enum stream_kind { STREAM_NULL, STREAM_PIPE, STREAM_TTY };

struct instructions {
	const char *cwd;
	const char *exec;
	char **argv, **envp; /* NULL-terminated */
	char **modules;	     /* NULL-terminated */
	enum stream_kind streams[3];
	unsigned short rows, cols; /* 0: not told */
};

/* Reads PATH. Ends the machine with a message on the console if that fails. */
void instructions_read(const char *path, struct instructions *in);

/* ---- machine.c ---------------------------------------------------------------------------------
 */

/* Prints to the console and powers off. */
_Noreturn void machine_fail(const char *what, int error);
_Noreturn void machine_off(void);
/* /proc, /dev and their like, where the kernel has not mounted them itself. */
void machine_mount(void);
/* Loads kernel modules (finit_module) in order. */
void machine_load_modules(char *const *paths);
/* Opens the virtio-serial port of that name, non-blocking; waits for it to appear. */
int port_open(const char *name);

/* ---- program.c ---------------------------------------------------------------------------------
 */

struct program {
	pid_t pid;
	int stdin_fd;	  /* write end of its standard input, or -1 */
	int output_fd[3]; /* read ends; [1] and [2], or -1 */
	int tty_fd;	  /* -1: it has no terminal */
};

/* 0, or an errno: it could not be started; *what then says which step failed. */
int program_start(const struct instructions *in, struct program *program, const char **what);
/* The keyboard's signals go to its whole process group, others to it alone. */
void program_signal(const struct program *program, int signal);
void program_resize(const struct program *program, unsigned short rows, unsigned short cols);

/* ---- relay.c -----------------------------------------------------------------------------------
 */

/* Carries the streams until the program has ended and the command knows. */
void relay_run(const struct instructions *in, struct program *program, int ctl_fd);
/* Tells the command that the program could not be started, and waits for its `off`. */
void relay_report_failure(int ctl_fd, int error, const char *text);

#endif
