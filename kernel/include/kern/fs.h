/*
 * The file system (rank 6): inodes, names (dentries), mounts, path lookup, device registration.
 *
 *	inode	what a file is: type, owner, times, contents. Lives while something refers to it.
 *	dentry	one name of an inode in a directory. It always has an inode, the same for its whole
 *life: there are no negative entries, since every file system here knows all its names. In a tree
 *		file system (SB_TREE: ramfs, tmpfs, devfs) the dentries *are* the directory; in a
 *		generated one (proc, sys) each lookup makes a fresh one, which lives while it is
 *used. mount	a file system at a place of another one.
 *
 * Lock order: superblock->rename_lock, then inode->lock of directories (ancestors first, else by
 * address), then inode->lock of files (by address), then the mmap lock of a faulting copy, then
 * spinlocks: mount_lock, tree_lock, the hash's. See docs/locking.md.
 */
#ifndef KERN_FS_H
#define KERN_FS_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/file.h>
#include <kern/list.h>
#include <kern/mapping.h>
#include <kern/mutex.h>
#include <kern/rbtree.h>
#include <kern/spinlock.h>
#include <uapi/stat.h>
#include <uapi/uio.h>

struct inode;
struct dentry;
struct superblock;
struct mount;
struct pipe;
struct abi_statfs;

/* ---- inodes
 * -------------------------------------------------------------------------------------- */

/* What changes with chmod, chown, utimensat, truncate. */
enum {
	ATTR_MODE = 1 << 0,
	ATTR_UID = 1 << 1,
	ATTR_GID = 1 << 2,
	ATTR_SIZE = 1 << 3,
	ATTR_ATIME = 1 << 4,
	ATTR_MTIME = 1 << 5,
	ATTR_CTIME = 1 << 6,
	ATTR_TIMES_SET = 1 << 7, /* atime or mtime to given values: the owner's right only */
};
struct inode_change {
	unsigned what; /* ATTR_ */
	uint32_t mode, uid, gid;
	uint64_t size;
	int64_t atime_ns, mtime_ns;
};

struct inode_ops {
	/*
	 * SB_TREE directories: makes the inode for a new name of dir; the caller enters the name
	 * afterwards. mode with type; target: a symlink's text, else NULL. *inode: one reference,
	 * nlink 1 (a directory: 2). NULL: the directory is read-only (-EPERM). Context: dir->lock
	 * held for writing.
	 */
	int (*make)(struct inode *dir, uint32_t mode, uint64_t rdev, const char *target,
		    struct inode **inode);
	/* One more name for inode (link), may refuse with -EMLINK, -ENOSPC; one name less. */
	int (*link)(struct inode *inode);
	void (*unlink)(struct inode *inode);
	/* Generated directories: a fresh dentry for a name, made with dentry_create. -ENOENT. */
	int (*lookup)(struct inode *dir, struct dentry *parent, const char *name, size_t len,
		      struct dentry **dentry);
	/* A symlink's text into buf (no NUL): its length, cut to size. */
	ssize_t (*readlink)(struct inode *inode, char *buf, size_t size);
	/* A magic link (/proc/PID/fd/N): the place itself, with references. NULL: an ordinary link.
	 */
	int (*follow)(struct inode *inode, struct path *path);
	/* Brings mode, owner, size, times up to date before they are read. NULL: they are. */
	void (*refresh)(struct inode *inode);
	/* After permission checks: applies the change. NULL: inode_apply_change. Context: lock held
	 * for writing. */
	int (*change)(struct inode *inode, const struct inode_change *change);
	/* More than the mode bits: MAY_ bits; 0 or -EACCES. NULL: inode_permission_generic. */
	int (*permission)(struct inode *inode, unsigned may);
	/* The last reference went: frees the inode and all it has. */
	void (*evict)(struct inode *inode);
};

enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };

enum { INODE_LINKABLE = 1 << 0 }; /* made by O_TMPFILE: linkat may give it its first name */

