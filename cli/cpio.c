/* The archive writer. Alignment comes from NULs behind the name, which count in its length. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpio.h"
#include "report.h"

enum {
	HEADER_LEN = 110,
	/* Readers refuse longer names, NULs included. */
	NAME_MAX_LEN = 4096,
	PAGE = 4096,
	PENDING_MAX = 1 << 16,
	/* A smaller file is cheaper to copy than to align. */
	ALIGN_MIN = 2048,
};

void cpio_open(struct cpio *cpio)
{
	memset(cpio, 0, sizeof(*cpio));
	cpio->fd = memfd_create("initramfs", MFD_CLOEXEC);
	if (cpio->fd < 0)
		report_fail(EXIT_TOOL, "cannot make a memory file: %s", strerror(errno));
}

static void cpio_flush(struct cpio *cpio)
{
	size_t done = 0;

	while (done < cpio->pending_len) {
		ssize_t n = write(cpio->fd, cpio->pending + done, cpio->pending_len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			report_fail(EXIT_TOOL, "cannot write the initramfs: %s", strerror(errno));
		done += (size_t)n;
	}
	cpio->pending_len = 0;
}

/* Appends len bytes; NULL: zeros. */
static void cpio_put(struct cpio *cpio, const void *data, size_t len)
{
	if (cpio->pending_len + len > cpio->pending_size) {
		cpio_flush(cpio);
		cpio->pending_size = len > PENDING_MAX ? len : PENDING_MAX;
		cpio->pending = must_alloc(cpio->pending, cpio->pending_size);
	}
	if (data)
		memcpy(cpio->pending + cpio->pending_len, data, len);
	else
		memset(cpio->pending + cpio->pending_len, 0, len);
	cpio->pending_len += len;
	cpio->len += len;
}

static void cpio_put_header(struct cpio *cpio, const struct cpio_entry *entry, const char *name,
			    size_t name_len, uint64_t data_len)
{
	char header[HEADER_LEN + 1];

	snprintf(header, sizeof(header),
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", ++cpio->inode,
		 (unsigned)entry->mode, entry->uid, entry->gid, S_ISDIR(entry->mode) ? 2 : 1,
		 (unsigned)entry->mtime, (unsigned)data_len, 0, 0, 0, 0, (unsigned)name_len, 0);
	cpio_put(cpio, header, HEADER_LEN);
	cpio_put(cpio, name, strlen(name));
	cpio_put(cpio, NULL, name_len - strlen(name));
	cpio_put(cpio, NULL, -cpio->len % 4);
}

/* How long the name must be said to be so that what follows it begins on a page. */
static size_t name_len_aligned(const struct cpio *cpio, const char *name)
{
	size_t name_len = strlen(name) + 1;
	uint64_t data_at = cpio->len + HEADER_LEN + name_len;

	return name_len + (-data_at % PAGE);
}

static const char *entry_name(const struct cpio_entry *entry)
{
	return entry->path[1] ? entry->path + 1 : ".";
}

static void cpio_put_aligned_header(struct cpio *cpio, const struct cpio_entry *entry,
				    uint64_t data_len)
{
	const struct cpio_entry root = {.path = "/", .mode = S_IFDIR | 0755};
	const char *name = entry_name(entry);
	size_t name_len = name_len_aligned(cpio, name);

	if (data_len < ALIGN_MIN)
		name_len = strlen(name) + 1;
	/* Too much for one name: the root directory once more, under a name of the right length. */
	if (name_len > NAME_MAX_LEN) {
		size_t pad = (name_len - (strlen(name) + 1)) & ~(size_t)3;

		if (pad > HEADER_LEN + 2)
			cpio_put_header(cpio, &root, ".", pad - HEADER_LEN, 0);
		name_len = name_len_aligned(cpio, name);
		if (name_len > NAME_MAX_LEN)
			name_len = strlen(name) + 1;
	}
	cpio_put_header(cpio, entry, name, name_len, data_len);
}

void cpio_add(struct cpio *cpio, const struct cpio_entry *entry, const void *data, size_t len)
{
	if (S_ISREG(entry->mode))
		cpio_put_aligned_header(cpio, entry, len);
	else
		cpio_put_header(cpio, entry, entry_name(entry), strlen(entry_name(entry)) + 1, len);
	cpio_put(cpio, data, len);
	cpio_put(cpio, NULL, -cpio->len % 4);
}

bool cpio_add_file(struct cpio *cpio, const struct cpio_entry *entry, int fd, uint64_t len)
{
	uint64_t done = 0;
	bool is_whole = true;

	if (len > UINT32_MAX)
		report_fail(EXIT_TOOL, "%s: too large for an initramfs", entry->path);
	cpio_put_aligned_header(cpio, entry, len);
	cpio_flush(cpio);
	while (done < len && is_whole) {
		ssize_t n = sendfile(cpio->fd, fd, NULL, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOSPC)
			report_fail(EXIT_TOOL, "cannot write the initramfs: %s", strerror(errno));
		is_whole = n > 0;
		done += n > 0 ? (uint64_t)n : 0;
	}
	cpio->len += len;
	if (!is_whole && lseek(cpio->fd, (off_t)cpio->len, SEEK_SET) < 0)
		report_fail(EXIT_TOOL, "cannot write the initramfs: %s", strerror(errno));
	cpio_put(cpio, NULL, -cpio->len % 4);
	return is_whole;
}

void cpio_finish(struct cpio *cpio)
{
	const struct cpio_entry end = {.path = "/TRAILER!!!"};

	cpio_put_header(cpio, &end, "TRAILER!!!", sizeof("TRAILER!!!"), 0);
	cpio_flush(cpio);
	if (lseek(cpio->fd, 0, SEEK_SET) < 0 || ftruncate(cpio->fd, (off_t)cpio->len) < 0)
		report_fail(EXIT_TOOL, "cannot write the initramfs: %s", strerror(errno));
}
