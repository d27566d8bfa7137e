/* The devices that are only memory: null, zero, full, random, urandom (null(4), full(4), random(4)).
 * No state of their own. Context: task. */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/mm.h>
#include <kern/random.h>
#include <kern/signal.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/ioctl.h>
#include "fs_init.h"

enum {
	MEM_MAJOR = 1,
	NULL_MINOR = 3,
	ZERO_MINOR = 5,
	FULL_MINOR = 7,
	RANDOM_MINOR = 8,
	URANDOM_MINOR = 9
};

static ssize_t null_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	return 0;
}

static ssize_t null_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	return (ssize_t)iov_left(from);
}

static int64_t null_seek(struct file *file, int64_t offset, int whence)
{
	file->pos = 0;
	return 0;
}

static ssize_t zero_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	ssize_t done = 0;

	while (iov_left(to)) {
		size_t want = MIN(iov_left(to), PAGE_SIZE), moved = iov_zero(to, want);

		done += (ssize_t)moved;
		if (moved < want)
			return done ? done : -EFAULT;
		if (signal_pending(current))
			break;
	}
	return done;
}

/* Private: anonymous memory. Shared: memory that those who inherit it share. */
static int zero_mmap(struct file *file, struct area_request *request)
{
	request->mapping = NULL;
	request->pgoff = 0;
	request->ops = NULL;
	request->object = NULL;
	return 0;
}

static ssize_t full_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	return -ENOSPC;
}

/* ---- random ---- */

enum { RANDOM_CHUNK = 256 };

static ssize_t random_fill(struct iov_iter *to)
{
	uint8_t chunk[RANDOM_CHUNK];
	ssize_t done = 0;

	while (iov_left(to)) {
		size_t want = MIN(iov_left(to), sizeof(chunk)), moved;

		random_bytes(chunk, want);
		moved = iov_copy_to(to, chunk, want);
		done += (ssize_t)moved;
		if (moved < want) {
			done = done ? done : -EFAULT;
			break;
		}
		if (signal_pending(current) && done % PAGE_SIZE == 0)
			break;
	}
	memset(chunk, 0, sizeof(chunk));
	BARRIER();
	return done;
}

static ssize_t random_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	return random_fill(to);
}

static ssize_t random_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	uint8_t chunk[RANDOM_CHUNK];
	ssize_t done = 0;

	while (iov_left(from)) {
		size_t want = MIN(iov_left(from), sizeof(chunk));
		size_t moved = iov_copy_from(from, chunk, want);

		random_mix(chunk, moved);
		done += (ssize_t)moved;
		if (moved < want)
			return done ? done : -EFAULT;
	}
	return done;
}

static long random_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	const int32_t entropy_bits = 256;

	if (command != RNDGETENTCNT)
		return -ENOTTY;
	return copy_to_user((void *)argument, &entropy_bits, sizeof(entropy_bits));
}

#define GRND_NONBLOCK 1
#define GRND_RANDOM   2
#define GRND_INSECURE 4

long sys_getrandom(void *user_buf, size_t len, unsigned flags)
{
	struct iov_iter to;

	if ((flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	iov_init_user(&to, user_buf, MIN(len, (size_t)INT32_MAX));
	return random_fill(&to);
}

static const struct file_ops null_ops = {.read = null_read, .write = null_write, .seek = null_seek};
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .seek = null_seek, .mmap = zero_mmap};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write, .seek = null_seek};
static const struct file_ops random_ops = {
	.read = random_read, .write = random_write, .ioctl = random_ioctl, .seek = null_seek};

INIT_TEXT void memdev_init(void)
{
	static const struct {
		const char *name;
		uint32_t minor;
		const struct file_ops *ops;
	} devices[] = {
		{"null", NULL_MINOR, &null_ops},	 {"zero", ZERO_MINOR, &zero_ops},
		{"full", FULL_MINOR, &full_ops},	 {"random", RANDOM_MINOR, &random_ops},
		{"urandom", URANDOM_MINOR, &random_ops},
	};

	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		if (devfs_register(devices[i].name, S_IFCHR | 0666,
				   device_number(MEM_MAJOR, devices[i].minor), devices[i].ops) != 0)
			panic("cannot make /dev/%s", devices[i].name);
	}
}
