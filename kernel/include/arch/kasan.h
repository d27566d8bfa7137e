/*
 * The port contract: what watches memory. port/kasan.h defines port_kasan_poison(address, len) and
 * port_kasan_unpoison(address, len), which do nothing in builds that do not watch.
 */
#ifndef ARCH_KASAN_H
#define ARCH_KASAN_H

#include <kern/types.h>
#include <port/kasan.h>

#endif
