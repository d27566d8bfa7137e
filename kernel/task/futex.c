/*
 * Futexes: sleeping on a word of user memory until somebody says that it has changed (futex(2)). A
 * word is known by its key, so that processes which map the same page at different addresses meet.
 * Waiters hang in a hash table of buckets.
 *
 * No wake-up is lost: a waiter counts itself in nr_waiters, then reads the word with the bucket
 * locked, and queues itself before it unlocks; a waker has changed the word, then looks at
 * nr_waiters, then takes the lock. Either the waiter sees the new value, or the waker sees the waiter.
 *
 * A waiter lives on its sleeper's stack; whoever sets its bucket to NULL, under the lock, has let it
 * go, and touches it no more. It may be moved to another bucket meanwhile (futex_requeue.c).
 */
#include <kern/assert.h>
#include <kern/mapping.h>
#include <kern/mm.h>
#include <kern/sched.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/futex.h>

#include "futex.h"
#include "task_private.h"

enum { NR_BUCKETS = 256 };

static struct futex_bucket buckets[NR_BUCKETS];

void futex_init(void)
{
	unsigned i;

	for (i = 0; i < NR_BUCKETS; i++) {
		spin_init(&buckets[i].lock, LOCK_RANK_FUTEX, "futex");
		list_init(&buckets[i].waiters);
	}
}

void futex_for_each_bucket(void (*fn)(struct futex_bucket *bucket, void *arg), void *arg)
{
	unsigned i;

	/* What the caller wrote before is seen by whoever counts itself after this look. */
	atomic_fence_seqcst();
	for (i = 0; i < NR_BUCKETS; i++) {
		if (!atomic_load_acquire(&buckets[i].nr_waiters))
			continue;
		spin_lock(&buckets[i].lock);
		fn(&buckets[i], arg);
		spin_unlock(&buckets[i].lock);
	}
}

/* ---- keys ------------------------------------------------------------------------------------------------- */

int futex_key_get(uint32_t *word, bool is_private, struct futex_key *key)
{
	vaddr_t va = (vaddr_t)word;
	uint64_t index;
	int err;

	if (va % sizeof(*word))
		return -EINVAL;
	if (!user_range_ok(word, sizeof(*word)))
		return -EFAULT;
	key->mapping = NULL;
	if (!is_private) {
		err = mm_shared_key(va, &key->mapping, &index);
		if (err)
			return err;
	}
	if (key->mapping) {
		key->object = (uintptr_t)key->mapping;
		key->offset = index * PAGE_SIZE + va % PAGE_SIZE;
	} else {
		key->object = current->mm->contents->futex_key * 2 + 1;
		key->offset = va;
	}
	return 0;
}

void futex_key_put(struct futex_key *key)
{
	if (key->mapping)
		mapping_put(key->mapping);
}

bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
	uint64_t hash = (key->object ^ key->offset >> 2) * 0x9e3779b97f4a7c15ULL;

	return &buckets[hash >> 56];
}

/* ---- the word ------------------------------------------------------------------------------------------------ */

int futex_load(uint32_t *word, uint32_t *value)
{
	int err;

	current->nofault++;
	err = arch_user_load32(word, value);
	current->nofault--;
	return err;
}

int futex_cmpxchg(uint32_t *word, uint32_t expect, uint32_t value, uint32_t *old)
{
	int err;

	current->nofault++;
	err = arch_user_cmpxchg32(word, expect, value, old);
	current->nofault--;
	return err;
}

int futex_fault_in(uint32_t *word)
{
	uint32_t value;

	/* Exchanging a value for itself asks for the right to write without changing anything. */
	if (arch_user_load32(word, &value))
		return -EFAULT;
	return arch_user_cmpxchg32(word, value, value, &value);
}

/* ---- waiting -------------------------------------------------------------------------------------------------- */

/* Leaves the queue. false: somebody has taken it off already, that is: woken. */
static bool waiter_leave(struct futex_waiter *waiter)
{
	struct futex_bucket *bucket;
	bool is_queued;

	while ((bucket = atomic_load_acquire(&waiter->bucket))) {
		spin_lock(&bucket->lock);
		is_queued = waiter->bucket == bucket;
		if (is_queued) {
			list_remove(&waiter->node);
			atomic_fetch_add_relaxed(&bucket->nr_waiters, -1U);
		}
		spin_unlock(&bucket->lock);
		if (is_queued)
			return true;
	}
	return false;
}

int futex_sleep(struct futex_waiter *waiter, struct futex_bucket *bucket, uint64_t deadline_ns)
{
	int result = 0;

	waiter->task = current;
	atomic_store_relaxed(&waiter->bucket, bucket);
	list_add_tail(&bucket->waiters, &waiter->node);
	set_current_state(TASK_INTERRUPTIBLE);
	spin_unlock(&bucket->lock);

	while (atomic_load_acquire(&waiter->bucket)) {
		if (signal_pending(current)) {
			result = -EINTR;
			break;
		}
		if (!schedule_until(deadline_ns)) {
			result = -ETIMEDOUT;
			break;
		}
		set_current_state(TASK_INTERRUPTIBLE);
	}
	set_current_state(TASK_RUNNING);
	/* Woken in the last moment counts as woken: the waker believes so. */
	return waiter_leave(waiter) ? result : 0;
}

/* restart[] of a wait. */
enum { RESTART_WORD, RESTART_PRIVATE, RESTART_VALUE, RESTART_DEADLINE, RESTART_BITSET };

