/*
 * The root on this CPU: which address space's tables the processor walks, and whether its TLB is up
 * to date with the flushes that were asked for.
 *
 * The pairing on which everything rests (D6; the flusher's side is mm/tlb.c):
 *
 *	root_load					tlb_flush
 *	  is_lazy = 0, loaded_mm = SWITCHING,		  clear the page-table entries
 *	  own bit in mm->cpumask			  mm->tlb_gen + 1
 *	  full barrier					  full barrier
 *	  read mm->tlb_gen				  of each CPU in mm->cpumask: read loaded_mm, is_lazy
 *	  load the root					  interrupt it unless it stands elsewhere, or is lazy
 *	  loaded_mm = mm
 *
 * Whoever comes second sees the first: either the flusher finds SWITCHING (or mm) and interrupts, or
 * this CPU reads the new generation, and since the entries were cleared before it, its load forgets
 * them. The interrupt stays pending while interrupts are off, so it cannot fall between the steps; a
 * CPU that is SWITCHING is always interrupted, since it may be on its way to mm (H3). The generation
 * is read before the load, not after: what is asked for in between is then done twice, not never.
 *
 * cpumask only grows: it says where an address space has been, so where a flusher must look;
 * loaded_mm says who is there now. So a switch writes nothing that other CPUs write, but for an
 * address space's first time on a CPU. loaded_mm leaves mm only after another root is loaded: until
 * then the tables can be walked (I15, H1).
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
	uint64_t me = 1ULL << arch_cpu_id();
	uint64_t gen;

	atomic_store_release(&tlb->loaded_mm, MM_SWITCHING); /* I2; after is_lazy */
	if (next != &init_mm && !(atomic_load_relaxed(&next->cpumask) & me)) {
		atomic_fetch_or_relaxed(&next->cpumask, me);
		this_cpu(life_stat).shared_atomics++;
	}
	atomic_fence_seqcst(); /* I15, I16; pairs with tlb_flush */
	gen = atomic_load_relaxed(&next->tlb_gen);
	arch_mmu_load_root(next->root);
	tlb->gen = gen;
	atomic_store_release(&tlb->loaded_mm, next); /* H1: not before the load */
	this_cpu(life_stat).root_loads++;
	trace(ROOT_LOAD, next->id, arch_cpu_id(), 0);
}

void switch_mm(struct mm_struct *next)
{
	struct tlb_state *tlb = &this_cpu(tlb_state);
	bool was_lazy = atomic_load_relaxed(&tlb->is_lazy);
	uint64_t gen;

	debug_assert(!arch_irqs_enabled());
	debug_assert(next->state == MM_LIVE);
	if (was_lazy)
		atomic_store_relaxed(&tlb->is_lazy,
				     0); /* before the barrier, here or in root_load */
	if (atomic_load_relaxed(&tlb->loaded_mm) != next) {
		root_load(tlb, next);
		return;
	}
	debug_assert(arch_mmu_root() == next->root); /* I2 */
	if (!was_lazy)
		return; /* between threads of one process: flushes have reached this CPU all along */

	/* Back from lazy to the same address space, the saving that borrowing is for. Flushes may have
	 * skipped this CPU: it catches up by itself. */
	atomic_fence_seqcst(); /* is_lazy before tlb_gen; pairs with tlb_flush */
	gen = atomic_load_relaxed(&next->tlb_gen);
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
	if (atomic_load_relaxed(&tlb->loaded_mm) != &init_mm)
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

/* On each CPU named to unlazy_cpus. */
static void unlazy_here(void *arg)
{
	struct mm_struct *mm = arg;

	if (current->mm || current->active_mm != mm)
		return; /* it has left already, or never stood on it */
	leave_mm();
	current->active_mm = &init_mm;
	lazy->unlazy(mm);
}

void unlazy_cpus(struct mm_struct *mm, uint64_t cpus)
{
	if (!cpus)
		return;
	preempt_disable();
	this_cpu(life_stat).ipis_sent += bit_count(cpus & ~(1ULL << arch_cpu_id()));
	smp_call(cpus, unlazy_here, mm);
	preempt_enable();
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
}

void root_poison(void *root)
{
	if (LODGER_DEBUG) /* present bits clear in every port's encoding, and easy to see in a dump
			   */
		memset(root, 0x5a & ~1, PAGE_SIZE);
}
