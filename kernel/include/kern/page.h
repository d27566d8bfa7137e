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
	PAGE_MAX_ORDER = 10,	   /* largest block: 4 MiB */
	SECTION_PAGES = 32UL << 8, /* 32 MiB */
};

/* What a frame is used for; what it is not is checked when it is freed. */
enum page_use {
	PAGE_USE_NONE, /* reserved, or not RAM */
	PAGE_USE_FREE,
	PAGE_USE_KERNEL, /* whoever allocated it */
	PAGE_USE_SLAB,
	PAGE_USE_TABLE, /* a page table or root */
	PAGE_USE_ANON,	/* anonymous user memory */
	PAGE_USE_FILE,	/* in a struct mapping */
	NR_PAGE_USES,
};

struct page {
	struct refcount refs; /* holders: page-table entries, a mapping, and short visitors */
	uint8_t use;	      /* enum page_use */
	uint8_t order;	      /* of a free block's or allocation's first frame */
	uint16_t flags;	      /* [owner] 0 when allocated; SLAB: which cache */
	union {
		struct list_node link; /* free list; SLAB: its cache's list; or the owner's */
		struct {
			struct mapping *mapping; /* FILE: [mapping->lock] NULL once truncated */
			uint64_t index;		 /* FILE: page number in the mapping */
		};
		struct spinlock
			table_lock; /* TABLE, of leaf entries: guards them (mm/pagetable.h) */
	};
	uint64_t private; /* SLAB: free objects; others: the owner's */
};
STATIC_ASSERT(sizeof(struct page) == 32);

/* Allocation flags, for frames and objects. */
enum {
	ALLOC_KERNEL = 0,      /* may sleep and reclaim */
	ALLOC_ATOMIC = 1 << 0, /* must not sleep; may use the reserve */
	ALLOC_ZERO = 1 << 1,
	ALLOC_USER = 1 << 2, /* on behalf of a user: fails before the kernel's reserve is touched */
};

/* The array; of frames that are not managed RAM the entry is not there to be touched. */
#define page_map ((struct page *)ARCH_PAGE_MAP_BASE)

static inline struct page *phys_to_page(paddr_t paddr)
{
	return &page_map[paddr >> PAGE_SHIFT];
}
static inline paddr_t page_to_phys(const struct page *page)
{
	return (paddr_t)(page - page_map) << PAGE_SHIFT;
}
static inline void *page_address(const struct page *page)
{
	return phys_to_virt(page_to_phys(page));
}
static inline struct page *virt_to_page(const void *vaddr)
{
	return phys_to_page(virt_to_phys(vaddr));
}

/* Sets up the allocator from the firmware's map; panics if there is too little memory to start.
 * Context: boot, one CPU. */
void page_init(const struct boot_info *boot);
/* Gives a range that was reserved until now (init sections, the initrd) to the allocator, but for what
 * page_claim_reserved took out of it. Parts of frames at its ends stay reserved. Context: task. */
void page_add_range(paddr_t start, paddr_t end);
/*
 * Makes one frame of a range that is still reserved (the initrd's) an allocated one of order 0, with
 * one reference and use as given, contents untouched: as if page_alloc had returned it. NULL: the frame
 * is not managed, or is not reserved. Context: task, before page_add_range of that frame.
 */
MUST_USE struct page *page_claim_reserved(paddr_t frame, enum page_use use);

/*
 * 2^order contiguous frames, aligned to their size, one reference, use as given (in the first one's
 * struct page, which stands for all). NULL: none left.
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
/* The same for a single frame that holds nothing but zeroes (a page table whose entries are all gone):
 * the next request for a zeroed one need not clear it. Debug builds look. */
void page_free_zeroed(struct page *page);

/* Contents of one frame: zeroes, or another's. */
void page_clear(void *frame);
void page_copy(void *restrict dst, const void *restrict src);

/* Frames, not bytes. Per-CPU caches and untouched sections count as free; total leaves out what was
 * never the allocator's to give (the kernel image, the array of struct page). Other CPUs allocate
 * meanwhile, so the sums are exact only when they do not. Context: any. */
struct page_stats {
	uint64_t total, free, slab, table, anon, file, kernel, untouched;
};
void page_stats_read(struct page_stats *stats);

/* Returns the cached frames of this CPU to the common lists (tests, CPU offline). Context: any. */
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

/* Somebody above who can give memory back. Called, in the order of registration, where sleeping is
 * allowed, when an allocation of up to PAGE_RECLAIM_ORDER would fail; until nr_pages are free. Returns
 * the frames freed, 0 to let the allocation fail. Registered at boot, for good. */
enum { PAGE_RECLAIM_ORDER = 3 };
struct page_reclaimer {
	size_t (*reclaim)(size_t nr_pages);
	struct page_reclaimer *next;
};
void page_add_reclaimer(struct page_reclaimer *reclaimer);

#endif
