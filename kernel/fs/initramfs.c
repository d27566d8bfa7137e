/*
 * The initramfs: cpio archives, plain or compressed with gzip, one after the other, become files in the
 * root. Whole pages of data that lie aligned in the boot loader's image become pages of the files where
 * they are; the rest of the image goes to the page allocator. Damage ends the unpacking with one line in
 * the log; what was unpacked before stays. Context: boot, task context, once.
 */
#include <kern/fs.h>
#include <kern/bitmap.h>
#include <kern/inflate.h>
#include <kern/kcache.h>
#include <kern/log.h>
#include <kern/page.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include "cpio.h"
#include "names.h"
#include "ramfs.h"

/* The first name of a file with several. */
struct link_name {
	struct link_name *next;
	uint32_t ino, dev_major, dev_minor;
	char name[];
};

struct unpack {
	struct cpio cpio;
	struct file *file; /* the regular file whose data come */
	char *target;	   /* the symlink's text as it comes; PATH_MAX bytes */
	struct link_name *links;
	/* Frames that can become pages of files; 0: none. */
	paddr_t frames_start, frames_end;
	uint64_t *claimed; /* a bit for each frame of them that has */
};

/* ---- names ---- */

/* Makes the folders on the way to name that are not there. */
static int make_folders(const char *name)
{
	char *path = kmalloc(PATH_MAX, ALLOC_KERNEL);
	int error = 0;

	if (!path)
		return -ENOMEM;
	string_copy(path, name, PATH_MAX);
	for (char *slash = strchr(path + 1, '/'); slash && !error; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		error = fs_mkdir(path, 0755);
		if (error == -EEXIST)
			error = 0;
		*slash = '/';
	}
	kfree(path);
	return error;
}

/* Whatever has the name already goes, unless it is a directory and shall be one. true: it stays. */
static bool clear_place(const struct cpio_entry *entry)
{
	struct path path;
	bool is_dir;

	if (path_lookup(AT_FDCWD, entry->name, 0, &path) != 0)
		return false;
	is_dir = S_ISDIR(path.dentry->inode->mode);
	path_put(&path);
	if (is_dir && S_ISDIR(entry->mode))
		return true;
	if (path_remove(AT_FDCWD, entry->name, is_dir) != 0)
		return false; /* what is made there next will say why not */
	return false;
}

static int set_attributes(const struct cpio_entry *entry)
{
	struct inode_change change = {
		.what = ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME,
		.mode = entry->mode & S_IALLUGO,
		.uid = entry->uid,
		.gid = entry->gid,
		.atime_ns = (int64_t)entry->mtime * (int64_t)NSEC_PER_SEC,
		.mtime_ns = (int64_t)entry->mtime * (int64_t)NSEC_PER_SEC,
	};
	struct path path;
	int error = path_lookup(AT_FDCWD, entry->name, 0, &path);

	if (error)
		return error;
	rwsem_write_lock(&path.dentry->inode->lock);
	if (S_ISLNK(entry->mode))
		change.what &= ~(unsigned)ATTR_MODE;
	inode_apply_change(path.dentry->inode, &change);
	rwsem_write_unlock(&path.dentry->inode->lock);
	path_put(&path);
	return 0;
}

/* ---- hard links: entries with the same inode number ---- */

static struct link_name *find_link(const struct unpack *unpack, const struct cpio_entry *entry)
{
	struct link_name *link = unpack->links;

	while (link && (link->ino != entry->ino || link->dev_major != entry->dev_major ||
			link->dev_minor != entry->dev_minor))
		link = link->next;
	return link;
}

static int remember_link(struct unpack *unpack, const struct cpio_entry *entry)
{
	size_t len = strlen(entry->name) + 1;
	struct link_name *link = kmalloc(sizeof(*link) + len, ALLOC_KERNEL);

	if (!link)
		return -ENOMEM;
	link->ino = entry->ino;
	link->dev_major = entry->dev_major;
	link->dev_minor = entry->dev_minor;
	memcpy(link->name, entry->name, len);
	link->next = unpack->links;
	unpack->links = link;
	return 0;
}

static void forget_links(struct cpio *cpio)
{
	struct unpack *unpack = cpio->arg;

	while (unpack->links) {
		struct link_name *link = unpack->links;
		unpack->links = link->next;
		kfree(link);
	}
}

/* ---- entries ---- */

static int begin_file(struct unpack *unpack, const struct cpio_entry *entry)
{
	struct link_name *link = entry->nlink > 1 ? find_link(unpack, entry) : NULL;
	int error = 0;

	if (link && strcmp(link->name, entry->name) != 0) {
		clear_place(entry);
		error = fs_link(link->name, entry->name);
	} else if (entry->nlink > 1 && !link) {
		error = remember_link(unpack, entry);
	}
	if (error)
		return error;
	if (link && !entry->size)
		return 0; /* the data came, or come, with another of its names */
	return file_open(entry->name, O_WRONLY | O_CREAT | O_TRUNC, entry->mode & S_IALLUGO,
			 &unpack->file);
}

