/*
 * The memory file system: rootfs, tmpfs, devfs are instances of it. Names are the dentries, contents
 * are mappings; nothing is written anywhere. Each instance counts its pages and inodes against limits,
 * by default half of the machine's frames each, so that filling it up is ENOSPC and not the end of
 * the machine. The counts are atomic; everything else is the VFS's to lock.
 */
#include "ramfs.h"
#include <kern/assert.h>
#include <kern/format.h>
#include <kern/kcache.h>
#include <kern/page.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/statfs.h>
#include "fs_init.h"

static struct kcache *file_cache; /* struct ramfs_file */
static struct superblock *internal_sb;

/* ---- accounts ---- */

static int charge(uint64_t *used, uint64_t max, uint64_t nr)
{
	uint64_t before = atomic_fetch_add_relaxed(used, nr);

	if (likely(!max || before + nr <= max))
		return 0;
	atomic_fetch_add_relaxed(used, -nr);
	return -ENOSPC;
}

static void uncharge(uint64_t *used, uint64_t nr)
{
	uint64_t before = atomic_fetch_add_relaxed(used, -nr);

	assert(before >= nr);
}

int ramfs_charge_pages(struct superblock *sb, uint64_t nr)
{
	return charge(&sb->used_pages, sb->max_pages, nr);
}

void ramfs_uncharge_pages(struct superblock *sb, uint64_t nr)
{
	uncharge(&sb->used_pages, nr);
}

/* ---- inodes ---- */

/* Names count too: a directory full of links to one file is memory as well. */
static int ramfs_link(struct inode *inode)
{
	if (inode->nlink == 0) /* the first name of an unnamed file: charged when it was made */
		return 0;
	return charge(&inode->sb->used_inodes, inode->sb->max_inodes, 1);
}

static void ramfs_unlink(struct inode *inode)
{
	if (inode->nlink > 1 && !S_ISDIR(inode->mode))
		uncharge(&inode->sb->used_inodes, 1); /* the last one is evict's */
}

static ssize_t ramfs_readlink(struct inode *inode, char *buf, size_t size)
{
	size_t len = MIN((size_t)inode->size, size);

	memcpy(buf, inode->private, len);
	return (ssize_t)len;
}

static void ramfs_evict(struct inode *inode)
{
	struct superblock *sb = inode->sb;

	if (S_ISLNK(inode->mode))
		kfree(inode->private);
	inode_free_common(inode);
	uncharge(&sb->used_inodes, 1);
	superblock_drop(sb);
}

static void ramfs_file_evict(struct inode *inode)
{
	/* The inode goes with the last reference on its pages: ramfs_mapping_release. */
	mapping_put(inode->mapping);
}

void ramfs_mapping_release(struct mapping *mapping)
{
	struct ramfs_file *file = container_of(mapping, struct ramfs_file, mapping);
	struct superblock *sb = file->inode.sb;

	inode_release_parts(&file->inode);
	kcache_free(file_cache, file);
	uncharge(&sb->used_inodes, 1);
	superblock_drop(sb);
}

static int ramfs_make(struct inode *dir, uint32_t mode, uint64_t rdev, const char *target,
		      struct inode **inode)
{
	return ramfs_make_inode(dir->sb, mode, rdev, target, inode);
}

static const struct inode_ops dir_ops = {
	.make = ramfs_make,
	.evict = ramfs_evict,
};
static const struct inode_ops file_ops = {
	.link = ramfs_link,
	.unlink = ramfs_unlink,
	.change = ramfs_file_change,
	.evict = ramfs_file_evict,
};
static const struct inode_ops link_ops = {
	.link = ramfs_link,
	.unlink = ramfs_unlink,
	.readlink = ramfs_readlink,
	.evict = ramfs_evict,
};
static const struct inode_ops special_ops = {
	.link = ramfs_link,
	.unlink = ramfs_unlink,
	.evict = ramfs_evict,
};

static struct inode *make_file(struct superblock *sb, uint32_t mode)
{
	struct ramfs_file *file = kcache_alloc(file_cache, ALLOC_KERNEL);

	if (!file)
		return NULL;
	inode_init(&file->inode, sb, mode);
	mapping_init(&file->mapping, &ramfs_mapping_ops, &file->inode);
	file->inode.mapping = &file->mapping;
	file->inode.ops = &file_ops;
	file->inode.file_ops = &ramfs_file_ops;
	return &file->inode;
}

static struct inode *make_link(struct superblock *sb, uint32_t mode, const char *target)
{
	size_t len = strlen(target);
	char *text = kmalloc(len + 1, ALLOC_KERNEL);
	struct inode *inode;

	if (!text)
		return NULL;
	inode = inode_alloc_common(sb, mode);
	if (!inode) {
		kfree(text);
		return NULL;
	}
	memcpy(text, target, len + 1);
	inode->private = text;
	inode->size = len;
	inode->ops = &link_ops;
	return inode;
}

static struct inode *make_other(struct superblock *sb, uint32_t mode, uint64_t rdev)
{
	struct inode *inode = inode_alloc_common(sb, mode);

	if (!inode)
		return NULL;
	inode->rdev = rdev;
	inode->ops = &special_ops;
	if (S_ISDIR(mode)) {
		inode->nlink = 2;
		inode->ops = &dir_ops;
		inode->file_ops = &ramfs_dir_ops;
	}
	return inode;
}

