/*
 * Slabs: blocks of frames cut into equal slots. Which slots are free stands in the struct page, not in
 * the free objects, so nobody who writes to a freed object can damage the allocator, and an object
 * that is put back twice is noticed always. Guarded by each cache's lock.
 */
#include "kcache.h"
#include "failure.h"
#include <kern/assert.h>
#include <kern/bitmap.h>
#include <kern/kasan.h>

static uint64_t all_free(const struct kcache *cache)
{
	return UINT64_MAX >> (SLAB_MAX_OBJECTS - cache->capacity);
}

static size_t slab_bytes(const struct kcache *cache)
{
	return PAGE_SIZE << cache->order;
}

void slab_lay_out(struct kcache *cache, size_t size, size_t align)
{
	size_t before = redzone_before(align), bytes, nr;
	unsigned order = 0;

	align = MAX(align, 8UL);
	cache->object_size = (uint32_t)size;
	cache->offset = (uint32_t)before;
	/* Slots below 64 bytes would only leave more of the slab unused. */
	cache->stride = (uint32_t)MAX(ROUND_UP(before + size + redzone_after(size), align), 64UL);
	/* The smallest slab that wastes an eighth at most. */
	for (;; order++) {
		bytes = PAGE_SIZE << order;
		nr = MIN(bytes / cache->stride, (size_t)SLAB_MAX_OBJECTS);
		if (order == SLAB_MAX_ORDER || (nr && (bytes - nr * cache->stride) * 8 <= bytes))
			break;
	}
	assert(nr >= 1);
	cache->order = (uint8_t)order;
	cache->capacity = (uint8_t)nr;
}

/* ---- taking ------------------------------------------------------------------------------------ */

/* Context: cache->lock held. */
static void *take_slot(struct kcache *cache, struct page *slab)
{
	unsigned slot = bit_lowest(slab->private);

	if (slab->private == all_free(cache))
		cache->nr_empty--;
	slab->private &= slab->private - 1;
	if (!slab->private)
		list_remove(&slab->link);
	return (char *)page_address(slab) + slot * cache->stride + cache->offset;
}

unsigned slab_take(struct kcache *cache, void **objects, unsigned nr)
{
	unsigned taken = 0;

	spin_lock(&cache->lock);
	while (taken < nr && !list_is_empty(&cache->slabs))
		objects[taken++] = take_slot(cache, list_first(&cache->slabs, struct page, link));
	atomic_store_relaxed(&cache->nr_taken, cache->nr_taken + taken);
	spin_unlock(&cache->lock);
	return taken;
}

bool slab_grow(struct kcache *cache, unsigned flags)
{
	struct page *slab = page_alloc_uncounted(cache->order, PAGE_USE_SLAB, flags & ~ALLOC_ZERO);
	char *memory;

	if (!slab)
		return false;
	for (struct page *page = slab; page < slab + (1UL << cache->order); page++) {
		page->use = PAGE_USE_SLAB;
		page->flags = cache->index;
	}
	slab->private = all_free(cache);
	memory = page_address(slab);
	for (unsigned slot = 0; slot < cache->capacity; slot++)
		redzone_set_up(cache, memory + slot * cache->stride + cache->offset);
	kasan_poison(memory, slab_bytes(cache));

	unsigned long irq = spin_lock_irqsave(&cache->lock);
	list_add_tail(&cache->slabs, &slab->link);
	atomic_store_relaxed(&cache->nr_slabs, cache->nr_slabs + 1);
	cache->nr_empty++;
	spin_unlock_irqrestore(&cache->lock, irq);
	return true;
}

/* ---- giving back ------------------------------------------------------------------------------- */

struct page *slab_find(const struct kcache *cache, const void *object, unsigned *slot)
{
	void *memory = (void *)ROUND_DOWN((uintptr_t)object, slab_bytes(cache));
	struct page *slab = virt_to_page(memory);
	size_t from_start = (size_t)((const char *)object - (const char *)memory);

	*slot = (unsigned)(from_start / cache->stride);
	assert_msg(slab->use == PAGE_USE_SLAB && slab->flags == cache->index &&
			   from_start == *slot * cache->stride + cache->offset &&
			   *slot < cache->capacity,
		   "%p is not an object of cache %s", object, cache->name);
	return slab;
}

/* Takes a wholly free slab away. Context: cache->lock held. */
static void unlist_empty(struct kcache *cache, struct page *slab, struct list_node *going)
{
	list_remove(&slab->link);
	list_add(going, &slab->link);
	cache->nr_empty--;
	atomic_store_relaxed(&cache->nr_slabs, cache->nr_slabs - 1);
}

/* Context: cache->lock held. */
static void put_slot(struct kcache *cache, void *object, struct list_node *going)
{
	unsigned slot;
	struct page *slab = slab_find(cache, object, &slot);
	uint64_t bit = 1ULL << slot;

	assert_msg(!(slab->private & bit), "object %p of cache %s is freed twice", object,
		   cache->name);
	if (!slab->private)
		list_add(&cache->slabs, &slab->link);
	slab->private |= bit;
	if (slab->private != all_free(cache))
		return;
	/* One empty slab stays, at the end of the list, for the next burst. */
	list_remove(&slab->link);
	list_add_tail(&cache->slabs, &slab->link);
	if (cache->nr_empty++)
		unlist_empty(cache, slab, going);
}

static size_t free_slabs(struct kcache *cache, struct list_node *going)
{
	size_t nr = 0;

	while (!list_is_empty(going)) {
		struct page *slab = list_first(going, struct page, link);
		list_remove(&slab->link);
		for (unsigned i = 1; i < 1U << cache->order; i++) {
			slab[i].use = PAGE_USE_NONE;
			slab[i].flags = 0;
		}
		page_free(slab);
		nr += 1UL << cache->order;
	}
	return nr;
}

void slab_put(struct kcache *cache, void *const *objects, unsigned nr)
{
	struct list_node going = LIST_INIT(going);
	unsigned long irq = spin_lock_irqsave(&cache->lock);

	for (unsigned i = 0; i < nr; i++)
		put_slot(cache, objects[i], &going);
	atomic_store_relaxed(&cache->nr_taken, cache->nr_taken - nr);
	spin_unlock_irqrestore(&cache->lock, irq);
	free_slabs(cache, &going);
}

size_t slab_trim(struct kcache *cache)
{
	struct list_node going = LIST_INIT(going);
	unsigned long irq = spin_lock_irqsave(&cache->lock);

	while (cache->nr_empty)
		unlist_empty(cache, list_last(&cache->slabs, struct page, link), &going);
	spin_unlock_irqrestore(&cache->lock, irq);
	return free_slabs(cache, &going);
}
