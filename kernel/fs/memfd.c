/* Files in memory without a name (memfd_create(2)), and seals (fcntl(2), "File Sealing"). The seals are
 * guarded by the inode's lock. Context: task, may sleep. */
#include "memfd.h"
#include <kern/kcache.h>
#include <kern/mm.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "file.h"
#include "ramfs.h"

enum { MEMFD_NAME_MAX = NAME_MAX - sizeof("memfd:") + 1 };

#define SEALS_ALL (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static int memfd_open(const char *name, unsigned flags, struct file **file)
{
	struct path path;
	struct inode *inode;
	struct file *fresh;
	int error = ramfs_make_inode(ramfs_internal(), S_IFREG | 0777, 0, NULL, &inode);

	if (error)
		return error;
	inode->nlink = 0;
	inode->seals = flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
	error = path_of_anonymous(inode, name, &path);
	if (error)
		goto put_inode;
	fresh = file_alloc(&ramfs_file_ops, O_RDWR | O_LARGEFILE);
	if (!fresh) {
		error = -ENOMEM;
		path_put(&path);
		goto put_inode;
	}
	fresh->inode = inode;
	fresh->path = path;
	if (inode_get_write(inode) == 0)
		fresh->mode |= FILE_WRITER;
	*file = fresh;
	return 0;
put_inode:
	inode_put(inode);
	return error;
}

long sys_memfd_create(const char *user_name, unsigned flags)
{
	static const char prefix[] = "/memfd:";
	char name[sizeof(prefix) + NAME_MAX];
	struct file *file;
	ssize_t len;
	int error, fd;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	memcpy(name, prefix, sizeof(prefix));
	len = string_from_user(name + sizeof(prefix) - 1, user_name, MEMFD_NAME_MAX);
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	error = memfd_open(name, flags, &file);
	if (error)
		return error;
	fd = fd_install_move(file, 0, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
	if (fd < 0)
		file_put(file);
	return fd;
}

/* Some process has the pages mapped shared and could write to them. */
static bool is_mapped_for_writing(struct mapping *mapping)
{
	struct area *area;
	bool found = false;

	mutex_lock(&mapping->areas_lock);
	list_for_each_entry (area, &mapping->areas, mapping_node) {
		uint32_t flags = atomic_load_relaxed(&area->flags);
		if ((flags & AREA_SHARED) && (flags & AREA_MAYWRITE)) {
			found = true;
			break;
		}
	}
	mutex_unlock(&mapping->areas_lock);
	return found;
}

long seals_add(struct file *file, uint32_t seals)
{
	struct inode *inode = file->inode;
	long error = 0;

	if (!inode || !inode->mapping || (seals & ~(uint32_t)SEALS_ALL))
		return -EINVAL;
	if (!(file->mode & FILE_WRITE))
		return -EPERM;
	rwsem_write_lock(&inode->lock);
	if (inode->seals & F_SEAL_SEAL)
		error = -EPERM;
	else if ((seals & F_SEAL_WRITE) && is_mapped_for_writing(inode->mapping))
		error = -EBUSY;
	else
		atomic_store_relaxed(&inode->seals, inode->seals | seals);
	rwsem_write_unlock(&inode->lock);
	return error;
}
