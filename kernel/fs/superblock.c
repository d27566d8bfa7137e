/*
 * File system types and their superblocks. The list of types is written during bring-up only; a
 * superblock's reference count is its only shared state here. Mounts own references.
 */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/statfs.h>
#include "superblock.h"

enum { FIRST_INO = 1 };

static struct fs_type *types;	/* [const] after bring-up */
static uint64_t next_minor = 1; /* [atomic] of anonymous device numbers */

void fs_register(struct fs_type *type)
{
	struct fs_type **link = &types;

	while (*link)
		link = &(*link)->next;
	type->next = NULL;
	*link = type;
}

const struct fs_type *fs_type_find(const char *name)
{
	const struct fs_type *type = types;

	while (type && strcmp(type->name, name) != 0)
		type = type->next;
	return type;
}

const struct fs_type *fs_type_first(void)
{
	return types;
}

struct superblock *superblock_create(const struct fs_type *type, uint32_t flags, uint32_t magic)
{
	struct superblock *sb = kmalloc(sizeof(*sb), ALLOC_ZERO);

	if (!sb)
		return NULL;
	refcount_init(&sb->users, 1);
	refcount_init(&sb->refs, 1);
	sb->flags = flags;
	sb->magic = magic;
	sb->type = type;
	sb->dev = device_number(0, (uint32_t)atomic_fetch_add_relaxed(&next_minor, 1));
	sb->next_ino = FIRST_INO;
	mutex_init(&sb->rename_lock);
	return sb;
}

void superblock_drop(struct superblock *sb)
{
	if (!refcount_put(&sb->refs))
		return;
	if (sb->release)
		sb->release(sb);
	kfree(sb);
}

void superblock_put(struct superblock *sb)
{
	struct dentry *root;

	if (!sb || !refcount_put(&sb->users))
		return;
	root = sb->root;
	if (root && (sb->flags & SB_TREE))
		dentry_remove_tree(root);
	sb->root = NULL;
	dentry_put(root);
	superblock_drop(sb);
}

int superblock_statfs(struct superblock *sb, uint32_t mount_flags, struct abi_statfs *statfs)
{
	uint64_t used = atomic_load_relaxed(&sb->used_pages);

	memset(statfs, 0, sizeof(*statfs));
	statfs->type = sb->magic;
	statfs->bsize = statfs->frsize = PAGE_SIZE;
	statfs->namelen = NAME_MAX;
	statfs->fsid[0] = (int32_t)sb->dev;
	statfs->flags = ST_VALID | (int64_t)(mount_flags & 15) |
			((mount_flags & MS_NOATIME) ? MS_NOATIME : ST_RELATIME);
	statfs->blocks = sb->max_pages;
	statfs->bfree = statfs->bavail = sb->max_pages > used ? sb->max_pages - used : 0;
	statfs->files = sb->max_inodes;
	used = atomic_load_relaxed(&sb->used_inodes);
	statfs->ffree = sb->max_inodes > used ? sb->max_inodes - used : 0;
	return sb->statfs ? sb->statfs(sb, statfs) : 0;
}
