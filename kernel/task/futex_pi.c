/*
 * Futexes that are locks with an owner, FUTEX_LOCK_PI and its relatives: the word holds the owner's
 * tid, and the kernel hands it to the longest waiter at unlock. An owner that ends leaves its waiters
 * to sort it out: each looks again, and the first takes the word over, marked FUTEX_OWNER_DIED.
 * Waiters do not lend their priority to the owner (docs/abi.md).
 *
 * The bucket's lock guards the word against other calls of this file; against the program's own
 * exchanges in user mode it is changed by compare and exchange.
 */
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/futex.h>

#include "futex.h"
#include "task_private.h"

/* What trying once came to. */
enum attempt { ATTEMPT_OWNED, ATTEMPT_WAIT, ATTEMPT_AGAIN, ATTEMPT_FAULT };

static bool bucket_has(struct futex_bucket *bucket, const struct futex_key *key)
{
	struct futex_waiter *waiter;

	list_for_each_entry (waiter, &bucket->waiters, node) {
		if (futex_key_equal(&waiter->key, key))
			return true;
	}
	return false;
}

/* Changes the word from value. ATTEMPT_AGAIN: the program was quicker. */
static enum attempt word_change(uint32_t *word, uint32_t value, uint32_t to, enum attempt success)
{
	uint32_t old;

	if (futex_cmpxchg(word, value, to, &old))
		return ATTEMPT_FAULT;
	return old == value ? success : ATTEMPT_AGAIN;
}

/* Takes a word that nobody owns. */
static enum attempt take(struct futex_bucket *bucket, const struct futex_key *key, uint32_t *word,
			 uint32_t value, uint32_t extra)
{
	uint32_t to = (uint32_t)current->pid | (value & FUTEX_OWNER_DIED) | extra;

	if (bucket_has(bucket, key))
		to |= FUTEX_WAITERS;
	return word_change(word, value, to, ATTEMPT_OWNED);
}

/* Makes the owner come into the kernel when it unlocks. */
static enum attempt mark_waiters(uint32_t *word, uint32_t value)
{
	if (value & FUTEX_WAITERS)
		return ATTEMPT_WAIT;
	return word_change(word, value, value | FUTEX_WAITERS, ATTEMPT_WAIT);
}

/* How it stands with the thread that a word names. */
enum owner_state {
	OWNER_LIVE,    /* will look for waiters when it ends; *owner has a reference */
	OWNER_LEAVING, /* is about to */
	OWNER_GONE,
};

static enum owner_state owner_note_waiter(int32_t tid, struct task_struct **owner)
{
	struct task_struct *task = task_find(tid);
	enum owner_state state = OWNER_LIVE;
	unsigned long flags;

	if (!task)
		return OWNER_GONE;
	flags = spin_lock_irqsave(&task->signal->lock);
	task->has_pi_waiters = true;
	if (task->has_left_futexes)
		state = OWNER_GONE;
	else if (task->flags & PF_EXITING)
		state = OWNER_LEAVING;
	spin_unlock_irqrestore(&task->signal->lock, flags);
	if (state == OWNER_LIVE)
		*owner = task;
	else
		put_task_struct(task);
	return state;
}

struct lock_request {
	uint32_t *word;
	uint64_t deadline_ns;
	struct task_struct *owner; /* whom we could sleep for; NULL: nobody */
	int32_t heir_of;	   /* it ended, or left, while we slept for it: its word is ours */
};

/* One try with the bucket locked. 0: see *attempt; or an error. */
static int try_lock(struct lock_request *request, struct futex_waiter *waiter,
		    struct futex_bucket *bucket, uint32_t value, enum attempt *attempt)
{
	int32_t owner = (int32_t)(value & FUTEX_TID_MASK);

	*attempt = ATTEMPT_AGAIN;
	if (owner == current->pid)
		return -EDEADLK;
	if (!owner) {
		*attempt = take(bucket, &waiter->key, request->word, value, 0);
		return 0;
	}
	if (owner == request->heir_of) {
		*attempt = take(bucket, &waiter->key, request->word, value, FUTEX_OWNER_DIED);
		return 0;
	}
	if (!request->owner || owner != request->owner->pid)
		return 0; /* it has changed hands since we looked */
	/* An owner that does not leave yet will find us in the queue: it takes the bucket's lock. */
	if (atomic_load_acquire(&request->owner->flags) & PF_EXITING)
		return 0;
	*attempt = mark_waiters(request->word, value);
	waiter->pi_owner = owner;
	return 0;
}

/* 0 with *is_again false: owned. */
static int lock_once(struct lock_request *request, struct futex_waiter *waiter,
		     struct futex_bucket *bucket, bool *is_again)
{
	enum attempt attempt;
	uint32_t value;
	int err = futex_bucket_lock(bucket, request->word, &value);

	*is_again = false;
	if (err)
		return err;
	err = try_lock(request, waiter, bucket, value, &attempt);
	if (err || attempt != ATTEMPT_WAIT) {
		futex_bucket_unlock(bucket);
		if (err || attempt == ATTEMPT_OWNED)
			return err;
		*is_again = true;
		return attempt == ATTEMPT_FAULT ? futex_fault_in(request->word) : 0;
	}
	waiter->is_orphan = false;
	err = futex_sleep(waiter, bucket, request->deadline_ns);
	if (err == -EINTR)
		return -ERESTARTNOINTR;
	if (!err && waiter->is_orphan) {
		request->heir_of = waiter->pi_owner;
		*is_again = true;
	}
	return err;
}

