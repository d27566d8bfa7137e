/*
 * Devices: the table from character device numbers to operations, and /dev, a file system in memory in
 * which nodes appear as drivers register them. The table's list is guarded by chrdev_lock; entries
 * stay for good once made (a driver's operations are part of the kernel). Context: task, may sleep.
 */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include <uapi/statfs.h>
#include "fs_init.h"
#include "names.h"
#include "superblock.h"

struct chrdev {
	struct chrdev *next; /* [chrdev_lock] */
	uint64_t rdev;
	const struct file_ops *ops;
};

static struct spinlock chrdev_lock = SPINLOCK_INIT(LOCK_RANK_FS, "chrdevs");
static struct chrdev *chrdevs;	    /* [chrdev_lock] */
static struct superblock *devfs_sb; /* [const] after fs_init: there is one */

/* ---- device numbers ---- */

static struct chrdev **chrdev_find(uint64_t rdev)
{
	struct chrdev **link = &chrdevs;

	while (*link && (*link)->rdev != rdev)
		link = &(*link)->next;
	return link;
}

const struct file_ops *chrdev_ops(uint64_t rdev)
{
	struct chrdev *device;
	const struct file_ops *ops = NULL;

	spin_lock(&chrdev_lock);
	device = *chrdev_find(rdev);
	if (device)
		ops = device->ops;
	spin_unlock(&chrdev_lock);
	return ops;
}

static int chrdev_add(uint64_t rdev, const struct file_ops *ops)
{
	struct chrdev *device = kmalloc(sizeof(*device), ALLOC_KERNEL), **link;
	int error = 0;

	if (!device)
		return -ENOMEM;
	*device = (struct chrdev){NULL, rdev, ops};
	spin_lock(&chrdev_lock);
	link = chrdev_find(rdev);
	if (!*link) {
		*link = device;
		device = NULL;
	} else if ((*link)->ops != ops) {
		error = -EEXIST; /* a second node for the same device is fine, another driver is not */
	}
	spin_unlock(&chrdev_lock);
	kfree(device);
	return error;
}

static void chrdev_remove(uint64_t rdev)
{
	struct chrdev **link, *device;

	spin_lock(&chrdev_lock);
	link = chrdev_find(rdev);
	device = *link;
	if (device)
		*link = device->next;
	spin_unlock(&chrdev_lock);
	kfree(device);
}

/* ---- /dev ---- */

static struct path devfs_root(void)
{
	struct path path = {root_mount, devfs_sb->root};

	return path;
}

/* The folder that name's last part goes to, with references; missing ones are made. *last: that part. */
static int devfs_folder(const char *name, struct path *dir, const char **last)
{
	static const struct new_name folder = {.mode = S_IFDIR | 0755};
	struct path root = devfs_root();

	*dir = root;
	path_get(dir);
	for (;;) {
		const char *slash = strchr(name, '/');
		struct path child;
		int error;

		if (!slash) {
			*last = name;
			return 0;
		}
		child.mount = dir->mount;
		child.dentry = dentry_find(dir->dentry, name, (size_t)(slash - name));
		if (child.dentry) {
			refcount_get(&child.mount->refs);
		} else {
			error = name_make_kernel(dir, name, (size_t)(slash - name), &folder,
						 &child);
			if (error) {
				path_put(dir);
				return error;
			}
		}
		path_put(dir);
		*dir = child;
		name = slash + 1;
	}
}

static int devfs_make(const char *name, uint32_t mode, uint64_t rdev, const char *target)
{
	struct new_name what = {mode, rdev, target};
	struct path dir, path;
	const char *last;
	int error = devfs_folder(name, &dir, &last);

	if (error)
		return error;
	error = name_make_kernel(&dir, last, strlen(last), &what, &path);
	if (!error)
		path_put(&path);
	path_put(&dir);
	return error;
}

int devfs_register(const char *name, uint32_t mode, uint64_t rdev, const struct file_ops *ops)
{
	int error;

	assert(S_ISCHR(mode));
	error = chrdev_add(rdev, ops);
	return error ? error : devfs_make(name, mode, rdev, NULL);
}

void devfs_unregister(const char *name, uint64_t rdev)
{
	struct path dir;
	const char *last;

	if (devfs_folder(name, &dir, &last) == 0) {
		name_remove_kernel(&dir, last, strlen(last));
		path_put(&dir);
	}
	chrdev_remove(rdev);
}

void devfs_set_owner(const char *name, uint32_t uid, uint32_t gid)
{
	struct path dir;
	struct dentry *dentry;
	const char *last;

	if (devfs_folder(name, &dir, &last) != 0)
		return;
	dentry = dentry_find(dir.dentry, last, strlen(last));
	if (dentry) {
		struct inode_change change = {.what = ATTR_UID | ATTR_GID, .uid = uid, .gid = gid};
		rwsem_write_lock(&dentry->inode->lock);
		inode_apply_change(dentry->inode, &change);
		rwsem_write_unlock(&dentry->inode->lock);
		dentry_put(dentry);
	}
	path_put(&dir);
}

int devfs_symlink(const char *name, const char *target)
{
	return devfs_make(name, S_IFLNK | 0777, 0, target);
}

int devfs_mkdir(const char *name, uint32_t mode)
{
	return devfs_make(name, S_IFDIR | (mode & S_IALLUGO), 0, NULL);
}

/* Every mount of devtmpfs shows the same devices. */
static int devfs_mount(const struct fs_type *type, const char *options, struct superblock **sb)
{
	refcount_get(&devfs_sb->users);
	*sb = devfs_sb;
	return 0;
}

INIT_TEXT void devfs_init(void)
{
	static struct fs_type type = {.name = "devtmpfs", .is_nodev = true, .mount = devfs_mount};
	const struct fs_type *tmpfs = fs_type_find("tmpfs");

	if (tmpfs->mount(tmpfs, "mode=755", &devfs_sb) != 0)
		panic("no memory for /dev");
	devfs_sb->type = &type;
	fs_register(&type);
}
