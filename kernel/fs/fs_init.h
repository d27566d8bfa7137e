/* Between the files of fs/: bring-up steps, and the few things that one file owns and others need. */
#ifndef FS_FS_INIT_H
#define FS_FS_INIT_H

#include <kern/fs.h>

/* In this order, from fs_init (fs_init.c). Panic when memory is short. */
void inode_cache_init(void);
void dentry_cache_init(void);
void file_cache_init(void);
void path_cache_init(void);
void mount_cache_init(void);
void ramfs_init(void);
void locks_init(void);
void fs_struct_init(void);
void files_init(void);
void pipe_init(void);
void devfs_init(void);
void memdev_init(void);
void epoll_init(void);
void socket_init(void);

/* The root file system and its first folders; /dev and /dev/shm on it. */
void mount_root(void);

extern struct spinlock tree_lock; /* dentry.c */

/* inode.c: for every evict. */
void inode_release_parts(struct inode *inode);

/* locks.c */
void lock_context_free(struct lock_context *context); /* may be NULL; no lock is left */

/* mount.c: goes down through what is mounted at path; up from a root (false: path is the top). */
void path_enter_mounts(struct path *path);
bool path_leave_mount(struct path *path);

/* dentry.c: takes every name of a file system away that nobody can reach any more. */
void dentry_remove_tree(struct dentry *root);

#endif
