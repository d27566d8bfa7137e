/*
 * Signal masks: changing the running thread's own, for good or for the length of one call.
 * signal->lock guards a thread's mask against senders; the thread itself reads it without.
 */
#include <kern/assert.h>
#include <kern/process.h>

#include "task_private.h"

void signal_mask_set_locked(uint64_t mask)
{
	struct signal_struct *process = current->signal;
	uint64_t newly;

	assert(spin_is_held(&process->lock));
	mask &= ~SIGNALS_UNBLOCKABLE;
	newly = mask & ~current->blocked & process->pending_mask;
	if (newly && process->nr_threads > 1)
		signal_retarget(newly);
	current->blocked = mask;
	signal_recalc(current);
}

void signal_mask_set(uint64_t mask)
{
	unsigned long flags = spin_lock_irqsave(&current->signal->lock);

	signal_mask_set_locked(mask);
	spin_unlock_irqrestore(&current->signal->lock, flags);
}

void signal_mask_begin(uint64_t mask)
{
	current->saved_blocked = current->blocked;
	signal_mask_set(mask);
}

void signal_mask_end(bool is_interrupted)
{
	if (is_interrupted)
		current->restore_blocked = true;
	else
		signal_mask_set(current->saved_blocked);
}

uint64_t signal_mask_change(int how, uint64_t set)
{
	uint64_t old = current->blocked;

	switch (how) {
	case SIG_BLOCK:
		set |= old;
		break;
	case SIG_UNBLOCK:
		set = old & ~set;
		break;
	default:
		break;
	}
	if ((set & ~SIGNALS_UNBLOCKABLE) != old)
		signal_mask_set(set);
	return old;
}
