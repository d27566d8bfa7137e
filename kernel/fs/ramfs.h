/* The memory file system, between its files: inodes with pages, and its accounts. */
#ifndef FS_RAMFS_H
#define FS_RAMFS_H

#include <kern/fs.h>

/* A regular file: its pages, charged to the superblock one by one as they come and go. */
struct ramfs_file {
	struct inode inode;
	struct mapping mapping; /* one reference is the inode's; areas hold others */
};

extern const struct mapping_ops ramfs_mapping_ops;
extern const struct file_ops ramfs_file_ops, ramfs_dir_ops;

/* Frees the inode that the mapping is part of. */
void ramfs_mapping_release(struct mapping *mapping);

/* Takes nr pages from the file system's limit: 0 or -ENOSPC; gives them back. Context: any. */
MUST_USE int ramfs_charge_pages(struct superblock *sb, uint64_t nr);
void ramfs_uncharge_pages(struct superblock *sb, uint64_t nr);
/* Attributes of a regular file, size included. Context: inode->lock held for writing. */
int ramfs_file_change(struct inode *inode, const struct inode_change *change);
/* An inode in sb. Context: task. */
MUST_USE int ramfs_make_inode(struct superblock *sb, uint32_t mode, uint64_t rdev,
			      const char *target, struct inode **inode);
/* The internal file system that files without a place are made in (memfd_create). */
struct superblock *ramfs_internal(void);

#endif
