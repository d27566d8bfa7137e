/*
 * Red zones and poison of objects, in debug builds. Around each object lie bytes that nobody may
 * write; the words just before it say whether it is in use, and who asked for it. All of it belongs to
 * whoever holds the object: its owner, or the allocator. Sanitizers see zones and free objects as
 * off limits, so they are opened while we look at them ourselves.
 */
#include "kcache.h"

#if LODGER_DEBUG

#include "poison.h"
#include <kern/kasan.h>
#include <kern/string.h>

enum { ZONE_BYTE = 0xbb, ZONE_AFTER = 16 };

#define STATE_FREE   0x6672656566726565ULL
#define STATE_IN_USE 0x7573656475736564ULL

struct zone {
	uintptr_t owner; /* return address of the allocation, kept after the free */
	uint64_t state;
};

size_t redzone_before(size_t align)
{
	return MAX(align, sizeof(struct zone));
}

size_t redzone_after(size_t size)
{
	return ROUND_UP(size, 8UL) - size + ZONE_AFTER;
}

static struct zone *zone_of(void *object)
{
	return (struct zone *)object - 1;
}

static char *slot_of(const struct kcache *cache, void *object)
{
	return (char *)object - cache->offset;
}

static size_t after_len(const struct kcache *cache)
{
	return cache->stride - cache->offset - cache->object_size;
}

void redzone_set_up(struct kcache *cache, void *object)
{
	zone_of(object)->owner = 0;
	zone_of(object)->state = STATE_FREE;
	memset(object, POISON_FREE, cache->object_size);
	memset((char *)object + cache->object_size, ZONE_BYTE, after_len(cache));
}

void redzone_open(struct kcache *cache, void *object, uintptr_t owner)
{
	kasan_unpoison(slot_of(cache, object), cache->stride);
	assert_msg(zone_of(object)->state == STATE_FREE, "%s %p: the zone before it was written to",
		   cache->name, object);
	poison_check(object, cache->object_size, POISON_FREE, cache->name);
	zone_of(object)->state = STATE_IN_USE;
	zone_of(object)->owner = owner;
	memset(object, POISON_FRESH, cache->object_size);
	kasan_poison(slot_of(cache, object), cache->stride);
}

void redzone_close(struct kcache *cache, void *object)
{
	struct zone *zone = zone_of(object);
	const unsigned char *after = (unsigned char *)object + cache->object_size;
	unsigned slot;

	slab_find(cache, object, &slot);
	kasan_unpoison(slot_of(cache, object), cache->stride);
	assert_msg(zone->state != STATE_FREE, "object %p of cache %s is freed twice", object,
		   cache->name);
	assert_msg(zone->state == STATE_IN_USE, "%s %p: the bytes before it were written to",
		   cache->name, object);
	for (size_t i = 0; i < after_len(cache); i++)
		assert_msg(after[i] == ZONE_BYTE,
			   "%s %p, allocated at %#lx: byte %zu behind its end was written to",
			   cache->name, object, (unsigned long)zone->owner, i);
	zone->state = STATE_FREE;
	memset(object, POISON_FREE, cache->object_size);
}

#endif
