/*
 * The mount table: which file system covers which directory. mount_lock guards the table and every
 * mount's place; a mount's root and superblock never change. Path lookup asks here only at dentries
 * that are marked as mount points.
 */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <uapi/statfs.h>
#include "fs_init.h"
#include "mount.h"
#include "superblock.h"

struct mount *root_mount;

struct spinlock mount_lock = SPINLOCK_INIT(LOCK_RANK_MOUNT, "mounts");
static struct list_node mounts = LIST_INIT(mounts); /* [mount_lock] in the order they were made */
static struct mutex mount_mutex;		    /* one change of the table at a time */
static struct kcache *mount_cache;
static int32_t next_mount_id = 1; /* [mount_mutex] */

void path_get(const struct path *path)
{
	refcount_get(&path->mount->refs);
	dentry_get(path->dentry);
}

void mount_put(struct mount *mount)
{
	if (!mount || !refcount_put(&mount->refs))
		return;
	assert(!mount->is_attached);
	dentry_put(mount->root);
	superblock_put(mount->sb);
	kcache_free(mount_cache, mount);
}

void path_put(const struct path *path)
{
	dentry_put(path->dentry);
	mount_put(path->mount);
}

/* ---- crossing ---- */

static struct mount *mount_find(const struct path *place)
{
	struct mount *mount, *found = NULL;

	spin_lock(&mount_lock);
	list_for_each_entry (mount, &mounts, node) {
		if (mount->place == place->dentry && mount->parent == place->mount)
			found = mount; /* the latest covers the others */
	}
	if (found)
		refcount_get(&found->refs);
	spin_unlock(&mount_lock);
	return found;
}

void path_enter_mounts(struct path *path)
{
	while (unlikely(atomic_load_relaxed(&path->dentry->flags) & DENTRY_MOUNTPOINT)) {
		struct mount *mount = mount_find(path);
		struct path above = *path;

		if (!mount)
			return;
		path->mount = mount;
		path->dentry = mount->root;
		dentry_get(path->dentry);
		path_put(&above);
	}
}

bool path_leave_mount(struct path *path)
{
	struct path below = {NULL, NULL};

	spin_lock(&mount_lock);
	if (path->mount->parent) {
		below.mount = path->mount->parent;
		below.dentry = path->mount->place;
		path_get(&below);
	}
	spin_unlock(&mount_lock);
	if (!below.mount)
		return false;
	path_put(path);
	*path = below;
	return true;
}

int mount_want_write(const struct mount *mount)
{
	return (atomic_load_relaxed(&mount->flags) & MS_RDONLY) ? -EROFS : 0;
}

/* ---- coming and going ---- */

static struct mount *mount_create(struct superblock *sb, struct dentry *root, const char *source,
				  uint32_t flags)
{
	struct mount *mount = kcache_alloc(mount_cache, ALLOC_ZERO);

	if (!mount)
		return NULL;
	refcount_init(&mount->refs, 1);
	mount->flags = flags & MOUNT_FLAGS;
	mount->sb = sb;
	mount->root = root;
	refcount_get(&sb->users);
	dentry_get(root);
	list_init(&mount->node);
	string_copy(mount->source, source, sizeof(mount->source));
	return mount;
}

/* Consumes the caller's reference of mount on success: it becomes the table's. */
static int mount_attach_move(struct mount *mount, struct path *place)
{
	if (S_ISDIR(place->dentry->inode->mode) != S_ISDIR(mount->root->inode->mode))
		return -ENOTDIR;
	mutex_lock(&mount_mutex);
	mount->id = next_mount_id++;
	path_enter_mounts(place); /* on top of what somebody mounted meanwhile */
	path_get(place);
	spin_lock(&mount_lock);
	mount->parent = place->mount;
	mount->place = place->dentry;
	mount->is_attached = true;
	list_add_tail(&mounts, &mount->node);
	atomic_fetch_or_relaxed(&place->dentry->flags, DENTRY_MOUNTPOINT);
	spin_unlock(&mount_lock);
	mutex_unlock(&mount_mutex);
	return 0;
}

int mount_new(struct path *place, const char *source, const char *type_name, uint32_t flags,
	      const char *options)
{
	const struct fs_type *type = fs_type_find(type_name);
	struct superblock *sb;
	struct mount *mount;
	int error;

	if (!type || !type->mount)
		return -ENODEV;
	error = type->mount(type, options, &sb);
	if (error)
		return error;
	mount = mount_create(sb, sb->root, source, flags);
	superblock_put(sb);
	if (!mount)
		return -ENOMEM;
	error = mount_attach_move(mount, place);
	if (error)
		mount_put(mount);
	return error;
}

