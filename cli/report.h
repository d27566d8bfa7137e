/* What the command says about itself, and how it ends. Exit codes above 123 are its own. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>

enum {
	EXIT_TIMED_OUT = 124, /* --timeout passed */
	EXIT_TOOL = 125,      /* wrong use, or something of the host is missing or failed */
	EXIT_PANIC = 126,     /* the kernel panicked or the machine stopped by itself */
	EXIT_NOT_FOUND = 127, /* no such program, or a shared library of it is missing */
};

/* One line on standard error, `lodger: …`. Terminals in raw mode get their line ends right. */
__attribute__((format(printf, 1, 2))) void report(const char *format, ...);
/* The same, then the end of the command, cleaning up. */
_Noreturn __attribute__((format(printf, 2, 3))) void report_fail(int status, const char *format,
								 ...);
/* Runs before the command ends in report_fail(): puts the terminal back, ends the machine. */
void report_at_fail(void (*fn)(void));

/* With --verbose: what the command does, and how long each phase took. */
extern bool report_is_verbose;
__attribute__((format(printf, 1, 2))) void report_phase(const char *format, ...);

/* Memory, or the end. */
void *must_alloc(void *old, unsigned long size);
char *must_copy(const char *text);
__attribute__((format(printf, 1, 2))) char *must_format(const char *format, ...);

#endif