static int begin_other(struct unpack *unpack, const struct cpio_entry *entry)
{
	uint64_t rdev = device_number(entry->rdev_major, entry->rdev_minor);

	switch (entry->mode & S_IFMT) {
	case S_IFDIR:
		return fs_mkdir(entry->name, entry->mode);
	case S_IFLNK:
		if (!entry->size || entry->size >= PATH_MAX) {
			unpack->cpio.why = "length of a symlink out of range";
			return -EINVAL;
		}
		unpack->target = kmalloc(PATH_MAX, ALLOC_KERNEL);
		return unpack->target ? 0 : -ENOMEM;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return fs_mknod(entry->name, entry->mode, rdev);
	default:
		unpack->cpio.why = "an entry is of no known type";
		return -EINVAL;
	}
}

static int begin_entry(struct cpio *cpio, const struct cpio_entry *entry)
{
	struct unpack *unpack = cpio->arg;
	int error = make_folders(entry->name);

	if (error)
		return error;
	if (S_ISREG(entry->mode) && entry->nlink > 1 && find_link(unpack, entry))
		return begin_file(unpack, entry);
	if (clear_place(entry))
		return 0;
	return S_ISREG(entry->mode) ? begin_file(unpack, entry) : begin_other(unpack, entry);
}

static bool is_adoptable(const struct unpack *unpack, uint32_t pos, const char *data)
{
	paddr_t frame;

	if (!unpack->frames_end || pos % PAGE_SIZE || (uintptr_t)data % PAGE_SIZE)
		return false;
	frame = virt_to_phys(data);
	return frame >= unpack->frames_start && frame + PAGE_SIZE <= unpack->frames_end;
}

/* One whole page at data, a frame of the image, becomes the file's page at pos. Its length, 0 if the frame
 * cannot be had, or -Exxx: then it is gone. */
static ssize_t adopt_page(struct unpack *unpack, uint32_t pos, const char *data)
{
	struct inode *inode = unpack->file->inode;
	paddr_t frame = virt_to_phys(data);
	struct page *page;
	int error = ramfs_charge_pages(inode->sb, 1);

	if (error)
		return error;
	page = page_claim_reserved(frame, PAGE_USE_FILE);
	if (!page) {
		ramfs_uncharge_pages(inode->sb, 1);
		return 0;
	}
	bitmap_set(unpack->claimed, (frame - unpack->frames_start) / PAGE_SIZE);
	error = mapping_adopt_page_move(inode->mapping, pos / PAGE_SIZE, page);
	if (!error)
		return (ssize_t)PAGE_SIZE;
	page_put(page);
	ramfs_uncharge_pages(inode->sb, 1);
	return error;
}

static int file_data(struct unpack *unpack, uint32_t pos, const char *data, size_t len)
{
	while (len) {
		size_t step = MIN(len, PAGE_SIZE - pos % PAGE_SIZE);
		ssize_t done = 0;

		if (step == PAGE_SIZE && is_adoptable(unpack, pos, data))
			done = adopt_page(unpack, pos, data);
		if (!done)
			done = file_write_kernel(unpack->file, data, step, pos);
		if (done < 0)
			return (int)done;
		if ((size_t)done < step)
			return -ENOSPC;
		pos += (uint32_t)step;
		data += step;
		len -= step;
	}
	return 0;
}

static int entry_data(struct cpio *cpio, const struct cpio_entry *entry, uint32_t pos,
		      const void *data, size_t len)
{
	struct unpack *unpack = cpio->arg;

	if (unpack->target)
		memcpy(unpack->target + pos, data, len);
	return unpack->file ? file_data(unpack, pos, data, len) : 0;
}

static void close_entry(struct unpack *unpack)
{
	if (unpack->file)
		file_put(unpack->file);
	unpack->file = NULL;
	kfree(unpack->target);
	unpack->target = NULL;
}

static int end_entry(struct cpio *cpio, const struct cpio_entry *entry)
{
	struct unpack *unpack = cpio->arg;
	int error = 0;

	if (unpack->file && inode_size(unpack->file->inode) < entry->size)
		mapping_truncate(unpack->file->inode->mapping, entry->size);
	if (unpack->target) {
		unpack->target[entry->size] = 0;
		error = fs_symlink(unpack->target, entry->name);
	}
	close_entry(unpack);
	return error ? error : set_attributes(entry);
}

static const struct cpio_sink sink = {
	.begin = begin_entry,
	.data = entry_data,
	.end = end_entry,
	.trailer = forget_links,
};

