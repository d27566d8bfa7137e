/*
 * Inodes: birth and death, permissions, attributes, times. Owns the cache of plain inodes and the
 * anonymous superblock (files in no directory). What guards each field is said in kern/fs.h.
 */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/cred.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/timer.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include <uapi/statfs.h>
#include "fs_init.h"
#include "sizes.h"

static struct kcache *inode_cache;
static struct superblock *anonymous_sb;

void inode_init(struct inode *inode, struct superblock *sb, uint32_t mode)
{
	const struct cred *cred = current_cred();
	int64_t now = (int64_t)clock_realtime_ns();

	memset(inode, 0, sizeof(*inode));
	refcount_init(&inode->refs, 1);
	inode->mode = mode;
	inode->uid = cred->fsuid;
	inode->gid = cred->fsgid;
	inode->nlink = 1;
	inode->sb = sb;
	inode->ino = inode_new_number(sb);
	inode->atime_ns = inode->mtime_ns = inode->ctime_ns = inode->btime_ns = now;
	rwsem_init(&inode->lock);
}

struct inode *inode_alloc_common(struct superblock *sb, uint32_t mode)
{
	struct inode *inode = kcache_alloc(inode_cache, ALLOC_KERNEL);

	if (inode)
		inode_init(inode, sb, mode);
	return inode;
}

void inode_free_common(struct inode *inode)
{
	inode_release_parts(inode);
	kcache_free(inode_cache, inode);
}

static const struct inode_ops anonymous_ops = {.evict = inode_free_common};

struct inode *inode_create_anonymous(struct superblock *sb, uint32_t mode)
{
	struct inode *inode = inode_alloc_common(sb ? sb : anonymous_sb, mode);

	if (inode)
		inode->ops = &anonymous_ops;
	return inode;
}

/* What any inode may have acquired besides its file system's own: asserts what must be gone. */
void inode_release_parts(struct inode *inode)
{
	assert(!inode->pipe);
	assert(!inode->socket);
	assert(inode->writers == 0);
	lock_context_free(inode->locks);
	inode->locks = NULL;
}

void inode_put(struct inode *inode)
{
	if (!inode || !refcount_put(&inode->refs))
		return;
	inode->ops->evict(inode);
}

uint64_t inode_new_number(struct superblock *sb)
{
	return atomic_fetch_add_relaxed(&sb->next_ino, 1);
}

/* ---- permissions (path_resolution(7), capabilities(7)) ---- */

int inode_permission_generic(struct inode *inode, unsigned may)
{
	const struct cred *cred = current_cred();
	uint32_t mode = atomic_load_relaxed(&inode->mode);
	uint32_t bits = mode;

	if (atomic_load_relaxed(&inode->uid) == cred->fsuid)
		bits >>= 6;
	else if ((bits ^ bits >> 3) & 7 && cred_in_group(cred, atomic_load_relaxed(&inode->gid)))
		bits >>= 3;
	if ((bits & may) == may)
		return 0;
	/* Root may do all, but run only what somebody may run. */
	if ((!(may & MAY_EXEC) || S_ISDIR(mode) || (mode & S_IXUGO)) && capable(CAP_DAC_OVERRIDE))
		return 0;
	if ((may == MAY_READ || (S_ISDIR(mode) && !(may & MAY_WRITE))) &&
	    capable(CAP_DAC_READ_SEARCH))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *inode, unsigned may)
{
	if (inode->ops->refresh)
		inode->ops->refresh(inode);
	if (unlikely(inode->ops->permission))
		return inode->ops->permission(inode, may);
	return inode_permission_generic(inode, may);
}

bool inode_is_owner(const struct inode *inode)
{
	return current_cred()->fsuid == atomic_load_relaxed(&inode->uid) || capable(CAP_FOWNER);
}

/* ---- attributes ---- */

static int check_chown(const struct inode *inode, const struct inode_change *change)
{
	const struct cred *cred = current_cred();
	bool is_owner = cred->fsuid == inode->uid;

	if ((change->what & ATTR_UID) && !(is_owner && change->uid == inode->uid) &&
	    !capable(CAP_CHOWN))
		return -EPERM;
	if ((change->what & ATTR_GID) &&
	    !(is_owner && (change->gid == inode->gid || cred_in_group(cred, change->gid))) &&
	    !capable(CAP_CHOWN))
		return -EPERM;
	return 0;
}

static int check_times(struct inode *inode, const struct inode_change *change)
{
	if (!(change->what & (ATTR_ATIME | ATTR_MTIME)) || inode_is_owner(inode))
		return 0;
	if (change->what & ATTR_TIMES_SET)
		return -EPERM;
	return inode_permission(inode, MAY_WRITE); /* "now" is anybody's who may write */
}

/* chown of a program takes its setuid and setgid bits away (chown(2)). */
static void drop_bits_of_chown(const struct inode *inode, struct inode_change *change)
{
	uint32_t mode = inode->mode, drop = 0;

	if (!(change->what & (ATTR_UID | ATTR_GID)) || (change->what & ATTR_MODE) || S_ISDIR(mode))
		return;
	drop = S_ISUID;
	if (mode & S_IXGRP)
		drop |= S_ISGID;
	if (mode & drop) {
		change->what |= ATTR_MODE;
		change->mode = mode & ~drop;
	}
}

