/*
 * Object caches. Each CPU keeps a magazine of free objects for each cache, so that most requests touch
 * nothing shared [cpu, interrupts off]; magazines are filled from and emptied into slabs (slab.c).
 * The caches are made at boot and never go.
 */
#include "kcache.h"
#include "failure.h"
#include <kern/assert.h>
#include <kern/kasan.h>
#include <kern/preempt.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/trace.h>
#include <arch/cpu.h>

enum { BATCH = MAGAZINE_MAX / 2 };

struct magazine {
	uint64_t count;
	void *objects[MAGAZINE_MAX];
};

struct magazines {
	struct magazine of[KCACHE_MAX]; /* by kcache->index */
};

static DEFINE_PER_CPU(struct magazines, magazines);
static uint64_t cpus_caching; /* [atomic] mask: CPUs that have ever filled a magazine */

struct kcache kcaches[KCACHE_MAX];
unsigned nr_kcaches;

struct kcache *kcache_create(const char *name, size_t size, size_t align)
{
	struct kcache *cache = &kcaches[nr_kcaches];

	assert(size >= 1 && size <= 2 * PAGE_SIZE);
	assert((align & (align - 1)) == 0 && align <= PAGE_SIZE);
	assert_msg(nr_kcaches < KCACHE_MAX, "cache %s is one too many", name);
	cache->name = name;
	cache->index = (uint16_t)nr_kcaches;
	spin_init(&cache->lock, LOCK_RANK_KCACHE, name);
	list_init(&cache->slabs);
	slab_lay_out(cache, size, align);
	nr_kcaches++;
	return cache;
}

/* ---- alloc ------------------------------------------------------------------------------------- */

static ALWAYS_INLINE struct magazine *magazine_of(const struct kcache *cache)
{
	return &this_cpu(magazines).of[cache->index];
}

/* An object of this CPU's magazine; NULL: it is empty. */
static ALWAYS_INLINE void *take_cached(const struct kcache *cache)
{
	unsigned long irq = arch_irq_save();
	struct magazine *magazine = magazine_of(cache);
	void *object = NULL;

	if (likely(magazine->count))
		object = magazine->objects[--magazine->count];
	arch_irq_restore(irq);
	return object;
}

/* Fills the magazine from the slabs and takes one. */
static void *refill(struct kcache *cache)
{
	unsigned long irq = arch_irq_save();
	struct magazine *magazine = magazine_of(cache);
	void *object = NULL;

	atomic_fetch_or_relaxed(&cpus_caching, 1ULL << arch_cpu_id());
	if (!magazine->count)
		magazine->count = slab_take(cache, magazine->objects, BATCH);
	if (magazine->count)
		object = magazine->objects[--magazine->count];
	arch_irq_restore(irq);
	return object;
}

/* size: what of the object may be used. owner: whose request it is, for the red zone. */
static NOINLINE void *alloc_slowly(struct kcache *cache, size_t size, unsigned flags,
				   uintptr_t owner)
{
	void *object;

	if (alloc_fails())
		return NULL;
	if (!(flags & ALLOC_ATOMIC))
		might_sleep();
	object = take_cached(cache);
	while (!object) {
		object = refill(cache);
		if (!object && !slab_grow(cache, flags))
			return NULL;
	}
	redzone_open(cache, object, owner);
	kasan_unpoison(object, size);
	return flags & ALLOC_ZERO ? memset(object, 0, size) : object;
}

/* The common case calls nothing, and so has nothing to save. */
static ALWAYS_INLINE void *alloc(struct kcache *cache, size_t size, unsigned flags, uintptr_t owner)
{
	void *object = NULL;

	if (!LODGER_DEBUG && likely(!atomic_load_relaxed(&alloc_failure_in)))
		object = take_cached(cache);
	if (unlikely(!object))
		return alloc_slowly(cache, size, flags, owner);
	return flags & ALLOC_ZERO ? memset(object, 0, size) : object;
}

void *kcache_alloc(struct kcache *cache, unsigned flags)
{
	return alloc(cache, cache->object_size, flags, (uintptr_t)__builtin_return_address(0));
}

/* ---- free -------------------------------------------------------------------------------------- */

static NOINLINE void free_slowly(struct kcache *cache, void *object)
{
	redzone_close(cache, object);
	kasan_poison((char *)object - cache->offset, cache->stride);

	unsigned long irq = arch_irq_save();
	struct magazine *magazine = magazine_of(cache);
	if (magazine->count == MAGAZINE_MAX) {
		/* The oldest go; what was freed last is what this CPU's memory caches know. */
		slab_put(cache, magazine->objects, BATCH);
		magazine->count -= BATCH;
		memmove(magazine->objects, magazine->objects + BATCH,
			magazine->count * sizeof(magazine->objects[0]));
	}
	magazine->objects[magazine->count++] = object;
	arch_irq_restore(irq);
}

