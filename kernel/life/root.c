/*
 * The root on this CPU: which address space's tables the processor walks, and whether its TLB is up
 * to date with the flushes that were asked for.
 *
 * The pairing on which everything rests (D6; the flusher's side is mm/tlb.c):
 *
 *	switch_mm					tlb_flush
 *	  is_lazy = 0, own bit into mm->cpumask		  clear the page-table entries
 *	  full barrier (the bit's atomic)		  mm->tlb_gen + 1, full barrier
 *	  read mm->tlb_gen				  read mm->cpumask, is_lazy of each CPU in
 *it load the root					  interrupt those that are in it and not
 *lazy
 *
 * Whoever comes second sees the first: either the flusher finds the bit and interrupts, or this CPU
 * reads the new generation, and since the entries were cleared before it, its load (or its flush)
 * forgets them. The interrupt stays pending while interrupts are off, so it cannot fall between the
 * steps. The bit goes only after another root is loaded (I15): until then the tables can be walked.
 */
#include <kern/assert.h>
#include <kern/life.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/trace.h>
#include <arch/irq.h>
#include <arch/mmu.h>

#include "life_private.h"

DEFINE_PER_CPU(struct tlb_state, tlb_state);

/* Loads next's root in place of what is loaded. Interrupts off. */
static void root_load(struct tlb_state *tlb, struct mm_struct *next)
{
	struct mm_struct *last = tlb->loaded_mm;
	uint64_t me = 1ULL << arch_cpu_id();
	uint64_t gen;

	atomic_store_release(&tlb->loaded_mm, MM_SWITCHING); /* I2 */
	if (next != &init_mm)
		atomic_fetch_or_seqcst(&next->cpumask, me); /* I15, I16; pairs with tlb_flush */
	gen = atomic_load_acquire(&next->tlb_gen);
	arch_mmu_load_root(next->root);
	tlb->gen = gen;
	atomic_store_release(&tlb->loaded_mm, next);
	if (last != &init_mm)
		atomic_fetch_and_acqrel(&last->cpumask, ~me); /* H1: not before the load */
	this_cpu(life_stat).root_loads++;
	trace(ROOT_LOAD, next->id, arch_cpu_id(), 0);
}

void switch_mm(struct mm_struct *prev, struct mm_struct *next)
{
	struct tlb_state *tlb = &this_cpu(tlb_state);
	uint64_t gen;

	debug_assert(!arch_irqs_enabled());
	debug_assert(next->state == MM_LIVE || next == &init_mm);
	if (tlb->loaded_mm != next) {
		atomic_store_relaxed(&tlb->is_lazy, 0); /* ordered by the mask's full barrier */
		root_load(tlb, next);
		return;
	}
	debug_assert(arch_mmu_root() == next->root); /* I2 */
	if (!tlb->is_lazy)
		return; /* between threads of one process: flushes have reached this CPU all along
			 */

	/* Back from lazy to the same address space, the saving that borrowing is for. Flushes may
	 * have skipped this CPU: it catches up by itself. */
	atomic_exchange_acqrel(&tlb->is_lazy, 0);
	atomic_fence_seqcst(); /* is_lazy before tlb_gen; pairs with tlb_flush */
	gen = atomic_load_acquire(&next->tlb_gen);
	if (tlb->gen != gen) {
		arch_tlb_flush_all();
		tlb->gen = gen;
		this_cpu(life_stat).tlb_flushes++;
	}
	this_cpu(life_stat).loads_saved++;
}

void enter_lazy_tlb(struct mm_struct *mm)
{
	atomic_store_relaxed(&this_cpu(tlb_state).is_lazy, 1);
}

void leave_mm(void)
{
	struct tlb_state *tlb = &this_cpu(tlb_state);

	debug_assert(!arch_irqs_enabled());
	if (tlb->loaded_mm != &init_mm)
		root_load(tlb, &init_mm);
}

void life_unlazy_cpu(void)
{
	struct mm_struct *mm = current->active_mm;

	assert(!arch_irqs_enabled() && !current->mm);
	if (mm == &init_mm)
		return;
	leave_mm();
	if (lazy->is_counted)
		mmgrab(&init_mm, PIN_LAZY);
	current->active_mm = &init_mm;
	lazy->unlazy(mm);
}

void root_assert_unused(const struct mm_struct *mm)
{
	assert_msg(arch_mmu_root() != mm->root,
		   "I1 RootLive: mm %llu (%s, pid %d) is being freed while its root 0x%llx is "
		   "loaded on "
		   "this CPU (%u)",
		   (unsigned long long)mm->id, mm->owner_comm, mm->owner_pid,
		   (unsigned long long)mm->root, arch_cpu_id());
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++)
		assert_msg(
			atomic_load_acquire(&per_cpu(tlb_state, cpu).loaded_mm) != mm,
			"I1 RootLive: mm %llu (%s, pid %d) is being freed while its root 0x%llx is "
			"loaded on CPU %u",
			(unsigned long long)mm->id, mm->owner_comm, mm->owner_pid,
			(unsigned long long)mm->root, cpu);
	assert_msg(atomic_load_relaxed(&mm->cpumask) == 0,
		   "I15 MaskCover: mm %llu is being freed with CPUs 0x%llx in its mask",
		   (unsigned long long)mm->id, (unsigned long long)mm->cpumask);
}

void root_poison(void *root)
{
	if (LODGER_DEBUG) /* present bits clear in every port's encoding, and easy to see in a dump
			   */
		memset(root, 0x5a & ~1, PAGE_SIZE);
}
