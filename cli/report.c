/* Messages, the command's own failures, and memory that is there or ends it. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

bool report_is_verbose;

static void (*fail_fn)(void);

static void report_line(const char *format, va_list args)
{
	char *text, *line;
	int len;

	if (vasprintf(&text, format, args) < 0)
		return;
	/* "\r" costs nothing on a terminal and saves the layout while it is raw. */
	len = asprintf(&line, "lodger: %s%s\n", text, isatty(STDERR_FILENO) ? "\r" : "");
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) == len)
		free(line);
	free(text);
}

void report(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_line(format, args);
	va_end(args);
}

void report_at_fail(void (*fn)(void))
{
	fail_fn = fn;
}

void report_fail(int status, const char *format, ...)
{
	va_list args;

	if (fail_fn)
		fail_fn();
	va_start(args, format);
	report_line(format, args);
	va_end(args);
	exit(status);
}

void report_phase(const char *format, ...)
{
	static struct timespec start;
	struct timespec now;
	va_list args;
	char *text;

	if (!report_is_verbose)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!start.tv_sec)
		start = now;
	va_start(args, format);
	if (vasprintf(&text, format, args) > 0) {
		report("%7.2f ms  %s",
		       (double)(now.tv_sec - start.tv_sec) * 1e3 +
			       (double)(now.tv_nsec - start.tv_nsec) / 1e6,
		       text);
		free(text);
	}
	va_end(args);
}

void *must_alloc(void *old, unsigned long size)
{
	void *memory = realloc(old, size ? size : 1);

	if (!memory)
		report_fail(EXIT_TOOL, "out of memory");
	return memory;
}

char *must_copy(const char *text)
{
	return strcpy(must_alloc(NULL, strlen(text) + 1), text);
}

char *must_format(const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		report_fail(EXIT_TOOL, "out of memory");
	return text;
}
