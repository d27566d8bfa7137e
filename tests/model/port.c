/*
 * The host port as the explorer has it: the functions that kernel/arch/host/include declares, with every
 * one a step that others can fall between. The interrupt flag, the root register and the TLB of each
 * virtual CPU live here; the memory system is the engine's.
 *
 * The TLB. Hardware may fill it at any moment from the tables that the root register leads to, and
 * may keep what it has until it is told to forget. So a CPU is taken to have everything that it
 * could have: filling more is never safer. That makes the adversary deterministic: there is nothing to
 * choose. A walk through a freed table, or a translation to a freed page, is possible exactly if it
 * is in these sets.
 */
#include <kern/assert.h>
#include <kern/bitmap.h>
#include <kern/entry.h>
#include <kern/string.h>
#include <kern/trace.h>
#include <arch/cpu.h>
#include <arch/ipi.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/switch.h>
#include <arch/time.h>
#include <stdio.h>

#include "../../kernel/sched/rq.h"
#include "world.h"

static struct host_cpu cpus[WORLD_CPUS] SECTION("kbss");
struct host_cpu *volatile host_cpu = &cpus[0];

char arch_boot_stack[16];

struct host_cpu *world_cpu(unsigned cpu)
{
	return &cpus[cpu];
}

struct host_memory_ops host_memory = {
	.load = prove_load,
	.store = prove_store,
	.exchange = prove_exchange,
	.cmpxchg = prove_cmpxchg,
	.fetch_add = prove_fetch_add,
	.fetch_and = prove_fetch_and,
	.fetch_or = prove_fetch_or,
	.fence = prove_fence,
};

void port_setup(void);
void port_setup(void)
{
	for (unsigned cpu = 0; cpu < WORLD_CPUS; cpu++) {
		cpus[cpu].hot.cpu = cpu;
		cpus[cpu].root = arch_kernel_root();
		cpus[cpu].is_started = cpu < scenario->cpus;
		prove_registers(&cpus[cpu], offsetof(struct host_cpu, tlb));
		prove_track(&cpus[cpu], offsetof(struct host_cpu, tlb));
	}
	host_cpu = &cpus[0];
	cpus_present = cpus_online = (1ULL << scenario->cpus) - 1;
}

/* ---- interrupts ---------------------------------------------------------------------------------- */

static void on_point(enum host_point kind, const volatile void *address)
{
	if (kind == HOST_POINT_IRQ_OFF)
		prove_window(); /* the end of a time in which interrupts were on */
}
void (*host_point_hook)(enum host_point kind, const volatile void *address) = on_point;

void host_irqs_enable(void)
{
	host_cpu->irqs_on = true;
}

void host_irqs_unbalanced(void)
{
	prove_fail("interrupts are on where their former state is to be restored");
}

void host_cpu_relax(void)
{
	prove_relax();
}

void host_idle_wait(void)
{
	prove_fail("the model's idle task does not call this");
}

static void send(unsigned cpu, enum ipi_kind kind)
{
	if (cpu >= scenario->cpus || cpu == prove_self())
		prove_fail("an IPI to CPU %u", cpu);
	cpus[cpu].pending |= 1U << kind;
	if (world->switching[cpu])
		cover(IPI_DURING_SWITCH);
}

/* All stores before the call are visible to the handler (arch/ipi.h): the buffer is drained. */
void arch_ipi_send_mask(uint64_t mask, enum ipi_kind kind)
{
	unsigned cpu;

	prove_point(POINT_IPI, NULL);
	prove_drain();
	for_each_cpu (cpu, mask)
		send(cpu, kind);
}

void arch_ipi_send(unsigned cpu, enum ipi_kind kind)
{
	arch_ipi_send_mask(1ULL << cpu, kind);
}

unsigned arch_cpu_count(void)
{
	return scenario->cpus;
}

uint64_t arch_clock_ns(void)
{
	return 0;
}

/* ---- roots and the TLB ----------------------------------------------------------------------------- */

unsigned frame_of(paddr_t paddr)
{
	return (unsigned)((paddr - PHYS_BASE) / PAGE_SIZE);
}

unsigned frame_of_address(const void *address)
{
	return (unsigned)(((const char *)address - prove_frame_base()) / (ptrdiff_t)PAGE_SIZE);
}

void *host_phys_to_virt(paddr_t paddr)
{
	if (paddr < PHYS_BASE || frame_of(paddr) >= PROVE_FRAMES)
		prove_fail("physical address %#llx is not RAM", (unsigned long long)paddr);
	return prove_frame_base() + (paddr - PHYS_BASE);
}

paddr_t host_virt_to_phys(const void *vaddr)
{
	return (paddr_t)((const char *)vaddr - prove_frame_base()) + PHYS_BASE;
}

paddr_t arch_kernel_root(void)
{
	return host_virt_to_phys(world->kernel_root);
}

void arch_root_init(void *root)
{
	/* The kernel half is the same in all; the model has none. */
}

