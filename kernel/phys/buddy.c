/*
 * The buddy lists: free blocks of 2^order frames. A block's buddy is the other half of the next larger
 * block; when both are free they become one. Owns free_lists and, of every page in a free block, its
 * struct page; all guarded by phys_lock, which is taken with interrupts off.
 *
 * Only a block's first page says that it is free and how large (BUDDY_HEAD, order). What the pages
 * behind it say is left over from before and means nothing: dividing a block writes one new head.
 */
#include "buddy.h"
#include <kern/bitmap.h>
#include <kern/kasan.h>
#include <kern/spinlock.h>

enum { NR_ORDERS = PAGE_MAX_ORDER + 1 };

/* page->flags of a free block's first page. Bit 1 is poison.c's. */
enum { BUDDY_HEAD = 1 << 0 };

static struct spinlock phys_lock = SPINLOCK_INIT(LOCK_RANK_PHYS, "phys");
static struct list_node free_lists[NR_ORDERS]; /* [phys_lock] zero until the first block comes */
static uint32_t orders_free;		       /* [phys_lock] bit: that list is not empty */
static uint64_t nr_free;		       /* [atomic, written under phys_lock] frames */

static pfn_t page_to_pfn(const struct page *page)
{
	return (pfn_t)(page - page_map);
}

static void list_block(struct page *page, unsigned order)
{
	if (!(orders_free & 1U << order))
		list_init(&free_lists[order]);
	page->use = PAGE_USE_FREE;
	page->order = (uint8_t)order;
	page->flags |= BUDDY_HEAD;
	list_add(&free_lists[order], &page->link);
	orders_free |= 1U << order;
}

static void unlist_block(struct page *page, unsigned order)
{
	page->flags &= (uint16_t)~BUDDY_HEAD;
	list_remove(&page->link);
	if (list_is_empty(&free_lists[order]))
		orders_free &= ~(1U << order);
}

/* Context: phys_lock held. */
static struct page *take_block(unsigned order)
{
	uint32_t large_enough = orders_free >> order << order;

	if (!large_enough)
		return NULL;
	unsigned from = bit_lowest(large_enough);
	struct page *page = list_first(&free_lists[from], struct page, link);
	unlist_block(page, from);
	while (from > order) {
		from--;
		list_block(page + (1UL << from), from);
	}
	return page;
}

/* Context: phys_lock held. */
static void put_block(struct page *page, unsigned order)
{
	for (; order < PAGE_MAX_ORDER; order++) {
		/* Sections are multiples of the largest block, and page_map has no gaps in them. */
		struct page *buddy = &page_map[page_to_pfn(page) ^ (1UL << order)];
		if (!(buddy->flags & BUDDY_HEAD) || buddy->use != PAGE_USE_FREE ||
		    buddy->order != order)
			break;
		unlist_block(buddy, order);
		page = MIN(page, buddy);
	}
	list_block(page, order);
}

static void count_free(int64_t frames)
{
	atomic_store_relaxed(&nr_free, nr_free + (uint64_t)frames);
}

struct page *buddy_take(unsigned order, uint64_t floor)
{
	struct page *page = NULL;
	unsigned long flags = spin_lock_irqsave(&phys_lock);

	if (nr_free >= floor + (1UL << order))
		page = take_block(order);
	if (page)
		count_free(-(1L << order));
	spin_unlock_irqrestore(&phys_lock, flags);
	return page;
}

unsigned buddy_take_batch(struct page **pages, unsigned nr, uint64_t floor)
{
	unsigned taken = 0;
	unsigned long flags = spin_lock_irqsave(&phys_lock);

	if (nr_free < floor + nr)
		nr = nr_free > floor;
	while (taken < nr && (pages[taken] = take_block(0)))
		taken++;
	count_free(-(int64_t)taken);
	spin_unlock_irqrestore(&phys_lock, flags);
	return taken;
}

void buddy_put(struct page *page, unsigned order)
{
	unsigned long flags = spin_lock_irqsave(&phys_lock);

	put_block(page, order);
	count_free(1L << order);
	spin_unlock_irqrestore(&phys_lock, flags);
}

void buddy_put_batch(struct page *const *pages, unsigned nr)
{
	unsigned long flags = spin_lock_irqsave(&phys_lock);

	for (unsigned i = 0; i < nr; i++)
		put_block(pages[i], 0);
	count_free(nr);
	spin_unlock_irqrestore(&phys_lock, flags);
}

void buddy_add(pfn_t start, pfn_t end)
{
	unsigned long flags = spin_lock_irqsave(&phys_lock);

	kasan_poison(phys_to_virt(start << PAGE_SHIFT), (end - start) << PAGE_SHIFT);
	count_free((int64_t)(end - start));
	while (start < end) {
		unsigned fits = bit_highest(end - start);
		unsigned aligned = start ? bit_lowest(start) : PAGE_MAX_ORDER;
		unsigned order = MIN(MIN(fits, aligned), (unsigned)PAGE_MAX_ORDER);
		put_block(&page_map[start], order);
		start += 1UL << order;
	}
	spin_unlock_irqrestore(&phys_lock, flags);
}

uint64_t buddy_nr_free(void)
{
	return atomic_load_relaxed(&nr_free);
}