struct inode {
	struct refcount refs; /* dentries, open files, short visitors */
	uint32_t mode;	      /* type [const]; permissions [lock to write, atomic to read] */
	uint32_t uid, gid;    /* [lock to write, atomic to read] */
	uint32_t nlink;	      /* [lock of it, or of the one directory that names it] */
	int32_t writers;      /* [atomic] > 0: open for writing; < 0: programs that run from it */
	uint64_t ino;	      /* [const] */
	uint64_t rdev;	      /* [const] of devices, as makedev(3) */
	uint64_t size;	      /* [lock] bytes, where there is no mapping */
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns; /* [atomic] since 1970 */
	struct superblock *sb;				/* [const] */
	const struct inode_ops *ops;			/* [const] */
	const struct file_ops *file_ops; /* [const] NULL: cannot be opened (-ENXIO) */
	struct mapping *mapping;	 /* [const] the pages of a regular file; NULL: none */
	struct rwsem lock;		 /* contents and attributes; a directory's names */
	struct lock_context *locks;	 /* [atomic, set once] record locks; NULL: never had any */
	struct pipe *pipe;		 /* [lock] a fifo's, while it is open */
	void *socket;			 /* [unix_lock] a bound AF_UNIX socket */
	uint32_t flags;			 /* [lock] INODE_ */
	uint32_t seals;			 /* [lock to write, atomic to read] F_SEAL_ bits */
	void *private;			 /* the file system's */
	uint64_t private_id;		 /* the file system's */
};

/* Fills the portable part: one reference, owner and times of now, no ops. */
void inode_init(struct inode *inode, struct superblock *sb, uint32_t mode);
/* An inode of the common cache with inode_init done, for file systems without more of their own;
 * inode_free_common is its evict's last step. NULL: no memory. */
MUST_USE struct inode *inode_alloc_common(struct superblock *sb, uint32_t mode);
void inode_free_common(struct inode *inode);
static inline void inode_get(struct inode *inode)
{
	refcount_get(&inode->refs);
}
/* inode may be NULL. May sleep; the last one evicts. */
void inode_put(struct inode *inode);

/* Bytes. */
static inline uint64_t inode_size(const struct inode *inode)
{
	return inode->mapping ? atomic_load_relaxed(&inode->mapping->size) : inode->size;
}
/* May current do this? may: MAY_ bits. 0, -EACCES, -EPERM. */
MUST_USE int inode_permission(struct inode *inode, unsigned may);
MUST_USE int inode_permission_generic(struct inode *inode, unsigned may);
/* Owner of the inode, or CAP_FOWNER. */
bool inode_is_owner(const struct inode *inode);
/* Checks current's right to change (-EPERM, -EACCES) and does it. Context: takes inode->lock. */
MUST_USE int inode_change(struct inode *inode, struct inode_change *change);
void inode_apply_change(struct inode *inode, const struct inode_change *change);
/* ATTR_ATIME, ATTR_MTIME, ATTR_CTIME: to now; atime as relatime does (mount(8)). Context: any. */
void inode_touch(struct inode *inode, unsigned what);
/* A writer comes (-ETXTBSY: it is being run) or goes; a program that runs from it comes (-ETXTBSY:
 * it is open for writing) or goes. */
MUST_USE int inode_get_write(struct inode *inode);
void inode_put_write(struct inode *inode);
MUST_USE int inode_deny_write(struct inode *inode);
void inode_allow_write(struct inode *inode);
/* setuid and setgid bits go when a stranger writes. Context: inode->lock held for writing. */
void inode_drop_suid(struct inode *inode);
void inode_stat(struct inode *inode, struct abi_stat *stat);
/* Number of a new inode of sb. */
uint64_t inode_new_number(struct superblock *sb);

/* ---- names
 * ---------------------------------------------------------------------------------------- */

enum {
	DENTRY_INLINE_NAME = 40,
	DENTRY_HASHED = 1 << 0,	    /* a name of a tree file system, not removed yet */
	DENTRY_MOUNTPOINT = 1 << 1, /* maybe: look in the mount table */
};

