/*
 * Names: the dentries and the table in which lookups find them by parent and name.
 *
 * Locks: tree_lock guards every dentry's parent and name against readers that follow them upwards;
 * the bucket locks (one for several buckets) guard the table's chains, and parent, name and hash
 * against lookups. A move holds tree_lock and the locks of both buckets, so that a lookup sees the
 * name either where it was or where it is, and a replaced name never missing. The children of a
 * directory are guarded by its inode's lock. Any context that may sleep.
 */
#include <kern/fs.h>
#include <kern/assert.h>
#include <kern/hash.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include "fs_init.h"

enum { NR_BUCKET_LOCKS = 64, FIRST_COOKIE = 2, MIN_BUCKETS = 256, MAX_BUCKETS = 1 << 17 };

struct spinlock tree_lock = SPINLOCK_INIT(LOCK_RANK_FS, "tree");

static struct kcache *dentry_cache;
static struct dentry **buckets; /* [bucket lock] */
static uint32_t bucket_mask;	/* [const] */
static struct {
	struct spinlock lock;
} CACHE_ALIGNED bucket_locks[NR_BUCKET_LOCKS];

static uint32_t name_hash(const struct dentry *parent, const char *name, size_t len)
{
	return (uint32_t)hash_bytes(name, len, (uintptr_t)parent >> 4);
}

static struct spinlock *bucket_lock(uint32_t hash)
{
	return &bucket_locks[hash & (NR_BUCKET_LOCKS - 1)].lock;
}

/* ---- birth and death ---- */

static char *name_copy(struct dentry *dentry, const char *name, size_t len)
{
	char *copy = dentry->inline_name;

	if (len > DENTRY_INLINE_NAME)
		copy = kmalloc(len, ALLOC_KERNEL);
	if (copy)
		memcpy(copy, name, len);
	return copy;
}

static void name_free(struct dentry *dentry, const char *name)
{
	if (name != dentry->inline_name)
		kfree(name);
}

struct dentry *dentry_create(struct dentry *parent, const char *name, size_t len,
			     struct inode *inode)
{
	struct dentry *dentry = kcache_alloc(dentry_cache, ALLOC_KERNEL);

	if (!dentry)
		return NULL;
	dentry->name = name_copy(dentry, name, len);
	if (!dentry->name)
		goto free_dentry;
	refcount_init(&dentry->refs, 1);
	dentry->hash = 0;
	dentry->flags = 0;
	dentry->name_len = (uint16_t)len;
	dentry->parent = parent ? parent : dentry;
	dentry->inode = inode;
	dentry->hash_next = NULL;
	dentry->hash_link = NULL;
	rb_clear(&dentry->dir_node);
	dentry->cookie = 0;
	dentry->children.node = NULL;
	dentry->next_cookie = FIRST_COOKIE;
	inode_get(inode);
	if (parent)
		dentry_get(parent);
	return dentry;
free_dentry:
	kcache_free(dentry_cache, dentry);
	return NULL;
}

void dentry_put(struct dentry *dentry)
{
	while (dentry && refcount_put(&dentry->refs)) {
		struct dentry *parent = dentry->parent == dentry ? NULL : dentry->parent;

		assert(!dentry_is_hashed(dentry));
		assert(rb_is_empty(&dentry->children));
		inode_put(dentry->inode);
		name_free(dentry, dentry->name);
		kcache_free(dentry_cache, dentry);
		dentry = parent;
	}
}

/* ---- lookup ---- */

struct dentry *dentry_find(struct dentry *parent, const char *name, size_t len)
{
	uint32_t hash = name_hash(parent, name, len);
	struct spinlock *lock = bucket_lock(hash);
	struct dentry *dentry;

	spin_lock(lock);
	for (dentry = buckets[hash & bucket_mask]; dentry; dentry = dentry->hash_next) {
		if (dentry->hash != hash || dentry->parent != parent || dentry->name_len != len ||
		    memcmp(dentry->name, name, len) != 0)
			continue;
		dentry_get(dentry); /* it is hashed, so the tree holds one */
		break;
	}
	spin_unlock(lock);
	return dentry;
}

struct dentry *dentry_get_parent(struct dentry *dentry)
{
	struct dentry *parent;

