/*
 * Pipes and fifos, between the files of fs/. A pipe is a ring of slots, each a page of which a part is
 * filled.
 */
#ifndef FS_PIPE_H
#define FS_PIPE_H

#include <kern/fs.h>
#include <kern/page.h>

enum {
	PIPE_SLOTS = 16,      /* 64 KiB (pipe(7)) */
	PIPE_SLOTS_MAX = 256, /* 1 MiB for everybody: /proc/sys/fs/pipe-max-size */
	PIPE_SPARE_PAGES = 2,
};

struct pipe_slot {
	struct page *page; /* owns a reference */
	uint32_t offset, len;
	bool is_packet; /* O_DIRECT: read(2) never goes beyond it, and nothing is appended */
	bool is_shared; /* the page belongs to somebody else as well (tee): not appended to */
};

struct pipe {
	struct mutex lock;
	uint32_t head, tail; /* [lock to write, atomic to read] filled slots are tail .. head - 1 */
	uint32_t nr_slots;   /* [lock to write, atomic to read] a power of two */
	struct pipe_slot *slots;   /* [lock] */
	uint32_t readers, writers; /* [lock to write, atomic to read] open ends */
	uint32_t nr_files;	   /* [inode->lock] of both ends; 0: the pipe goes */
	bool is_unnamed;	   /* [const] of pipe(2): an open through /proc never waits */
	uint32_t read_opens, write_opens; /* [lock] how often an end was opened: fifo(7) */
	uint32_t
		is_polled; /* [atomic] somebody polls it, perhaps for edges: every change is told */
	struct page *spare[PIPE_SPARE_PAGES]; /* [lock] */
	struct wait_queue read_queue, write_queue;
};

extern const struct file_ops fifo_ops; /* for open(2) of a fifo */
extern const struct file_ops pipe_ops; /* once it is open */

static inline bool pipe_is_empty(const struct pipe *pipe)
{
	return atomic_load_relaxed(&pipe->head) == atomic_load_relaxed(&pipe->tail);
}
static inline bool pipe_is_full(const struct pipe *pipe)
{
	return atomic_load_relaxed(&pipe->head) - atomic_load_relaxed(&pipe->tail) >=
	       atomic_load_relaxed(&pipe->nr_slots);
}
static inline struct pipe_slot *pipe_slot(struct pipe *pipe, uint32_t index)
{
	return &pipe->slots[index & (pipe->nr_slots - 1)];
}

/* NULL: no memory. */
MUST_USE struct pipe *pipe_create(void);
void pipe_destroy(struct pipe *pipe);
/* The pipe of an open file, or NULL. */
struct pipe *file_pipe(const struct file *file);
/* Both ends. 0 or -ENOMEM. flags: O_NONBLOCK, O_DIRECT. */
MUST_USE int pipe_open_pair(struct file *files[2], int flags);
/* Both files become descriptors, whose numbers go to the user; consumes the references in any case. */
MUST_USE int files_install_pair_move(struct file *files[2], int flags, int32_t *user_fds);
/* Slots move on: context: lock held. */
void pipe_drop_first(struct pipe *pipe);
/* F_SETPIPE_SZ: the new size in bytes, or -EBUSY, -EPERM, -EINVAL, -ENOMEM. */
long pipe_resize(struct pipe *pipe, size_t bytes);

/* Waits until there is something to read, or nobody who could write; until there is a free slot, or
 * nobody who could read. 0, -EAGAIN, -ERESTARTSYS; sets *has_waited if it slept. Context: pipe->lock held; released while it waits. */
MUST_USE int pipe_wait_readable(struct pipe *pipe, bool is_nonblocking, bool *has_waited)
	HOLDS(pipe->lock);
MUST_USE int pipe_wait_writable(struct pipe *pipe, bool is_nonblocking, bool *has_waited)
	HOLDS(pipe->lock);
/* Parts of pipe_ops that live in fifo.c: the ends. */
unsigned pipe_poll(struct file *file, struct poll_table *table);
long pipe_ioctl(struct file *file, unsigned command, uintptr_t argument);
void pipe_release(struct file *file);
/* After what was done: wakes those whom it concerns. Context: no lock. */
void pipe_wake_readers(struct pipe *pipe);
void pipe_wake_writers(struct pipe *pipe);

#endif
