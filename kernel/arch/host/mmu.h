/* The fake MMU, for the other files of the port. */
#ifndef HOST_MMU_H
#define HOST_MMU_H

#include <kern/types.h>

/* The byte at user address va as this CPU sees it if the mapping has all PTE_ flags of need; else
 * NULL: a fault. */
void *host_translate(vaddr_t va, unsigned need);
/* Whether the tables (not the TLB) map va readable: what a fault reports as FAULT_PRESENT. */
bool host_page_is_present(vaddr_t va);

#endif
