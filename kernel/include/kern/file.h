/*
 * Open files and descriptor tables (rank 6). struct file is one open file description; descriptors
 * of one or several processes refer to it. What lies behind a path is in kern/fs.h.
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
struct mount;
struct file;
struct area_request;
struct poll_table;
struct dir_context;
struct epoll_item;
struct fs_struct;
struct files_struct;
struct task_struct;
struct lock_context;

/* Where a read or write goes: kernel memory, or user memory in one or several pieces. kern/iov.h */
struct iov_iter;

/* A place in the tree of names: a dentry as it is seen through a mount. An owner of a path holds a
 * reference on each (path_get, path_put in kern/fs.h). */
struct path {
	struct mount *mount;
	struct dentry *dentry;
};

struct file_ops {
	/* Up to the iterator's remaining bytes at *pos (updated by the callee for seekable files).
	 * Returns bytes moved (0 = end of file), or -Exxx. May sleep unless O_NONBLOCK. NULL:
	 * -EINVAL. */
	ssize_t (*read)(struct file *file, struct iov_iter *to, int64_t *pos);
	ssize_t (*write)(struct file *file, struct iov_iter *from, int64_t *pos);
	/* Present readiness as POLL bits; joins the file's wait queues if table is not NULL. NULL:
	 * always ready (POLLIN | POLLOUT). */
	unsigned (*poll)(struct file *file, struct poll_table *table);
	/* NULL, or -ENOTTY from it: no such request. */
	long (*ioctl)(struct file *file, unsigned command, uintptr_t argument);
	/* Completes request (mapping, ops, object) for mmap. NULL: -ENODEV, it cannot be mapped. */
	int (*mmap)(struct file *file, struct area_request *request);
	/* The new position, or -Exxx; sets file->pos. NULL: -ESPIPE, the file is a stream. Context:
	 * pos_lock held if the file is shared. */
	int64_t (*seek)(struct file *file, int64_t offset, int whence);
	int (*readdir)(struct file *file, struct dir_context *context);
	/* A new open of inode: may set file->private and replace file->ops. On failure release is
	 * not called. */
	int (*open)(struct inode *inode, struct file *file);
	/* One descriptor was closed (flush), and the last reference went (release). */
	int (*flush)(struct file *file);
	void (*release)(struct file *file);
	/* fallocate(2): mode is FALLOC_FL_ bits. NULL: -EOPNOTSUPP. */
	int (*fallocate)(struct file *file, unsigned mode, int64_t offset, int64_t len);
	/* More lines for /proc/PID/fdinfo: text into buf, its length. */
	size_t (*fdinfo)(struct file *file, char *buf, size_t size);
	/* O_NONBLOCK, FASYNC or O_APPEND changed through fcntl: 0 or -Exxx, before it is done. */
	int (*check_flags)(struct file *file, uint32_t flags);
};

/* file->mode: what this open may do, from the flags and the ops. */
enum {
	FILE_READ = 1 << 0,
	FILE_WRITE = 1 << 1,
	FILE_SEEK = 1 << 2,    /* has a position: read and write serialise on pos_lock */
	FILE_PATH = 1 << 3,    /* O_PATH: names a place, is not open */
	FILE_WRITER = 1 << 4,  /* counted in inode->writers */
	FILE_EXEC = 1 << 5,    /* counted there as one who forbids writing */
	FILE_CREATED = 1 << 6, /* this open made it */
};

struct file {
	struct refcount refs;
	uint32_t flags;		    /* [lock to write, atomic to read] O_ status flags */
	uint32_t mode;		    /* [const] FILE_ */
	const struct file_ops *ops; /* [const] */
	struct inode *inode;	    /* [const] owns a reference; NULL for none */
	struct path
		path; /* [const] owns references; both NULL for what has no path (pipes, sockets) */
	int64_t pos;  /* [pos_lock, or the only reference] */
	struct mutex pos_lock;
	struct spinlock lock;
	void *private;	  /* the ops' */
	const char *kind; /* [const] what /proc/PID/fd shows for a file without path: "[eventfd]" */
	struct list_node epoll_items; /* [epoll's] who watches it */
	int32_t owner_pid;	      /* [lock] F_SETOWN */
};

/* An open file without path: one reference, mode from flags and ops. NULL: no memory. */
MUST_USE struct file *file_alloc(const struct file_ops *ops, uint32_t flags);
static inline void file_get(struct file *file)
{
	refcount_get(&file->refs);
}
/* May sleep; the last one releases. */
void file_put(struct file *file);

static inline bool file_is_nonblocking(const struct file *file)
{
	return atomic_load_relaxed(&file->flags) & 00004000U; /* O_NONBLOCK */
}

