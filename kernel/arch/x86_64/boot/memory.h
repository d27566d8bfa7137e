/* Physical memory until the page allocator takes over (boot CPU only, no locks). */
#ifndef X86_BOOT_MEMORY_H
#define X86_BOOT_MEMORY_H

#include <kern/types.h>
#include <kern/boot.h>

/*
 * Reads the loader's start info at this physical address into boot_info. Panics if there is no RAM.
 * Context: first of all, on the early tables (the first 4 GiB in the direct map).
 */
void boot_memory_init(paddr_t start_info);

/* What the loader said; ram and reserved are complete once boot_memory_finish has run. */
extern struct boot_info boot_info;

/* Physical address of the ACPI root pointer as the loader told it; 0: it did not. */
extern paddr_t boot_rsdp;

/*
 * nr_pages zeroed contiguous pages within [min, max), never given back, max at most 4 GiB. Panics if
 * there is no room: nothing works without. Context: until boot_memory_finish.
 */
paddr_t boot_memory_alloc_within(size_t nr_pages, paddr_t min, paddr_t max);
/* The same anywhere but below 1 MiB, which is for those who can use nothing else. */
paddr_t boot_memory_alloc(size_t nr_pages);

/* The last word before entry_start: no allocation after it. */
const struct boot_info *boot_memory_finish(void);

#endif
