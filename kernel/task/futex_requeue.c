/*
 * Futex calls about two words: moving waiters from one to the other (condition variables: waking all
 * of them at once would only have them fight for the mutex), and FUTEX_WAKE_OP. Both buckets are
 * locked, by address.
 */
#include <kern/mapping.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/futex.h>

#include "futex.h"
#include "task_private.h"

struct key_pair {
	struct futex_key one, two;
	struct futex_bucket *bucket, *bucket2;
};

static int pair_get(uint32_t *word, uint32_t *word2, bool is_private, struct key_pair *pair)
{
	int err = futex_key_get(word, is_private, &pair->one);

	if (err)
		return err;
	err = futex_key_get(word2, is_private, &pair->two);
	if (err) {
		futex_key_put(&pair->one);
		return err;
	}
	pair->bucket = futex_bucket_of(&pair->one);
	pair->bucket2 = futex_bucket_of(&pair->two);
	return 0;
}

static void pair_put(struct key_pair *pair)
{
	futex_key_put(&pair->one);
	futex_key_put(&pair->two);
}

static void pair_lock(struct key_pair *pair) NO_LOCK_ANALYSIS
{
	spin_lock_pair(&pair->bucket->lock, &pair->bucket2->lock);
}

static void pair_unlock(struct key_pair *pair) NO_LOCK_ANALYSIS
{
	spin_unlock_pair(&pair->bucket->lock, &pair->bucket2->lock);
}

/* Lets a waiter wait for the second word. Its reference on the first's mapping is left to the caller. */
static void waiter_move(struct futex_waiter *waiter, const struct key_pair *pair)
{
	list_remove(&waiter->node);
	atomic_fetch_add_relaxed(&pair->bucket->nr_waiters, -1U);
	waiter->key = pair->two;
	if (waiter->key.mapping)
		mapping_get(waiter->key.mapping);
	/* Counted first: a waker of the second word goes by nr_waiters. */
	atomic_fetch_add_seqcst(&pair->bucket2->nr_waiters, 1U);
	list_add_tail(&pair->bucket2->waiters, &waiter->node);
	atomic_store_release(&waiter->bucket, pair->bucket2);
}

struct requeue {
	int nr_wake, nr_requeue; /* still to be done */
	int nr_woken, nr_moved;
	struct futex_wake_list list;
};

/* Wakes and moves; stops when the list is full. false: a waiter of the wrong kind is in the way. */
static bool requeue_some(struct key_pair *pair, struct requeue *work)
{
	struct futex_waiter *waiter, *next;

	list_for_each_entry_safe (waiter, next, &pair->bucket->waiters, node) {
		if (!futex_key_equal(&waiter->key, &pair->one))
			continue;
		if (waiter->is_pi)
			return false;
		if (work->nr_wake > 0) {
			if (work->list.nr == FUTEX_WAKE_BATCH)
				break;
			futex_waiter_pop(waiter, &work->list);
			work->nr_wake--;
			work->nr_woken++;
		} else if (work->nr_requeue > 0) {
			waiter_move(waiter, pair);
			work->nr_requeue--;
			work->nr_moved++;
		} else {
			break;
		}
	}
	return true;
}

static void drop_mapping(struct key_pair *pair, int nr)
{
	for (; nr > 0 && pair->one.mapping; nr--)
		mapping_put(pair->one.mapping);
}

/* One round under the locks. 1: call again, the wake list was full; 0: done; or an error. */
static int requeue_round(struct key_pair *pair, uint32_t *word, const uint32_t *expect,
			 struct requeue *work)
{
	uint32_t value;
	int result = 0;
	bool is_sane = true;

	for (;;) {
		pair_lock(pair);
		if (!expect || !futex_load(word, &value))
			break;
		pair_unlock(pair);
		if (arch_user_load32(word, &value))
			return -EFAULT;
	}
	if (expect && value != *expect && !work->nr_woken)
		result = -EAGAIN;
	else if (!futex_key_equal(&pair->one, &pair->two))
		is_sane = requeue_some(pair, work);
	else
		work->nr_requeue = 0, is_sane = requeue_some(pair, work);
	if (!is_sane)
		result = -EINVAL;
	else if (!result && work->list.nr == FUTEX_WAKE_BATCH && work->nr_wake > 0)
		result = 1;
	pair_unlock(pair);
	return result;
}

long futex_requeue(uint32_t *word, uint32_t *word2, bool is_private, int nr_wake, int nr_requeue,
		   const uint32_t *expect)
{
	struct requeue work = {.nr_wake = nr_wake, .nr_requeue = nr_requeue};
	struct key_pair pair;
	int err;

	if (nr_wake < 0 || nr_requeue < 0)
		return -EINVAL;
	err = pair_get(word, word2, is_private, &pair);
	if (err)
		return err;
	do {
		work.list.nr = 0;
		err = requeue_round(&pair, word, expect, &work);
		futex_wake_list_run(&work.list);
	} while (err > 0);
	drop_mapping(&pair, work.nr_moved);
	pair_put(&pair);
	/* FUTEX_CMP_REQUEUE tells both numbers, FUTEX_REQUEUE too: woken plus moved. */
	return err ? err : work.nr_woken + work.nr_moved;
}

