/*
 * Page frames: allocation and release. Each CPU keeps a stack of single free frames, so that most
 * requests touch nothing shared; below it are the buddy lists, below them sections that are not in
 * use yet, and when all are empty those who registered a page_reclaimer.
 *
 *	FREE (cached by a CPU, or in a buddy block) -> KERNEL, SLAB, TABLE, ANON, FILE: refs > 0 -> FREE
 *
 * The stacks and counters are their CPU's own, with interrupts off [cpu].
 */
#include <kern/page.h>
#include <kern/boot.h>
#include <kern/kasan.h>
#include <kern/log.h>
#include <kern/preempt.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <arch/cpu.h>
#include "buddy.h"
#include "failure.h"
#include "poison.h"
#include "section.h"

enum {
	CACHE_MAX = 256, /* frames a CPU keeps at most */
	CACHE_MIN = 16,	 /* the same on a machine with little memory for its CPUs */
	ZEROED_MAX = 32, /* zeroed frames that it keeps besides */
	BATCH = 16,	 /* frames fetched at once */
	MAX_TRIES = 8,	 /* how often an allocation comes back from reclaiming */
};

struct CACHE_ALIGNED page_cache {
	uint32_t count, nr_zeroed;
	uint32_t max;		    /* 0: the CPU has not used its cache yet */
	int64_t used[NR_PAGE_USES]; /* frames allocated less frames freed here, may be negative */
	struct page *pages[CACHE_MAX];
	struct page *zeroed[ZEROED_MAX];
};

static DEFINE_PER_CPU(struct page_cache, page_cache);
static uint64_t cpus_caching;		  /* [atomic] mask: CPUs with something in page_cache */
static uint64_t reserve_frames;		  /* [const] kept from those who can do without */
static struct page_reclaimer *reclaimers; /* [const] after boot */

void page_clear(void *frame)
{
	memset(frame, 0, PAGE_SIZE);
}

void page_copy(void *restrict dst, const void *restrict src)
{
	memcpy(dst, src, PAGE_SIZE);
}

/* ---- taking ------------------------------------------------------------------------------------ */

/* Free frames that must remain for requests of greater need. */
static uint64_t floor_of(unsigned flags)
{
	if (flags & ALLOC_USER)
		return 2 * reserve_frames;
	return flags & ALLOC_ATOMIC ? 0 : reserve_frames;
}

/* How much each CPU may keep: all together, an eighth of memory. */
static uint32_t cache_limit(void)
{
	uint64_t share = section_total() / 8 / arch_cpu_count();

	return (uint32_t)MIN(MAX(share, (uint64_t)CACHE_MIN), (uint64_t)CACHE_MAX);
}

static void cache_set_up(struct page_cache *cache)
{
	cache->max = cache_limit();
	atomic_fetch_or_relaxed(&cpus_caching, 1ULL << arch_cpu_id());
}

/* One frame, more into the cache on the way. */
static struct page *take_single(uint64_t floor)
{
	unsigned long irq = arch_irq_save();
	struct page_cache *cache = &this_cpu(page_cache);
	struct page *page = NULL;

	if (!cache->max)
		cache_set_up(cache);
	if (!cache->count)
		cache->count = buddy_take_batch(cache->pages, BATCH, floor);
	if (cache->count)
		page = cache->pages[--cache->count];
	arch_irq_restore(irq);
	return page;
}

static void drain_here(void *arg)
{
	page_drain_cpu();
}

/* Context: may sleep. Returns whether another try makes sense. */
static bool reclaim(size_t nr_pages)
{
	uint64_t before = buddy_nr_free();
	size_t freed = 0;

	smp_call(atomic_load_relaxed(&cpus_caching), drain_here, NULL);
	if (buddy_nr_free() > before)
		freed = buddy_nr_free() - before;
	for (struct page_reclaimer *r = reclaimers; r && freed < nr_pages; r = r->next)
		freed += r->reclaim(nr_pages - freed);
	return freed != 0;
}

static NOINLINE struct page *take_slowly(unsigned order, unsigned flags)
{
	bool may_reclaim =
		!(flags & ALLOC_ATOMIC) && order <= PAGE_RECLAIM_ORDER && may_sleep_at_all;

	for (unsigned tries = 0;;) {
		unsigned seen = section_count();
		struct page *page =
			order ? buddy_take(order, floor_of(flags)) : take_single(floor_of(flags));
		if (page)
			return page;
		if (section_bring_next(seen))
			continue;
		if (!may_reclaim || tries++ == MAX_TRIES || !reclaim(1UL << order))
			return NULL;
	}
}

