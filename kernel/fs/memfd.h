/* Memory files and their seals, between the files of fs/. */
#ifndef FS_MEMFD_H
#define FS_MEMFD_H

#include <kern/fs.h>

/* F_ADD_SEALS: 0, -EPERM (sealed, or not writable), -EBUSY (mapped for writing), -EINVAL. */
long seals_add(struct file *file, uint32_t seals);

#endif