/* Kernel-internal I/O: bytes or -Exxx; pos is left to the caller. */
MUST_USE ssize_t file_read_kernel(struct file *file, void *buf, size_t len, int64_t pos);
MUST_USE ssize_t file_write_kernel(struct file *file, const void *buf, size_t len, int64_t pos);

/* ---- descriptor tables
 * --------------------------------------------------------------------------- */

/* For exec of the first program and fork. NULL: no memory. */
MUST_USE struct files_struct *files_create(void);
MUST_USE struct files_struct *files_dup(struct files_struct *files);
void files_get(struct files_struct *files);
/* The last one closes every descriptor; may sleep. */
void files_put(struct files_struct *files);
/* exec: a table of one's own for current. -ENOMEM before anything changed. */
MUST_USE int files_unshare(void);
/* exec, past the point of no return: closes what is marked. files: current's own. May sleep. */
void files_close_on_exec(struct files_struct *files);

/* The file behind a descriptor of current with a reference; NULL: none (-EBADF), or opened with
 * O_PATH. fd_get_any also gives the latter. */
MUST_USE struct file *fd_get(int fd);
MUST_USE struct file *fd_get_any(int fd);

/*
 * The same for the length of one system call: without an atomic when nobody shares the table. The
 * caller must not close descriptors of current in between.
 */
struct fd_ref {
	struct file *file; /* NULL: none */
	bool is_owned;
};
MUST_USE struct fd_ref fd_borrow(int fd);
MUST_USE struct fd_ref fd_borrow_any(int fd);
static inline void fd_return(struct fd_ref ref)
{
	if (unlikely(ref.is_owned))
		file_put(ref.file);
}

/* Puts file (its reference moves) at the lowest free descriptor >= from. fd or -EMFILE, -ENOMEM
 * (then the reference stays with the caller). flags: O_CLOEXEC. */
MUST_USE int fd_install_move(struct file *file, int from, unsigned flags);
/* In two steps, for calls that must not fail once the file exists: reserve gives a number that is
 * taken but empty; install fills it (consumes the reference), cancel gives it back. */
MUST_USE int fd_reserve(int from, unsigned flags);
void fd_install_reserved_move(int fd, struct file *file);
void fd_cancel(int fd);
/* Closes one. 0 or -EBADF, or what flush says. */
int fd_close(int fd);

/* Of another process, for /proc: a table whose task lets go of it while we look stays ours. */
MUST_USE struct files_struct *files_get_of(struct task_struct *task);
MUST_USE struct file *files_lookup(struct files_struct *files, int fd, bool *is_cloexec);
/* Lowest descriptor >= from in use; -1: none. */
int files_next(struct files_struct *files, int from);
/* Descriptors that the table has room for. */
unsigned files_capacity(struct files_struct *files);

/* ---- working directory, root, umask
 * --------------------------------------------------------------- */

MUST_USE struct fs_struct *fs_create(void);
MUST_USE struct fs_struct *fs_dup(struct fs_struct *fs);
void fs_get(struct fs_struct *fs);
void fs_put(struct fs_struct *fs);
/* unshare(CLONE_FS): one of current's own. */
MUST_USE int fs_unshare(void);

/* ---- for exec and init
 * ------------------------------------------------------------------------------ */

/* Opens a path for current: 0 and *file, or -Exxx. path: kernel string. */
MUST_USE int file_open(const char *path, int flags, unsigned mode, struct file **file);
/* For execve: regular file, execute permission (-EACCES), not on a no-exec mount. dirfd as in
 * execveat. While it is open, writing to it is refused (-ETXTBSY). */
MUST_USE int file_open_exec(int dirfd, const char *path, int flags, struct file **file);
/* The file's absolute path, into buf; its length or -ENAMETOOLONG. */
MUST_USE ssize_t file_path(struct file *file, char *buf, size_t size);
/* What mmap needs to map file privately or shared: fills mapping, ops, object of request. Checks
 * the open mode against request->flags (-EACCES). */
MUST_USE int file_map_request(struct file *file, struct area_request *request);

/* ---- poll
 * -------------------------------------------------------------------------------------------- */

/* A visitor of wait queues: an op calls poll_wait for each queue whose wake-up may change its
 * answer. The queue must live as long as the file. */
struct poll_table {
	void (*join)(struct poll_table *table, struct file *file, struct wait_queue *queue);
};
static inline void poll_wait(struct file *file, struct wait_queue *queue, struct poll_table *table)
{
	if (table && table->join)
		table->join(table, file, queue);
}
unsigned file_poll(struct file *file, struct poll_table *table);

#endif