/* A frame of this CPU's cache; NULL: it is empty. Clears ALLOC_ZERO in *flags if that is done. */
static ALWAYS_INLINE struct page *take_cached(enum page_use use, unsigned *flags)
{
	unsigned long irq = arch_irq_save();
	struct page_cache *cache = &this_cpu(page_cache);
	struct page *page = NULL;

	if ((*flags & ALLOC_ZERO) && cache->nr_zeroed) {
		page = cache->zeroed[--cache->nr_zeroed];
		cache->used[use]++;
		*flags &= ~(unsigned)ALLOC_ZERO;
	} else if (likely(cache->count)) {
		page = cache->pages[--cache->count];
		cache->used[use]++;
	}
	arch_irq_restore(irq);
	return page;
}

static ALWAYS_INLINE void set_up(struct page *page, unsigned order, enum page_use use)
{
	assert(page->use == PAGE_USE_FREE);
	refcount_init(&page->refs, 1);
	page->use = (uint8_t)use;
	page->order = (uint8_t)order;
	page->flags = 0;
	page->private = 0;
}

struct page *page_alloc_uncounted(unsigned order, enum page_use use, unsigned flags)
{
	struct page *page;

	assert(order <= PAGE_MAX_ORDER);
	if (!(flags & ALLOC_ATOMIC))
		might_sleep();
	page = order ? NULL : take_cached(use, &flags);
	if (!page) {
		page = take_slowly(order, flags);
		if (!page)
			return NULL;
		page_count_use(use, 1L << order);
	}
	kasan_unpoison(page_address(page), PAGE_SIZE << order);
	poison_check_frames(page, order);
	set_up(page, order, use);
	if (flags & ALLOC_ZERO)
		for (unsigned i = 0; i < 1U << order; i++)
			page_clear((char *)page_address(page) + i * PAGE_SIZE);
	return page;
}

static NOINLINE struct page *alloc_slowly(unsigned order, enum page_use use, unsigned flags)
{
	return alloc_fails() ? NULL : page_alloc_uncounted(order, use, flags);
}

/* The common case calls nothing, and so has nothing to save: a single frame from the cache. */
struct page *page_alloc(unsigned order, enum page_use use, unsigned flags)
{
	struct page *page;

	if (LODGER_DEBUG || unlikely(order || atomic_load_relaxed(&alloc_failure_in)))
		return alloc_slowly(order, use, flags);
	page = take_cached(use, &flags);
	if (unlikely(!page))
		return alloc_slowly(order, use, flags);
	set_up(page, order, use);
	if (flags & ALLOC_ZERO)
		memset(page_address(page), 0, PAGE_SIZE);
	return page;
}

/* ---- giving back ------------------------------------------------------------------------------- */

/* The oldest frames of a full cache go; the newest, which this CPU's caches know, stay. */
static void make_room(struct page_cache *cache)
{
	if (!cache->max)
		cache_set_up(cache);
	if (cache->count < cache->max)
		return;
	uint32_t going = cache->max / 4;
	buddy_put_batch(cache->pages, going);
	cache->count -= going;
	memmove(cache->pages, cache->pages + going, cache->count * sizeof(cache->pages[0]));
}

/* The page is marked free already, and was used so. */
static NOINLINE void release_slowly(struct page *page, enum page_use use)
{
	unsigned order = page->order;

	poison_frames(page, order);
	kasan_poison(page_address(page), PAGE_SIZE << order);
	page_count_use(use, -(1L << order));
	if (order) {
		buddy_put(page, order);
		return;
	}
	unsigned long irq = arch_irq_save();
	struct page_cache *cache = &this_cpu(page_cache);
	make_room(cache);
	cache->pages[cache->count++] = page;
	arch_irq_restore(irq);
}