int ramfs_make_inode(struct superblock *sb, uint32_t mode, uint64_t rdev, const char *target,
		     struct inode **inode)
{
	struct inode *made;
	int error = charge(&sb->used_inodes, sb->max_inodes, 1);

	if (error)
		return error;
	if (S_ISREG(mode))
		made = make_file(sb, mode);
	else if (S_ISLNK(mode))
		made = make_link(sb, mode, target);
	else
		made = make_other(sb, mode, rdev);
	if (!made) {
		uncharge(&sb->used_inodes, 1);
		return -ENOMEM;
	}
	superblock_grab(sb);
	*inode = made;
	return 0;
}

/* ---- mounting: tmpfs(5) ---- */

static bool option_is(const char *option, size_t len, const char *name)
{
	return strlen(name) == len && strncmp(option, name, len) == 0;
}

static int parse_mode(const char *value, uint32_t *mode)
{
	*mode = 0;
	for (; *value && *value != ','; value++) {
		if (*value < '0' || *value > '7' || *mode > (S_IALLUGO >> 3))
			return -EINVAL;
		*mode = *mode * 8 + (uint32_t)(*value - '0');
	}
	return 0;
}

static int parse_value(struct superblock *sb, struct inode *root, const char *name, size_t len,
		       const char *value)
{
	struct page_stats stats;
	uint64_t number;
	uint32_t mode;
	int error;

	if (option_is(name, len, "mode")) {
		error = parse_mode(value, &mode);
		if (!error)
			root->mode = (root->mode & S_IFMT) | mode;
		return error;
	}
	error = string_to_u64(&value, &number);
	if (error)
		return error;
	page_stats_read(&stats);
	if (option_is(name, len, "size"))
		sb->max_pages = *value == '%' ? stats.total * number / 100 : PAGES_FOR(number);
	else if (option_is(name, len, "nr_blocks"))
		sb->max_pages = number;
	else if (option_is(name, len, "nr_inodes"))
		sb->max_inodes = number;
	else if (option_is(name, len, "uid"))
		root->uid = (uint32_t)number;
	else if (option_is(name, len, "gid"))
		root->gid = (uint32_t)number;
	else
		return -EINVAL;
	return 0;
}

static int parse_options(struct superblock *sb, struct inode *root, const char *options)
{
	while (*options) {
		const char *name = options, *value;
		size_t len = 0;
		int error = 0;

		while (name[len] && name[len] != ',' && name[len] != '=')
			len++;
		value = name + len;
		if (*value == '=')
			error = parse_value(sb, root, name, len, value + 1);
		if (error)
			return error;
		while (*value && *value != ',')
			value++;
		options = *value ? value + 1 : value;
	}
	return 0;
}

static size_t ramfs_describe(struct superblock *sb, char *buf, size_t size)
{
	int len = format_string(buf, size, ",size=%lluk,nr_inodes=%llu",
				(unsigned long long)sb->max_pages * (PAGE_SIZE / 1024),
				(unsigned long long)sb->max_inodes);

	return MIN((size_t)len, size - 1);
}

static int ramfs_mount(const struct fs_type *type, const char *options, struct superblock **sb)
{
	struct superblock *fresh = superblock_create(type, SB_TREE, TMPFS_MAGIC);
	struct page_stats stats;
	struct inode *root;
	int error;

	if (!fresh)
		return -ENOMEM;
	page_stats_read(&stats);
	fresh->max_pages = fresh->max_inodes = stats.total / 2;
	fresh->describe = ramfs_describe;
	error = ramfs_make_inode(fresh, S_IFDIR | 01777, 0, NULL, &root);
	if (error)
		goto put_sb;
	error = parse_options(fresh, root, options);
	if (!error) {
		fresh->root = dentry_create(NULL, "/", 1, root);
		error = fresh->root ? 0 : -ENOMEM;
	}
	inode_put(root);
	if (error)
		goto put_sb;
	*sb = fresh;
	return 0;
put_sb:
	superblock_put(fresh);
	return error;
}

static int rootfs_mount(const struct fs_type *type, const char *options, struct superblock **sb)
{
	return ramfs_mount(type, "mode=755", sb);
}

static int ramfs_remount(struct superblock *sb, const char *options)
{
	return parse_options(sb, sb->root->inode, options);
}

struct superblock *ramfs_internal(void)
{
	return internal_sb;
}

INIT_TEXT void ramfs_init(void)
{
	static struct fs_type rootfs = {.name = "rootfs", .is_nodev = true, .mount = rootfs_mount};
	static struct fs_type tmpfs = {
		.name = "tmpfs", .is_nodev = true, .mount = ramfs_mount, .remount = ramfs_remount};
	static struct fs_type ramfs = {
		.name = "ramfs", .is_nodev = true, .mount = ramfs_mount, .remount = ramfs_remount};

	file_cache = kcache_create("ramfs_file", sizeof(struct ramfs_file), 0);
	fs_register(&rootfs);
	fs_register(&tmpfs);
	fs_register(&ramfs);
	if (ramfs_mount(&tmpfs, "", &internal_sb) != 0)
		panic("no memory for the internal file system");
}
