/* Positions of copies between files, between the files of fs/. */
#ifndef FS_COPY_H
#define FS_COPY_H

#include <kern/file.h>

/* Where a copy starts: *user_pos if given (-ESPIPE for a stream), else the file's position, 0 for a
 * stream; and where the end goes. */
MUST_USE int copy_position_begin(struct file *file, const int64_t *user_pos, int64_t *pos);
MUST_USE int copy_position_end(struct file *file, int64_t *user_pos, int64_t pos);

#endif