static void forget(unsigned cpu)
{
	memset(&world->tlbs[cpu], 0, sizeof(world->tlbs[cpu]));
}

void host_mmu_load_root(paddr_t root)
{
	unsigned cpu = prove_self();

	if (host_cpu->irqs_on)
		prove_fail("I2 RootShadow: a root is loaded with interrupts on");
	prove_point(POINT_ROOT, phys_to_virt(root));
	prove_drain(); /* a full barrier (arch/mmu.h) */
	if (!prove_object_is_live(phys_to_virt(root)))
		prove_fail("I1 RootLive: CPU %u loads a root that was freed", cpu);
	/* Who runs (or is about to) has the address space that it was told to leave before. */
	if (world->irq_depth[cpu] && root == arch_kernel_root()) {
		cover(IPI_EVICTED);
		world->evicted_from[cpu] = host_cpu->root;
	} else if (world->evicted_from[cpu] == root) {
		cover(EVICTED_BACK);
	} else if (root != arch_kernel_root()) {
		world->evicted_from[cpu] = 0;
	}
	host_cpu->root = root;
	forget(cpu);
}

void host_tlb_flush_page(vaddr_t va)
{
	struct world_tlb *tlb = &world->tlbs[prove_self()];
	unsigned page = (unsigned)(va / PAGE_SIZE) % WORLD_PAGES;

	prove_point(POINT_FLUSH, NULL);
	prove_drain(); /* ordered after earlier page-table stores */
	tlb->pages[page] = tlb->stale[page] = 0;
}

void host_tlb_flush_all(void)
{
	prove_point(POINT_FLUSH, NULL);
	prove_drain();
	if (world->switching[prove_self()])
		cover(LAZY_CAUGHT_UP);
	forget(prove_self());
}

static void fill_from_table(struct world_tlb *tlb, unsigned table)
{
	const pte_t *entries =
		(const pte_t *)(const void *)(prove_frame_base() + table * PAGE_SIZE);

	for (unsigned page = 0; page < WORLD_PAGES; page++)
		if (entries[page])
			tlb->pages[page] |= 1U << frame_of(arch_pte_frame(entries[page]));
}

static void fill(unsigned cpu)
{
	struct world_tlb *tlb = &world->tlbs[cpu];
	const pte_t *root = host_phys_to_virt(cpus[cpu].root);
	uint32_t left;

	if (!prove_object_is_live(root))
		prove_fail("I1 RootLive: CPU %u stands on a root that was freed", cpu);
	if (arch_pte_is_table(root[0], 3))
		tlb->tables |= 1U << frame_of(arch_pte_frame(root[0]));
	for (left = tlb->tables; left; left &= left - 1)
		fill_from_table(tlb, (unsigned)__builtin_ctz(left));
}

/* After every step: what the hardware may have done meanwhile. */
void tlb_fill(void)
{
	for (unsigned cpu = 0; cpu < scenario->cpus; cpu++)
		fill(cpu);
}

void tlb_frame_freed(unsigned frame)
{
	uint32_t bit = 1U << frame;

	for (unsigned cpu = 0; cpu < scenario->cpus; cpu++) {
		struct world_tlb *tlb = &world->tlbs[cpu];

		if (frame_of(cpus[cpu].root) == frame)
			prove_fail("I1 RootLive: a root is freed while CPU %u stands on it", cpu);
		if (tlb->tables & bit)
			prove_fail("I13 TableLive: a page table is freed while CPU %u may walk it",
				   cpu);
		for (unsigned page = 0; page < WORLD_PAGES; page++) {
			tlb->stale[page] |= tlb->pages[page] & bit;
			tlb->pages[page] &= ~bit;
		}
	}
}

int arch_kernel_map(vaddr_t va, paddr_t frame, size_t nr_pages, unsigned flags)
{
	return 0;
}

/* ---- threads ------------------------------------------------------------------------------------------ */

struct task_struct *arch_switch_to(struct task_struct *prev, struct task_struct *next)
{
	unsigned number = task_number(next);

	if (host_cpu->irqs_on)
		prove_fail("a switch with interrupts on");
	if (host_cpu->hot.preempt_count != PREEMPT_ONE)
		prove_fail("a switch with preempt_count %u", host_cpu->hot.preempt_count);
	if (prev->state == TASK_DEAD && percpu_rq[prove_self()].prev_mm)
		cover(BORROWER_DIED);
	next->thread.switched_from = prev;
	host_cpu->hot.task = next;
	prove_stack_switch(world->tasks[number].stack);
	return prev->thread.switched_from;
}

void arch_thread_release(struct task_struct *task)
{
}

/* ---- the end ------------------------------------------------------------------------------------------- */

void panic_at(const char *file, int line, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	prove_fail("%s (%s:%d)", text, file, line);
}

uint32_t trace_is_on;
void trace_emit(enum trace_kind kind, uint64_t a, uint64_t b, uint64_t c)
{
}
