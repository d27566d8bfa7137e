/* The host program's own address sanitizer watches the kernel's memory. */
#ifndef PORT_KASAN_H
#define PORT_KASAN_H

#include <host/machine.h>

#define port_kasan_poison(address, len)	  host_memory_poison(address, len)
#define port_kasan_unpoison(address, len) host_memory_unpoison(address, len)

#endif
