/*
 * Memory that must not be touched: freed frames and objects, red zones. In builds with an address
 * sanitizer the allocators tell it what is whose; in others this is nothing.
 */
#ifndef KERN_KASAN_H
#define KERN_KASAN_H

#include <kern/types.h>
#include <arch/kasan.h>

/* [address, address + len) is off limits. address and its end: multiples of 8. Context: any. */
static inline void kasan_poison(const void *address, size_t len)
{
	port_kasan_poison(address, len);
}
/* It may be used again; the end may be anywhere. */
static inline void kasan_unpoison(const void *address, size_t len)
{
	port_kasan_unpoison(address, len);
}

#endif
