/* Making a range present. */
#ifndef MM_POPULATE_H
#define MM_POPULATE_H

#include <kern/mm.h>

/* Faults in [start, end), page aligned. access: FAULT_WRITE; POPULATE_READ: for reading; 0: for writing
 * where the area is private and writable, else for reading. -ENOMEM: a hole, or no memory; -EFAULT: no
 * right; -EIO: past the object's end; -EINTR. Context: task, no mm lock. */
enum { POPULATE_READ = 1 << 8 };
MUST_USE int populate_range(struct mm_struct *mm, vaddr_t start, vaddr_t end, unsigned access);

#endif
