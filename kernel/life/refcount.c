/*
 * Strategy `refcount`: a CPU that stands on an address space owns one of its count. From one kernel
 * thread to the next the reference is handed over, so only the way in and the way out touch the
 * shared line. (Linux since 2019.)
 */
#include <kern/life.h>

#include "life_private.h"

static struct mm_struct *refcount_borrow(struct mm_struct *mm)
{
	mmgrab(mm, PIN_LAZY);
	return mm;
}

static bool refcount_carry(struct mm_struct *mm)
{
	return false;
}

static void refcount_release(struct mm_struct *mm, enum mm_pin pin)
{
	mmdrop(mm, pin);
}

static void refcount_retire_move(struct mm_struct *mm)
{
	/* Whoever still stands on it holds a reference of its own. */
	mmdrop(mm, PIN_USERS);
}

static void refcount_unlazy(struct mm_struct *mm)
{
	mmdrop(mm, PIN_LAZY);
}

const struct lazy_strategy lazy_refcount = {
	.name = "refcount",
	.is_counted = true,
	.borrow = refcount_borrow,
	.carry = refcount_carry,
	.release = refcount_release,
	.retire_move = refcount_retire_move,
	.unlazy = refcount_unlazy,
};

/*
 * Strategy `refcount-2.6`: the same, but every kernel thread takes a reference of its own and the
 * one before it drops its own after the switch: up and down at each step, as Linux 2.6 did.
 */
static bool refcount_26_carry(struct mm_struct *mm)
{
	/* The former's claim becomes rq->prev_mm first, so that the CPU never has two of a kind. */
	mm_pin_move(mm, PIN_LAZY, PIN_PREV);
	mmgrab(mm, PIN_LAZY);
	return true;
}

const struct lazy_strategy lazy_refcount_26 = {
	.name = "refcount-2.6",
	.is_counted = true,
	.borrow = refcount_borrow,
	.carry = refcount_26_carry,
	.release = refcount_release,
	.retire_move = refcount_retire_move,
	.unlazy = refcount_unlazy,
};