struct dentry {
	struct refcount refs; /* users; one of the tree's while HASHED; one of each child's */
	uint32_t hash;	      /* [bucket lock] of parent and name */
	uint32_t flags;	      /* [atomic] DENTRY_ */
	uint16_t name_len;    /* [tree_lock+bucket] */
	const char *name;     /* [tree_lock+bucket] not terminated by NUL in general */
	struct dentry
		*parent;     /* [tree_lock+bucket] owns a reference; a root: itself, without one */
	struct inode *inode; /* [const] owns a reference */
	struct dentry *hash_next; /* [bucket lock] */
	struct dentry **hash_link;
	struct rb_node dir_node; /* [parent inode's lock] in parent->children, by cookie */
	uint64_t cookie;	 /* [parent inode's lock] its place in the directory, for readdir */
	struct rb_root children; /* [inode->lock] of a directory in a tree file system */
	uint64_t next_cookie;	 /* [inode->lock] */
	char inline_name[DENTRY_INLINE_NAME];
};

/* A dentry, not entered anywhere: takes a reference on parent (NULL: it is a root) and inode. name
 * is copied. NULL: no memory. */
MUST_USE struct dentry *dentry_create(struct dentry *parent, const char *name, size_t len,
				      struct inode *inode);
static inline void dentry_get(struct dentry *dentry)
{
	refcount_get(&dentry->refs);
}
/* May be NULL. May sleep. */
void dentry_put(struct dentry *dentry);
/* The child of that name with a reference, or NULL. Context: any, no lock needed. */
MUST_USE struct dentry *dentry_find(struct dentry *parent, const char *name, size_t len);
/* The parent, with a reference. */
MUST_USE struct dentry *dentry_get_parent(struct dentry *dentry);
/* Context of the following: parent inode's lock(s) held for writing. */
void dentry_enter(struct dentry *dentry);  /* takes the tree's reference */
void dentry_remove(struct dentry *dentry); /* drops it */
/* dentry becomes name in parent, in one step for lookups; victim (NULL: none) is removed in the
 * same. */
MUST_USE int dentry_move(struct dentry *dentry, struct dentry *parent, const char *name, size_t len,
			 struct dentry *victim);
void dentry_exchange(struct dentry *a, struct dentry *b);
bool dentry_is_ancestor(struct dentry *ancestor, struct dentry *dentry);
static inline bool dentry_is_hashed(const struct dentry *dentry)
{
	return atomic_load_relaxed(&dentry->flags) & DENTRY_HASHED;
}

/* Its name was unlinked; it lives on for those who use it. */
bool dentry_is_removed(const struct dentry *dentry);

void path_get(const struct path *path);
void path_put(const struct path *path);
/* The absolute path as current's root sees it, into buf, NUL-terminated; length without the NUL, or
 * -ENAMETOOLONG. " (deleted)" is appended to a removed name if mark_deleted. */
MUST_USE ssize_t path_describe(const struct path *path, char *buf, size_t size, bool mark_deleted);

/* ---- file systems and mounts
 * ------------------------------------------------------------------------ */

struct fs_type {
	const char *name;
	bool is_nodev; /* as /proc/filesystems shows it: needs no block device */
	/* Makes a file system (or finds the one there is): *sb with a reference. options: mount
	 * data, may be "". */
	int (*mount)(const struct fs_type *type, const char *options, struct superblock **sb);
	/* Changes options of a mounted one; NULL: none can be. */
	int (*remount)(struct superblock *sb, const char *options);
	struct fs_type *next; /* [const] after fs_register */
};
void fs_register(struct fs_type *type);
/* The list of them, for /proc/filesystems. */
const struct fs_type *fs_type_first(void);

enum {
	SB_TREE = 1 << 0, /* names are dentries that stay */
	SB_INTERNAL = 1 << 1
};

