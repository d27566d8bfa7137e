/* What the files of futexes share. futex.c explains the whole. */
#ifndef TASK_FUTEX_H
#define TASK_FUTEX_H

#include <kern/types.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <kern/task.h>

struct mapping;

/* Which word it is, whoever maps it where. */
struct futex_key {
	uint64_t object; /* a mapping's address, or 1 + twice the number of an address space */
	uint64_t offset; /* bytes in the mapping, or the address */
	struct mapping *mapping; /* owns a reference; NULL: private */
};

struct CACHE_ALIGNED futex_bucket {
	struct spinlock lock;
	uint32_t nr_waiters;	  /* [atomic] queued or about to be: 0 lets a waker go by */
	struct list_node waiters; /* [lock] */
};

struct futex_waiter {
	struct list_node node;	     /* [lock of bucket] */
	struct futex_key key;	     /* [lock of bucket] */
	struct futex_bucket *bucket; /* [its lock, atomic to look] NULL: woken */
	struct task_struct *task;    /* [const] */
	uint32_t bitset;	     /* [const] */
	bool is_pi;		     /* [const] waits to own the word (futex_pi.c) */
	int32_t pi_owner;	     /* [const while queued] who owned it then */
	bool is_orphan;		     /* [lock of bucket] taken off because the owner ended */
};

/* -EINVAL: not aligned; -EFAULT. futex_key_put ends it. May sleep. */
MUST_USE int futex_key_get(uint32_t *word, bool is_private, struct futex_key *key);
void futex_key_put(struct futex_key *key);
bool futex_key_equal(const struct futex_key *a, const struct futex_key *b);
struct futex_bucket *futex_bucket_of(const struct futex_key *key);

/* Reads or changes the word without faulting, with a bucket locked. -EFAULT: futex_fault_in() after
 * unlocking, then again. */
MUST_USE int futex_load(uint32_t *word, uint32_t *value);
MUST_USE int futex_cmpxchg(uint32_t *word, uint32_t expect, uint32_t value, uint32_t *old);
/* Makes the word present and writable; -EFAULT: it cannot be. May sleep. */
MUST_USE int futex_fault_in(uint32_t *word);

/* Tasks to be woken once the bucket is unlocked. */
enum { FUTEX_WAKE_BATCH = 32 };
struct futex_wake_list {
	struct task_struct *tasks[FUTEX_WAKE_BATCH];
	unsigned nr;
};
/* Takes a waiter off its queue. Bucket locked; the list has room. */
void futex_waiter_pop(struct futex_waiter *waiter, struct futex_wake_list *list);
void futex_wake_list_run(struct futex_wake_list *list);

/* The current task joins with the bucket locked (released here), and sleeps until it is taken off the
 * queue. 0; -ETIMEDOUT; -EINTR. */
MUST_USE int futex_sleep(struct futex_waiter *waiter, struct futex_bucket *bucket,
			 uint64_t deadline_ns) RELEASES(bucket->lock);

int futex_wake_key(const struct futex_key *key, int nr_wake, uint32_t bitset);
/* Counts as a waiter, locks the bucket and reads the word. -EFAULT: then nothing is locked. The second
 * undoes it. */
MUST_USE int futex_bucket_lock(struct futex_bucket *bucket, uint32_t *word, uint32_t *value)
	TRY_ACQUIRES(false, bucket->lock) NO_LOCK_ANALYSIS;
void futex_bucket_unlock(struct futex_bucket *bucket) RELEASES(bucket->lock);
/* For all buckets, one by one, locked. */
void futex_for_each_bucket(void (*fn)(struct futex_bucket *bucket, void *arg), void *arg);

/* The calls. deadline_ns: clock; UINT64_MAX: none. */
long futex_wait(uint32_t *word, bool is_private, uint32_t value, uint64_t deadline_ns,
		uint32_t bitset);
long futex_wake(uint32_t *word, bool is_private, int nr_wake, uint32_t bitset);
long futex_requeue(uint32_t *word, uint32_t *word2, bool is_private, int nr_wake, int nr_requeue,
		   const uint32_t *expect);
long futex_wake_op(uint32_t *word, uint32_t *word2, bool is_private, int nr_wake, int nr_wake2,
		   uint32_t op);
long futex_lock_pi(uint32_t *word, bool is_private, uint64_t deadline_ns, bool is_try);
long futex_unlock_pi(uint32_t *word, bool is_private);
void futex_pi_exit(struct task_struct *task);

#endif
