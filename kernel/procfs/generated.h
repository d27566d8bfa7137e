/*
 * Inodes of generated file systems, between the files of procfs/. An inode is made for each lookup and
 * says what its text, entries or target come from: a node of the static tree, or an entry of a task.
 */
#ifndef PROCFS_GENERATED_H
#define PROCFS_GENERATED_H

#include <kern/fs.h>
#include <kern/procfs.h>
#include <kern/task.h>

struct generated;

/* What one kind of file does. Functions get the inode that they are about. */
struct generated_ops {
	/* A regular file's text; what is written to it (NULL: read-only). */
	int (*show)(struct generated *inode, struct text *text);
	int (*store)(struct generated *inode, const char *data, size_t len);
	/* A symlink's text into buf, its length; or the place itself (a magic link). */
	ssize_t (*readlink)(struct generated *inode, char *buf, size_t size);
	int (*follow)(struct generated *inode, struct path *path);
	/* A directory: the inode for a name; its entries from context->pos on ("." and ".." are done). */
	int (*lookup)(struct generated *dir, const char *name, size_t len,
		      struct generated **inode);
	int (*readdir)(struct generated *dir, struct dir_context *context);
	/* Brings owner and the like up to date. */
	void (*refresh)(struct generated *inode);
	/* More than the mode bits; NULL: they decide. */
	int (*permission)(struct generated *inode, unsigned may);
	/* Its own file operations (NULL: text). */
	const struct file_ops *file_ops;
};

/* Which thread an inode is about, told apart from later ones of the same number. */
struct task_key {
	int32_t pid;
	uint64_t start_ns;
};

struct generated {
	struct inode inode;
	const struct generated_ops *ops; /* [const] */
	const void *entry;		 /* [const] the ops' */
	struct task_key key;		 /* [const] of inodes about a task */
	int32_t fd;			 /* [const] of /proc/PID/fd/N */
	bool is_thread;			 /* [const] below /proc/PID/task */
};

/* owner: root. ino: stable for the same file. NULL: no memory. */
MUST_USE struct generated *generated_create(struct superblock *sb, uint32_t mode, uint64_t ino,
					    const struct generated_ops *ops, const void *entry);
/* A superblock with a root directory of that kind; panics without memory. */
struct superblock *generated_superblock(const struct fs_type *type, uint32_t magic,
					const struct generated_ops *ops, const void *entry);
void generated_init(void);

static inline struct generated *generated_of(struct inode *inode)
{
	return container_of(inode, struct generated, inode);
}

/* Emits an entry of a directory at position pos; false: no room. */
bool generated_emit(struct dir_context *context, const char *name, uint32_t mode, uint64_t ino,
		    int64_t pos);
bool name_is(const char *name, size_t len, const char *literal);

#endif