struct superblock {
	struct refcount users; /* mounts and their like: the tree of names */
	struct refcount
		refs;	/* all users together, and inodes that count themselves in: the struct */
	uint32_t flags; /* [const] SB_ */
	uint64_t dev;	/* [const] st_dev */
	uint32_t magic; /* [const] statfs f_type */
	const struct fs_type *type;
	struct dentry *root;		  /* [const] owns a reference until the last put */
	struct mutex rename_lock;	  /* moves of directories in this file system */
	uint64_t next_ino;		  /* [atomic] */
	uint64_t max_pages, used_pages;	  /* [atomic] 0 = no limit */
	uint64_t max_inodes, used_inodes; /* [atomic] */
	int (*statfs)(struct superblock *sb, struct abi_statfs *statfs); /* NULL: from the above */
	size_t (*describe)(struct superblock *sb, char *buf,
			   size_t size);	/* options, for mountinfo */
	void (*release)(struct superblock *sb); /* frees private; may be NULL */
	void *private;
};
MUST_USE struct superblock *superblock_create(const struct fs_type *type, uint32_t flags,
					      uint32_t magic);
/* The last user takes the names away. May sleep. sb may be NULL. */
void superblock_put(struct superblock *sb);
/* The last drop frees the struct. */
static inline void superblock_grab(struct superblock *sb)
{
	refcount_get(&sb->refs);
}
void superblock_drop(struct superblock *sb);

struct mount {
	struct refcount refs;  /* one of the table's while mounted; users */
	int32_t id;	       /* [const] */
	uint32_t flags;	       /* [mount_lock] MS_RDONLY, MS_NOEXEC, ... */
	struct superblock *sb; /* [const] owns a reference */
	struct dentry *root;   /* [const] owns a reference */
	struct mount *parent;  /* [mount_lock] owns a reference; NULL: the root or detached */
	struct dentry *place;  /* [mount_lock] owns a reference: the mount point */
	struct list_node node; /* [mount_lock] in mounts */
	bool is_attached;      /* [mount_lock] */
	char source[64];       /* [const] */
};
extern struct mount *root_mount; /* [const] after fs_init */

/* Mounts a file system at a path of current. source: what /proc/mounts names. 0 or -Exxx. */
MUST_USE int mount_at(const char *path, const char *source, const char *type, uint32_t flags,
		      const char *options);
/* Calls fn for every mount in order, with references held; stops when it returns nonzero. */
int mount_for_each(int (*fn)(struct mount *mount, void *arg), void *arg);
/* Writing to files below it is allowed: 0 or -EROFS. */
MUST_USE int mount_want_write(const struct mount *mount);

/* ---- path lookup
 * --------------------------------------------------------------------------------------- */

enum {
	LOOKUP_FOLLOW = 1 << 0,	   /* a link at the end is followed */
	LOOKUP_DIRECTORY = 1 << 1, /* -ENOTDIR unless it is one */
	LOOKUP_EMPTY = 1 << 2,	   /* "" names dirfd itself (AT_EMPTY_PATH) */
	LOOKUP_PARENT = 1 << 3,	   /* stop before the last name */
	LOOKUP_NO_XDEV = 1 << 4,   /* openat2's RESOLVE_ bits */
	LOOKUP_NO_MAGIC = 1 << 5,
	LOOKUP_NO_LINKS = 1 << 6,
	LOOKUP_BENEATH = 1 << 7,
	LOOKUP_IN_ROOT = 1 << 8,
};

/* 0 and *path with references, or -Exxx. name: kernel string. dirfd: AT_FDCWD or a descriptor. */
MUST_USE int path_lookup(int dirfd, const char *name, unsigned flags, struct path *path);
/* The same from user memory. */
MUST_USE int path_lookup_user(int dirfd, const char *user_name, unsigned flags, struct path *path);

/* Copies a path from user memory: *name is to be freed with path_name_free. -ENOENT: empty and
 * !(flags & LOOKUP_EMPTY); -ENAMETOOLONG; -EFAULT; -ENOMEM. */
MUST_USE int path_name_from_user(const char *user_name, unsigned flags, char **name);
void path_name_free(char *name);

/* umask, root and working directory of current (kernel threads: the root mount's). */
void fs_current_root(struct path *path);
void fs_current_cwd(struct path *path);
uint32_t fs_current_umask(void);
/* Of another task, for /proc: 0 or -ENOENT. */
MUST_USE int fs_paths_of(struct task_struct *task, struct path *root, struct path *cwd,
			 uint32_t *umask);

/* ---- directory reading
 * ------------------------------------------------------------------------------- */