int inode_change(struct inode *inode, struct inode_change *change)
{
	int error = 0;

	rwsem_write_lock(&inode->lock);
	if (inode->ops->refresh)
		inode->ops->refresh(inode);
	error = check_chown(inode, change);
	if (!error && (change->what & ATTR_MODE) && !inode_is_owner(inode))
		error = -EPERM;
	if (!error)
		error = check_times(inode, change);
	if (error)
		goto unlock;
	if ((change->what & ATTR_MODE) && !S_ISDIR(inode->mode) &&
	    !cred_in_group(current_cred(), inode->gid) && !capable(CAP_FSETID))
		change->mode &= ~(uint32_t)S_ISGID;
	drop_bits_of_chown(inode, change);
	if ((change->what & ATTR_SIZE) && change->size > inode_size(inode))
		error = size_check_limit(change->size);
	if (error)
		goto unlock;
	if (change->what & ATTR_SIZE)
		inode_drop_suid(inode);
	if (inode->ops->change)
		error = inode->ops->change(inode, change);
	else if (change->what & ATTR_SIZE)
		error = -EINVAL;
	else
		inode_apply_change(inode, change);
unlock:
	rwsem_write_unlock(&inode->lock);
	return error;
}

void inode_apply_change(struct inode *inode, const struct inode_change *change)
{
	int64_t now = (int64_t)clock_realtime_ns();

	if (change->what & ATTR_UID)
		atomic_store_relaxed(&inode->uid, change->uid);
	if (change->what & ATTR_GID)
		atomic_store_relaxed(&inode->gid, change->gid);
	if (change->what & ATTR_MODE)
		atomic_store_relaxed(&inode->mode,
				     (inode->mode & S_IFMT) | (change->mode & S_IALLUGO));
	if (change->what & ATTR_ATIME)
		atomic_store_relaxed(&inode->atime_ns, change->atime_ns);
	if (change->what & ATTR_MTIME)
		atomic_store_relaxed(&inode->mtime_ns, change->mtime_ns);
	if (change->what & ATTR_SIZE)
		atomic_store_relaxed(&inode->mtime_ns, now);
	atomic_store_relaxed(&inode->ctime_ns, now);
}

void inode_touch(struct inode *inode, unsigned what)
{
	const int64_t day_ns = 24LL * 3600 * (int64_t)NSEC_PER_SEC;
	int64_t now = (int64_t)clock_realtime_ns();

	if (what & ATTR_ATIME) {
		int64_t atime = atomic_load_relaxed(&inode->atime_ns);
		if (atime <= atomic_load_relaxed(&inode->mtime_ns) ||
		    atime <= atomic_load_relaxed(&inode->ctime_ns) || now - atime >= day_ns)
			atomic_store_relaxed(&inode->atime_ns, now);
	}
	if (what & ATTR_MTIME)
		atomic_store_relaxed(&inode->mtime_ns, now);
	if (what & ATTR_CTIME)
		atomic_store_relaxed(&inode->ctime_ns, now);
}

void inode_drop_suid(struct inode *inode)
{
	uint32_t mode = inode->mode;

	if (likely(!(mode & (S_ISUID | S_ISGID))) || !S_ISREG(mode) || capable(CAP_FSETID))
		return;
	mode &= ~(uint32_t)S_ISUID;
	if (mode & S_IXGRP)
		mode &= ~(uint32_t)S_ISGID;
	atomic_store_relaxed(&inode->mode, mode);
}

/* ---- writers against programs that run from the file ---- */

static int writers_add(struct inode *inode, int32_t step)
{
	int32_t writers = atomic_load_relaxed(&inode->writers);

	do {
		if (step > 0 ? writers < 0 : writers > 0)
			return -ETXTBSY;
	} while (!atomic_cmpxchg_acqrel(&inode->writers, &writers, writers + step));
	return 0;
}

int inode_get_write(struct inode *inode)
{
	return writers_add(inode, 1);
}

void inode_put_write(struct inode *inode)
{
	int32_t before = atomic_fetch_add_acqrel(&inode->writers, -1);

	assert(before > 0);
}

int inode_deny_write(struct inode *inode)
{
	return writers_add(inode, -1);
}

void inode_allow_write(struct inode *inode)
{
	int32_t before = atomic_fetch_add_acqrel(&inode->writers, 1);

	assert(before < 0);
}

INIT_TEXT void inode_cache_init(void)
{
	static const struct fs_type anonymous_type = {.name = "anon_inodefs", .is_nodev = true};

	inode_cache = kcache_create("inode", sizeof(struct inode), 0);
	anonymous_sb = superblock_create(&anonymous_type, SB_INTERNAL, ANON_INODE_FS_MAGIC);
	if (!anonymous_sb)
		panic("no memory for the file system");
}
