/*
 * /proc: its root, which is a static tree plus a directory for each process, and its mount. The tree is
 * made at bring-up. Context: task, may sleep.
 */
#include "procfs.h"
#include <kern/assert.h>
#include <kern/format.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/statfs.h>
#include "tree.h"

/* Positions of the root's entries: the static ones, then processes by number. */
enum { PROCESS_POS = 1024 };

static struct tree_node proc_root = {.name = "", .mode = S_IFDIR | 0555, .ino = 1};
static struct tree_node sys_root = {.name = "", .mode = S_IFDIR | 0555, .ino = 1};
static struct superblock *proc_sb, *sys_sb; /* [const] */

/* ---- registration ---- */

INIT_TEXT void procfs_register_writable(const char *name, uint32_t mode,
					int (*show)(struct text *text, void *arg),
					int (*store)(const char *data, size_t len, void *arg),
					void *arg)
{
	struct tree_node *node = tree_add(&proc_root, name, S_IFREG | mode);

	node->show = show;
	node->store = store;
	node->arg = arg;
}

INIT_TEXT void procfs_register(const char *name, uint32_t mode,
			       int (*show)(struct text *text, void *arg), void *arg)
{
	procfs_register_writable(name, mode, show, NULL, arg);
}

INIT_TEXT void procfs_register_link(const char *name, ssize_t (*readlink)(char *buf, size_t size))
{
	tree_add(&proc_root, name, S_IFLNK | 0777)->readlink = readlink;
}

INIT_TEXT void sysfs_register(const char *name, uint32_t mode,
			      int (*show)(struct text *text, void *arg), void *arg)
{
	struct tree_node *node = tree_add(&sys_root, name, S_IFREG | mode);

	node->show = show;
	node->arg = arg;
}

/* ---- the root ---- */

bool parse_number(const char *name, size_t len, int32_t *number)
{
	enum { DIGITS_MAX = 9 };
	int32_t value = 0;

	if (len == 0 || len > DIGITS_MAX || (name[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		value = value * 10 + (name[i] - '0');
	}
	*number = value;
	return true;
}

static int root_lookup(struct generated *dir, const char *name, size_t len,
		       struct generated **inode)
{
	int32_t pid;

	if (parse_number(name, len, &pid))
		return pid_directory(dir->inode.sb, pid, inode);
	return tree_lookup(dir->inode.sb, &proc_root, name, len, inode);
}

static int root_readdir(struct generated *dir, struct dir_context *context)
{
	struct task_struct *task;
	char name[16];
	int32_t from;

	if (context->pos < PROCESS_POS) {
		if (!tree_emit(&proc_root, context))
			return 0;
		context->pos = PROCESS_POS;
	}
	from = (int32_t)MIN(context->pos - PROCESS_POS, (int64_t)PID_MAX);
	for (task = process_next(MAX(from, 1)); task; task = process_next_put(task)) {
		int32_t pid = task->tgid;

		format_string(name, sizeof(name), "%d", pid);
		if (!generated_emit(context, name, S_IFDIR, (uint64_t)pid << 16 | 1,
				    PROCESS_POS + pid)) {
			put_task_struct(task);
			return 0;
		}
	}
	return 0;
}

static const struct generated_ops root_ops = {.lookup = root_lookup, .readdir = root_readdir};

static ssize_t self_readlink(char *buf, size_t size)
{
	int len = format_string(buf, size, "%d", current->tgid);

	return (ssize_t)MIN((size_t)len, size);
}

static ssize_t thread_self_readlink(char *buf, size_t size)
{
	int len = format_string(buf, size, "%d/task/%d", current->tgid, current->pid);

	return (ssize_t)MIN((size_t)len, size);
}

/* ---- mounting: there is one of each ---- */

static int proc_mount(const struct fs_type *type, const char *options, struct superblock **sb)
{
	refcount_get(&proc_sb->users);
	*sb = proc_sb;
	return 0;
}

static int sysfs_mount(const struct fs_type *type, const char *options, struct superblock **sb)
{
	refcount_get(&sys_sb->users);
	*sb = sys_sb;
	return 0;
}

INIT_TEXT void procfs_init(void)
{
	static struct fs_type proc = {.name = "proc", .is_nodev = true, .mount = proc_mount};
	static struct fs_type sysfs = {.name = "sysfs", .is_nodev = true, .mount = sysfs_mount};
	const uint32_t flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	int error;

	generated_init();
	proc_sb = generated_superblock(&proc, PROC_SUPER_MAGIC, &root_ops, NULL);
	sys_sb = generated_superblock(&sysfs, SYSFS_MAGIC, &tree_dir_ops, &sys_root);
	fs_register(&proc);
	fs_register(&sysfs);
	procfs_register_link("self", self_readlink);
	procfs_register_link("thread-self", thread_self_readlink);
	procfs_system_init();
	procfs_cpu_init();
	procfs_sysctl_init();
	procfs_mounts_init();
	sysfs_init();
	error = fs_mkdir("/proc", 0555);
	if (!error)
		error = mount_at("/proc", "proc", "proc", flags, "");
	if (!error)
		error = fs_mkdir("/sys", 0555);
	if (!error)
		error = mount_at("/sys", "sysfs", "sysfs", flags, "");
	if (error)
		panic("cannot mount /proc and /sys: error %d", error);
}
