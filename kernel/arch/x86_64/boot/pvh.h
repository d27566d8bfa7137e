/*
 * What a PVH loader hands over (Xen's public/arch-x86/hvm/start_info.h): decoded by pure functions
 * that are given a way to reach physical memory, and tested on the host.
 */
#ifndef X86_BOOT_PVH_H
#define X86_BOOT_PVH_H

#include <kern/types.h>
#include <kern/boot.h>
#include "ranges.h"

/* Reaches len bytes of physical memory for reading; NULL if it cannot. */
typedef const void *phys_reach_fn(paddr_t paddr, size_t len);

struct pvh_info {
	paddr_t initrd; /* 0: none */
	uint64_t initrd_len;
	paddr_t rsdp; /* 0: not told */
};

/*
 * Decodes the start info at paddr: fills ram with the usable pages and cmdline (NUL-terminated, cut
 * to size). Any pointer in there may be 0 or nonsense: what cannot be reached counts as absent.
 * -EINVAL: paddr holds no start info; the outputs then say "nothing".
 */
MUST_USE int pvh_parse(paddr_t paddr, phys_reach_fn *reach, struct range_list *ram, char *cmdline,
		       size_t cmdline_size, struct pvh_info *info);

#endif
