/*
 * Virtual addresses for device registers and firmware tables. Owns the device part of the kernel
 * half, handed out once and for good by an atomic bump.
 */
#include <kern/atomic.h>
#include <arch/mmu.h>
#include "tables.h"

static uint64_t device_map_used; /* [atomic] bytes from PORT_DEVICE_MAP_BASE on */

void *device_map(paddr_t paddr, size_t len, bool is_memory)
{
	uint64_t offset = paddr % PAGE_SIZE;
	uint64_t size = ROUND_UP(offset + len, PAGE_SIZE);
	unsigned flags = is_memory ? PTE_READ : PTE_READ | PTE_WRITE | PTE_UNCACHED;
	vaddr_t va;

	if (len == 0 || len > PORT_DEVICE_MAP_SIZE / 2 || paddr > (1ULL << 52) - size)
		return NULL;
	/* A page that is never mapped between two mappings catches overruns. */
	va = PORT_DEVICE_MAP_BASE + atomic_fetch_add_relaxed(&device_map_used, size + PAGE_SIZE);
	if (va + size > PORT_DEVICE_MAP_BASE + PORT_DEVICE_MAP_SIZE)
		return NULL;
	if (arch_kernel_map(va, paddr - offset, size / PAGE_SIZE, flags))
		return NULL;
	return (void *)(va + offset);
}
