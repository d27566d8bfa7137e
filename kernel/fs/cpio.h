/*
 * The cpio archive format "new ASCII" (cpio(5); Linux: initramfs buffer format), read as a stream: bytes
 * go in piece by piece, entries come out through a table of functions. The input may be hostile.
 */
#ifndef FS_CPIO_H
#define FS_CPIO_H

#include <kern/types.h>
#include <uapi/uio.h>

struct cpio_entry {
	const char *name; /* NUL-terminated, as in the archive; valid until the entry ends */
	uint32_t mode, uid, gid, nlink, mtime;
	uint32_t size; /* bytes of data */
	uint32_t ino, dev_major, dev_minor, rdev_major, rdev_minor;
	uint64_t offset; /* of its header in all that was fed, for messages */
};

struct cpio;
struct cpio_sink {
	/* An entry starts. 0: data follows if size > 0; -Exxx ends the parse with it. */
	int (*begin)(struct cpio *cpio, const struct cpio_entry *entry);
	/* A piece of its data, at pos: where it lies is where it was fed from. */
	int (*data)(struct cpio *cpio, const struct cpio_entry *entry, uint32_t pos,
		    const void *data, size_t len);
	/* All of its data were there. */
	int (*end)(struct cpio *cpio, const struct cpio_entry *entry);
	/* The trailer: inode numbers start anew after it. */
	void (*trailer)(struct cpio *cpio);
};

enum cpio_state {
	CPIO_BETWEEN, /* zeros, then a header, or what is not ours */
	CPIO_HEADER,
	CPIO_NAME,
	CPIO_NAME_PAD,
	CPIO_DATA,
	CPIO_DATA_PAD,
	CPIO_FAILED,
};

enum { CPIO_HEADER_LEN = 110 };

struct cpio {
	const struct cpio_sink *sink;
	void *arg;	 /* the sink's */
	uint64_t offset; /* bytes consumed so far */
	const char *why; /* after a failure: what is wrong, a phrase */
	/* The rest is cpio.c's. */
	enum cpio_state state;
	uint32_t have, want; /* bytes of the present part */
	uint32_t name_len;   /* with its NULs */
	struct cpio_entry entry;
	char header[CPIO_HEADER_LEN];
	char name[PATH_MAX];
};

void cpio_init(struct cpio *cpio, const struct cpio_sink *sink, void *arg);
/*
 * Consumes up to len bytes and returns how many; fewer than len only between archives, at a byte that
 * starts no cpio header (perhaps a compressed archive). -EINVAL: damaged, cpio->why says how, offset
 * where; or what the sink returned.
 */
MUST_USE ssize_t cpio_feed(struct cpio *cpio, const void *data, size_t len);
/* The input ends here: 0, or -EINVAL if an entry is cut short. */
MUST_USE int cpio_finish(struct cpio *cpio);

#endif
