/* Between the files of procfs/: what each contributes to the tree, and tasks behind inodes. */
#ifndef PROCFS_PROCFS_H
#define PROCFS_PROCFS_H

#include "generated.h"
#include <kern/mm.h>
#include <kern/process.h>

/* Register static files; bring-up. */
void procfs_system_init(void); /* system.c: meminfo, stat, uptime, ... */
void procfs_cpu_init(void);    /* cpuinfo.c */
void procfs_sysctl_init(void); /* sysctl.c: sys/... */
void procfs_mounts_init(void); /* mounts.c: filesystems; the mounts link */
void sysfs_init(void);	       /* sysfs.c */

/* A symlink of the static tree whose text depends on who reads it. */
void procfs_register_link(const char *name, ssize_t (*readlink)(char *buf, size_t size));

/* The task that an inode is about, with a reference; NULL: it is gone. */
MUST_USE struct task_struct *generated_task(const struct generated *inode);
/* May current look into task (ptrace(2), access mode checking)? 0, -EACCES. */
MUST_USE int procfs_may_inspect(struct task_struct *task);
/* An inode about the same task as dir, owned by the task's user. NULL: no memory, or the task is gone. */
MUST_USE struct generated *generated_of_task(struct generated *dir, uint32_t mode, uint32_t number,
					     const struct generated_ops *ops, const void *entry);
/* Owner: the task's effective ids. For ops of inodes about tasks. */
void task_refresh(struct generated *inode);

/* /proc/PID and /proc/PID/task/TID. -ENOENT, -ENOMEM. */
MUST_USE int pid_directory(struct superblock *sb, int32_t pid, struct generated **inode);
/* A number without leading zeros; false: none. */
bool parse_number(const char *name, size_t len, int32_t *number);

/* A file of a task: what its text is, what may be written. task is the inode's, alive or a zombie. */
struct task_file {
	const char *name;
	uint32_t mode;	    /* with type */
	bool is_private;    /* only for those who may look into the task */
	bool is_of_process; /* not below task/TID */
	int (*show)(struct text *text, struct task_struct *task);
	int (*store)(struct task_struct *task, const char *data, size_t len);
	ssize_t (*readlink)(struct task_struct *task, char *buf, size_t size);
	int (*follow)(struct task_struct *task, struct path *path);
	const struct generated_ops *ops; /* of directories, and files of their own kind */
};

/* The parts of the table in pid.c. */
int pid_show_stat(struct text *text, struct task_struct *task);
int pid_show_statm(struct text *text, struct task_struct *task);
int pid_show_status(struct text *text, struct task_struct *task);
int pid_show_cmdline(struct text *text, struct task_struct *task);
int pid_show_environ(struct text *text, struct task_struct *task);
int pid_show_auxv(struct text *text, struct task_struct *task);
int pid_show_maps(struct text *text, struct task_struct *task);
int pid_show_smaps(struct text *text, struct task_struct *task);
int pid_show_smaps_rollup(struct text *text, struct task_struct *task);
int pid_show_limits(struct text *text, struct task_struct *task);
int pid_show_mounts(struct text *text, struct task_struct *task);
int pid_show_mountinfo(struct text *text, struct task_struct *task);
ssize_t pid_readlink_exe(struct task_struct *task, char *buf, size_t size);
int pid_follow_exe(struct task_struct *task, struct path *path);
ssize_t pid_readlink_cwd(struct task_struct *task, char *buf, size_t size);
int pid_follow_cwd(struct task_struct *task, struct path *path);
ssize_t pid_readlink_root(struct task_struct *task, char *buf, size_t size);
int pid_follow_root(struct task_struct *task, struct path *path);
extern const struct generated_ops pid_fd_ops, pid_fdinfo_ops, pid_task_ops, pid_mem_ops;

/* String into text, characters of special as octal escapes (proc(5): space, tab, newline, backslash). */
void text_escaped(struct text *text, const char *string, const char *special);

#endif
