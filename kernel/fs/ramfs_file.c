/*
 * Regular files in memory: reading, writing, holes, seeking, mapping. A file's pages are its mapping,
 * which mapped areas share, so all see the same bytes. inode->lock is held for writing by whoever
 * changes contents or size through a descriptor; reading takes no lock. Context: task, may sleep.
 */
#include "ramfs.h"
#include <kern/assert.h>
#include <kern/iov.h>
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/signal.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include "file.h"
#include "fs_init.h"
#include "sizes.h"

/* ---- pages come and go ---- */

static int ramfs_fill(struct mapping *mapping, uint64_t index, struct page *page)
{
	struct inode *inode = mapping->owner;

	return ramfs_charge_pages(inode->sb, 1);
}

static void ramfs_drained(struct mapping *mapping, uint64_t nr_pages)
{
	struct inode *inode = mapping->owner;

	ramfs_uncharge_pages(inode->sb, nr_pages);
}

const struct mapping_ops ramfs_mapping_ops = {
	.fill = ramfs_fill,
	.drained = ramfs_drained,
	.release = ramfs_mapping_release,
};

/* ---- reading and writing ---- */

static ssize_t ramfs_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct mapping *mapping = file->inode->mapping;
	uint64_t at = (uint64_t)*pos;
	ssize_t done = 0;

	while (iov_left(to)) {
		uint64_t size = atomic_load_relaxed(&mapping->size);
		size_t offset = at % PAGE_SIZE, step, moved;
		struct page *page;

		if (at >= size)
			break;
		step = MIN(MIN(PAGE_SIZE - offset, size - at), iov_left(to));
		page = mapping_find_page(mapping, at / PAGE_SIZE);
		if (page) {
			moved = iov_copy_to(to, (char *)page_address(page) + offset, step);
			page_put(page);
		} else {
			moved = iov_zero(to, step);
		}
		at += moved;
		done += (ssize_t)moved;
		if (moved < step) {
			if (!done)
				done = -EFAULT;
			break;
		}
	}
	*pos = (int64_t)at;
	if (done > 0 && !(file->flags & O_NOATIME))
		inode_touch(file->inode, ATTR_ATIME);
	return done;
}

/* One page's worth at *at: bytes, or -Exxx. */
static ssize_t write_page(struct mapping *mapping, struct iov_iter *from, uint64_t at)
{
	size_t offset = at % PAGE_SIZE, moved;
	size_t step = MIN(PAGE_SIZE - offset, iov_left(from));
	struct page *page;
	int error = mapping_get_page(mapping, at / PAGE_SIZE, MAPPING_CREATE, &page);

	if (error)
		return error;
	moved = iov_copy_from(from, (char *)page_address(page) + offset, step);
	page_put(page);
	if (at + moved > mapping->size)
		mapping_extend(mapping, at + moved);
	return moved ? (ssize_t)moved : -EFAULT;
}

static ssize_t write_locked(struct file *file, struct iov_iter *from, int64_t *pos)
{
	struct inode *inode = file->inode;
	uint64_t at = (uint64_t)*pos, size;
	ssize_t done = 0, step = 0;
	size_t count = iov_left(from), excess;
	int error;

	if (atomic_load_relaxed(&file->flags) & O_APPEND)
		at = inode_size(inode);
	error = size_check_write(inode, at, &count);
	if (error)
		return error;
	inode_drop_suid(inode);
	size = inode_size(inode);
	if (at > size) /* a gap: zeros, whatever a mapping left past the end */
		mapping_truncate(inode->mapping, at);
	excess = iov_left(from) - count;
	from->left = count;
	while (iov_left(from)) {
		step = write_page(inode->mapping, from, at);
		if (step < 0)
			break;
		at += (uint64_t)step;
		done += step;
	}
	from->left += excess;
	if (done) {
		*pos = (int64_t)at;
		inode_touch(inode, ATTR_MTIME | ATTR_CTIME);
	} else if (at > size) {
		mapping_truncate(inode->mapping, size); /* nothing came behind it */
	}
	return done ? done : step;
}

static ssize_t ramfs_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	ssize_t done;

	if (!iov_left(from))
		return 0;
	rwsem_write_lock(&file->inode->lock);
	done = write_locked(file, from, pos);
	rwsem_write_unlock(&file->inode->lock);
	return done;
}

/* ---- size and holes ---- */

