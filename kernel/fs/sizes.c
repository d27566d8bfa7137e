/*
 * What bounds a file's size: RLIMIT_FSIZE (setrlimit(2)), the largest offset, the seals of a memory
 * file (fcntl(2), "File Sealing"); and seeking. No state. Context: as each says in sizes.h.
 */
#include "sizes.h"
#include <kern/mm.h>
#include <kern/rlimit.h>
#include <kern/signal.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>

static uint64_t size_limit(void)
{
	return MIN(rlimit_current(RLIMIT_FSIZE), (uint64_t)SIZE_MAX_FILE);
}

int size_check_limit(uint64_t size)
{
	if (size <= size_limit())
		return 0;
	if (size <= (uint64_t)SIZE_MAX_FILE)
		signal_hooks.send_task(current, SIGXFSZ, NULL);
	return -EFBIG;
}

int size_check_seals(struct inode *inode, uint64_t size)
{
	uint32_t seals = atomic_load_relaxed(&inode->seals);

	if ((seals & F_SEAL_SHRINK) && size < inode_size(inode))
		return -EPERM;
	return (seals & F_SEAL_GROW) && size > inode_size(inode) ? -EPERM : 0;
}

int size_check_seals_write(struct inode *inode)
{
	uint32_t seals = atomic_load_relaxed(&inode->seals);

	return seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) ? -EPERM : 0;
}

int size_check_write(struct inode *inode, uint64_t pos, size_t *count)
{
	uint64_t limit = size_limit();
	int error = size_check_seals_write(inode);

	if (error)
		return error;
	if (pos >= limit)
		return size_check_limit(pos + 1);
	*count = MIN(*count, limit - pos);
	return size_check_seals(inode, MAX(pos + *count, inode_size(inode)));
}

int size_check_seals_map(struct inode *inode, struct area_request *request)
{
	if (!size_check_seals_write(inode))
		return 0;
	if (request->flags & AREA_WRITE)
		return -EPERM;
	request->flags &= ~(uint32_t)AREA_MAYWRITE;
	return 0;
}

int64_t file_seek_sized(struct file *file, int64_t offset, int whence, uint64_t size)
{
	int64_t base = 0, pos;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = file->pos;
		break;
	case SEEK_END:
		base = (int64_t)size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (offset < 0 || (uint64_t)offset >= size)
			return -ENXIO;
		if (whence == SEEK_HOLE)
			offset = (int64_t)size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, &pos))
		return -EOVERFLOW;
	if (pos < 0)
		return -EINVAL;
	file->pos = pos;
	return pos;
}
