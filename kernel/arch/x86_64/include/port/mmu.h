/*
 * Page tables (SDM vol. 3, 4.5: 4-level paging) and the shape of the kernel half:
 *
 *	ffff8000'00000000  all RAM, at PHYS_BASE + physical address (64 TiB)
 *	ffffc000'00000000  page_map, the struct page array (1 TiB)
 *	ffffc800'00000000  kernel stacks and other small mappings with guard pages (512 GiB)
 *	ffffd000'00000000  device registers (512 GiB)
 *	ffffec00'00000000  shadow memory of the address sanitizer (16 TiB, its builds only)
 *	ffffffff'80000000  the kernel image, at KERNEL_IMAGE_BASE + physical address (1 GiB)
 *
 * Every top-level entry that any of these will ever need is filled in before the first root is
 * made, so roots never have to be brought up to date.
 */
#ifndef PORT_MMU_H
#define PORT_MMU_H

#include <kern/types.h>

#define ARCH_PT_LEVELS	     4
#define ARCH_PT_ENTRIES	     512
#define ARCH_PT_SHIFT(level) (12U + 9U * (level))

#define ARCH_USER_END	 0x00007ffffffff000UL
#define ARCH_KERNEL_BASE 0xffff800000000000UL

#define PHYS_BASE	     0xffff800000000000UL
#define ARCH_PAGE_MAP_BASE   0xffffc00000000000UL
#define ARCH_PAGE_MAP_SIZE   (1UL << 40)
#define ARCH_KERNEL_MAP_BASE 0xffffc80000000000UL
#define ARCH_KERNEL_MAP_SIZE (1UL << 39)
#define PORT_DEVICE_MAP_BASE 0xffffd00000000000UL
#define PORT_DEVICE_MAP_SIZE (1UL << 39)
#define PORT_SHADOW_OFFSET   0xdffffc0000000000UL
#define KERNEL_IMAGE_BASE    0xffffffff80000000UL

/* The bits of an entry. */
#define X86_PTE_PRESENT	 (1UL << 0)
#define X86_PTE_WRITE	 (1UL << 1)
#define X86_PTE_USER	 (1UL << 2)
#define X86_PTE_PWT	 (1UL << 3)
#define X86_PTE_PCD	 (1UL << 4)
#define X86_PTE_ACCESSED (1UL << 5)
#define X86_PTE_DIRTY	 (1UL << 6)
#define X86_PTE_LARGE	 (1UL << 7)
#define X86_PTE_GLOBAL	 (1UL << 8)
#define X86_PTE_SPECIAL	 (1UL << 9)  /* ignored by the MMU */
#define X86_PTE_NOACCESS (1UL << 10) /* ignored by the MMU: a frame without PRESENT */
#define X86_PTE_NX	 (1UL << 63)
#define X86_PTE_FRAME	 0x000ffffffffff000UL

static inline pte_t port_pte_bits(unsigned flags)
{
	pte_t pte = flags & PTE_READ ? X86_PTE_PRESENT : X86_PTE_NOACCESS;

	if (flags & PTE_WRITE)
		pte |= X86_PTE_WRITE;
	if (!(flags & PTE_EXEC))
		pte |= X86_PTE_NX;
	if (flags & PTE_USER)
		pte |= X86_PTE_USER;
	if (flags & PTE_GLOBAL)
		pte |= X86_PTE_GLOBAL;
	if (flags & PTE_ACCESSED)
		pte |= X86_PTE_ACCESSED;
	if (flags & PTE_DIRTY)
		pte |= X86_PTE_DIRTY;
	if (flags & PTE_UNCACHED)
		pte |= X86_PTE_PCD | X86_PTE_PWT;
	if (flags & PTE_SPECIAL)
		pte |= X86_PTE_SPECIAL;
	return pte;
}

static inline pte_t arch_pte_page(paddr_t frame, unsigned flags, unsigned level)
{
	return frame | port_pte_bits(flags) | (level > 0 ? X86_PTE_LARGE : 0);
}

static inline pte_t arch_pte_table(paddr_t table)
{
	return table | X86_PTE_PRESENT | X86_PTE_WRITE | X86_PTE_USER | X86_PTE_ACCESSED;
}

static inline bool arch_pte_is_none(pte_t pte)
{
	return pte == 0;
}

static inline bool arch_pte_is_table(pte_t pte, unsigned level)
{
	return level > 0 && (pte & (X86_PTE_PRESENT | X86_PTE_LARGE)) == X86_PTE_PRESENT;
}

static inline paddr_t arch_pte_frame(pte_t pte)
{
	return pte & X86_PTE_FRAME;
}

static inline unsigned arch_pte_flags(pte_t pte)
{
	unsigned flags = 0;

	if (pte & X86_PTE_PRESENT)
		flags |= PTE_READ;
	if (pte & X86_PTE_WRITE)
		flags |= PTE_WRITE;
	if (!(pte & X86_PTE_NX))
		flags |= PTE_EXEC;
	if (pte & X86_PTE_USER)
		flags |= PTE_USER;
	if (pte & X86_PTE_GLOBAL)
		flags |= PTE_GLOBAL;
	if (pte & X86_PTE_ACCESSED)
		flags |= PTE_ACCESSED;
	if (pte & X86_PTE_DIRTY)
		flags |= PTE_DIRTY;
	if (pte & X86_PTE_PCD)
		flags |= PTE_UNCACHED;
	if (pte & X86_PTE_SPECIAL)
		flags |= PTE_SPECIAL;
	return flags;
}

static inline pte_t arch_pte_change(pte_t pte, unsigned flags)
{
	return (pte & (X86_PTE_FRAME | X86_PTE_LARGE)) | port_pte_bits(flags);
}

static inline pte_t arch_pte_read_only(pte_t pte)
{
	return pte & ~X86_PTE_WRITE;
}

static inline bool arch_pte_is_writable(pte_t pte)
{
	return pte & X86_PTE_WRITE;
}

static inline void *phys_to_virt(paddr_t paddr)
{
	return (void *)(PHYS_BASE + paddr);
}

static inline paddr_t virt_to_phys(const void *vaddr)
{
	return (paddr_t)vaddr - PHYS_BASE;
}

static inline void arch_mmu_load_root(paddr_t root)
{
	__asm__ volatile("mov %0, %%cr3" ::"r"(root) : "memory");
}

static inline paddr_t arch_mmu_root(void)
{
	paddr_t root;

	__asm__ volatile("mov %%cr3, %0" : "=r"(root)::"memory");
	return root & X86_PTE_FRAME;
}

static inline void arch_tlb_flush_page(vaddr_t va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline void arch_tlb_flush_all(void)
{
	arch_mmu_load_root(arch_mmu_root());
}

/* Changing CR4.PGE forgets global entries too (SDM vol. 3, 4.10.4.1). */
static inline void arch_tlb_flush_kernel(void)
{
	unsigned long cr4, pge = 1UL << 7;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4)::"memory");
	if (cr4 & pge) {
		__asm__ volatile("mov %0, %%cr4" ::"r"(cr4 & ~pge) : "memory");
		__asm__ volatile("mov %0, %%cr4" ::"r"(cr4) : "memory");
	} else {
		arch_tlb_flush_all();
	}
}

#endif
