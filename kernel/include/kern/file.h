/*
 * Open files and descriptor tables (rank 6). struct file is one open file description; descriptors
 * of one or several processes refer to it.
 */
#ifndef KERN_FILE_H
#define KERN_FILE_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/mutex.h>
#include <kern/spinlock.h>
#include <kern/wait.h>

struct inode;
struct dentry;
struct file;
struct area_request;
struct poll_table;
struct path;
struct dir_context;
struct files_struct;
struct fs_struct;

/* Where a read or write goes: kernel memory, or user memory in one or several pieces. fs/iov.c */
struct iov_iter;

struct file_ops {
	/* Up to the iterator's remaining bytes at *pos (updated by the callee for seekable files).
	 * Returns bytes moved (0 = end of file), or -Exxx. May sleep unless O_NONBLOCK. */
	ssize_t (*read)(struct file *file, struct iov_iter *to, int64_t *pos);
	ssize_t (*write)(struct file *file, struct iov_iter *from, int64_t *pos);
	/* Present readiness as POLL bits; joins the file's wait queues if table is not NULL. */
	unsigned (*poll)(struct file *file, struct poll_table *table);
	long (*ioctl)(struct file *file, unsigned command, uintptr_t argument);
	/* Completes request (mapping, ops, object) for mmap. -ENODEV if it cannot be mapped. */
	int (*mmap)(struct file *file, struct area_request *request);
	int64_t (*seek)(struct file *file, int64_t offset, int whence);
	int (*readdir)(struct file *file, struct dir_context *context);
	int (*open)(struct inode *inode, struct file *file);
	/* One descriptor was closed (flush), and the last reference went (release). */
	int (*flush)(struct file *file);
	void (*release)(struct file *file);
};

struct file {
	struct refcount refs;
	uint32_t flags;	 /* [lock] O_ status flags */
	const struct file_ops *ops; /* [const] */
	struct inode *inode; /* [const] owns a reference; NULL for none */
	struct dentry *dentry; /* [const] owns a reference; NULL for pipes and sockets */
	int64_t pos;	 /* [pos_lock] */
	struct mutex pos_lock;
	struct spinlock lock;
	void *private;	 /* the ops' */
	int32_t owner_pid; /* F_SETOWN */
};

MUST_USE struct file *file_alloc(const struct file_ops *ops, uint32_t flags);
static inline void file_get(struct file *file)
{
	refcount_get(&file->refs);
}
/* May sleep; the last one releases. */
void file_put(struct file *file);

/* Kernel-internal I/O: bytes or -Exxx; pos is left to the caller. */
MUST_USE ssize_t file_read_kernel(struct file *file, void *buf, size_t len, int64_t pos);
MUST_USE ssize_t file_write_kernel(struct file *file, const void *buf, size_t len, int64_t pos);

/* ---- descriptor tables --------------------------------------------------------------------------- */

struct files_struct; /* fs/fdtable.c: refcount, table, close-on-exec bits, limit */

/* For exec of the first program and fork. NULL: no memory. */
MUST_USE struct files_struct *files_create(void);
MUST_USE struct files_struct *files_dup(struct files_struct *files);
void files_get(struct files_struct *files);
void files_put(struct files_struct *files);
/* exec: a table of one's own, close-on-exec descriptors closed. -ENOMEM before anything changed. */
MUST_USE int files_unshare(void);
void files_close_on_exec(struct files_struct *files);

/* The file behind a descriptor of current with a reference; NULL: none (-EBADF). */
MUST_USE struct file *fd_get(int fd);
/* Puts file (its reference moves) at the lowest free descriptor >= from. fd or -EMFILE, -ENOMEM (then
 * the reference stays with the caller). flags: O_CLOEXEC. */
MUST_USE int fd_install_move(struct file *file, int from, unsigned flags);

/* ---- working directory, root, umask --------------------------------------------------------------- */

MUST_USE struct fs_struct *fs_create(void);
MUST_USE struct fs_struct *fs_dup(struct fs_struct *fs);
void fs_get(struct fs_struct *fs);
void fs_put(struct fs_struct *fs);

/* ---- for exec and init ------------------------------------------------------------------------------ */

/* Opens a path for current: 0 and *file, or -Exxx. path: kernel string. */
MUST_USE int file_open(const char *path, int flags, unsigned mode, struct file **file);
/* For execve: regular file, execute permission (-EACCES), not on a no-exec mount. dirfd as in execveat. */
MUST_USE int file_open_exec(int dirfd, const char *path, int flags, struct file **file);
/* The file's absolute path, into buf; its length or -ENAMETOOLONG. */
MUST_USE ssize_t file_path(struct file *file, char *buf, size_t size);
/* What mmap needs to map file privately or shared: fills mapping, ops, object of request. */
MUST_USE int file_map_request(struct file *file, struct area_request *request);

/* ---- poll -------------------------------------------------------------------------------------------- */

/* A visitor of wait queues: an op calls poll_wait for each queue whose wake-up may change its answer. */
struct poll_table {
	void (*join)(struct poll_table *table, struct file *file, struct wait_queue *queue);
};
static inline void poll_wait(struct file *file, struct wait_queue *queue, struct poll_table *table)
{
	if (table && table->join)
		table->join(table, file, queue);
}

#endif