static ALWAYS_INLINE void release(struct page *page)
{
	enum page_use use = page->use;

	assert_msg(use > PAGE_USE_FREE, "frame %#llx is freed twice, or was never allocated",
		   (unsigned long long)page_to_phys(page));
	page->use = PAGE_USE_FREE;
	page->flags = 0; /* the owner's; the buddy lists' from now on */
	if (LODGER_DEBUG || unlikely(page->order)) {
		release_slowly(page, use);
		return;
	}
	unsigned long irq = arch_irq_save();
	struct page_cache *cache = &this_cpu(page_cache);
	bool has_room = cache->count < cache->max;
	if (likely(has_room)) {
		cache->used[use]--;
		cache->pages[cache->count++] = page;
	}
	arch_irq_restore(irq);
	if (unlikely(!has_room))
		release_slowly(page, use);
}

void page_put(struct page *page)
{
	if (refcount_put(&page->refs))
		release(page);
}

void page_free(struct page *page)
{
	assert_msg(refcount_read(&page->refs) == 1, "frame %#llx is freed with %d references",
		   (unsigned long long)page_to_phys(page), refcount_read(&page->refs));
	refcount_init(&page->refs, 0);
	release(page);
}

void page_free_zeroed(struct page *page)
{
	if (LODGER_DEBUG) {
		poison_check(page_address(page), PAGE_SIZE, 0, "frame said to be zero");
		page_free(page);
		return;
	}
	unsigned long irq = arch_irq_save();
	struct page_cache *cache = &this_cpu(page_cache);
	bool has_room = cache->nr_zeroed < ZEROED_MAX && cache->max > CACHE_MIN;
	if (has_room) {
		assert(page->use > PAGE_USE_FREE && page->order == 0);
		cache->used[page->use]--;
		page->use = PAGE_USE_FREE;
		page->flags = 0;
		refcount_init(&page->refs, 0);
		cache->zeroed[cache->nr_zeroed++] = page;
	}
	arch_irq_restore(irq);
	if (!has_room)
		page_free(page);
}

void page_drain_cpu(void)
{
	unsigned long irq = arch_irq_save();
	struct page_cache *cache = &this_cpu(page_cache);

	buddy_put_batch(cache->pages, cache->count);
	buddy_put_batch(cache->zeroed, cache->nr_zeroed);
	cache->count = 0;
	cache->nr_zeroed = 0;
	arch_irq_restore(irq);
}

/* ---- the account ------------------------------------------------------------------------------- */

void page_count_use(enum page_use use, int64_t frames)
{
	unsigned long irq = arch_irq_save();
	struct page_cache *cache = &this_cpu(page_cache);

	if (!cache->max)
		cache_set_up(cache);
	cache->used[use] += frames;
	arch_irq_restore(irq);
}

void page_stats_read(struct page_stats *stats)
{
	int64_t used[NR_PAGE_USES] = {0};
	uint64_t cached = 0;
	unsigned cpu;

	for_each_cpu (cpu, atomic_load_relaxed(&cpus_caching)) {
		const struct page_cache *cache = &per_cpu(page_cache, cpu);
		cached +=
			atomic_load_relaxed(&cache->count) + atomic_load_relaxed(&cache->nr_zeroed);
		for (unsigned use = 0; use < NR_PAGE_USES; use++)
			used[use] += atomic_load_relaxed(&cache->used[use]);
	}
	*stats = (struct page_stats){
		.total = section_total(),
		.free = buddy_nr_free() + cached + section_untouched(),
		.slab = (uint64_t)used[PAGE_USE_SLAB],
		.table = (uint64_t)used[PAGE_USE_TABLE],
		.anon = (uint64_t)used[PAGE_USE_ANON],
		.file = (uint64_t)used[PAGE_USE_FILE],
		.kernel = (uint64_t)used[PAGE_USE_KERNEL],
		.untouched = section_untouched(),
	};
}

/* ---- boot -------------------------------------------------------------------------------------- */

void page_add_reclaimer(struct page_reclaimer *reclaimer)
{
	struct page_reclaimer **end = &reclaimers;

	while (*end)
		end = &(*end)->next;
	*end = reclaimer;
}

INIT_TEXT void page_init(const struct boot_info *boot)
{
	section_init(boot);
	/* 1/128 of memory, at least 128 KiB, at most 4 MiB. */
	reserve_frames = MIN(MAX(section_total() / 128, 32UL), 1024UL);
	log_print("memory: %llu KiB to allocate in %u ranges\n",
		  (unsigned long long)section_total() << (PAGE_SHIFT - 10), boot->nr_ram);
}
