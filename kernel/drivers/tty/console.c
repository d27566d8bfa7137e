/*
 * /dev/console: the kernel's log, for programs that have something to say to whoever looks after the
 * machine. What is written becomes log lines; there is nothing to read.
 */
#include <kern/iov.h>
#include <kern/log.h>
#include "tty.h"

enum { CONSOLE_CHUNK = 256 };

static ssize_t console_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	return 0;
}

static ssize_t console_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	char chunk[CONSOLE_CHUNK];
	ssize_t done = 0;

	while (iov_left(from) > 0) {
		size_t len = iov_copy_from(from, chunk, sizeof(chunk));

		if (len == 0)
			return done ? done : -EFAULT;
		log_print("%.*s", (int)len, chunk);
		done += (ssize_t)len;
	}
	return done;
}

static const struct file_ops console_ops = {.read = console_read, .write = console_write};

void console_init(void)
{
	int error = devfs_register("console", S_IFCHR | 0600, device_number(5, 1), &console_ops);

	if (error)
		log_print("/dev/console: error %d\n", error);
}