struct dir_context {
	/* Takes one entry; false: no room, stop. type: DT_. next_pos: where reading goes on after
	 * it. */
	bool (*emit)(struct dir_context *context, const char *name, size_t len, uint64_t ino,
		     unsigned type, int64_t next_pos);
	int64_t pos; /* first entry wanted: 0 ".", 1 "..", 2... as the directory says; kept up to
			date */
};
/* Calls the file's readdir with the directory locked. -ENOTDIR. */
MUST_USE int file_readdir(struct file *file, struct dir_context *context);
/* DT_ of a mode. */
unsigned dirent_type(uint32_t mode);
/* "." and ".."; true: go on with the rest. */
MUST_USE bool dir_emit_dots(struct file *file, struct dir_context *context);

/* ---- devices
 * ------------------------------------------------------------------------------------------- */

static inline uint64_t device_number(uint32_t major, uint32_t minor)
{
	/* makedev(3) of the Linux ABI. */
	return ((uint64_t)(major & 0xfffff000U) << 32) | ((uint64_t)(major & 0xfffU) << 8) |
	       ((uint64_t)(minor & 0xffffff00U) << 12) | (minor & 0xffU);
}
static inline uint32_t device_major(uint64_t rdev)
{
	return (uint32_t)((rdev >> 32) & 0xfffff000U) | (uint32_t)((rdev >> 8) & 0xfffU);
}
static inline uint32_t device_minor(uint64_t rdev)
{
	return (uint32_t)((rdev >> 12) & 0xffffff00U) | (uint32_t)(rdev & 0xffU);
}

/*
 * Makes the node /dev/name (name may have folders: "pts/0"; they are made) of type and permissions
 * mode (S_IFCHR | 0666), and says that opening any node with rdev gives ops. ops->open may refuse
 * or replace file->ops. 0, -EEXIST, -ENOMEM. Context: task, after fs_init.
 */
MUST_USE int devfs_register(const char *name, uint32_t mode, uint64_t rdev,
			    const struct file_ops *ops);
/* Takes the node away; what is open stays open. */
void devfs_unregister(const char *name, uint64_t rdev);
/* Another owner for the node (pts). */
void devfs_set_owner(const char *name, uint32_t uid, uint32_t gid);
/* Links and folders: /dev/fd, /dev/shm. */
MUST_USE int devfs_symlink(const char *name, const char *target);
MUST_USE int devfs_mkdir(const char *name, uint32_t mode);
/* The ops behind a character device number; NULL: none. */
const struct file_ops *chrdev_ops(uint64_t rdev);

/* ---- kernel-internal changes of the tree (initramfs, devfs)
 * --------------------------------------------- */

MUST_USE int fs_mkdir(const char *path, uint32_t mode);
MUST_USE int fs_symlink(const char *target, const char *path);
MUST_USE int fs_mknod(const char *path, uint32_t mode, uint64_t rdev);
MUST_USE int fs_link(const char *from, const char *to);
MUST_USE int fs_unlink(const char *path);

/* An inode in no directory, for pipes, sockets, anonymous files; sb NULL: the common anonymous one.
 */
MUST_USE struct inode *inode_create_anonymous(struct superblock *sb, uint32_t mode);
/* A place for such an inode, for those who need a path (/proc/PID/fd): *path with references. -ENOMEM. */
MUST_USE int path_of_anonymous(struct inode *inode, const char *name, struct path *path);

/* ---- bring-up --------------------------------------------------------------------------------- */

/* Caches, the root, /dev: after mm_init, before any process. Context: boot CPU, init_task. */
void fs_init(void);

/* Unpacks the initramfs at [data, data + len) into the root. 0; -EINVAL with a log line that says
 * where it is damaged: what came before stays. Context: task with root's rights; may sleep. */
MUST_USE int initramfs_unpack(const void *data, size_t len);
/* The same for the boot loader's initrd, whose frames are reserved: whole pages of file data that lie
 * aligned become the files' pages where they are, all the rest goes to the allocator. Once. */
MUST_USE int initramfs_load(paddr_t start, size_t len);

#endif
