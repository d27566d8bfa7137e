/* Advisory locks on files (fcntl(2), flock(2)), between the files of fs/. */
#ifndef FS_LOCKS_H
#define FS_LOCKS_H

#include <kern/fs.h>
#include <uapi/fcntl.h>

enum lock_kind { LOCK_POSIX, LOCK_OFD, LOCK_FLOCK };

/* A descriptor table lets go of a file: its record locks on the inode go, whichever descriptor they were
 * made through. Costs one load if the file never had a lock. */
void locks_release_owner(struct file *file, struct files_struct *owner);
/* The open file itself goes: its flock and OFD locks. */
void locks_release_file(struct file *file);

/* F_GETLK, F_SETLK, F_SETLKW and their OFD relatives. lock is the program's; changed by F_GETLK. */
MUST_USE int lock_test(struct file *file, enum lock_kind kind, struct abi_flock *lock);
MUST_USE int lock_set(struct file *file, enum lock_kind kind, const struct abi_flock *lock,
		      bool may_wait);
/* flock(2): type F_RDLCK, F_WRLCK, F_UNLCK. */
MUST_USE int lock_whole(struct file *file, int type, bool may_wait);

#endif