	spin_lock(&tree_lock);
	parent = dentry->parent;
	dentry_get(parent);
	spin_unlock(&tree_lock);
	return parent;
}

bool dentry_is_ancestor(struct dentry *ancestor, struct dentry *dentry)
{
	bool found = false;

	spin_lock(&tree_lock);
	for (;; dentry = dentry->parent) {
		found = dentry == ancestor;
		if (found || dentry->parent == dentry)
			break;
	}
	spin_unlock(&tree_lock);
	return found;
}

bool dentry_is_removed(const struct dentry *dentry)
{
	const struct superblock *sb = dentry->inode->sb;

	return (sb->flags & SB_TREE) && dentry != sb->root && !dentry_is_hashed(dentry);
}

/* ---- the table and the directory ---- */

static void hash_insert(struct dentry *dentry, uint32_t hash)
{
	struct dentry **head = &buckets[hash & bucket_mask];

	dentry->hash = hash;
	dentry->hash_next = *head;
	dentry->hash_link = head;
	if (*head)
		(*head)->hash_link = &dentry->hash_next;
	*head = dentry;
}

static void hash_remove(struct dentry *dentry)
{
	*dentry->hash_link = dentry->hash_next;
	if (dentry->hash_next)
		dentry->hash_next->hash_link = dentry->hash_link;
	dentry->hash_link = NULL;
}

/* Last in the directory's order: a reader that has passed the others will still meet it. */
static void children_insert(struct dentry *parent, struct dentry *dentry, uint64_t cookie)
{
	struct rb_node **link = &parent->children.node, *above = NULL;

	while (*link) {
		struct dentry *other = rb_entry(*link, struct dentry, dir_node);
		above = *link;
		link = cookie < other->cookie ? &above->left : &above->right;
	}
	dentry->cookie = cookie;
	rb_insert(&parent->children, above, link, &dentry->dir_node, NULL);
}

void dentry_enter(struct dentry *dentry)
{
	struct dentry *parent = dentry->parent;
	uint32_t hash = name_hash(parent, dentry->name, dentry->name_len);
	struct spinlock *lock = bucket_lock(hash);

	assert(rwsem_is_write_held(&parent->inode->lock));
	assert(!dentry_is_hashed(dentry));
	children_insert(parent, dentry, parent->next_cookie++);
	dentry_get(dentry);
	spin_lock(lock);
	atomic_fetch_or_relaxed(&dentry->flags, DENTRY_HASHED);
	hash_insert(dentry, hash);
	spin_unlock(lock);
}

void dentry_remove(struct dentry *dentry)
{
	struct dentry *parent = dentry->parent;
	struct spinlock *lock = bucket_lock(dentry->hash);

	assert(rwsem_is_write_held(&parent->inode->lock));
	spin_lock(lock);
	assert(dentry_is_hashed(dentry));
	atomic_fetch_and_relaxed(&dentry->flags, ~(uint32_t)DENTRY_HASHED);
	hash_remove(dentry);
	spin_unlock(lock);
	rb_remove(&parent->children, &dentry->dir_node, NULL);
	rb_clear(&dentry->dir_node);
	dentry_put(dentry);
}

void dentry_remove_tree(struct dentry *root)
{
	struct dentry *dir = root;

	for (;;) {
		struct rb_node *first = rb_first(&dir->children);
		struct dentry *parent = dir->parent;

		if (first) {
			dir = rb_entry(first, struct dentry, dir_node);
			continue;
		}
		if (dir == root)
			return;
		rwsem_write_lock(&parent->inode->lock);
		dentry_remove(dir); /* parent stays: it is root, or the tree holds it */
		rwsem_write_unlock(&parent->inode->lock);
		dir = parent;
	}
}

/* ---- moves ---- */

struct new_place {
	struct dentry *parent;
	const char *name; /* a long one: already the dentry's own copy */
	uint16_t len;
	uint32_t hash;
};

static void place_apply(struct dentry *dentry, const struct new_place *place)
{
	dentry->parent = place->parent;
	dentry->name = place->name;
	if (place->len <= DENTRY_INLINE_NAME) {
		memcpy(dentry->inline_name, place->name, place->len);
		dentry->name = dentry->inline_name;
	}
	dentry->name_len = place->len;
	hash_insert(dentry, place->hash);
}

