/* Credentials (rank 5): who a task is, for permission checks. credentials(7). */
#ifndef KERN_CRED_H
#define KERN_CRED_H

#include <kern/types.h>
#include <kern/atomic.h>

enum { NR_GROUPS_MAX = 256 };

struct cred {
	struct refcount refs; /* shared by fork; replaced, never changed */
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint32_t nr_groups;
	uint64_t cap_effective, cap_permitted, cap_inheritable, cap_bounding; /* capabilities(7) */
	uint32_t groups[NR_GROUPS_MAX];
};

extern struct cred init_cred;

/* The running task's; stable while the task runs. */
const struct cred *current_cred(void);
/* Effective capability of the running task; nr: CAP_ number of capabilities(7). */
bool capable(unsigned nr);
bool cred_in_group(const struct cred *cred, uint32_t gid);
void cred_get(struct cred *cred);
void cred_put(struct cred *cred);

enum { CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_DAC_READ_SEARCH = 2, CAP_FOWNER = 3, CAP_FSETID = 4,
       CAP_KILL = 5, CAP_SETGID = 6, CAP_SETUID = 7, CAP_SYS_CHROOT = 18, CAP_SYS_ADMIN = 21,
       CAP_SYS_BOOT = 22, CAP_SYS_NICE = 23, CAP_SYS_RESOURCE = 24, CAP_SYS_TIME = 25, CAP_MKNOD = 27 };

#endif
