/*
 * /proc/PID and /proc/PID/task/TID: the table of a task's files, and how an inode finds its task. An
 * inode holds no reference on the task, only its number and start time; a file read after the task
 * is gone says ESRCH. Context: task, may sleep.
 */
#include "procfs.h"
#include <kern/cred.h>
#include <kern/format.h>
#include <kern/string.h>
#include <uapi/errno.h>

/* ---- tasks behind inodes ---- */

struct task_struct *generated_task(const struct generated *inode)
{
	struct task_struct *task = task_find(inode->key.pid);

	if (task && task->start_time_ns != inode->key.start_ns) {
		put_task_struct(task);
		task = NULL;
	}
	return task;
}

int procfs_may_inspect(struct task_struct *task)
{
	const struct cred *own = current_cred();
	struct cred *its;
	bool is_same;

	if (task->signal == current->signal)
		return 0;
	its = task_cred_get(task);
	if (!its)
		return -EACCES;
	is_same = own->fsuid == its->uid && own->fsuid == its->euid && own->fsuid == its->suid &&
		  own->fsgid == its->gid && own->fsgid == its->egid && own->fsgid == its->sgid &&
		  !task->signal->is_undumpable;
	cred_put(its);
	return is_same || capable(CAP_SYS_PTRACE) ? 0 : -EACCES;
}

static void set_owner(struct generated *inode, struct task_struct *task)
{
	struct cred *cred = task_cred_get(task);

	if (!cred)
		return;
	atomic_store_relaxed(&inode->inode.uid, cred->euid);
	atomic_store_relaxed(&inode->inode.gid, cred->egid);
	cred_put(cred);
}

void task_refresh(struct generated *inode)
{
	struct task_struct *task = generated_task(inode);

	if (!task)
		return;
	set_owner(inode, task);
	put_task_struct(task);
}

static struct generated *create_for(struct superblock *sb, struct task_struct *task, uint32_t mode,
				    uint32_t number, const struct generated_ops *ops,
				    const void *entry)
{
	uint64_t ino = (uint64_t)task->pid << 32 | number;
	struct generated *inode = generated_create(sb, mode, ino, ops, entry);

	if (!inode)
		return NULL;
	inode->key = (struct task_key){task->pid, task->start_time_ns};
	set_owner(inode, task);
	return inode;
}

struct generated *generated_of_task(struct generated *dir, uint32_t mode, uint32_t number,
				    const struct generated_ops *ops, const void *entry)
{
	struct task_struct *task = generated_task(dir);
	struct generated *inode = NULL;

	if (task) {
		inode = create_for(dir->inode.sb, task, mode, number, ops, entry);
		put_task_struct(task);
	}
	if (inode)
		inode->is_thread = dir->is_thread;
	return inode;
}

/* ---- short files ---- */

static int show_comm(struct text *text, struct task_struct *task)
{
	char name[TASK_COMM_LEN];

	task_comm_read(task, name);
	text_print(text, "%s\n", name);
	return 0;
}

static int store_comm(struct task_struct *task, const char *data, size_t len)
{
	char name[TASK_COMM_LEN];

	if (task->signal != current->signal)
		return -EINVAL;
	len = MIN(len, sizeof(name) - 1);
	memcpy(name, data, len);
	name[len] = 0;
	task_comm_write(task, name);
	return 0;
}

static int show_score_adj(struct text *text, struct task_struct *task)
{
	text_print(text, "%d\n", atomic_load_relaxed(&task->signal->oom_score_adj));
	return 0;
}

static int store_score_adj(struct task_struct *task, const char *data, size_t len)
{
	enum { SCORE_ADJ_MAX = 1000 };
	bool is_negative = data[0] == '-';
	uint64_t number;
	int error, adj;

	data += is_negative || data[0] == '+';
	error = string_to_u64(&data, &number);
	if (error || (*data && *data != '\n') || number > SCORE_ADJ_MAX)
		return -EINVAL;
	adj = is_negative ? -(int)number : (int)number;
	error = procfs_may_inspect(task);
	if (!error && adj < atomic_load_relaxed(&task->signal->oom_score_adj) &&
	    !capable(CAP_SYS_RESOURCE))
		error = -EACCES;
	if (!error)
		atomic_store_relaxed(&task->signal->oom_score_adj, adj);
	return error;
}

static int show_score(struct text *text, struct task_struct *task)
{
	struct page_stats stats;
	struct mm_struct *mm = get_task_mm(task);
	int64_t score = atomic_load_relaxed(&task->signal->oom_score_adj);

	page_stats_read(&stats);
	if (mm) {
		score += (int64_t)(contents_resident(mm->contents) * 1000 / stats.total);
		mmput(mm);
	}
	text_print(text, "%lld\n", (long long)MAX(score, (int64_t)0));
	return 0;
}