int dentry_move(struct dentry *dentry, struct dentry *parent, const char *name, size_t len,
		struct dentry *victim)
{
	struct dentry *old_parent = dentry->parent;
	const char *old_name = dentry->name;
	uint32_t old_hash = dentry->hash;
	struct new_place place = {parent, NULL, (uint16_t)len, name_hash(parent, name, len)};
	char *long_name = NULL;

	if (len > DENTRY_INLINE_NAME) {
		long_name = kmalloc(len, ALLOC_KERNEL);
		if (!long_name)
			return -ENOMEM;
		memcpy(long_name, name, len);
	}
	place.name = long_name ? long_name : name;
	dentry_get(parent);

	spin_lock(&tree_lock);
	spin_lock_pair(bucket_lock(old_hash), bucket_lock(place.hash));
	hash_remove(dentry);
	if (victim) {
		hash_remove(victim);
		atomic_fetch_and_relaxed(&victim->flags, ~(uint32_t)DENTRY_HASHED);
	}
	place_apply(dentry, &place);
	spin_unlock_pair(bucket_lock(old_hash), bucket_lock(place.hash));
	spin_unlock(&tree_lock);

	name_free(dentry, old_name);
	if (victim) {
		rb_remove(&parent->children, &victim->dir_node, NULL);
		rb_clear(&victim->dir_node);
		dentry_put(victim);
	}
	if (old_parent != parent) {
		rb_remove(&old_parent->children, &dentry->dir_node, NULL);
		children_insert(parent, dentry, parent->next_cookie++);
	}
	dentry_put(old_parent);
	return 0;
}

/* The two swap names: the names' storage goes with them, inline bytes are copied. */
static void names_swap(struct dentry *a, struct dentry *b)
{
	char inline_a[DENTRY_INLINE_NAME];
	const char *name_a = a->name == a->inline_name ? NULL : a->name;
	const char *name_b = b->name == b->inline_name ? NULL : b->name;
	uint16_t len = a->name_len;

	memcpy(inline_a, a->inline_name, sizeof(inline_a));
	memcpy(a->inline_name, b->inline_name, sizeof(inline_a));
	memcpy(b->inline_name, inline_a, sizeof(inline_a));
	a->name = name_b ? name_b : a->inline_name;
	b->name = name_a ? name_a : b->inline_name;
	a->name_len = b->name_len;
	b->name_len = len;
}

void dentry_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *parent_a = a->parent, *parent_b = b->parent;
	uint32_t hash_a = a->hash, hash_b = b->hash;

	spin_lock(&tree_lock);
	spin_lock_pair(bucket_lock(hash_a), bucket_lock(hash_b));
	hash_remove(a);
	hash_remove(b);
	names_swap(a, b);
	a->parent = parent_b; /* the references on the parents change hands */
	b->parent = parent_a;
	hash_insert(a, hash_b);
	hash_insert(b, hash_a);
	spin_unlock_pair(bucket_lock(hash_a), bucket_lock(hash_b));
	spin_unlock(&tree_lock);
	if (parent_a == parent_b)
		return;
	rb_remove(&parent_a->children, &a->dir_node, NULL);
	rb_remove(&parent_b->children, &b->dir_node, NULL);
	children_insert(parent_b, a, parent_b->next_cookie++);
	children_insert(parent_a, b, parent_a->next_cookie++);
}

INIT_TEXT void dentry_cache_init(void)
{
	struct page_stats stats;
	uint64_t count = MIN_BUCKETS;

	page_stats_read(&stats);
	while (count < stats.total / 64 && count < MAX_BUCKETS)
		count *= 2;
	dentry_cache = kcache_create("dentry", sizeof(struct dentry), 0);
	buckets = kmalloc(count * sizeof(*buckets), ALLOC_ZERO);
	if (!buckets)
		panic("no memory for the table of names");
	bucket_mask = (uint32_t)count - 1;
	for (unsigned i = 0; i < NR_BUCKET_LOCKS; i++)
		spin_init(&bucket_locks[i].lock, LOCK_RANK_NAMES, "names");
}
