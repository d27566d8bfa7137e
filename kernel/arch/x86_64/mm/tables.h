/* The kernel half of the address space: building it at boot, and small changes later. */
#ifndef X86_MM_TABLES_H
#define X86_MM_TABLES_H

#include <kern/types.h>
#include <arch/mmu.h>

/*
 * Maps [va, va + len) to [pa, pa + len), all page-aligned, with PTE_ flags, in entries of up to
 * max_level where alignment allows; replaces page entries that are there. -ENOMEM: partly mapped.
 * Context: serialised per range; does not flush.
 */
MUST_USE int table_map_range(pte_t *root, vaddr_t va, paddr_t pa, uint64_t len, unsigned flags,
			     unsigned max_level);

/* Maps a zeroed page of its own at va, data of the kernel; one that is there stays. -ENOMEM. */
MUST_USE int table_map_fresh(pte_t *root, vaddr_t va);

/* Makes the top-level entry of va exist. Panics without memory. Context: boot. */
void table_reserve_slot(vaddr_t va);

/* The kernel's own root; its upper half is every root's. */
extern pte_t kernel_root[ARCH_PT_ENTRIES];

/* No top-level entry appears after this. */
void table_slots_finish(void);

/* Builds the real tables and loads them. Context: boot, after boot_memory_init. */
void paging_init(void);

/*
 * Maps device registers (uncached, never unmapped) or, with is_memory, firmware tables (cached,
 * read-only). Any alignment. NULL: no memory or no room. Context: task or boot.
 */
MUST_USE void *device_map(paddr_t paddr, size_t len, bool is_memory);

#endif
