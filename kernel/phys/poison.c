/*
 * Poison for freed frames, in debug builds. Which frames carry it stands in their struct page, so that
 * memory that was never used is not looked at. Belongs to whoever holds the frame between users.
 */
#include "poison.h"

#if LODGER_DEBUG

#include <kern/kasan.h>
#include <kern/string.h>

/* page->flags of a free frame. Bit 0 is buddy.c's. */
enum { FRAME_IS_POISONED = 1 << 1 };

void poison_check(const void *object, size_t len, unsigned char byte, const char *name)
{
	const unsigned char *p = object;

	for (size_t i = 0; i < len; i++)
		assert_msg(p[i] == byte, "%s %p was written to after it was freed: byte %zu is %#x",
			   name, object, i, p[i]);
}

void poison_frames(struct page *page, unsigned order)
{
	/* The owner may have had parts of it watched. */
	kasan_unpoison(page_address(page), PAGE_SIZE << order);
	memset(page_address(page), POISON_FREE, PAGE_SIZE << order);
	for (struct page *p = page; p < page + (1UL << order); p++)
		p->flags = FRAME_IS_POISONED;
}

void poison_check_frames(struct page *page, unsigned order)
{
	for (struct page *p = page; p < page + (1UL << order); p++) {
		if (p->flags & FRAME_IS_POISONED)
			poison_check(page_address(p), PAGE_SIZE, POISON_FREE, "frame");
		p->flags = 0;
	}
}

#endif