/* ---- archives ---- */

static int write_inflated(struct inflate *z, const void *data, size_t len)
{
	struct unpack *unpack = z->arg;
	ssize_t used = cpio_feed(&unpack->cpio, data, len);

	if (used < 0)
		return (int)used;
	if ((size_t)used < len) {
		unpack->cpio.why = "compressed data are not a cpio archive";
		return -EINVAL;
	}
	return 0;
}

/* One gzip member at data: *used is its length. */
static int unpack_gzip(struct unpack *unpack, const uint8_t *data, size_t len, size_t *used)
{
	struct inflate *z = kmalloc(sizeof(*z), ALLOC_ZERO);
	paddr_t frames_end = unpack->frames_end;
	int error;

	if (!z)
		return -ENOMEM;
	z->in = data;
	z->in_end = data + len;
	z->write = write_inflated;
	z->arg = unpack;
	unpack->frames_end = 0; /* what comes out lies in z's window */
	error = inflate_gzip(z);
	unpack->frames_end = frames_end;
	*used = (size_t)(z->in - data);
	if (error && !unpack->cpio.why)
		unpack->cpio.why = "compressed data are damaged or cut short";
	kfree(z);
	return error;
}

static int unpack_all(struct unpack *unpack, const uint8_t *data, size_t len, size_t *offset)
{
	*offset = 0;
	while (*offset < len) {
		uint64_t before = unpack->cpio.offset;
		size_t used = 0;
		ssize_t fed;
		int error;

		if (unpack->cpio.state == CPIO_BETWEEN &&
		    inflate_is_gzip(data + *offset, len - *offset)) {
			error = unpack_gzip(unpack, data + *offset, len - *offset, &used);
			*offset += used;
			if (error)
				return error;
			continue;
		}
		fed = cpio_feed(&unpack->cpio, data + *offset, len - *offset);
		if (fed < 0) {
			*offset += unpack->cpio.offset - before;
			return (int)fed;
		}
		*offset += (size_t)fed;
		if (*offset < len && !inflate_is_gzip(data + *offset, len - *offset)) {
			unpack->cpio.why = "neither a cpio archive nor gzip data";
			return -EINVAL;
		}
	}
	return cpio_finish(&unpack->cpio);
}

static int unpack_run(struct unpack *unpack, const void *data, size_t len)
{
	size_t offset;
	int error;

	cpio_init(&unpack->cpio, &sink, unpack);
	error = unpack_all(unpack, data, len, &offset);
	close_entry(unpack);
	forget_links(&unpack->cpio);
	if (!error)
		return 0;
	log_print("initramfs: %s at byte %zu of %zu (entry '%s', error %d)\n",
		  unpack->cpio.why ? unpack->cpio.why : "cannot unpack", offset, len,
		  unpack->cpio.entry.name ? unpack->cpio.entry.name : "", error);
	return unpack->cpio.why ? -EINVAL : error;
}

int initramfs_unpack(const void *data, size_t len)
{
	struct unpack *unpack = kmalloc(sizeof(*unpack), ALLOC_ZERO);
	int error;

	if (!unpack)
		return -ENOMEM;
	error = unpack_run(unpack, data, len);
	kfree(unpack);
	return error;
}

/* Every run of frames that no file took goes to the allocator. */
static void release_frames(const struct unpack *unpack)
{
	size_t nr = (unpack->frames_end - unpack->frames_start) / PAGE_SIZE, from = 0;

	while (from < nr) {
		size_t start = bitmap_find_zero(unpack->claimed, nr, from);
		size_t end = bitmap_find_set(unpack->claimed, nr, start);

		if (start < end)
			page_add_range(unpack->frames_start + start * PAGE_SIZE,
				       unpack->frames_start + end * PAGE_SIZE);
		from = end;
	}
}

int initramfs_load(paddr_t start, size_t len)
{
	paddr_t first = ROUND_UP(start, PAGE_SIZE), last = ROUND_DOWN(start + len, PAGE_SIZE);
	struct unpack *unpack = kmalloc(sizeof(*unpack), ALLOC_ZERO);
	int error;

	if (!unpack)
		return -ENOMEM;
	if (first < last)
		unpack->claimed = kmalloc(
			BITMAP_WORDS((last - first) / PAGE_SIZE) * sizeof(uint64_t), ALLOC_ZERO);
	if (unpack->claimed) {
		unpack->frames_start = first;
		unpack->frames_end = last;
	}
	error = unpack_run(unpack, phys_to_virt(start), len);
	if (unpack->claimed)
		release_frames(unpack);
	else if (first < last)
		page_add_range(first, last);
	kfree(unpack->claimed);
	kfree(unpack);
	return error;
}
