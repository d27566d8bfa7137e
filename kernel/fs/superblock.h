/* File system types and superblocks, between the files of fs/ and for /proc. */
#ifndef FS_SUPERBLOCK_H
#define FS_SUPERBLOCK_H

#include <kern/fs.h>
#include "fs_init.h"

const struct fs_type *fs_type_find(const char *name);
int superblock_statfs(struct superblock *sb, uint32_t mount_flags, struct abi_statfs *statfs);

#endif
