/* Credentials (rank 5): who a task is, for permission checks. credentials(7), capabilities(7). */
#ifndef KERN_CRED_H
#define KERN_CRED_H

#include <kern/types.h>
#include <kern/atomic.h>

struct task_struct;
struct user;

enum { NR_GROUPS_MAX = 256 };

/* Shared by fork; replaced, never changed, once a task has it. */
struct cred {
	struct refcount refs;
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint64_t cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	uint32_t securebits; /* prctl(PR_SET_SECUREBITS) */
	struct user *user;   /* of uid; owns a reference */
	uint32_t nr_groups;
	uint32_t groups[NR_GROUPS_MAX]; /* ascending */
};

extern struct cred init_cred; /* root, all capabilities */

/* The running task's; stable while the task runs and changes none of its ids. */
const struct cred *current_cred(void);
/* Effective capability of the running task; nr: CAP_ number of capabilities(7). */
bool capable(unsigned nr);
/* gid is the group by which files are judged, or one of the supplementary ones. Context: any. */
bool cred_in_group(const struct cred *cred, uint32_t gid);
void cred_get(struct cred *cred);
void cred_put(struct cred *cred);

/* A reference to another task's. Context: any; takes task_lock. */
MUST_USE struct cred *task_cred_get(struct task_struct *task);

/* A private copy of the running task's, to change and then install; NULL: no memory. */
MUST_USE struct cred *cred_copy(void);
/* Becomes the running task's; consumes the caller's reference. */
void cred_install_move(struct cred *cred);

enum {
	CAP_CHOWN = 0,
	CAP_DAC_OVERRIDE = 1,
	CAP_DAC_READ_SEARCH = 2,
	CAP_FOWNER = 3,
	CAP_FSETID = 4,
	CAP_KILL = 5,
	CAP_SETGID = 6,
	CAP_SETUID = 7,
	CAP_SETPCAP = 8,
	CAP_IPC_LOCK = 14,
	CAP_SYS_CHROOT = 18,
	CAP_SYS_PTRACE = 19,
	CAP_SYS_ADMIN = 21,
	CAP_SYS_BOOT = 22,
	CAP_SYS_NICE = 23,
	CAP_SYS_RESOURCE = 24,
	CAP_SYS_TIME = 25,
	CAP_SYS_TTY_CONFIG = 26,
	CAP_MKNOD = 27,
	CAP_LAST = 40,
};
#define CAP_FULL ((1ULL << (CAP_LAST + 1)) - 1)

#endif
