/*
 * Strategy `shootdown`: nothing is counted and nothing is written down. When the last user has gone,
 * every CPU that has ever had the root loaded is interrupted; one that still stands on it moves to
 * init_mm's, and the exiting task waits for that. (Linux 6.4 on powerpc.)
 */
#include <kern/life.h>
#include <kern/smp.h>

#include "life_private.h"

static struct mm_struct *shootdown_borrow(struct mm_struct *mm)
{
	return mm;
}

static bool shootdown_carry(struct mm_struct *mm)
{
	return false;
}

/* mm may be freed already: the pointer is only ever compared. */
static void shootdown_release(struct mm_struct *mm, enum mm_pin pin)
{
}

static void shootdown_retire_move(struct mm_struct *mm)
{
	/* No user is left, so no CPU begins to stand on mm, and the mask has all that did. */
	unlazy_cpus(mm, atomic_load_acquire(&mm->cpumask));
	mmdrop(mm, PIN_USERS);
}

static void shootdown_unlazy(struct mm_struct *mm)
{
}

const struct lazy_strategy lazy_shootdown = {
	.name = "shootdown",
	.is_counted = false,
	.borrow = shootdown_borrow,
	.carry = shootdown_carry,
	.release = shootdown_release,
	.retire_move = shootdown_retire_move,
	.unlazy = shootdown_unlazy,
};
