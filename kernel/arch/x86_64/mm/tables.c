/*
 * The kernel half of the address space. Owns kernel_root and all tables below its upper half; these
 * are never freed, so that every root can share them. Entries of different ranges are written
 * without a lock: a missing table is installed by compare-and-exchange. Callers of the same range
 * serialise.
 */
#include <kern/assert.h>
#include <kern/atomic.h>
#include <kern/string.h>
#include <arch/mmu.h>
#include <port/image.h>
#include <uapi/errno.h>
#include "kasan.h"
#include "tables.h"

enum { FIRST_KERNEL_SLOT = ARCH_PT_ENTRIES / 2, ROOT_LEVEL = ARCH_PT_LEVELS - 1 };

pte_t kernel_root[ARCH_PT_ENTRIES] ALIGNED(4096) SECTION(".bss..page");

paddr_t (*arch_table_alloc)(void);

/* [const] after boot: the upper-half slots in use, so that a new root copies only these. */
static uint16_t kernel_slots[ARCH_PT_ENTRIES / 2];
static unsigned nr_kernel_slots;

/* [atomic] A table that lost the race to be installed; the next to need one takes it. */
static paddr_t spare_table;

static unsigned slot_index(vaddr_t va, unsigned level)
{
	return (va >> ARCH_PT_SHIFT(level)) % ARCH_PT_ENTRIES;
}

static paddr_t table_take(void)
{
	paddr_t spare = atomic_exchange_acquire(&spare_table, 0);

	return spare ? spare : arch_table_alloc();
}

/* The table that entry points to, made if it is not there. NULL: no memory. */
static pte_t *table_below(pte_t *entry)
{
	pte_t old = atomic_load_acquire(entry);
	paddr_t table;

	if (old)
		return phys_to_virt(arch_pte_frame(old));
	table = table_take();
	if (!table)
		return NULL;
	if (!atomic_cmpxchg_acqrel(entry, &old, arch_pte_table(table))) {
		/* Somebody else's table is there. A second spare at once is a leak of one page that
		 * takes three CPUs in one instruction's time: not worth a list. */
		atomic_exchange_acqrel(&spare_table, table);
		return phys_to_virt(arch_pte_frame(old));
	}
	return phys_to_virt(table);
}

/* The entry of va at level, tables made on the way. NULL: no memory. */
static pte_t *entry_make(pte_t *root, vaddr_t va, unsigned level)
{
	pte_t *table = root;

	for (unsigned l = ROOT_LEVEL; l > level; l--) {
		pte_t *entry = &table[slot_index(va, l)];

		assert(arch_pte_is_none(*entry) || arch_pte_is_table(*entry, l));
		table = table_below(entry);
		if (!table)
			return NULL;
	}
	return &table[slot_index(va, level)];
}

static unsigned largest_level(vaddr_t va, paddr_t pa, uint64_t len, unsigned max_level)
{
	unsigned level = max_level;

	while (level > 0 && ((va | pa) % (1UL << ARCH_PT_SHIFT(level)) != 0 ||
			     len < 1UL << ARCH_PT_SHIFT(level)))
		level--;
	return level;
}

int table_map_range(pte_t *root, vaddr_t va, paddr_t pa, uint64_t len, unsigned flags,
		    unsigned max_level)
{
	while (len > 0) {
		unsigned level = largest_level(va, pa, len, max_level);
		uint64_t step = 1UL << ARCH_PT_SHIFT(level);
		pte_t *entry = entry_make(root, va, level);

		if (!entry)
			return -ENOMEM;
		atomic_store_relaxed(entry, arch_pte_page(pa, flags, level));
		va += step;
		pa += step;
		len -= step;
	}
	return 0;
}

int table_map_fresh(pte_t *root, vaddr_t va)
{
	pte_t *entry = entry_make(root, va, 0), none = 0;
	paddr_t page;

	if (!entry)
		return -ENOMEM;
	if (!arch_pte_is_none(atomic_load_acquire(entry)))
		return 0;
	page = table_take();
	if (!page)
		return -ENOMEM;
	if (!atomic_cmpxchg_acqrel(entry, &none,
				   arch_pte_page(page, PTE_READ | PTE_WRITE | PTE_GLOBAL, 0)))
		atomic_exchange_acqrel(&spare_table, page);
	return 0;
}

int arch_kernel_map(vaddr_t va, paddr_t frame, size_t nr_pages, unsigned flags)
{
	unsigned bits = flags | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY;
	int error = shadow_map(va, nr_pages * PAGE_SIZE);

	assert(va >= ARCH_KERNEL_BASE && va % PAGE_SIZE == 0 && !(flags & PTE_USER));
	if (error)
		return error;
	error = table_map_range(kernel_root, va, frame, nr_pages * PAGE_SIZE, bits, 0);
	if (error)
		arch_kernel_unmap(va, nr_pages);
	return error;
}

void arch_kernel_unmap(vaddr_t va, size_t nr_pages)
{
	for (vaddr_t end = va + nr_pages * PAGE_SIZE; va < end; va += PAGE_SIZE) {
		pte_t *table = kernel_root;
		unsigned l = ROOT_LEVEL;

		while (l > 0 && arch_pte_is_table(table[slot_index(va, l)], l)) {
			table = phys_to_virt(arch_pte_frame(table[slot_index(va, l)]));
			l--;
		}
		if (l == 0) {
			atomic_store_relaxed(&table[slot_index(va, 0)], 0);
			arch_tlb_flush_page(va);
		}
	}
}

void arch_root_init(void *root)
{
	pte_t *entries = root;

	for (unsigned i = 0; i < nr_kernel_slots; i++)
		entries[kernel_slots[i]] = kernel_root[kernel_slots[i]];
}

paddr_t arch_kernel_root(void)
{
	return image_to_phys(kernel_root);
}

INIT_TEXT void table_reserve_slot(vaddr_t va)
{
	if (!table_below(&kernel_root[slot_index(va, ROOT_LEVEL)]))
		panic("boot: no memory for page tables");
}

INIT_TEXT void table_slots_finish(void)
{
	for (unsigned i = FIRST_KERNEL_SLOT; i < ARCH_PT_ENTRIES; i++) {
		if (!arch_pte_is_none(kernel_root[i]))
			kernel_slots[nr_kernel_slots++] = (uint16_t)i;
	}
}