/* Looks whose the word is, and sees to it that there is such a one and knows of us. */
static int owner_look(struct lock_request *request, bool is_try)
{
	uint32_t value;
	int32_t tid;

	request->owner = NULL;
	for (;;) {
		if (arch_user_load32(request->word, &value))
			return -EFAULT;
		tid = (int32_t)(value & FUTEX_TID_MASK);
		if (!tid || tid == current->pid || tid == request->heir_of)
			return 0;
		if (is_try)
			return -EAGAIN;
		switch (owner_note_waiter(tid, &request->owner)) {
		case OWNER_LIVE:
			return 0;
		case OWNER_GONE:
			return -ESRCH;
		default:
			sched_yield();
		}
		if (signal_pending(current))
			return -ERESTARTNOINTR;
	}
}

long futex_lock_pi(uint32_t *word, bool is_private, uint64_t deadline_ns, bool is_try)
{
	struct lock_request request = {.word = word, .deadline_ns = deadline_ns};
	struct futex_waiter waiter = {.is_pi = true, .bitset = FUTEX_BITSET_MATCH_ANY};
	bool is_again = true;
	int err = futex_key_get(word, is_private, &waiter.key);

	if (err)
		return err;
	while (!err && is_again) {
		err = owner_look(&request, is_try);
		if (!err)
			err = lock_once(&request, &waiter, futex_bucket_of(&waiter.key), &is_again);
		if (request.owner)
			put_task_struct(request.owner);
	}
	futex_key_put(&waiter.key);
	return err;
}

/* ---- giving it away ---------------------------------------------------------------------------------------- */

/* The longest waiter, and whether there is another behind it. */
static struct futex_waiter *first_waiter(struct futex_bucket *bucket, const struct futex_key *key,
					 bool *has_more)
{
	struct futex_waiter *waiter, *first = NULL;

	*has_more = false;
	list_for_each_entry (waiter, &bucket->waiters, node) {
		if (!waiter->is_pi || !futex_key_equal(&waiter->key, key))
			continue;
		*has_more = first != NULL;
		if (first)
			break;
		first = waiter;
	}
	return first;
}

static int unlock_once(uint32_t *word, const struct futex_key *key, struct futex_bucket *bucket,
		       struct futex_wake_list *list, enum attempt *attempt)
{
	struct futex_waiter *waiter;
	uint32_t value, to = 0;
	bool has_more;
	int err = futex_bucket_lock(bucket, word, &value);

	if (err)
		return err;
	if ((int32_t)(value & FUTEX_TID_MASK) != current->pid) {
		futex_bucket_unlock(bucket);
		return -EPERM;
	}
	waiter = first_waiter(bucket, key, &has_more);
	if (waiter)
		to = (uint32_t)waiter->task->pid | (has_more ? FUTEX_WAITERS : 0);
	*attempt = word_change(word, value, to, ATTEMPT_OWNED);
	if (*attempt == ATTEMPT_OWNED && waiter)
		futex_waiter_pop(waiter, list);
	futex_bucket_unlock(bucket);
	return 0;
}

long futex_unlock_pi(uint32_t *word, bool is_private)
{
	struct futex_wake_list list = {.nr = 0};
	enum attempt attempt = ATTEMPT_AGAIN;
	struct futex_bucket *bucket;
	struct futex_key key;
	int err = futex_key_get(word, is_private, &key);

	if (err)
		return err;
	bucket = futex_bucket_of(&key);
	while (!err && attempt != ATTEMPT_OWNED) {
		err = unlock_once(word, &key, bucket, &list, &attempt);
		if (!err && attempt == ATTEMPT_FAULT)
			err = futex_fault_in(word);
	}
	futex_wake_list_run(&list);
	futex_key_put(&key);
	return err;
}

/* ---- the owner ends ------------------------------------------------------------------------------------------ */

/* Its waiters of one bucket look again; those beyond the batch in the next call. */
static void orphans_pop(struct futex_bucket *bucket, void *arg)
{
	struct futex_wake_list *list = arg;
	struct futex_waiter *waiter, *next;

	list_for_each_entry_safe (waiter, next, &bucket->waiters, node) {
		if (list->nr == FUTEX_WAKE_BATCH)
			return;
		if (!waiter->is_pi || waiter->pi_owner != current->pid)
			continue;
		waiter->is_orphan = true;
		futex_waiter_pop(waiter, list);
	}
}

void futex_pi_exit(struct task_struct *task)
{
	struct futex_wake_list list;
	unsigned long flags;
	bool has_waiters, was_full;

	flags = spin_lock_irqsave(&task->signal->lock);
	has_waiters = task->has_pi_waiters;
	task->has_pi_waiters = false;
	task->has_left_futexes = task->flags & PF_EXITING;
	spin_unlock_irqrestore(&task->signal->lock, flags);
	while (has_waiters) {
		list.nr = 0;
		futex_for_each_bucket(orphans_pop, &list);
		was_full = list.nr == FUTEX_WAKE_BATCH;
		futex_wake_list_run(&list);
		has_waiters = was_full;
	}
}
