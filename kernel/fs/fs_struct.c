/*
 * A process's root, working directory and umask, and the calls that change them. The lock guards the
 * three against tasks that share them (CLONE_FS) and against /proc; a task that shares with nobody
 * reads without it, since only it could change them.
 */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/cred.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "fs_init.h"
#include "mount.h"

enum { DEFAULT_UMASK = 022 };

struct fs_struct {
	struct refcount refs;
	struct spinlock lock;
	struct path root, cwd; /* [lock] own references */
	uint32_t umask;	       /* [lock, atomic for a look] */
};

static struct kcache *fs_cache;

static void boot_root(struct path *path)
{
	path->mount = root_mount;
	path->dentry = root_mount->root;
	path_get(path);
}

static struct fs_struct *fs_alloc(void)
{
	struct fs_struct *fs = kcache_alloc(fs_cache, ALLOC_KERNEL);

	if (!fs)
		return NULL;
	refcount_init(&fs->refs, 1);
	spin_init(&fs->lock, LOCK_RANK_FS, "fs_struct");
	return fs;
}

struct fs_struct *fs_create(void)
{
	struct fs_struct *fs = fs_alloc();

	if (!fs)
		return NULL;
	fs->umask = DEFAULT_UMASK;
	boot_root(&fs->root);
	fs->cwd = fs->root;
	path_get(&fs->cwd);
	return fs;
}

struct fs_struct *fs_dup(struct fs_struct *from)
{
	struct fs_struct *fs = fs_alloc();

	if (!fs)
		return NULL;
	spin_lock(&from->lock);
	fs->umask = from->umask;
	fs->root = from->root;
	fs->cwd = from->cwd;
	path_get(&fs->root);
	path_get(&fs->cwd);
	spin_unlock(&from->lock);
	return fs;
}

void fs_get(struct fs_struct *fs)
{
	refcount_get(&fs->refs);
}

void fs_put(struct fs_struct *fs)
{
	if (!fs || !refcount_put(&fs->refs))
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	kcache_free(fs_cache, fs);
}

int fs_unshare(void)
{
	struct fs_struct *old = current->fs, *fs;

	if (refcount_read(&old->refs) == 1)
		return 0;
	fs = fs_dup(old);
	if (!fs)
		return -ENOMEM;
	spin_lock(&current->alloc_lock);
	current->fs = fs;
	spin_unlock(&current->alloc_lock);
	fs_put(old);
	return 0;
}

/* ---- looking ---- */

static void read_path(struct fs_struct *fs, const struct path *from, struct path *path)
{
	if (likely(atomic_load_acquire(&fs->refs.n) == 1)) {
		*path = *from;
		path_get(path);
		return;
	}
	spin_lock(&fs->lock);
	*path = *from;
	path_get(path);
	spin_unlock(&fs->lock);
}

void fs_current_root(struct path *path)
{
	if (current->fs)
		read_path(current->fs, &current->fs->root, path);
	else
		boot_root(path);
}

void fs_current_cwd(struct path *path)
{
	if (current->fs)
		read_path(current->fs, &current->fs->cwd, path);
	else
		boot_root(path);
}

uint32_t fs_current_umask(void)
{
	return current->fs ? atomic_load_relaxed(&current->fs->umask) : 0;
}

int fs_paths_of(struct task_struct *task, struct path *root, struct path *cwd, uint32_t *umask)
{
	struct fs_struct *fs;

	spin_lock(&task->alloc_lock);
	fs = task->fs;
	if (fs)
		fs_get(fs);
	spin_unlock(&task->alloc_lock);
	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*root = fs->root;
	*cwd = fs->cwd;
	*umask = fs->umask;
	path_get(root);
	path_get(cwd);
	spin_unlock(&fs->lock);
	fs_put(fs);
	return 0;
}

/* ---- changing ---- */

/* place becomes *field; consumes place's references. */
static void change_path_move(struct path *field, const struct path *place)
{
	struct path old;

	spin_lock(&current->fs->lock);
	old = *field;
	*field = *place;
	spin_unlock(&current->fs->lock);
	path_put(&old);
}

long sys_chdir(const char *user_path)
{
	struct path path;
	int error = path_lookup_user(AT_FDCWD, user_path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (error)
		return error;
	error = inode_permission(path.dentry->inode, MAY_EXEC);
	if (error)
		path_put(&path);
	else
		change_path_move(&current->fs->cwd, &path);
	return error;
}

long sys_fchdir(int fd)
{
	struct fd_ref ref = fd_borrow_any(fd);
	int error = 0;

	if (!ref.file)
		return -EBADF;
	if (!ref.file->path.mount || !S_ISDIR(ref.file->inode->mode))
		error = -ENOTDIR;
	else
		error = inode_permission(ref.file->inode, MAY_EXEC);
	if (!error) {
		path_get(&ref.file->path);
		change_path_move(&current->fs->cwd, &ref.file->path);
	}
	fd_return(ref);
	return error;
}

long sys_chroot(const char *user_path)
{
	struct path path;
	int error = path_lookup_user(AT_FDCWD, user_path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (error)
		return error;
	error = inode_permission(path.dentry->inode, MAY_EXEC);
	if (!error && !capable(CAP_SYS_CHROOT))
		error = -EPERM;
	if (error)
		path_put(&path);
	else
		change_path_move(&current->fs->root, &path);
	return error;
}

long sys_getcwd(char *user_buf, size_t size)
{
	char *buf = kmalloc(PATH_MAX, ALLOC_KERNEL);
	struct path cwd;
	ssize_t len;

	if (!buf)
		return -ENOMEM;
	fs_current_cwd(&cwd);
	len = dentry_is_removed(cwd.dentry) ? -ENOENT : path_describe(&cwd, buf, PATH_MAX, false);
	path_put(&cwd);
	if (len >= 0) {
		len++; /* with the NUL, as the call returns it */
		if ((size_t)len > size)
			len = -ERANGE;
		else if (copy_to_user(user_buf, buf, (size_t)len) != 0)
			len = -EFAULT;
	}
	kfree(buf);
	return len;
}

long sys_umask(unsigned mask)
{
	struct fs_struct *fs = current->fs;
	uint32_t old;

	spin_lock(&fs->lock);
	old = fs->umask;
	atomic_store_relaxed(&fs->umask, mask & 0777);
	spin_unlock(&fs->lock);
	return (long)old;
}

INIT_TEXT void fs_struct_init(void)
{
	fs_cache = kcache_create("fs_struct", sizeof(struct fs_struct), 0);
}
