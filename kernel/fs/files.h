/*
 * Descriptor tables, between the files of fs/. A table is a list of chunks of 64 descriptors; the first
 * chunk is part of the struct, chunks never move, so growing copies pointers only.
 */
#ifndef FS_FILES_H
#define FS_FILES_H

#include <kern/file.h>

enum { CHUNK_FDS = 64, FILES_MAX = 1 << 20 };

struct fd_chunk {
	uint64_t open;	  /* [lock] descriptors that are taken, also the reserved ones */
	uint64_t cloexec; /* [lock] */
	struct file
		*files[CHUNK_FDS]; /* [lock; the only user reads without] each owns a reference */
};

struct files_struct {
	struct refcount refs; /* tasks that share it, and visitors (who never change it) */
	struct spinlock lock;
	unsigned lowest;	  /* [lock] every descriptor below is taken */
	unsigned nr_chunks;	  /* [lock] */
	struct fd_chunk **chunks; /* [lock] */
	struct fd_chunk *only[1]; /* chunks, until there are two */
	struct fd_chunk first;
};

/* Takes fd's file out of the table; NULL: none. Context: the caller closes it with file_close_move. */
struct file *files_remove(struct files_struct *files, unsigned fd);
/* flush, record locks, file_put: what close(2) does with a file that left the table. */
int file_close_move(struct file *file, struct files_struct *files);
/* dup2: file becomes fd, what was there is closed. fd, -EBADF, -EBUSY, -ENOMEM: the reference stays with
 * the caller. */
MUST_USE int files_replace_move(struct files_struct *files, unsigned fd, struct file *file,
				bool is_cloexec);
/* Descriptor flag; false: not open. */
bool files_get_cloexec(struct files_struct *files, unsigned fd, bool *is_cloexec);
bool files_set_cloexec(struct files_struct *files, unsigned fd, bool is_cloexec);
/* RLIMIT_NOFILE of current, at most FILES_MAX. */
unsigned files_limit(void);
MUST_USE struct files_struct *files_dup_below(struct files_struct *from, unsigned max);

#endif
