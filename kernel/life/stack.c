/*
 * Kernel stacks: KERNEL_STACK_SIZE bytes of mapped frames with an unmapped page below, so that an
 * overflow faults instead of eating its neighbour.
 *
 * A slot is a place for one stack in the port's range for small mappings:
 *
 *	free (not mapped, no CPU has a translation) -> in use <-> kept (mapped, for the next task)
 *	     ^                                                      |
 *	     +------------- stack_trim: unmap, flush every CPU -----+
 *
 * A dead task's stack is given back from finish_task_switch, where nothing can be waited for, so it
 * is always kept first: on its CPU, or beyond a few of them on the spare list. stack_trim, called
 * from task context when there are many spares or memory is short, does the part that must wait: no
 * frame goes back before every CPU has forgotten where it was mapped.
 *
 * stack_lock guards slots and spares; a CPU's kept stacks are its own, with preemption off.
 */
#include <kern/assert.h>
#include <kern/bitmap.h>
#include <kern/life.h>
#include <kern/page.h>
#include <kern/smp.h>
#include <kern/spinlock.h>
#include <arch/mmu.h>

#include "life_private.h"

enum {
	STACK_STRIDE = KERNEL_STACK_SIZE + 4096,
	NR_SLOTS = 65536,
	KEPT_MAX = 8,
	SPARES_MAX = 64,
};

struct kept_stacks {
	void *stacks[KEPT_MAX];
	unsigned nr;
};
DECLARE_PER_CPU(struct kept_stacks, kept_stacks);
DEFINE_PER_CPU(struct kept_stacks, kept_stacks);

/* A spare stack is linked through its own lowest words. */
struct spare {
	struct spare *next;
	struct page *frames;
};

static struct spinlock stack_lock = SPINLOCK_INIT(LOCK_RANK_STACKS, "stacks");
static struct spare *spares;			    /* [stack_lock] */
static unsigned nr_spares;			    /* [stack_lock], a hint to others */
static uint64_t slots_used[BITMAP_WORDS(NR_SLOTS)]; /* [stack_lock] */
static size_t slot_hint;			    /* [stack_lock] no free slot below it */

static void *stack_pop_spare(void)
{
	unsigned long flags = spin_lock_irqsave(&stack_lock);
	struct spare *spare = spares;

	if (spare) {
		spares = spare->next;
		nr_spares--;
	}
	spin_unlock_irqrestore(&stack_lock, flags);
	return spare;
}

static void stack_push_spare(void *stack, struct page *frames)
{
	struct spare *spare = stack;
	unsigned long flags = spin_lock_irqsave(&stack_lock);

	spare->next = spares;
	spare->frames = frames;
	spares = spare;
	nr_spares++;
	spin_unlock_irqrestore(&stack_lock, flags);
}

static vaddr_t slot_address(size_t slot)
{
	return ARCH_KERNEL_MAP_BASE + slot * STACK_STRIDE + PAGE_SIZE;
}

static size_t slot_take(void)
{
	unsigned long flags = spin_lock_irqsave(&stack_lock);
	size_t slot = bitmap_find_zero(slots_used, NR_SLOTS, slot_hint);

	if (slot < NR_SLOTS) {
		bitmap_set(slots_used, slot);
		slot_hint = slot + 1;
	}
	spin_unlock_irqrestore(&stack_lock, flags);
	return slot;
}

static void slot_give(size_t slot)
{
	unsigned long flags = spin_lock_irqsave(&stack_lock);

	bitmap_clear(slots_used, slot);
	slot_hint = MIN(slot_hint, slot);
	spin_unlock_irqrestore(&stack_lock, flags);
}

static void *stack_map_new(struct page **frames)
{
	struct page *page;
	size_t slot = slot_take();

	if (slot == NR_SLOTS)
		return NULL;
	page = page_alloc(KERNEL_STACK_ORDER, PAGE_USE_KERNEL, 0);
	if (!page)
		goto give_slot;
	if (arch_kernel_map(slot_address(slot), page_to_phys(page), 1UL << KERNEL_STACK_ORDER,
			    PTE_READ | PTE_WRITE | PTE_GLOBAL))
		goto free_frames;
	*frames = page;
	return (void *)slot_address(slot);
free_frames:
	page_free(page);
give_slot:
	slot_give(slot);
	return NULL;
}

void *stack_alloc(struct page **frames)
{
	struct kept_stacks *kept;
	struct spare *stack = NULL;

	preempt_disable();
	kept = &this_cpu(kept_stacks);
	if (kept->nr > 0)
		stack = kept->stacks[--kept->nr];
	preempt_enable();
	if (!stack)
		stack = stack_pop_spare();
	if (!stack)
		return stack_map_new(frames);
	*frames = stack->frames;
	return stack;
}

void stack_free(void *stack, struct page *frames)
{
	struct kept_stacks *kept;
	bool is_kept = false;

	preempt_disable();
	kept = &this_cpu(kept_stacks);
	if (kept->nr < KEPT_MAX) {
		((struct spare *)stack)->frames = frames;
		kept->stacks[kept->nr++] = stack;
		is_kept = true;
	}
	preempt_enable();
	if (!is_kept)
		stack_push_spare(stack, frames);
}

static void flush_kernel_here(void *arg)
{
	arch_tlb_flush_kernel();
}

/*
 * Takes the spare list and gives everything on it back. The links and frame pointers lie in the
 * very stacks that are unmapped, so they are read through the direct map afterwards.
 */
static void spares_release(void)
{
	unsigned long flags = spin_lock_irqsave(&stack_lock);
	struct spare *list = spares, *next;

	spares = NULL;
	nr_spares = 0;
	spin_unlock_irqrestore(&stack_lock, flags);
	if (!list)
		return;

	struct page *dead = NULL; /* linked through page->private */

	for (; list; list = next) {
		struct page *frames = list->frames;

		next = list->next;
		arch_kernel_unmap((vaddr_t)list, 1UL << KERNEL_STACK_ORDER);
		*(struct spare *)page_address(frames) = (struct spare){.next = list};
		frames->private = (uintptr_t)dead;
		dead = frames;
	}
	smp_call(atomic_load_acquire(&cpus_online), flush_kernel_here, NULL);
	while (dead) {
		struct page *frames = dead;
		vaddr_t stack = (vaddr_t)((struct spare *)page_address(frames))->next;

		dead = (struct page *)(uintptr_t)frames->private;
		frames->private = 0;
		slot_give((stack - ARCH_KERNEL_MAP_BASE) / STACK_STRIDE);
		page_free(frames);
	}
}

void task_trim_stacks(void)
{
	if (unlikely(atomic_load_relaxed(&nr_spares) > SPARES_MAX))
		spares_release();
}

static void kept_to_spares(void *arg)
{
	struct kept_stacks *kept = &this_cpu(kept_stacks);

	while (kept->nr > 0) {
		struct spare *stack = kept->stacks[--kept->nr];

		stack_push_spare(stack, stack->frames);
	}
}

void task_drain_stacks(void)
{
	smp_call(atomic_load_acquire(&cpus_online), kept_to_spares, NULL);
	spares_release();
}
