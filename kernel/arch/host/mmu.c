/*
 * The fake MMU: the root register, the TLB and the walks that fill it, and the kernel half, which
 * is the test program's own address space. Each virtual CPU owns its root and TLB.
 *
 * The TLB keeps what it has until it is told to forget, and forgets no more than it is told: an
 * entry for a page that has been unmapped is used as long as nobody flushes it.
 */
#include <kern/assert.h>
#include <kern/atomic.h>
#include <arch/mmu.h>
#include <host/machine.h>
#include "mmu.h"
#include "os.h"

paddr_t (*arch_table_alloc)(void);

void *host_phys_to_virt(paddr_t paddr)
{
	assert_msg(paddr < host_arena_size, "physical address %#llx is not RAM",
		   (unsigned long long)paddr);
	return host_arena + paddr;
}

paddr_t host_virt_to_phys(const void *vaddr)
{
	const char *p = vaddr;

	assert_msg(p >= host_arena && p < host_arena + host_arena_size,
		   "%p is not in the direct map", vaddr);
	return (paddr_t)(p - host_arena);
}

/* ---- roots -------------------------------------------------------------------------------------
 */

/* The kernel half needs no tables here: the kernel's root is an empty page that no one allocates.
 */
paddr_t arch_kernel_root(void)
{
	return HOST_KERNEL_ROOT;
}

void arch_root_init(void *root)
{
	pte_t *entries = root;

	for (unsigned i = ARCH_PT_ENTRIES / 2; i < ARCH_PT_ENTRIES; i++)
		entries[i] = 0;
}

void host_mmu_load_root(paddr_t root)
{
	assert_msg(!host_cpu->irqs_on, "a root is loaded with interrupts on");
	assert(root % PAGE_SIZE == 0 && root < host_arena_size);
	host_choice_point(HOST_POINT_ROOT, phys_to_virt(root));
	host_cpu->root = root;
	host_cpu->tlb_used = 0;
	atomic_fence_seqcst();
}

/* ---- the TLB -----------------------------------------------------------------------------------
 */

void host_tlb_flush_page(vaddr_t va)
{
	struct host_cpu *cpu = host_cpu;
	vaddr_t page = va & PAGE_MASK;

	host_choice_point(HOST_POINT_FLUSH, (const void *)va);
	for (unsigned i = 0; i < cpu->tlb_used; i++)
		if (cpu->tlb[i].page == page)
			cpu->tlb[i--] = cpu->tlb[--cpu->tlb_used];
}

void host_tlb_flush_all(void)
{
	host_choice_point(HOST_POINT_FLUSH, NULL);
	host_cpu->tlb_used = 0;
}

static struct host_tlb_entry *tlb_find(vaddr_t page)
{
	for (unsigned i = 0; i < host_cpu->tlb_used; i++)
		if (host_cpu->tlb[i].page == page)
			return &host_cpu->tlb[i];
	return NULL;
}

static void tlb_insert(vaddr_t page, pte_t pte)
{
	struct host_cpu *cpu = host_cpu;
	struct host_tlb_entry *entry = tlb_find(page);

	if (!entry && cpu->tlb_used < HOST_TLB_ENTRIES)
		entry = &cpu->tlb[cpu->tlb_used++];
	else if (!entry)
		entry = &cpu->tlb[cpu->tlb_victim++ % HOST_TLB_ENTRIES];
	*entry = (struct host_tlb_entry){.page = page, .pte = pte};
}

/* ---- walks -------------------------------------------------------------------------------------
 */

static bool allows(pte_t pte, unsigned need)
{
	return (arch_pte_flags(pte) & need) == need;
}

/* The steps of walk(). */
static pte_t walk_tables(vaddr_t va, unsigned need)
{
	paddr_t table = host_cpu->root;
	unsigned level = ARCH_PT_LEVELS - 1;
	pte_t *entry, pte;

	for (;; level--) {
		unsigned index = (va >> ARCH_PT_SHIFT(level)) % ARCH_PT_ENTRIES;
		entry = (pte_t *)phys_to_virt(table) + index;
		host_choice_point(HOST_POINT_WALK, entry);
		pte = __atomic_load_n(entry, __ATOMIC_RELAXED);
		if (arch_pte_is_none(pte))
			return 0;
		if (!arch_pte_is_table(pte, level))
			break;
		assert(level > 0);
		table = arch_pte_frame(pte);
	}
	assert_msg(((pte >> HOST_PTE_LEVEL_SHIFT) & 3) == level, "entry %#llx at level %u",
		   (unsigned long long)pte, level);
	if (!allows(pte, need))
		return 0;
	pte_t marks = PTE_ACCESSED | (need & PTE_WRITE ? PTE_DIRTY : 0);
	if ((pte & marks) != marks)
		pte = __atomic_or_fetch(entry, marks, __ATOMIC_RELAXED);
	/* A large page enters the TLB as the small one that was asked for. */
	paddr_t offset = va & ((1ULL << ARCH_PT_SHIFT(level)) - 1) & PAGE_MASK;
	return arch_pte_page(arch_pte_frame(pte) + offset, arch_pte_flags(pte), 0);
}

/*
 * The entry that maps va, with ACCESSED (and DIRTY, for a write) set as the MMU sets them; 0 if none
 * does or its rights do not suffice. Other CPUs run between its steps, but no interrupt is taken here
 * before the walk has ended: whoever flushes and waits for the answer has waited for the walk too.
 */
static pte_t walk(vaddr_t va, unsigned need)
{
	bool irqs_on = host_cpu->irqs_on;
	pte_t pte;

	host_cpu->irqs_on = false;
	pte = walk_tables(va, need);
	host_cpu->irqs_on = irqs_on;
	return pte;
}

void *host_translate(vaddr_t va, unsigned need)
{
	struct host_tlb_entry *entry = tlb_find(va & PAGE_MASK);
	unsigned need_in_tlb = need | (need & PTE_WRITE ? PTE_DIRTY : 0);

	if (!host_cpu->root || va >= ARCH_USER_END)
		return NULL;
	/* An entry without the right is walked again, as hardware does before it faults; a stale
	 * one that grants it is used. */
	if (!entry || !allows(entry->pte, need_in_tlb)) {
		pte_t pte = walk(va, need);
		if (!pte)
			return NULL;
		tlb_insert(va & PAGE_MASK, pte);
		entry = tlb_find(va & PAGE_MASK);
	}
	return (char *)phys_to_virt(arch_pte_frame(entry->pte)) + va % PAGE_SIZE;
}

bool host_page_is_present(vaddr_t va)
{
	return walk(va, PTE_READ) != 0;
}

/* ---- the kernel half ---------------------------------------------------------------------------
 */

static bool is_within(vaddr_t va, size_t len, const char *base, size_t size)
{
	return va >= (uintptr_t)base && va + len <= (uintptr_t)base + size;
}

/* The memory behind va is fresh, not the frames': aliases through the direct map are not modelled.
 */
int arch_kernel_map(vaddr_t va, paddr_t frame, size_t nr_pages, unsigned flags)
{
	size_t len = nr_pages * PAGE_SIZE;

	assert(va % PAGE_SIZE == 0 && frame % PAGE_SIZE == 0);
	assert(is_within(va, len, host_page_map, HOST_PAGE_MAP_SIZE) ||
	       is_within(va, len, host_kernel_map, HOST_KERNEL_MAP_SIZE));
	os_commit((void *)va, len);
	return 0;
}

void arch_kernel_unmap(vaddr_t va, size_t nr_pages)
{
	os_decommit((void *)va, nr_pages * PAGE_SIZE);
}