int mount_bind(struct path *place, const struct path *from)
{
	struct mount *mount = mount_create(from->mount->sb, from->dentry, from->mount->source,
					   from->mount->flags);
	int error;

	if (!mount)
		return -ENOMEM;
	error = mount_attach_move(mount, place);
	if (error)
		mount_put(mount);
	return error;
}

int mount_remount(struct path *path, uint32_t flags, const char *options)
{
	struct mount *mount = path->mount;

	if (path->dentry != mount->root)
		return -EINVAL;
	if (mount->sb->type->remount && options[0]) {
		int error = mount->sb->type->remount(mount->sb, options);
		if (error)
			return error;
	}
	atomic_store_relaxed(&mount->flags, flags & MOUNT_FLAGS);
	return 0;
}

static bool has_children(const struct mount *mount)
{
	struct mount *other;

	list_for_each_entry (other, &mounts, node) {
		if (other->parent == mount)
			return true;
	}
	return false;
}

/* Another mount still covers the same dentry (through any mount): its mark stays. */
static bool place_is_used(const struct dentry *place)
{
	struct mount *other;

	list_for_each_entry (other, &mounts, node) {
		if (other->place == place)
			return true;
	}
	return false;
}

static void mount_detach(struct mount *mount) HOLDS(mount_mutex)
{
	struct path place;

	spin_lock(&mount_lock);
	place.mount = mount->parent;
	place.dentry = mount->place;
	mount->parent = NULL;
	mount->place = NULL;
	mount->is_attached = false;
	list_remove(&mount->node);
	if (!place_is_used(place.dentry))
		atomic_fetch_and_relaxed(&place.dentry->flags, ~(uint32_t)DENTRY_MOUNTPOINT);
	spin_unlock(&mount_lock);
	path_put(&place);
	mount_put(mount);
}

/* What was mounted below a mount that is gone goes too, and what was below that. */
static void mount_detach_orphans(void) HOLDS(mount_mutex)
{
	struct mount *mount, *next;
	bool again = true;

	while (again) {
		again = false;
		list_for_each_entry_safe (mount, next, &mounts, node) {
			if (mount->parent->is_attached)
				continue;
			mount_detach(mount);
			again = true;
		}
	}
}

/* Users of an idle mount: the table's, and the caller's own path. */
enum { IDLE_MOUNT_REFS = 2 };

int mount_remove(struct path *path, bool is_lazy)
{
	struct mount *mount = path->mount;
	int error = 0;

	mutex_lock(&mount_mutex);
	if (path->dentry != mount->root || !mount->is_attached || mount == root_mount)
		error = -EINVAL;
	else if (!is_lazy && (has_children(mount) || refcount_read(&mount->refs) > IDLE_MOUNT_REFS))
		error = -EBUSY;
	if (!error) {
		mount_detach(mount);
		mount_detach_orphans();
	}
	mutex_unlock(&mount_mutex);
	return error;
}

/* Inodes in no directory are seen through a mount of their own, which is nowhere attached. */
struct mount *anonymous_mount; /* [const] */

int path_of_anonymous(struct inode *inode, const char *name, struct path *path)
{
	path->dentry = dentry_create(NULL, name, strlen(name), inode);
	if (!path->dentry)
		return -ENOMEM;
	path->mount = anonymous_mount;
	refcount_get(&anonymous_mount->refs);
	return 0;
}

int mount_at(const char *name, const char *source, const char *type, uint32_t flags,
	     const char *options)
{
	struct path place;
	int error = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &place);

	if (error)
		return error;
	error = mount_new(&place, source, type, flags, options);
	path_put(&place);
	return error;
}

int mount_for_each(int (*fn)(struct mount *mount, void *arg), void *arg)
{
	struct mount *mount;
	int result = 0;

	mutex_lock(&mount_mutex); /* the table stands still, fn may sleep */
	result = fn(root_mount, arg);
	list_for_each_entry (mount, &mounts, node) {
		if (result)
			break;
		result = fn(mount, arg);
	}
	mutex_unlock(&mount_mutex);
	return result;
}

INIT_TEXT void mount_cache_init(void)
{
	mutex_init(&mount_mutex);
	mount_cache = kcache_create("mount", sizeof(struct mount), 0);
}

INIT_TEXT void mount_root(void)
{
	const struct fs_type *type = fs_type_find("rootfs");
	struct superblock *sb;

	if (type->mount(type, "", &sb) != 0)
		panic("no memory for the root file system");
	root_mount = mount_create(sb, sb->root, "rootfs", 0);
	if (!root_mount)
		panic("no memory for the root mount");
	superblock_put(sb);
	root_mount->id = next_mount_id++;
	root_mount->is_attached = true;
	anonymous_mount = mount_create(sb, sb->root, "anonymous", 0);
	if (!anonymous_mount)
		panic("no memory for the root mount");
}
