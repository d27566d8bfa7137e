/*
 * Users: what all processes of one real uid use together, for RLIMIT_NPROC and RLIMIT_SIGPENDING. A
 * struct user is kept by the credentials of its uid and by queued signals; root's is for good.
 *
 * user_lock guards the table and the step from one reference to none; the counts are atomic.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/spinlock.h>

#include "task_private.h"

enum { USER_HASH_LEN = 16 };

struct user root_user = {.refs = {1}, .uid = 0};

static struct spinlock user_lock = SPINLOCK_INIT(LOCK_RANK_USER, "user");
static struct user *user_hash[USER_HASH_LEN]; /* [user_lock] */

static struct user *user_find(uint32_t uid)
{
	struct user *user = user_hash[uid % USER_HASH_LEN];

	while (user && user->uid != uid)
		user = user->next;
	return user;
}

void user_init(void)
{
	user_hash[0] = &root_user;
}

struct user *user_get(struct user *user)
{
	refcount_get(&user->refs);
	return user;
}

struct user *user_get_uid(uint32_t uid)
{
	struct user *fresh = kmalloc(sizeof(*fresh), ALLOC_ZERO), *user;
	unsigned long flags;

	if (!fresh)
		return NULL;
	flags = spin_lock_irqsave(&user_lock);
	user = user_find(uid);
	if (user) {
		refcount_get(&user->refs);
	} else {
		user = fresh;
		fresh = NULL;
		user->uid = uid;
		refcount_init(&user->refs, 1);
		user->next = user_hash[uid % USER_HASH_LEN];
		user_hash[uid % USER_HASH_LEN] = user;
	}
	spin_unlock_irqrestore(&user_lock, flags);
	kfree(fresh);
	return user;
}

void user_put(struct user *user)
{
	struct user **link;
	unsigned long flags;
	bool is_last;

	if (!user)
		return;
	flags = spin_lock_irqsave(&user_lock);
	is_last = refcount_put(&user->refs);
	if (is_last) {
		assert(user != &root_user && user->nr_tasks == 0 && user->nr_queued == 0);
		link = &user_hash[user->uid % USER_HASH_LEN];
		while (*link != user)
			link = &(*link)->next;
		*link = user->next;
	}
	spin_unlock_irqrestore(&user_lock, flags);
	if (is_last)
		kfree(user);
}
