/*
 * The host port's fake MMU. Page tables have four levels in an encoding of their own (so that
 *nobody relies on a real one), physical memory is one arena of the test program, and the TLB keeps
 *every entry until it is flushed.
 *
 * An entry:  63 .. 60  kind: 0 none, 1 page, 2 table
 *	      59 .. 58  level of a page
 *	      57 .. 52  0
 *	      51 .. 12  frame
 *	      11 .. 9   0
 *	       8 .. 0   PTE_ flags
 */
#ifndef PORT_MMU_H
#define PORT_MMU_H

#include <kern/types.h>
#include <host/cpu.h>

#define ARCH_PT_LEVELS	     4
#define ARCH_PT_ENTRIES	     512
#define ARCH_PT_SHIFT(level) (12U + 9U * (level))

#define ARCH_USER_END	 0x00007ffffffff000UL
#define ARCH_KERNEL_BASE 0xffff800000000000UL

/* The places of the kernel half are ordinary addresses of the test program. */
#define ARCH_PAGE_MAP_BASE   ((uintptr_t)host_page_map)
#define ARCH_PAGE_MAP_SIZE   HOST_PAGE_MAP_SIZE
#define ARCH_KERNEL_MAP_BASE ((uintptr_t)host_kernel_map)
#define ARCH_KERNEL_MAP_SIZE HOST_KERNEL_MAP_SIZE

#define HOST_PAGE_MAP_SIZE   (32UL << 30) /* of addresses; memory comes as it is mapped */
#define HOST_KERNEL_MAP_SIZE (1UL << 30)

extern char *host_page_map, *host_kernel_map;
extern char *host_arena; /* where physical address 0 lies */
extern size_t host_arena_size;

#define HOST_KERNEL_ROOT PAGE_SIZE /* the page after the first; both are reserved */

#define HOST_PTE_KIND_SHIFT  60
#define HOST_PTE_PAGE	     1UL
#define HOST_PTE_TABLE	     2UL
#define HOST_PTE_LEVEL_SHIFT 58
#define HOST_PTE_FRAME	     0x000ffffffffff000UL
#define HOST_PTE_FLAGS	     0x1ffUL

static inline pte_t arch_pte_page(paddr_t frame, unsigned flags, unsigned level)
{
	return HOST_PTE_PAGE << HOST_PTE_KIND_SHIFT | (pte_t)level << HOST_PTE_LEVEL_SHIFT | frame |
	       flags;
}

static inline pte_t arch_pte_table(paddr_t table)
{
	return HOST_PTE_TABLE << HOST_PTE_KIND_SHIFT | table;
}

static inline bool arch_pte_is_none(pte_t pte)
{
	return pte == 0;
}

static inline bool arch_pte_is_table(pte_t pte, unsigned level)
{
	return pte >> HOST_PTE_KIND_SHIFT == HOST_PTE_TABLE;
}

static inline paddr_t arch_pte_frame(pte_t pte)
{
	return pte & HOST_PTE_FRAME;
}

static inline unsigned arch_pte_flags(pte_t pte)
{
	return (unsigned)(pte & HOST_PTE_FLAGS);
}

static inline pte_t arch_pte_change(pte_t pte, unsigned flags)
{
	return (pte & ~HOST_PTE_FLAGS) | flags;
}

static inline pte_t arch_pte_read_only(pte_t pte)
{
	return pte & ~(pte_t)PTE_WRITE;
}

static inline bool arch_pte_is_writable(pte_t pte)
{
	return pte & PTE_WRITE;
}

/* An address outside the arena fails at once, in both directions. */
void *host_phys_to_virt(paddr_t paddr);
paddr_t host_virt_to_phys(const void *vaddr);

static inline void *phys_to_virt(paddr_t paddr)
{
	return host_phys_to_virt(paddr);
}

static inline paddr_t virt_to_phys(const void *vaddr)
{
	return host_virt_to_phys(vaddr);
}

void host_mmu_load_root(paddr_t root);
void host_tlb_flush_page(vaddr_t va);
void host_tlb_flush_all(void);

static inline void arch_mmu_load_root(paddr_t root)
{
	host_mmu_load_root(root);
}

static inline paddr_t arch_mmu_root(void)
{
	return host_cpu->root;
}

static inline void arch_tlb_flush_page(vaddr_t va)
{
	host_tlb_flush_page(va);
}

static inline void arch_tlb_flush_all(void)
{
	host_tlb_flush_all();
}

static inline void arch_tlb_flush_kernel(void)
{
	host_tlb_flush_all();
}

#endif
