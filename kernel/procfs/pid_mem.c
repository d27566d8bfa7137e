/* /proc/PID files that show another process's memory: cmdline, environ, auxv, mem; and the links exe, cwd,
 * root. Context: task, may sleep. */
#include "procfs.h"
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>

/* ---- ranges ---- */

static int add_range(struct text *text, struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	char *buf = kmalloc(PAGE_SIZE, ALLOC_KERNEL);

	if (!buf)
		return -ENOMEM;
	while (start < end) {
		size_t want = MIN(end - start, PAGE_SIZE), got = mm_read(mm, start, buf, want);

		text_add(text, buf, got);
		start += got;
		if (got < want)
			break;
	}
	kfree(buf);
	return 0;
}

/* A program may have overwritten its arguments' last NUL to show a longer title, which then runs on into
 * the environment: up to the first NUL. */
static int add_title(struct text *text, struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	size_t before = text->len;
	int error = add_range(text, mm, start, end);
	const char *nul;

	if (error || text->error)
		return error;
	nul = memchr(text->data + before, 0, text->len - before);
	if (nul)
		text->len = (size_t)(nul - text->data);
	return 0;
}

int pid_show_cmdline(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);
	vaddr_t start, end, env_end;
	int error;

	if (!mm)
		return 0;
	rwsem_read_lock(&mm->contents->lock);
	start = mm->contents->arg_start;
	end = mm->contents->arg_end;
	env_end = mm->contents->env_end;
	rwsem_read_unlock(&mm->contents->lock);
	error = add_range(text, mm, start, end);
	if (!error && text->len && text->data[text->len - 1] != 0)
		error = add_title(text, mm, end, env_end);
	mmput(mm);
	return error;
}

int pid_show_environ(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);
	vaddr_t start, end;
	int error;

	if (!mm)
		return 0;
	rwsem_read_lock(&mm->contents->lock);
	start = mm->contents->env_start;
	end = mm->contents->env_end;
	rwsem_read_unlock(&mm->contents->lock);
	error = add_range(text, mm, start, end);
	mmput(mm);
	return error;
}

int pid_show_auxv(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm)
		return 0;
	text_add(text, mm->contents->auxv, mm->contents->auxv_len * sizeof(*mm->contents->auxv));
	mmput(mm);
	return 0;
}

/* ---- mem ---- */

typedef size_t transfer_fn(struct mm_struct *mm, char *buf, size_t len, vaddr_t va,
			   struct iov_iter *iter);

static size_t read_page(struct mm_struct *mm, char *buf, size_t len, vaddr_t va,
			struct iov_iter *to)
{
	size_t got = mm_read(mm, va, buf, len);

	return iov_copy_to(to, buf, got);
}

static size_t write_page(struct mm_struct *mm, char *buf, size_t len, vaddr_t va,
			 struct iov_iter *from)
{
	size_t got = iov_copy_from(from, buf, len);

	return mm_write(mm, va, buf, got);
}

static ssize_t transfer_mem(struct mm_struct *mm, struct iov_iter *iter, int64_t *pos,
			    transfer_fn *transfer)
{
	char *buf = kmalloc(PAGE_SIZE, ALLOC_KERNEL);
	ssize_t done = 0;

	if (!buf)
		return -ENOMEM;
	while (iov_left(iter)) {
		vaddr_t va = (vaddr_t)*pos;
		size_t want = MIN(iov_left(iter), PAGE_SIZE - va % PAGE_SIZE);
		size_t moved = va < ARCH_USER_END ? transfer(mm, buf, want, va, iter) : 0;

		*pos += (int64_t)moved;
		done += (ssize_t)moved;
		if (moved < want) {
			done = done ? done : -EIO;
			break;
		}
	}
	kfree(buf);
	return done;
}

static ssize_t mem_transfer(struct file *file, struct iov_iter *iter, int64_t *pos,
			    transfer_fn *transfer)
{
	struct task_struct *task = generated_task(generated_of(file->inode));
	struct mm_struct *mm;
	ssize_t result;

	if (!task)
		return -ESRCH;
	result = procfs_may_inspect(task);
	mm = result ? NULL : get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return result;
	result = transfer_mem(mm, iter, pos, transfer);
	mmput(mm);
	return result;
}

static ssize_t mem_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	return mem_transfer(file, to, pos, read_page);
}

static ssize_t mem_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	return mem_transfer(file, from, pos, write_page);
}

static int64_t mem_seek(struct file *file, int64_t offset, int whence)
{
	if (whence == SEEK_CUR)
		offset += file->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	file->pos = offset;
	return offset;
}

static const struct file_ops mem_file_ops = {
	.read = mem_read, .write = mem_write, .seek = mem_seek};
const struct generated_ops pid_mem_ops = {.refresh = task_refresh, .file_ops = &mem_file_ops};

/* ---- links ---- */

static ssize_t describe_move(struct path *path, char *buf, size_t size)
{
	char *text = kmalloc(PATH_MAX, ALLOC_KERNEL);
	ssize_t len = text ? path_describe(path, text, PATH_MAX, true) : -ENOMEM;

	if (len > 0) {
		len = (ssize_t)MIN((size_t)len, size);
		memcpy(buf, text, (size_t)len);
	}
	kfree(text);
	path_put(path);
	return len;
}

int pid_follow_exe(struct task_struct *task, struct path *path)
{
	struct mm_struct *mm = get_task_mm(task);
	int error = -ENOENT;

	if (!mm)
		return -ENOENT;
	if (mm->contents->exe_file && mm->contents->exe_file->path.mount) {
		*path = mm->contents->exe_file->path;
		path_get(path);
		error = 0;
	}
	mmput(mm);
	return error;
}

ssize_t pid_readlink_exe(struct task_struct *task, char *buf, size_t size)
{
	struct path path;
	int error = pid_follow_exe(task, &path);

	return error ? error : describe_move(&path, buf, size);
}

int pid_follow_cwd(struct task_struct *task, struct path *path)
{
	struct path root;
	uint32_t umask;
	int error = fs_paths_of(task, &root, path, &umask);

	if (!error)
		path_put(&root);
	return error;
}

ssize_t pid_readlink_cwd(struct task_struct *task, char *buf, size_t size)
{
	struct path path;
	int error = pid_follow_cwd(task, &path);

	return error ? error : describe_move(&path, buf, size);
}

int pid_follow_root(struct task_struct *task, struct path *path)
{
	struct path cwd;
	uint32_t umask;
	int error = fs_paths_of(task, path, &cwd, &umask);

	if (!error)
		path_put(&cwd);
	return error;
}

ssize_t pid_readlink_root(struct task_struct *task, char *buf, size_t size)
{
	struct path path;
	int error = pid_follow_root(task, &path);

	return error ? error : describe_move(&path, buf, size);
}
