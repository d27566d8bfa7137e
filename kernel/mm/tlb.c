/*
 * Making every CPU forget translations. One side of the pairing that life/root.c draws:
 *
 *	the caller has cleared the entries	(page-table lock)
 *	tlb_gen + 1, a full barrier		whoever loads mm's root from here on sees it
 *	read loaded_mm of each CPU in cpumask	those that had loaded it before, or may have, are
 *	wait for their answers			interrupted: then no stale translation is in use
 *
 * A lazy CPU runs no user code and catches up by itself, so it is left in peace, unless page tables
 * are about to be freed: its processor may walk them at any time, used or not (I13). Then it is told
 * to leave the root altogether.
 */
#include <kern/assert.h>
#include <kern/life.h>
#include <kern/mm.h>
#include <kern/preempt.h>
#include <kern/smp.h>
#include <kern/trace.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/mmu.h>

/* Above this many pages, forgetting everything costs less than going page by page. */
enum { FLUSH_ALL_PAGES = 32 };

struct flush {
	struct mm_struct *mm;
	vaddr_t start, end; /* end 0: all */
	uint64_t gen;	    /* the generation that this flush makes */
	unsigned from_cpu;
};

static void flush_tlb_of_root(struct tlb_state *tlb, const struct flush *flush)
{
	/* Read before the flush: what is asked for later is not covered by it. */
	uint64_t gen = atomic_load_acquire(&flush->mm->tlb_gen);

	if (flush->end && tlb->gen == flush->gen - 1) {
		/* Nothing but this one is missing. */
		for (vaddr_t va = flush->start; va < flush->end; va += PAGE_SIZE)
			arch_tlb_flush_page(va);
		tlb->gen = flush->gen;
	} else {
		arch_tlb_flush_all();
		tlb->gen = gen;
	}
	this_cpu(life_stat).tlb_flushes++;
}

/* On each CPU that was told. Interrupts off. */
static void flush_here(void *arg)
{
	const struct flush *flush = arg;
	struct tlb_state *tlb = &this_cpu(tlb_state);

	if (atomic_load_relaxed(&tlb->loaded_mm) != flush->mm)
		return; /* another root was loaded since, and with it all was forgotten */
	if (atomic_load_relaxed(&tlb->is_lazy) && flush->from_cpu != arch_cpu_id())
		leave_mm(); /* claims and active_mm stay: this is an interrupt */
	else if (tlb->gen < flush->gen)
		flush_tlb_of_root(tlb, flush);
}

/* Whether a CPU must be interrupted. SWITCHING: it may be on its way to mm or from it (H3). */
static bool is_target(const struct mm_struct *mm, unsigned cpu, bool freed_tables)
{
	const struct tlb_state *tlb = &per_cpu(tlb_state, cpu);
	struct mm_struct *loaded = atomic_load_acquire(&tlb->loaded_mm);

	if (loaded != mm && loaded != MM_SWITCHING)
		return false;
	return freed_tables || !atomic_load_relaxed(&tlb->is_lazy);
}

static uint64_t flush_targets(const struct mm_struct *mm, bool freed_tables)
{
	uint64_t mask = atomic_load_relaxed(&mm->cpumask) & ~(1ULL << arch_cpu_id());
	uint64_t targets = 0;
	unsigned cpu;

	for_each_cpu (cpu, mask)
		if (is_target(mm, cpu, freed_tables))
			targets |= 1ULL << cpu;
	return targets;
}

static void tlb_flush(struct flush *flush, bool freed_tables)
{
	unsigned long flags;
	uint64_t targets;

	preempt_disable();
	flush->from_cpu = arch_cpu_id();
	flush->gen = atomic_fetch_add_seqcst(&flush->mm->tlb_gen, 1) + 1;
	atomic_fence_seqcst(); /* tlb_gen before the CPUs' state; pairs with root_load and switch_mm */
	targets = flush_targets(flush->mm, freed_tables);
	flags = arch_irq_save();
	flush_here(flush);
	arch_irq_restore(flags);
	if (targets) {
		this_cpu(life_stat).ipis_sent += bit_count(targets);
		smp_call(targets, flush_here, flush);
	}
	trace(TLB_FLUSH, flush->mm->id, targets,
	      flush->end ? PAGES_FOR(flush->end - flush->start) : 0);
	preempt_enable();
}

void tlb_flush_range(struct mm_struct *mm, vaddr_t start, vaddr_t end, bool freed_tables)
{
	struct flush flush = {.mm = mm, .start = start, .end = end};

	/* Page by page does not forget what the processor cached of the tables above (H17). */
	if (freed_tables || PAGES_FOR(end - start) > FLUSH_ALL_PAGES)
		flush.end = 0;
	tlb_flush(&flush, freed_tables);
}

void tlb_flush_mm(struct mm_struct *mm, bool freed_tables)
{
	struct flush flush = {.mm = mm};

	tlb_flush(&flush, freed_tables);
}

void tlb_flush_page_local(struct mm_struct *mm, vaddr_t va)
{
	unsigned long flags = arch_irq_save();

	if (this_cpu(tlb_state).loaded_mm == mm)
		arch_tlb_flush_page(va);
	arch_irq_restore(flags);
}
