/* Plain types. The only typedefs in the kernel are units that must not mix. */
#ifndef KERN_TYPES_H
#define KERN_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>

#include <kern/compiler.h>

typedef uint64_t paddr_t;	  /* a physical address, bytes */
typedef uint64_t vaddr_t;	  /* a virtual address, bytes */
typedef uint64_t pfn_t;		  /* a page frame number: paddr >> PAGE_SHIFT */
typedef __PTRDIFF_TYPE__ ssize_t; /* a byte count or -Exxx */

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define PAGES_FOR(bytes) (((bytes) + PAGE_SIZE - 1) >> PAGE_SHIFT)

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL

#define MAX_CPUS 64 /* a CPU mask is one 64-bit word everywhere */

#endif
