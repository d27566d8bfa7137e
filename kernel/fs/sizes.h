/* What bounds a file's size: RLIMIT_FSIZE, the largest offset, seals; and seeking by a size. */
#ifndef FS_SIZES_H
#define FS_SIZES_H

#include <kern/fs.h>

struct area_request;

/* Largest offset of a file (MAX_LFS_FILESIZE). */
#define SIZE_MAX_FILE INT64_MAX

/* A write of *count bytes at pos: cuts *count to what the limits allow. 0; -EFBIG with SIGXFSZ; -EPERM
 * (sealed). Context: inode->lock held. */
MUST_USE int size_check_write(struct inode *inode, uint64_t pos, size_t *count);
/* A new size against RLIMIT_FSIZE; against the seals of memfd_create(2). */
MUST_USE int size_check_limit(uint64_t size);
MUST_USE int size_check_seals(struct inode *inode, uint64_t size);
MUST_USE int size_check_seals_write(struct inode *inode);
MUST_USE int size_check_seals_map(struct inode *inode, struct area_request *request);
/* SEEK_SET, CUR, END, and DATA, HOLE of a file without holes: sets file->pos. */
int64_t file_seek_sized(struct file *file, int64_t offset, int whence, uint64_t size);

#endif