static int show_io(struct text *text, struct task_struct *task)
{
	text_print(text, "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
			 "cancelled_write_bytes: 0\n");
	return 0;
}

static int show_zero(struct text *text, struct task_struct *task)
{
	text_add(text, "0", 1);
	return 0;
}

static int show_cgroup(struct text *text, struct task_struct *task)
{
	text_print(text, "0::/\n");
	return 0;
}

static int show_personality(struct text *text, struct task_struct *task)
{
	text_print(text, "%08x\n", task->signal->personality);
	return 0;
}

static int show_schedstat(struct text *text, struct task_struct *task)
{
	struct cpu_usage usage;

	thread_cpu_usage(task, &usage);
	text_print(text, "%llu 0 %llu\n", (unsigned long long)(usage.user_ns + usage.system_ns),
		   (unsigned long long)(task->se.nr_switches_voluntary +
					task->se.nr_switches_involuntary));
	return 0;
}

static int show_id_map(struct text *text, struct task_struct *task)
{
	text_print(text, "%10u %10u %10u\n", 0U, 0U, UINT32_MAX);
	return 0;
}

static int show_no_id(struct text *text, struct task_struct *task)
{
	text_print(text, "%u", UINT32_MAX);
	return 0;
}

/* ---- the table ---- */

#define TEXT_FILE(file_name, show_fn)                                      \
	{                                                                  \
		.name = file_name, .mode = S_IFREG | 0444, .show = show_fn \
	}
#define PRIVATE_FILE(file_name, show_fn)                                                       \
	{                                                                                      \
		.name = file_name, .mode = S_IFREG | 0400, .show = show_fn, .is_private = true \
	}

static const struct task_file task_files[] = {
	{.name = "task", .mode = S_IFDIR | 0555, .ops = &pid_task_ops, .is_of_process = true},
	{.name = "fd", .mode = S_IFDIR | 0500, .ops = &pid_fd_ops, .is_private = true},
	{.name = "fdinfo", .mode = S_IFDIR | 0555, .ops = &pid_fdinfo_ops, .is_private = true},
	PRIVATE_FILE("environ", pid_show_environ),
	PRIVATE_FILE("auxv", pid_show_auxv),
	TEXT_FILE("status", pid_show_status),
	PRIVATE_FILE("personality", show_personality),
	TEXT_FILE("limits", pid_show_limits),
	{.name = "comm", .mode = S_IFREG | 0644, .show = show_comm, .store = store_comm},
	TEXT_FILE("cmdline", pid_show_cmdline),
	TEXT_FILE("stat", pid_show_stat),
	TEXT_FILE("statm", pid_show_statm),
	TEXT_FILE("maps", pid_show_maps),
	{.name = "mem", .mode = S_IFREG | 0600, .ops = &pid_mem_ops, .is_private = true},
	{.name = "cwd",
	 .mode = S_IFLNK | 0777,
	 .is_private = true,
	 .readlink = pid_readlink_cwd,
	 .follow = pid_follow_cwd},
	{.name = "root",
	 .mode = S_IFLNK | 0777,
	 .is_private = true,
	 .readlink = pid_readlink_root,
	 .follow = pid_follow_root},
	{.name = "exe",
	 .mode = S_IFLNK | 0777,
	 .is_private = true,
	 .readlink = pid_readlink_exe,
	 .follow = pid_follow_exe},
	TEXT_FILE("mounts", pid_show_mounts),
	TEXT_FILE("mountinfo", pid_show_mountinfo),
	TEXT_FILE("smaps", pid_show_smaps),
	TEXT_FILE("smaps_rollup", pid_show_smaps_rollup),
	TEXT_FILE("wchan", show_zero),
	TEXT_FILE("schedstat", show_schedstat),
	TEXT_FILE("cgroup", show_cgroup),
	TEXT_FILE("oom_score", show_score),
	{.name = "oom_score_adj",
	 .mode = S_IFREG | 0644,
	 .show = show_score_adj,
	 .store = store_score_adj},
	PRIVATE_FILE("io", show_io),
	TEXT_FILE("uid_map", show_id_map),
	TEXT_FILE("gid_map", show_id_map),
	TEXT_FILE("loginuid", show_no_id),
	TEXT_FILE("sessionid", show_no_id),
};

/* ---- what an inode of the table does ---- */

static const struct task_file *file_of(const struct generated *inode)
{
	return inode->entry;
}

/* With a reference, after the check that the table asks for. */
static int open_task(struct generated *inode, struct task_struct **task)
{
	int error = 0;

	*task = generated_task(inode);
	if (!*task)
		return -ESRCH;
	if (file_of(inode)->is_private)
		error = procfs_may_inspect(*task);
	if (error)
		put_task_struct(*task);
	return error;
}

