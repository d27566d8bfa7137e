/* /proc/PID/fd and fdinfo: another process's descriptors. Links in fd lead to the open file's place
 * itself, whatever has become of its name. Context: task, may sleep. */
#include "procfs.h"
#include <kern/format.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>

enum { FIRST_POS = 2, LINK_NUMBER = 1 << 20, INFO_NUMBER = 1 << 21 };

/* The file behind a descriptor, with a reference. -ENOENT, -ESRCH, -EACCES. */
static int get_file(struct generated *inode, int fd, struct file **file, bool *is_cloexec)
{
	struct task_struct *task = generated_task(inode);
	struct files_struct *files;
	int error;

	if (!task)
		return -ESRCH;
	error = procfs_may_inspect(task);
	files = error ? NULL : files_get_of(task);
	put_task_struct(task);
	if (error)
		return error;
	if (!files)
		return -ENOENT;
	*file = files_lookup(files, fd, is_cloexec);
	files_put(files);
	return *file ? 0 : -ENOENT;
}

/* ---- links ---- */

/* "pipe:[N]", "socket:[N]", or the kind alone. */
static void describe_anonymous(const struct file *file, char *buf, size_t size)
{
	const char *kind = file->kind ? file->kind : "anon_inode:[file]";

	if (strchr(kind, ':') || !file->inode)
		string_copy(buf, kind, size);
	else
		format_string(buf, size, "%s:[%llu]", kind, (unsigned long long)file->inode->ino);
}

static ssize_t link_readlink(struct generated *inode, char *buf, size_t size)
{
	char *text = kmalloc(PATH_MAX, ALLOC_KERNEL);
	struct file *file;
	bool is_cloexec;
	ssize_t len;

	if (!text)
		return -ENOMEM;
	len = get_file(inode, inode->fd, &file, &is_cloexec);
	if (!len) {
		if (file->path.mount) {
			len = path_describe(&file->path, text, PATH_MAX, true);
		} else {
			describe_anonymous(file, text, PATH_MAX);
			len = (ssize_t)strlen(text);
		}
		file_put(file);
	}
	if (len > 0) {
		len = (ssize_t)MIN((size_t)len, size);
		memcpy(buf, text, (size_t)len);
	}
	kfree(text);
	return len;
}

static int link_follow(struct generated *inode, struct path *path)
{
	enum { NAME_SIZE = 64 };
	char name[NAME_SIZE];
	struct file *file;
	bool is_cloexec;
	int error = get_file(inode, inode->fd, &file, &is_cloexec);

	if (error)
		return error;
	if (file->path.mount) {
		*path = file->path;
		path_get(path);
	} else if (file->inode) {
		describe_anonymous(file, name, sizeof(name));
		error = path_of_anonymous(file->inode, name, path);
	} else {
		error = -ENXIO;
	}
	file_put(file);
	return error;
}

static const struct generated_ops link_ops = {
	.readlink = link_readlink, .follow = link_follow, .refresh = task_refresh};

/* The link's permissions say how the file is open (proc(5)). */
static uint32_t link_mode(const struct file *file)
{
	return S_IFLNK | 0100 | (file->mode & FILE_READ ? 0400 : 0) |
	       (file->mode & FILE_WRITE ? 0200 : 0);
}

/* ---- fdinfo ---- */

static int info_show(struct generated *inode, struct text *text)
{
	enum { MORE_SIZE = 512 };
	char more[MORE_SIZE];
	struct file *file;
	bool is_cloexec;
	int error = get_file(inode, inode->fd, &file, &is_cloexec);

	if (error)
		return error;
	text_print(text, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%llu\n", (long long)file->pos,
		   file->flags | (is_cloexec ? O_CLOEXEC : 0),
		   file->path.mount ? file->path.mount->id : 0,
		   (unsigned long long)(file->inode ? file->inode->ino : 0));
	if (file->ops->fdinfo)
		text_add(text, more, file->ops->fdinfo(file, more, sizeof(more)));
	file_put(file);
	return 0;
}

static const struct generated_ops info_ops = {.show = info_show, .refresh = task_refresh};

/* ---- the directories ---- */

static int lookup(struct generated *dir, const char *name, size_t len, bool is_info,
		  struct generated **inode)
{
	struct file *file;
	bool is_cloexec;
	uint32_t mode;
	int32_t fd;
	int error;

	if (!parse_number(name, len, &fd))
		return -ENOENT;
	error = get_file(dir, fd, &file, &is_cloexec);
	if (error)
		return error == -EACCES ? error : -ENOENT;
	mode = is_info ? S_IFREG | 0444 : link_mode(file);
	file_put(file);
	*inode = generated_of_task(dir, mode, (uint32_t)fd + (is_info ? INFO_NUMBER : LINK_NUMBER),
				   is_info ? &info_ops : &link_ops, NULL);
	if (!*inode)
		return -ENOENT;
	(*inode)->fd = fd;
	return 0;
}

static int readdir(struct generated *dir, struct dir_context *context, uint32_t mode,
		   uint32_t number)
{
	struct task_struct *task = generated_task(dir);
	struct files_struct *files;
	char name[16];
	int error;

	if (!task)
		return -ENOENT;
	error = procfs_may_inspect(task);
	files = error ? NULL : files_get_of(task);
	put_task_struct(task);
	if (!files)
		return error;
	for (int fd = files_next(files, (int)(context->pos - FIRST_POS)); fd >= 0;
	     fd = files_next(files, fd + 1)) {
		format_string(name, sizeof(name), "%d", fd);
		if (!generated_emit(context, name, mode,
				    (uint64_t)dir->key.pid << 32 | (number + (uint32_t)fd),
				    FIRST_POS + fd))
			break;
	}
	files_put(files);
	return 0;
}

static int fd_lookup(struct generated *dir, const char *name, size_t len, struct generated **inode)
{
	return lookup(dir, name, len, false, inode);
}

static int fd_readdir(struct generated *dir, struct dir_context *context)
{
	return readdir(dir, context, S_IFLNK, LINK_NUMBER);
}

static int fdinfo_lookup(struct generated *dir, const char *name, size_t len,
			 struct generated **inode)
{
	return lookup(dir, name, len, true, inode);
}

static int fdinfo_readdir(struct generated *dir, struct dir_context *context)
{
	return readdir(dir, context, S_IFREG, INFO_NUMBER);
}

/* One's own descriptors are always one's own, whatever the ids are (setuid programs open /dev/fd/N). */
static int fd_permission(struct generated *inode, unsigned may)
{
	struct task_struct *task = generated_task(inode);
	bool is_own = task && task->signal == current->signal;

	if (task)
		put_task_struct(task);
	return is_own ? 0 : inode_permission_generic(&inode->inode, may);
}

const struct generated_ops pid_fd_ops = {
	.lookup = fd_lookup,
	.readdir = fd_readdir,
	.refresh = task_refresh,
	.permission = fd_permission,
};
const struct generated_ops pid_fdinfo_ops = {
	.lookup = fdinfo_lookup,
	.readdir = fdinfo_readdir,
	.refresh = task_refresh,
};
