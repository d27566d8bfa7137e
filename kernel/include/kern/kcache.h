/*
 * Object caches: slabs of equal objects with per-CPU magazines; and kmalloc over a set of them.
 * Debug builds poison freed objects, put red zones around them and check both.
 */
#ifndef KERN_KCACHE_H
#define KERN_KCACHE_H

#include <kern/types.h>
#include <kern/page.h>

struct kcache;

/* size: bytes, 1 .. PAGE_SIZE * 2; align: a power of two up to PAGE_SIZE, 0 = 8. Panics on misuse;
 * made at boot and for good. */
struct kcache *kcache_create(const char *name, size_t size, size_t align);

/* NULL: no memory. flags: ALLOC_. Contents are undefined unless ALLOC_ZERO. */
MUST_USE void *kcache_alloc(struct kcache *cache, unsigned flags);
/* Context: any. object may be NULL. */
void kcache_free(struct kcache *cache, void *object);

/* 0 bytes .. 4 MiB; aligned to 64, or to the size when that is a power of two from 64 up to a page. */
MUST_USE void *kmalloc(size_t size, unsigned flags);
void kfree(const void *object);

/* Every cache, with its live objects (magazines are not live). */
struct kcache_stats {
	const char *name;
	size_t object_size;
	uint64_t live, slabs;
};
/* Fills up to max entries; returns how many caches there are. Context: task. */
size_t kcache_stats_read(struct kcache_stats *stats, size_t max);
/* Gives empty slabs and this CPU's magazines back to the page allocator. */
void kcache_drain(void);

void kcache_init(void);

#endif
