/*
 * Writes a cpio archive, "newc" format (cpio(5)), into a memory file: the initramfs. Contents of
 * files begin on page boundaries of the archive, so that a kernel can take the pages over as they
 * lie. Paths are absolute in the guest; parents must be added before their children (tree.h does).
 */
#ifndef CLI_CPIO_H
#define CLI_CPIO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cpio {
	int fd;	      /* the memory file; owned */
	uint64_t len; /* bytes so far */
	uint32_t inode;
	char *pending; /* headers not yet written */
	size_t pending_len, pending_size;
};

/* An entry. mode has the type, as in stat(2). */
struct cpio_entry {
	const char *path;
	mode_t mode;
	uint32_t uid, gid;
	int64_t mtime;
};

void cpio_open(struct cpio *cpio);
/* One with its content from memory (a symbolic link's content is its target). */
void cpio_add(struct cpio *cpio, const struct cpio_entry *entry, const void *data, size_t len);
/* A regular file with len bytes from fd. false: it could not be read (errno); the archive then
 * holds it with zeros in place of what is missing. */
bool cpio_add_file(struct cpio *cpio, const struct cpio_entry *entry, int fd, uint64_t len);
/* Ends the archive. The memory file may then be read from its start. */
void cpio_finish(struct cpio *cpio);

#endif
