/* The kernel address sanitizer: mm/kasan.c in builds that have it, nothing in others. */
#ifndef PORT_KASAN_H
#define PORT_KASAN_H

#include <kern/types.h>

#ifndef LODGER_KASAN
#define LODGER_KASAN 0
#endif

#if LODGER_KASAN
void port_kasan_poison(const void *address, size_t len);
void port_kasan_unpoison(const void *address, size_t len);
#else
static inline void port_kasan_poison(const void *address, size_t len)
{
}
static inline void port_kasan_unpoison(const void *address, size_t len)
{
}
#endif

#endif