static int file_show(struct generated *inode, struct text *text)
{
	struct task_struct *task;
	int error = open_task(inode, &task);

	if (error)
		return error;
	error = file_of(inode)->show(text, task);
	put_task_struct(task);
	return error;
}

static int file_store(struct generated *inode, const char *data, size_t len)
{
	struct task_struct *task;
	int error = open_task(inode, &task);

	if (error)
		return error;
	error = file_of(inode)->store(task, data, len);
	put_task_struct(task);
	return error;
}

static ssize_t file_readlink(struct generated *inode, char *buf, size_t size)
{
	struct task_struct *task;
	ssize_t len = open_task(inode, &task);

	if (len)
		return len;
	len = file_of(inode)->readlink(task, buf, size);
	put_task_struct(task);
	return len;
}

static int file_follow(struct generated *inode, struct path *path)
{
	struct task_struct *task;
	int error = open_task(inode, &task);

	if (error)
		return error;
	error = file_of(inode)->follow(task, path);
	put_task_struct(task);
	return error;
}

static const struct generated_ops show_ops = {.show = file_show, .refresh = task_refresh};
static const struct generated_ops store_ops = {
	.show = file_show, .store = file_store, .refresh = task_refresh};
static const struct generated_ops link_ops = {
	.readlink = file_readlink, .follow = file_follow, .refresh = task_refresh};

static const struct generated_ops *ops_of(const struct task_file *file)
{
	if (file->ops)
		return file->ops;
	if (file->follow)
		return &link_ops;
	return file->store ? &store_ops : &show_ops;
}

/* ---- the directory ---- */

enum { FIRST_POS = 2, FIRST_NUMBER = 2 };

static int directory_lookup(struct generated *dir, const char *name, size_t len,
			    struct generated **inode)
{
	for (unsigned i = 0; i < ARRAY_LEN(task_files); i++) {
		const struct task_file *file = &task_files[i];

		if (!name_is(name, len, file->name) || (file->is_of_process && dir->is_thread))
			continue;
		*inode = generated_of_task(dir, file->mode, FIRST_NUMBER + i, ops_of(file), file);
		return *inode ? 0 : -ENOENT;
	}
	return -ENOENT;
}

static int directory_readdir(struct generated *dir, struct dir_context *context)
{
	for (unsigned i = (unsigned)(context->pos - FIRST_POS); i < ARRAY_LEN(task_files); i++) {
		const struct task_file *file = &task_files[i];
		uint64_t ino = (uint64_t)dir->key.pid << 32 | (FIRST_NUMBER + i);

		if (file->is_of_process && dir->is_thread)
			continue;
		if (!generated_emit(context, file->name, file->mode, ino, FIRST_POS + i))
			break;
	}
	return 0;
}

static const struct generated_ops directory_ops = {
	.lookup = directory_lookup,
	.readdir = directory_readdir,
	.refresh = task_refresh,
};

int pid_directory(struct superblock *sb, int32_t pid, struct generated **inode)
{
	struct task_struct *task = task_find(pid);

	if (!task)
		return -ENOENT;
	*inode = create_for(sb, task, S_IFDIR | 0555, 1, &directory_ops, NULL);
	put_task_struct(task);
	return *inode ? 0 : -ENOMEM;
}

/* ---- task/ ---- */

static int threads_lookup(struct generated *dir, const char *name, size_t len,
			  struct generated **inode)
{
	struct task_struct *task;
	int32_t tid;
	int error = -ENOENT;

	if (!parse_number(name, len, &tid))
		return -ENOENT;
	task = task_find(tid);
	if (!task)
		return -ENOENT;
	if (task->tgid == dir->key.pid) {
		*inode = create_for(dir->inode.sb, task, S_IFDIR | 0555, 1, &directory_ops, NULL);
		error = *inode ? 0 : -ENOMEM;
		if (*inode)
			(*inode)->is_thread = true;
	}
	put_task_struct(task);
	return error;
}

static int threads_readdir(struct generated *dir, struct dir_context *context)
{
	struct task_struct *leader = generated_task(dir), *thread;
	int32_t from = (int32_t)MIN(context->pos - FIRST_POS, (int64_t)PID_MAX);
	bool has_room = true;
	char name[16];

	if (!leader)
		return -ENOENT;
	while (has_room && (thread = thread_next(leader, from)) != NULL) {
		format_string(name, sizeof(name), "%d", thread->pid);
		has_room = generated_emit(context, name, S_IFDIR, (uint64_t)thread->pid << 32 | 1,
					  FIRST_POS + thread->pid);
		from = thread->pid + 1;
		put_task_struct(thread);
	}
	put_task_struct(leader);
	return 0;
}

const struct generated_ops pid_task_ops = {
	.lookup = threads_lookup,
	.readdir = threads_readdir,
	.refresh = task_refresh,
};