/* ---- FUTEX_WAKE_OP --------------------------------------------------------------------------------------------- */

struct wake_op {
	unsigned op, cmp;
	int32_t arg, cmp_arg;
};

static int32_t sign_extend_12(uint32_t value)
{
	return (int32_t)(value << 20) >> 20;
}

static int op_decode(uint32_t code, struct wake_op *op)
{
	op->op = code >> 28 & 7;
	op->cmp = code >> 24 & 15;
	op->arg = sign_extend_12(code >> 12 & 0xfff);
	op->cmp_arg = sign_extend_12(code & 0xfff);
	if (code >> 28 & FUTEX_OP_ARG_SHIFT)
		op->arg = (int32_t)(1U << (op->arg & 31));
	return op->op > FUTEX_OP_XOR || op->cmp > FUTEX_OP_CMP_GE ? -ENOSYS : 0;
}

static uint32_t op_apply(const struct wake_op *op, uint32_t value)
{
	uint32_t arg = (uint32_t)op->arg;

	switch (op->op) {
	case FUTEX_OP_SET:
		return arg;
	case FUTEX_OP_ADD:
		return value + arg;
	case FUTEX_OP_OR:
		return value | arg;
	case FUTEX_OP_ANDN:
		return value & ~arg;
	default:
		return value ^ arg;
	}
}

static bool op_compare(const struct wake_op *op, int32_t value)
{
	switch (op->cmp) {
	case FUTEX_OP_CMP_EQ:
		return value == op->cmp_arg;
	case FUTEX_OP_CMP_NE:
		return value != op->cmp_arg;
	case FUTEX_OP_CMP_LT:
		return value < op->cmp_arg;
	case FUTEX_OP_CMP_LE:
		return value <= op->cmp_arg;
	case FUTEX_OP_CMP_GT:
		return value > op->cmp_arg;
	default:
		return value >= op->cmp_arg;
	}
}

/* Changes the second word atomically; *old: what it was. Both buckets locked. */
static int op_perform(const struct wake_op *op, uint32_t *word, uint32_t *old)
{
	uint32_t expect;
	int err = futex_load(word, &expect);

	while (!err) {
		err = futex_cmpxchg(word, expect, op_apply(op, expect), old);
		if (err || *old == expect)
			break;
		expect = *old;
	}
	return err;
}

/* Pops those of key; more than a batch wait for the next round. */
static int pop_some(struct futex_bucket *bucket, const struct futex_key *key, int nr_wake,
		    struct futex_wake_list *list)
{
	struct futex_waiter *waiter, *next;
	int nr = 0;

	list_for_each_entry_safe (waiter, next, &bucket->waiters, node) {
		if (nr >= nr_wake || list->nr == FUTEX_WAKE_BATCH)
			break;
		if (!futex_key_equal(&waiter->key, key) || waiter->is_pi)
			continue;
		futex_waiter_pop(waiter, list);
		nr++;
	}
	return nr;
}

long futex_wake_op(uint32_t *word, uint32_t *word2, bool is_private, int nr_wake, int nr_wake2,
		   uint32_t code)
{
	struct futex_wake_list list = {.nr = 0};
	struct key_pair pair;
	struct wake_op op;
	uint32_t old;
	int err = op_decode(code, &op), nr, nr2 = 0;

	if (!err)
		err = pair_get(word, word2, is_private, &pair);
	if (err)
		return err;
	for (;;) {
		pair_lock(&pair);
		if (!op_perform(&op, word2, &old))
			break;
		pair_unlock(&pair);
		err = futex_fault_in(word2);
		if (err)
			goto put;
	}
	nr = pop_some(pair.bucket, &pair.one, nr_wake, &list);
	if (op_compare(&op, (int32_t)old))
		nr2 = pop_some(pair.bucket2, &pair.two, nr_wake2, &list);
	pair_unlock(&pair);
	err = (int)list.nr;
	futex_wake_list_run(&list);
	/* The atomic step is done; whoever is beyond the batch is woken one queue at a time. */
	if (err == FUTEX_WAKE_BATCH && nr < nr_wake)
		err += MAX(futex_wake_key(&pair.one, nr_wake - nr, FUTEX_BITSET_MATCH_ANY), 0);
	if (err >= FUTEX_WAKE_BATCH && op_compare(&op, (int32_t)old) && nr2 < nr_wake2)
		err += MAX(futex_wake_key(&pair.two, nr_wake2 - nr2, FUTEX_BITSET_MATCH_ANY), 0);
put:
	pair_put(&pair);
	return err;
}
