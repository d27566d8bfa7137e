/*
 * The kernel's log: a ring of text for readers, and sinks that get each message at once. Never
 * mixes with a program's streams. Messages are printf formatted (lib/format.c).
 */
#ifndef KERN_LOG_H
#define KERN_LOG_H

#include <kern/types.h>

/* Context: any but NMI (unless log_panic_begin was called). Never sleeps. Writes to every
 * registered sink at once. A message is cut at 512 bytes; lines get the time in front. */
PRINTF(1, 2) void log_print(const char *format, ...);
void log_vprint(const char *format, va_list args);

/*
 * A place where log text goes (the uart). write() may be called in any context, interrupts off or
 * not, by one CPU at a time.
 */
struct log_sink {
	void (*write)(const char *text, size_t len_bytes);
	struct log_sink *next; /* [const] after log_add_sink */
};
/* The new sink is first given what the ring holds. Context: any but NMI. */
void log_add_sink(struct log_sink *sink);

/* From now on writers do not wait for the log's lock: its holder may have been stopped. */
void log_panic_begin(void);

/* Copies the newest text of the ring to buf; returns its length in bytes. Context: any. */
size_t log_read(char *buf, size_t size_bytes);

#endif
