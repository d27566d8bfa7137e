/* Free memory that nobody may write to: debug builds fill it with a pattern and look again. */
#ifndef PHYS_POISON_H
#define PHYS_POISON_H

#include <kern/assert.h>
#include <kern/page.h>

enum {
	POISON_FREE = 0xdf,  /* was freed */
	POISON_FRESH = 0xcd, /* was allocated, and not written since */
};

/* Panics with the object's name and the offset of the first byte that is not as it was left. */
void poison_check(const void *object, size_t len, unsigned char byte, const char *name);

#if LODGER_DEBUG
void poison_frames(struct page *page, unsigned order);
void poison_check_frames(struct page *page, unsigned order);
#else
static inline void poison_frames(struct page *page, unsigned order)
{
}
static inline void poison_check_frames(struct page *page, unsigned order)
{
}
#endif

#endif
