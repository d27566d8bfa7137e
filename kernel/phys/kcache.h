/* Object caches, for the files that make them up. */
#ifndef PHYS_KCACHE_H
#define PHYS_KCACHE_H

#include <kern/kcache.h>
#include <kern/list.h>
#include <kern/spinlock.h>

enum {
	KCACHE_MAX = 64,       /* caches */
	SLAB_MAX_OBJECTS = 64, /* one word says which of them are free */
	SLAB_MAX_ORDER = 3,
	MAGAZINE_MAX = 31, /* objects that a CPU keeps of each cache */
};

/*
 * A slab is a block of 2^order frames cut into slots of `stride` bytes; the object lies `offset` bytes
 * into its slot. Of the slab's first page, `link` is in the cache's list while any slot is free, and
 * `private` has a bit for each free slot [cache->lock]. All its pages have use SLAB and the cache's
 * index in `flags` [const].
 */
struct kcache {
	const char *name;	/* [const] */
	uint32_t object_size;	/* [const] bytes asked for */
	uint32_t stride;	/* [const] */
	uint32_t offset;	/* [const] */
	uint16_t index;		/* [const] in kcaches */
	uint8_t order;		/* [const] */
	uint8_t capacity;	/* [const] slots of a slab, 1 .. 64 */
	struct spinlock lock;	/* taken with interrupts off */
	struct list_node slabs; /* [lock] those with free slots; the wholly free ones last */
	uint32_t nr_slabs;	/* [atomic, written under lock] */
	uint32_t nr_empty;	/* [lock] slabs without any object in use */
	uint64_t nr_taken;	/* [atomic, written under lock] objects out of their slabs */
};

extern struct kcache kcaches[KCACHE_MAX];
extern unsigned nr_kcaches; /* [const] after boot */

/* ---- slab.c: objects and their slabs ----------------------------------------------------------- */

/* Decides stride, offset, order and capacity. */
void slab_lay_out(struct kcache *cache, size_t size, size_t align);
/* Takes up to nr objects out of slabs that exist; returns how many. Context: interrupts off. */
unsigned slab_take(struct kcache *cache, void **objects, unsigned nr);
/* One more slab. False: no memory. Context: as flags say. */
bool slab_grow(struct kcache *cache, unsigned flags);
/* Puts objects back. Asserts that each is one of the cache's, in use. Context: any. */
void slab_put(struct kcache *cache, void *const *objects, unsigned nr);
/* The slab and slot of an object; asserts that it is the start of one of the cache's. Context: any. */
struct page *slab_find(const struct kcache *cache, const void *object, unsigned *slot);
/* Frees the slabs without objects; returns how many frames that gives. Context: any. */
size_t slab_trim(struct kcache *cache);

/* ---- redzone.c: what debug builds and sanitizers check ----------------------------------------- */

#if LODGER_DEBUG
/* Room around an object of the given size: bytes before it (a multiple of align) and behind. */
size_t redzone_before(size_t align);
size_t redzone_after(size_t size);
/* A slot's first state, free; an object goes out to its owner; it comes back. */
void redzone_set_up(struct kcache *cache, void *object);
void redzone_open(struct kcache *cache, void *object, uintptr_t owner);
void redzone_close(struct kcache *cache, void *object);
#else
static inline size_t redzone_before(size_t align)
{
	return 0;
}
static inline size_t redzone_after(size_t size)
{
	return 0;
}
static inline void redzone_set_up(struct kcache *cache, void *object)
{
}
static inline void redzone_open(struct kcache *cache, void *object, uintptr_t owner)
{
}
static inline void redzone_close(struct kcache *cache, void *object)
{
}
#endif

#endif
