/*
 * Strategy `eager`: never stand on a stranger's root. Every switch from a user task to a kernel
 * thread loads init_mm's root, so nothing needs to be counted, and nothing is saved. (What FreeBSD,
 * Zircon and seL4 do.)
 */
#include <kern/life.h>

#include "life_private.h"

static struct mm_struct *eager_borrow(struct mm_struct *mm)
{
	leave_mm();
	return &init_mm;
}

static bool eager_carry(struct mm_struct *mm)
{
	return false;
}

static void eager_release(struct mm_struct *mm, enum mm_pin pin)
{
	assert(mm == &init_mm); /* nothing else is ever borrowed */
}

static void eager_retire_move(struct mm_struct *mm)
{
	mmdrop(mm, PIN_USERS);
}

static void eager_unlazy(struct mm_struct *mm)
{
	assert(mm == &init_mm);
}

const struct lazy_strategy lazy_eager = {
	.name = "eager",
	.is_counted = false,
	.borrow = eager_borrow,
	.carry = eager_carry,
	.release = eager_release,
	.retire_move = eager_retire_move,
	.unlazy = eager_unlazy,
};