static long wait_restart(struct task_struct *task)
{
	return futex_wait((uint32_t *)task->restart[RESTART_WORD], task->restart[RESTART_PRIVATE],
			  (uint32_t)task->restart[RESTART_VALUE], task->restart[RESTART_DEADLINE],
			  (uint32_t)task->restart[RESTART_BITSET]);
}

int futex_bucket_lock(struct futex_bucket *bucket, uint32_t *word, uint32_t *value)
{
	uint32_t ignored;

	for (;;) {
		/* Before the word is read; pairs with the fence in futex_wake(). */
		atomic_fetch_add_seqcst(&bucket->nr_waiters, 1U);
		spin_lock(&bucket->lock);
		if (!futex_load(word, value))
			return 0;
		futex_bucket_unlock(bucket);
		if (arch_user_load32(word, &ignored))
			return -EFAULT;
	}
}

void futex_bucket_unlock(struct futex_bucket *bucket)
{
	spin_unlock(&bucket->lock);
	atomic_fetch_add_relaxed(&bucket->nr_waiters, -1U);
}

long futex_wait(uint32_t *word, bool is_private, uint32_t expect, uint64_t deadline_ns,
		uint32_t bitset)
{
	struct futex_waiter waiter = {.bitset = bitset};
	struct futex_bucket *bucket;
	uint32_t value;
	int err;

	if (!bitset)
		return -EINVAL;
	err = futex_key_get(word, is_private, &waiter.key);
	if (err)
		return err;
	bucket = futex_bucket_of(&waiter.key);
	err = futex_bucket_lock(bucket, word, &value);
	if (err)
		goto put;
	if (value != expect) {
		futex_bucket_unlock(bucket);
		err = -EAGAIN;
		goto put;
	}
	err = futex_sleep(&waiter, bucket, deadline_ns);
put:
	futex_key_put(&waiter.key);
	if (err != -EINTR)
		return err;
	if (deadline_ns == UINT64_MAX)
		return -ERESTARTSYS;
	current->restart_fn = wait_restart;
	current->restart[RESTART_WORD] = (uintptr_t)word;
	current->restart[RESTART_PRIVATE] = is_private;
	current->restart[RESTART_VALUE] = expect;
	current->restart[RESTART_DEADLINE] = deadline_ns;
	current->restart[RESTART_BITSET] = bitset;
	return -ERESTART_RESTARTBLOCK;
}

/* ---- waking ------------------------------------------------------------------------------------------------------ */

void futex_waiter_pop(struct futex_waiter *waiter, struct futex_wake_list *list)
{
	struct futex_bucket *bucket = waiter->bucket;

	/* The reference outlives the waiter, which is gone with the store of bucket. */
	get_task_struct(waiter->task);
	list->tasks[list->nr++] = waiter->task;
	list_remove(&waiter->node);
	atomic_fetch_add_relaxed(&bucket->nr_waiters, -1U);
	atomic_store_release(&waiter->bucket, NULL);
}

void futex_wake_list_run(struct futex_wake_list *list)
{
	unsigned i;

	for (i = 0; i < list->nr; i++) {
		task_wake_state(list->tasks[i], TASK_INTERRUPTIBLE);
		put_task_struct(list->tasks[i]);
	}
	list->nr = 0;
}

/* Up to nr_wake of those who wait for key, as many as the list takes. */
static int wake_some(struct futex_bucket *bucket, const struct futex_key *key, int nr_wake,
		     uint32_t bitset, struct futex_wake_list *list)
{
	struct futex_waiter *waiter, *next;
	int nr = 0;

	spin_lock(&bucket->lock);
	list_for_each_entry_safe (waiter, next, &bucket->waiters, node) {
		if (nr >= nr_wake || list->nr == FUTEX_WAKE_BATCH)
			break;
		if (!futex_key_equal(&waiter->key, key) || !(waiter->bitset & bitset))
			continue;
		if (waiter->is_pi) {
			nr = nr ? nr : -EINVAL;
			break;
		}
		futex_waiter_pop(waiter, list);
		nr++;
	}
	spin_unlock(&bucket->lock);
	return nr;
}

/* The same without a bound, batch by batch. */
int futex_wake_key(const struct futex_key *key, int nr_wake, uint32_t bitset)
{
	struct futex_bucket *bucket = futex_bucket_of(key);
	struct futex_wake_list list;
	int total = 0, nr;

	do {
		list.nr = 0;
		nr = wake_some(bucket, key, nr_wake - total, bitset, &list);
		futex_wake_list_run(&list);
		if (nr < 0)
			return total ? total : nr;
		total += nr;
	} while (nr == FUTEX_WAKE_BATCH && total < nr_wake);
	return total;
}

long futex_wake(uint32_t *word, bool is_private, int nr_wake, uint32_t bitset)
{
	struct futex_key key;
	int result;

	if (!bitset)
		return -EINVAL;
	result = futex_key_get(word, is_private, &key);
	if (result)
		return result;
	/* The program's store to the word is before this look; pairs with futex_bucket_lock(). */
	atomic_fence_seqcst();
	if (atomic_load_relaxed(&futex_bucket_of(&key)->nr_waiters))
		result = futex_wake_key(&key, MAX(nr_wake, 1), bitset);
	futex_key_put(&key);
	return result;
}

void futex_wake_word(uint32_t *word)
{
	long result = futex_wake(word, false, 1, FUTEX_BITSET_MATCH_ANY);

	(void)result; /* nobody waits, or the word is not what a futex can be: either way, done */
}
