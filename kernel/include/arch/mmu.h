/*
 * The port contract: page tables and the TLB. Tables are a radix tree of ARCH_PT_LEVELS levels of
 * ARCH_PT_ENTRIES 8-byte entries; level 0 holds pages, level ARCH_PT_LEVELS - 1 is the root.
 * Encoding and decoding are pure functions: they touch nothing and are tested on the host.
 * port/mmu.h defines the constants and the inlines declared here.
 */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include <kern/types.h>

typedef uint64_t pte_t; /* a page-table entry of any level; 0 = nothing there */

/* What an entry says, independent of the port. */
enum {
	PTE_READ = 1 << 0,
	PTE_WRITE = 1 << 1,
	PTE_EXEC = 1 << 2,
	PTE_USER = 1 << 3,
	PTE_GLOBAL = 1 << 4,   /* kernel half only: survives a root load */
	PTE_ACCESSED = 1 << 5, /* set by the MMU */
	PTE_DIRTY = 1 << 6,    /* set by the MMU, or by software before a write */
	PTE_UNCACHED = 1 << 7, /* device memory */
	PTE_SPECIAL = 1 << 8,  /* software: the frame is not counted by this mapping (zero page) */
};

/*
 * From port/mmu.h: ARCH_PT_LEVELS, ARCH_PT_ENTRIES, ARCH_PT_SHIFT(level) (address bits below an
 * entry of that level), ARCH_USER_END (first address past user space, exclusive; the last user
 * page below the hole is never mapped), ARCH_KERNEL_BASE (first kernel-half address),
 * ARCH_KERNEL_MAP_BASE and _SIZE (the range for small mappings by arch_kernel_map: kernel stacks).
 */

/* An entry that maps a page of level's size (level > 0: a large page) with PTE_ flags. PTE_READ
 * clear: present to decode, but any access faults (PROT_NONE with a frame kept). */
static inline pte_t arch_pte_page(paddr_t frame, unsigned flags, unsigned level);
/* An entry that points to the next lower table, with all rights: leaves decide. */
static inline pte_t arch_pte_table(paddr_t table);
static inline bool arch_pte_is_none(pte_t pte);
static inline bool arch_pte_is_table(pte_t pte, unsigned level);
static inline paddr_t arch_pte_frame(pte_t pte);
static inline unsigned arch_pte_flags(pte_t pte);
/* The same frame with other PTE_ flags. */
static inline pte_t arch_pte_change(pte_t pte, unsigned flags);
/* The same without PTE_WRITE. */
static inline pte_t arch_pte_read_only(pte_t pte);
static inline bool arch_pte_is_writable(pte_t pte);

/* Physical memory is mapped, whole, at a fixed offset in every address space's kernel half. */
static inline void *phys_to_virt(paddr_t paddr);
static inline paddr_t virt_to_phys(const void *vaddr); /* direct-map addresses only */

/* Makes a zeroed page into a root: its kernel half becomes init_mm's. Context: any. */
void arch_root_init(void *root);
/* Physical address of init_mm's root (the kernel's own). */
paddr_t arch_kernel_root(void);

/*
 * Loads a root on this CPU and so forgets every non-global translation here. A full barrier.
 * Context: interrupts off.
 */
static inline void arch_mmu_load_root(paddr_t root);
/* What the register holds. */
static inline paddr_t arch_mmu_root(void);

/* This CPU's TLB only. Pages: user addresses of the loaded root. All: every non-global entry.
 * Kernel: global ones too. Each is ordered after earlier page-table stores of this CPU. */
static inline void arch_tlb_flush_page(vaddr_t va);
static inline void arch_tlb_flush_all(void);
static inline void arch_tlb_flush_kernel(void);

/*
 * Maps nr_pages pages, physically contiguous from frame, at va in the kernel half, for every address
 * space; tables come from arch_table_alloc (below). -ENOMEM leaves nothing mapped. Unmapping does
 * not flush other CPUs: the caller sees to it that nobody uses va until it did.
 * Context: task context; callers of the same range serialise.
 */
MUST_USE int arch_kernel_map(vaddr_t va, paddr_t frame, size_t nr_pages, unsigned flags);
void arch_kernel_unmap(vaddr_t va, size_t nr_pages);

/* Where the port gets a zeroed page for its own tables: filled in by phys/, before that from boot
 * memory. Returns 0 when there is none. */
extern paddr_t (*arch_table_alloc)(void);

/*
 * Hands the frames of what only bring-up needed (INIT_TEXT, INIT_DATA) to give(), once: from then on
 * they are ordinary RAM. Context: boot CPU, task context, after the last INIT_TEXT call; best before
 * other CPUs start. Other CPUs still have the old, stricter mappings in their TLBs: where they run
 * already, the caller flushes theirs (arch_tlb_flush_kernel) before the frames are used.
 */
void arch_init_release(void (*give)(paddr_t start, paddr_t end));

#include <port/mmu.h>

#endif
