/* Archives for the tests of cpio and initramfs: a small writer, and one archive with every kind of entry. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdio.h>
#include <string.h>
#include <kern/types.h>
#include <uapi/stat.h>

struct archive {
	unsigned char *bytes;
	size_t len, size;
};

static inline void archive_add(struct archive *a, const void *data, size_t len)
{
	if (a->len + len > a->size)
		panic("the test's archive is too small");
	if (len)
		memcpy(a->bytes + a->len, data, len);
	a->len += len;
}

static inline void archive_pad(struct archive *a, size_t align)
{
	while (a->len % align)
		archive_add(a, "", 1);
}

struct entry {
	const char *name;
	unsigned mode, nlink, ino, rdev_major, rdev_minor;
	const void *data;
	size_t len;
	size_t name_pad; /* NULs behind the name */
};

static inline void archive_entry(struct archive *a, const struct entry *e)
{
	size_t name_len = strlen(e->name) + 1 + e->name_pad;
	char header[111];

	snprintf(header, sizeof(header),
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", e->ino, e->mode, 7,
		 8, e->nlink ? e->nlink : 1, 1000000, (unsigned)e->len, 3, 4, e->rdev_major,
		 e->rdev_minor, (unsigned)name_len, 0);
	archive_add(a, header, 110);
	archive_add(a, e->name, strlen(e->name) + 1);
	for (size_t i = 0; i < e->name_pad; i++)
		archive_add(a, "", 1);
	archive_pad(a, 4);
	archive_add(a, e->data, e->len);
	archive_pad(a, 4);
}

static inline void archive_end(struct archive *a)
{
	archive_entry(a, &(struct entry){.name = "TRAILER!!!"});
}

/* An entry whose data begin at a multiple of 4096. */
static inline void archive_entry_aligned(struct archive *a, struct entry e)
{
	size_t head = a->len + 110 + strlen(e.name) + 1;

	e.name_pad = (4096 - head % 4096) % 4096;
	archive_entry(a, &e);
}

static inline void archive_everything(struct archive *a)
{
	static char text[9000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	archive_entry(a, &(struct entry){".", S_IFDIR | 0755, 2, 1, 0, 0, "", 0, 0});
	archive_entry(a, &(struct entry){"dir", S_IFDIR | 0711, 2, 2, 0, 0, "", 0, 0});
	archive_entry(a, &(struct entry){"dir/file", S_IFREG | 04755, 1, 3, 0, 0, text, 9000, 0});
	archive_entry(a, &(struct entry){"/deep/er/empty", S_IFREG | 0600, 1, 4, 0, 0, "", 0, 0});
	archive_entry(a, &(struct entry){"link", S_IFLNK | 0777, 1, 5, 0, 0, "dir/file", 8, 0});
	archive_entry(a, &(struct entry){"null", S_IFCHR | 0666, 1, 6, 1, 3, "", 0, 0});
	archive_entry(a, &(struct entry){"fifo", S_IFIFO | 0640, 1, 7, 0, 0, "", 0, 0});
	archive_entry(a, &(struct entry){"first", S_IFREG | 0644, 2, 8, 0, 0, "", 0, 0});
	archive_entry(a, &(struct entry){"second", S_IFREG | 0644, 2, 8, 0, 0, "linked", 6, 0});
	archive_end(a);
}

#endif
