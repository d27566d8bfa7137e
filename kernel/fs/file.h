/* Open files, between the files of fs/. */
#ifndef FS_FILE_H
#define FS_FILE_H

#include <kern/file.h>
#include <uapi/fcntl.h>

/* What open's flags say that the open file does not keep (fcntl(2), F_GETFL). */
#define FILE_CREATION_FLAGS (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

uint32_t file_mode_of_flags(uint32_t flags);
/* Undoes file_alloc and what was attached since, without ops->release: an open that failed. */
void file_free(struct file *file);
/* With the checks of the open mode: -EBADF, -EINVAL. */
ssize_t file_read(struct file *file, struct iov_iter *to, int64_t *pos);
ssize_t file_write(struct file *file, struct iov_iter *from, int64_t *pos);

#endif
