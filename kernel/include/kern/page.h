/*
 * Page frames. Every frame the allocator manages has a struct page in one virtually contiguous
 * array (page_map), of which only the parts that are needed exist: the allocator takes memory from
 * the machine in sections of SECTION_PAGES as it runs short, and each section brings its own part
 * of the array. A small program on a large machine touches little of it.
 */
#ifndef KERN_PAGE_H
#define KERN_PAGE_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <arch/mmu.h>

struct boot_info;
struct mapping;

enum {
	PAGE_MAX_ORDER = 10,	     /* largest block: 4 MiB */
	SECTION_PAGES = 32UL << 8,   /* 32 MiB */
};

/* What a frame is used for; what it is not is checked when it is freed. */
enum page_use {
	PAGE_USE_NONE, /* reserved, or not RAM */
	PAGE_USE_FREE,
	PAGE_USE_KERNEL, /* whoever allocated it */
	PAGE_USE_SLAB,
	PAGE_USE_TABLE,	 /* a page table or root */
	PAGE_USE_ANON,	 /* anonymous user memory */
	PAGE_USE_FILE,	 /* in a struct mapping */
};

struct page {
	struct refcount refs; /* holders: page-table entries, a mapping, and short visitors */
	uint8_t use;	      /* enum page_use */
	uint8_t order;	      /* of a free block's or allocation's first frame */
	uint16_t flags;	      /* [owner] */
	union {
		struct list_node link; /* free list; or the owner's */
		struct {
			struct mapping *mapping; /* FILE: [mapping->lock] NULL once truncated */
			uint64_t index;		 /* FILE: page number in the mapping */
		};
		struct {
			void *slab;	   /* SLAB: the cache's */
			void *slab_private;
		};
		struct spinlock table_lock; /* TABLE, of leaf entries: guards them (mm/pagetable.h) */
	};
	uint64_t private; /* TABLE: live entries; others: the owner's */
};
STATIC_ASSERT(sizeof(struct page) == 32);

/* Allocation flags, for frames and objects. */
enum {
	ALLOC_KERNEL = 0,      /* may sleep and reclaim */
	ALLOC_ATOMIC = 1 << 0, /* must not sleep; may use the reserve */
	ALLOC_ZERO = 1 << 1,
	ALLOC_USER = 1 << 2, /* on behalf of a user: fails before the kernel's reserve is touched */
};

struct page *phys_to_page(paddr_t paddr); /* paddr must be managed RAM */
paddr_t page_to_phys(const struct page *page);
static inline void *page_address(const struct page *page)
{
	return phys_to_virt(page_to_phys(page));
}
static inline struct page *virt_to_page(const void *vaddr)
{
	return phys_to_page(virt_to_phys(vaddr));
}

/* Sets up the allocator from the firmware's map. Context: boot, one CPU. */
void page_init(const struct boot_info *boot);
/* Gives a range that was reserved until now (init sections, the initrd) to the allocator. */
void page_add_range(paddr_t start, paddr_t end);
/*
 * Makes one frame of a range that is still reserved (the initrd's) an allocated one of order 0, with
 * one reference and use as given, contents untouched: as if page_alloc had returned it. NULL: the frame
 * is not managed, or is not reserved. Context: task, before page_add_range of that frame.
 */
MUST_USE struct page *page_claim_reserved(paddr_t frame, enum page_use use);

/*
 * 2^order contiguous frames, aligned to their size, one reference, use as given. NULL: none left.
 * The caller's frames are poisoned in debug builds unless ALLOC_ZERO.
 * Context: any with ALLOC_ATOMIC, else where sleeping is allowed. order <= PAGE_MAX_ORDER.
 */
MUST_USE struct page *page_alloc(unsigned order, enum page_use use, unsigned flags);

/* One reference less; the last one frees the block (its order is remembered). Context: any. */
void page_put(struct page *page);
static inline void page_get(struct page *page)
{
	refcount_get(&page->refs);
}

/* Frees at once; the caller holds the only reference. */
void page_free(struct page *page);

/* Frames, not bytes. Per-CPU caches and untouched sections count as free. Context: any. */
struct page_stats {
	uint64_t total, free, slab, table, anon, file, kernel, untouched;
};
void page_stats_read(struct page_stats *stats);

/* Returns the per-CPU caches of this CPU to the common lists (tests, CPU offline). */
void page_drain_cpu(void);

/*
 * Test hook: the Nth next allocation of frames or objects (1 = the next) fails; 0: none does.
 * In all builds, so that the sweeps test what runs.
 */
void alloc_fail_nth(uint64_t n);
/* Whether that one has failed. */
bool alloc_has_failed(void);
/* For allocators: this request is the one that fails. */
bool alloc_should_fail(void);

/* Somebody above who can give memory back; called where sleeping is allowed. Returns frames freed.
 * mm/ registers the out-of-memory killer here, the life layer its un-lazying. */
struct page_reclaimer {
	size_t (*reclaim)(size_t nr_pages);
	struct page_reclaimer *next;
};
void page_add_reclaimer(struct page_reclaimer *reclaimer);

#endif