int ramfs_file_change(struct inode *inode, const struct inode_change *change)
{
	if (change->what & ATTR_SIZE) {
		uint64_t size = inode_size(inode);
		int error = size_check_seals(inode, change->size);

		if (error)
			return error;
		if (change->size != size)
			mapping_truncate(inode->mapping, change->size);
	}
	inode_apply_change(inode, change);
	return 0;
}

/* Zeroes [start, end) within one page, if that page is there. */
static void zero_part(struct mapping *mapping, uint64_t start, uint64_t end)
{
	struct page *page;

	if (start >= end)
		return;
	page = mapping_find_page(mapping, start / PAGE_SIZE);
	if (!page)
		return;
	memset((char *)page_address(page) + start % PAGE_SIZE, 0, end - start);
	page_put(page);
}

static void punch(struct mapping *mapping, uint64_t start, uint64_t end)
{
	uint64_t first = DIV_ROUND_UP(start, PAGE_SIZE), last = end / PAGE_SIZE;

	if (start / PAGE_SIZE == end / PAGE_SIZE) {
		zero_part(mapping, start, end);
		return;
	}
	zero_part(mapping, start, first * PAGE_SIZE);
	zero_part(mapping, last * PAGE_SIZE, end);
	if (first < last)
		mapping_punch(mapping, first, last);
}

/* Makes the pages of a range; those made before a failure stay, they are only room. */
static int reserve(struct mapping *mapping, uint64_t start, uint64_t end)
{
	for (uint64_t index = start / PAGE_SIZE; index < DIV_ROUND_UP(end, PAGE_SIZE); index++) {
		struct page *page;
		int error = mapping_get_page(mapping, index, MAPPING_CREATE, &page);

		if (error)
			return error;
		page_put(page);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int ramfs_fallocate(struct file *file, unsigned mode, int64_t offset, int64_t len)
{
	struct inode *inode = file->inode;
	uint64_t start = (uint64_t)offset, end = start + (uint64_t)len;
	int error = 0;

	if (mode & ~(unsigned)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (mode == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP; /* only together with KEEP_SIZE */
	rwsem_write_lock(&inode->lock);
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		error = size_check_seals_write(inode);
		if (!error)
			punch(inode->mapping, start, end);
	} else {
		if (!(mode & FALLOC_FL_KEEP_SIZE) && end > inode_size(inode)) {
			error = size_check_seals(inode, end);
			if (!error)
				error = size_check_limit(end);
		}
		if (!error)
			error = reserve(inode->mapping, start, end);
		if (!error && !(mode & FALLOC_FL_KEEP_SIZE) && end > inode_size(inode))
			mapping_truncate(inode->mapping, end);
	}
	if (!error)
		inode_touch(inode, ATTR_MTIME | ATTR_CTIME);
	rwsem_write_unlock(&inode->lock);
	return error;
}

static int64_t seek_data(struct mapping *mapping, uint64_t from, uint64_t size)
{
	uint64_t index = mapping_next_page(mapping, from / PAGE_SIZE);

	if (index >= DIV_ROUND_UP(size, PAGE_SIZE))
		return -ENXIO;
	return (int64_t)MAX(from, index * PAGE_SIZE);
}

static int64_t seek_hole(struct mapping *mapping, uint64_t from, uint64_t size)
{
	uint64_t index = from / PAGE_SIZE;

	while (index * PAGE_SIZE < size && mapping_next_page(mapping, index) == index)
		index++;
	return (int64_t)MIN(size, MAX(from, index * PAGE_SIZE));
}

static int64_t ramfs_seek(struct file *file, int64_t offset, int whence)
{
	uint64_t size = inode_size(file->inode);
	int64_t pos;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return file_seek_sized(file, offset, whence, size);
	if (offset < 0 || (uint64_t)offset >= size)
		return -ENXIO;
	if (whence == SEEK_DATA)
		pos = seek_data(file->inode->mapping, (uint64_t)offset, size);
	else
		pos = seek_hole(file->inode->mapping, (uint64_t)offset, size);
	if (pos >= 0)
		file->pos = pos;
	return pos;
}

/* ---- mapping ---- */

static int ramfs_mmap(struct file *file, struct area_request *request)
{
	if (request->flags & AREA_SHARED) {
		int error = size_check_seals_map(file->inode, request);
		if (error)
			return error;
	}
	request->mapping = file->inode->mapping;
	inode_touch(file->inode, ATTR_ATIME);
	return 0;
}

const struct file_ops ramfs_file_ops = {
	.read = ramfs_read,
	.write = ramfs_write,
	.mmap = ramfs_mmap,
	.seek = ramfs_seek,
	.fallocate = ramfs_fallocate,
};
