/*
 * Strategies `hazard` and `hazard-ipi`: each CPU writes down, on a line of its own, whose root it
 * borrows. Nobody else writes that slot, so borrowing and releasing cost one store. When the last user
 * has gone, the slots are read.
 *
 * Why the switch needs no fence. A CPU puts m into its slot only while it runs a task that still has
 * a user of m: the one that is switched away from, or that passes exit_mm or kthread_unuse_mm. That
 * store comes before the task gives up its user: in program order where it stays on this CPU, and by
 * way of on_cpu (released after, acquired by the CPU that runs it next) where it does not. The last
 * putter's atomic on mm_users has acquired every earlier putter's. So after users reached 0 a scan
 * sees every slot that can still hold m, and no slot can come to hold it any more: kernel thread to
 * kernel thread stays on one CPU. A slot is cleared, with release, after the next root is loaded; who
 * reads (with acquire) that it holds something else knows that the root is not loaded there.
 *
 * hazard-ipi: the CPUs whose slots hold m are interrupted, and the exiting task waits.
 *
 * hazard: the users' pin is handed to one of them, through its inbox: whoever still stands on m
 * finishes the job when it leaves. Nobody waits, and no interrupt is sent.
 *
 *	retirer					CPU that stands on m
 *	  inbox <- m (exchange)			  loads the next root
 *	  reads the slot again			  slot = NULL
 *	    still m: it will look		  inbox not empty? takes what is in it (exchange)
 *	    else: takes m back, or finds	  and goes on with the scan where the retirer was
 *	    that the CPU took it
 *
 * The CPU's two steps are not ordered by a fence, so it can look into the inbox too early and miss m,
 * while the retirer reads the slot too late and leaves it there. Nothing is lost then: it is looked at
 * whenever that CPU releases again, and the bound holds, since an inbox has room for one. If a second
 * address space is retired to a CPU whose inbox is full, the two change places, and the retirer goes
 * on with the older one: the CPU stands on the second, so not on the first.
 */
#include <kern/life.h>
#include <kern/smp.h>
#include <arch/cpu.h>

#include "life_private.h"

struct CACHE_ALIGNED hazard {
	struct mm_struct *slot;	 /* [atomic, written by its CPU] whose root it borrows, or NULL */
	struct mm_struct *inbox; /* [atomic] owns the PIN_USERS of a zombie that was left to it */
};
DECLARE_PER_CPU(struct hazard, hazard);
DEFINE_PER_CPU(struct hazard, hazard);

static struct mm_struct *hazard_borrow(struct mm_struct *mm)
{
	/* Pairs with the scan; ordered by what follows, see above. */
	atomic_store_release(&this_cpu(hazard).slot, mm);
	return mm;
}

static bool hazard_carry(struct mm_struct *mm)
{
	return false;
}

static bool stands_on(unsigned cpu, const struct mm_struct *mm)
{
	return atomic_load_acquire(&per_cpu(hazard, cpu).slot) == mm;
}

/*
 * Leaves mm to a CPU that stands on it. Returns what the caller must go on with: mm itself, because
 * that CPU has left meanwhile; another one, whose place mm has taken; or NULL.
 */
static struct mm_struct *leave_to(unsigned cpu, struct mm_struct *mm)
{
	struct hazard *hazard = &per_cpu(hazard, cpu);
	struct mm_struct *other = atomic_exchange_acqrel(&hazard->inbox, mm);
	struct mm_struct *expect = mm;

	life_count(shared_atomics);
	atomic_fence_seqcst(); /* inbox before slot */
	if (stands_on(cpu, mm))
		return other;
	/* It has left, and may not look again soon. What was in its inbox goes back there or on with us:
	 * both can't, so the older one is put back in mm's place. */
	life_count(shared_atomics);
	if (atomic_cmpxchg_acqrel(&hazard->inbox, &expect, other))
		return mm;
	return other;
}

/* Goes on until mm, and whatever it displaces, is left to somebody or nobody stands on it. */
static void hazard_finish_move(struct mm_struct *mm)
{
	while (mm) {
		struct mm_struct *next = NULL;
		bool is_left = false;

		for (unsigned cpu = 0; cpu < arch_cpu_count() && !is_left; cpu++) {
			if (!stands_on(cpu, mm))
				continue;
			next = leave_to(cpu, mm);
			is_left = next != mm;
		}
		if (!is_left) {
			mmdrop(mm, PIN_USERS);
			next = NULL;
		}
		mm = next;
	}
}

/* After the new root is loaded. mm may be freed already: the pointer is not looked behind. */
static void hazard_release(struct mm_struct *mm, enum mm_pin pin)
{
	struct hazard *hazard = &this_cpu(hazard);

	atomic_store_release(&hazard->slot, NULL);
	if (unlikely(atomic_load_relaxed(&hazard->inbox)))
		hazard_finish_move(atomic_exchange_acqrel(&hazard->inbox, NULL));
}

/* The inbox waits for the next release: this may be interrupt context. */
static void hazard_unlazy(struct mm_struct *mm)
{
	atomic_store_release(&this_cpu(hazard).slot, NULL);
}

const struct lazy_strategy lazy_hazard = {
	.name = "hazard",
	.is_counted = false,
	.borrow = hazard_borrow,
	.carry = hazard_carry,
	.release = hazard_release,
	.retire_move = hazard_finish_move,
	.unlazy = hazard_unlazy,
};

static void hazard_ipi_release(struct mm_struct *mm, enum mm_pin pin)
{
	atomic_store_release(&this_cpu(hazard).slot, NULL);
}

static void hazard_ipi_retire_move(struct mm_struct *mm)
{
	uint64_t cpus = 0;

	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++)
		if (stands_on(cpu, mm))
			cpus |= 1ULL << cpu;
	unlazy_cpus(mm, cpus);
	mmdrop(mm, PIN_USERS);
}

const struct lazy_strategy lazy_hazard_ipi = {
	.name = "hazard-ipi",
	.is_counted = false,
	.borrow = hazard_borrow,
	.carry = hazard_carry,
	.release = hazard_ipi_release,
	.retire_move = hazard_ipi_retire_move,
	.unlazy = hazard_unlazy,
};