static ALWAYS_INLINE void release(struct kcache *cache, void *object)
{
	if (LODGER_DEBUG) {
		free_slowly(cache, object);
		return;
	}
	unsigned long irq = arch_irq_save();
	struct magazine *magazine = magazine_of(cache);
	bool has_room = magazine->count < MAGAZINE_MAX;
	if (likely(has_room))
		magazine->objects[magazine->count++] = object;
	arch_irq_restore(irq);
	if (unlikely(!has_room))
		free_slowly(cache, object);
}

void kcache_free(struct kcache *cache, void *object)
{
	if (likely(object))
		release(cache, object);
}

/* ---- giving memory back ------------------------------------------------------------------------ */

static void drain_magazines(void *arg)
{
	unsigned long irq = arch_irq_save();

	for (unsigned i = 0; i < nr_kcaches; i++) {
		struct magazine *magazine = &this_cpu(magazines).of[i];
		slab_put(&kcaches[i], magazine->objects, (unsigned)magazine->count);
		magazine->count = 0;
	}
	arch_irq_restore(irq);
}

static size_t trim_all(void)
{
	size_t frames = 0;

	for (unsigned i = 0; i < nr_kcaches; i++)
		frames += slab_trim(&kcaches[i]);
	return frames;
}

void kcache_drain(void)
{
	drain_magazines(NULL);
	trim_all();
}

static size_t reclaim(size_t nr_pages)
{
	smp_call(atomic_load_relaxed(&cpus_caching), drain_magazines, NULL);
	return trim_all();
}

/* ---- the account ------------------------------------------------------------------------------- */

size_t kcache_stats_read(struct kcache_stats *stats, size_t max)
{
	unsigned cpu;

	for (size_t i = 0; i < MIN(max, (size_t)nr_kcaches); i++) {
		struct kcache *cache = &kcaches[i];
		uint64_t live = atomic_load_relaxed(&cache->nr_taken);

		for_each_cpu (cpu, atomic_load_relaxed(&cpus_caching))
			live -= atomic_load_relaxed(&per_cpu(magazines, cpu).of[i].count);
		stats[i] = (struct kcache_stats){
			.name = cache->name,
			.object_size = cache->object_size,
			.live = live,
			.slabs = atomic_load_relaxed(&cache->nr_slabs),
		};
	}
	return nr_kcaches;
}

/* ---- kmalloc ----------------------------------------------------------------------------------- */

enum { CLASS_STEP = 64, CLASS_LARGEST = 2048 };

static const struct {
	uint16_t size;
	const char *name;
} classes[] = {
	{64, "kmalloc-64"},	{128, "kmalloc-128"},	{192, "kmalloc-192"},
	{256, "kmalloc-256"},	{384, "kmalloc-384"},	{512, "kmalloc-512"},
	{768, "kmalloc-768"},	{1024, "kmalloc-1024"}, {1344, "kmalloc-1344"},
	{2048, "kmalloc-2048"},
};

/* [const] after boot. The cache for sizes of (64 * i, 64 * (i + 1)]. */
static struct kcache *class_of[CLASS_LARGEST / CLASS_STEP];

static void *kmalloc_frames(size_t size, unsigned flags)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < size)
		if (++order > PAGE_MAX_ORDER)
			return NULL;
	struct page *page = page_alloc(order, PAGE_USE_KERNEL, flags);
	return page ? page_address(page) : NULL;
}

void *kmalloc(size_t size, unsigned flags)
{
	if (unlikely(size > CLASS_LARGEST))
		return kmalloc_frames(size, flags);
	/* Nothing is a place too: the smallest. */
	struct kcache *cache = class_of[size ? (size - 1) / CLASS_STEP : 0];
	return alloc(cache, size, flags, (uintptr_t)__builtin_return_address(0));
}

void kfree(const void *object)
{
	if (!object)
		return;
	struct page *page = virt_to_page(object);
	if (likely(page->use == PAGE_USE_SLAB))
		release(&kcaches[page->flags], (void *)object);
	else
		page_free(page);
}

static void *alloc_for_trace(size_t len_bytes)
{
	return kmalloc(len_bytes, ALLOC_ZERO);
}

INIT_TEXT void kcache_init(void)
{
	static struct page_reclaimer reclaimer = {.reclaim = reclaim};
	unsigned i = 0;

	for (unsigned c = 0; c < ARRAY_LEN(classes); c++) {
		size_t size = classes[c].size, align = size & (size - 1) ? 64 : size;
		struct kcache *cache = kcache_create(classes[c].name, size, align);
		for (; i < size / CLASS_STEP; i++)
			class_of[i] = cache;
	}
	page_add_reclaimer(&reclaimer);
	trace_alloc = alloc_for_trace;
}
