/*
 * The kernel's log: the newest LOG_SIZE bytes of text in a ring, and the sinks. Everything is
 * guarded by log_lock, a leaf that is taken with interrupts off; after log_panic_begin nobody waits
 * for it.
 */
#include <kern/log.h>
#include <kern/format.h>
#include <kern/spinlock.h>
#include <kern/string.h>
#include <arch/time.h>

enum { LOG_SIZE = 32 << 10, MESSAGE_MAX = 512 };

static struct spinlock log_lock = SPINLOCK_INIT(LOCK_RANK_LOG, "log");
static char ring[LOG_SIZE];	   /* [log_lock] */
static uint64_t ring_head;	   /* [log_lock] bytes ever written */
static bool is_inside_line;	   /* [log_lock] the last message did not end its line */
static struct log_sink *log_sinks; /* [log_lock] */
static bool is_panicking;	   /* [atomic] */

struct log_guard {
	unsigned long flags;
	bool is_locked;
};

static struct log_guard log_enter(void) NO_LOCK_ANALYSIS
{
	struct log_guard guard = {0};

	if (atomic_load_relaxed(&is_panicking)) {
		guard.flags = arch_irq_save();
	} else {
		guard.flags = spin_lock_irqsave(&log_lock);
		guard.is_locked = true;
	}
	return guard;
}

static void log_leave(struct log_guard guard) NO_LOCK_ANALYSIS
{
	if (guard.is_locked)
		spin_unlock_irqrestore(&log_lock, guard.flags);
	else
		arch_irq_restore(guard.flags);
}

static void put_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ring[ring_head++ % LOG_SIZE] = text[i];
	for (struct log_sink *sink = log_sinks; sink; sink = sink->next)
		sink->write(text, len);
}

static void put_time(void)
{
	char text[32];
	uint64_t us = arch_clock_ns() / NSEC_PER_USEC;
	int len = format_string(text, sizeof(text), "[%4llu.%06llu] ",
				(unsigned long long)(us / 1000000),
				(unsigned long long)(us % 1000000));

	put_text(text, (size_t)len);
}

static void put_message(const char *text, size_t len)
{
	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t part = newline ? (size_t)(newline - text) + 1 : len;
		if (!is_inside_line)
			put_time();
		put_text(text, part);
		is_inside_line = !newline;
		text += part;
		len -= part;
	}
}

void log_vprint(const char *format, va_list args)
{
	char text[MESSAGE_MAX];
	int len = format_string_v(text, sizeof(text), format, args);

	struct log_guard guard = log_enter();
	put_message(text, MIN((size_t)len, sizeof(text) - 1));
	log_leave(guard);
}

void log_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vprint(format, args);
	va_end(args);
}

/* The ring's text has two parts: from the oldest byte to the array's end, and from its start. */
static size_t ring_parts(uint64_t from, const char **first, size_t *first_len)
{
	size_t len = (size_t)(ring_head - from), start = from % LOG_SIZE;

	*first = ring + start;
	*first_len = MIN(len, LOG_SIZE - start);
	return len - *first_len;
}

void log_add_sink(struct log_sink *sink)
{
	const char *first;
	size_t first_len;
	struct log_guard guard = log_enter();

	size_t rest =
		ring_parts(ring_head - MIN(ring_head, (uint64_t)LOG_SIZE), &first, &first_len);
	if (first_len)
		sink->write(first, first_len);
	if (rest)
		sink->write(ring, rest);
	sink->next = log_sinks;
	log_sinks = sink;
	log_leave(guard);
}

size_t log_read(char *buf, size_t size_bytes)
{
	const char *first;
	size_t first_len;
	struct log_guard guard = log_enter();

	uint64_t len = MIN(ring_head, (uint64_t)MIN(size_bytes, (size_t)LOG_SIZE));
	size_t rest = ring_parts(ring_head - len, &first, &first_len);
	memcpy(buf, first, first_len);
	memcpy(buf + first_len, ring, rest);
	log_leave(guard);
	return (size_t)len;
}

void log_panic_begin(void)
{
	atomic_store_relaxed(&is_panicking, true);
}
