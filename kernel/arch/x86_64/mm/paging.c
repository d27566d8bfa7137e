/*
 * Builds the kernel half at boot: the direct map of all RAM in the largest pages that fit, and the
 * image by right. Text is never writable in any alias, and nothing else is executable.
 * Boot CPU only; the tables are then as mm/tables.c says.
 */
#include <kern/assert.h>
#include <arch/mmu.h>
#include <port/features.h>
#include <port/image.h>
#include "../boot/memory.h"
#include "../boot/ranges.h"
#include "kasan.h"
#include "tables.h"

enum {
	KERNEL_DATA = PTE_READ | PTE_WRITE | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY,
	KERNEL_CONST = PTE_READ | PTE_GLOBAL | PTE_ACCESSED,
	KERNEL_TEXT = PTE_READ | PTE_EXEC | PTE_GLOBAL | PTE_ACCESSED,
};

static INIT_TEXT paddr_t boot_table_alloc(void)
{
	return boot_memory_alloc(1);
}

static INIT_TEXT void map_at(vaddr_t offset, paddr_t start, paddr_t end, unsigned flags,
			     unsigned max_level)
{
	if (start < end &&
	    table_map_range(kernel_root, offset + start, start, end - start, flags, max_level))
		panic("boot: no memory for page tables");
}

/* A piece of RAM, except what of it lies in [hole_start, hole_end). */
static INIT_TEXT void map_around(paddr_t start, paddr_t end, paddr_t hole_start, paddr_t hole_end)
{
	unsigned max_level = x86_features.has_gib_pages ? 2 : 1;

	if (end <= hole_start || start >= hole_end) {
		map_at(PHYS_BASE, start, end, KERNEL_DATA, max_level);
		return;
	}
	map_at(PHYS_BASE, start, hole_start, KERNEL_DATA, max_level);
	map_at(PHYS_BASE, hole_end, end, KERNEL_DATA, max_level);
}

/* RAM, and the initial RAM disk wherever the loader put it. */
static INIT_TEXT void map_direct(void)
{
	static INIT_DATA struct boot_range ranges[BOOT_MAX_RANGES + 1];
	struct range_list list = {ranges, 0, BOOT_MAX_RANGES + 1};
	paddr_t text = image_to_phys(text_start), end = image_to_phys(rodata_end);
	paddr_t initrd_end = boot_info.initrd + boot_info.initrd_len;
	bool has_all = ranges_add(&list, ROUND_DOWN(boot_info.initrd, PAGE_SIZE),
				  ROUND_UP(initrd_end, PAGE_SIZE));

	for (unsigned i = 0; i < boot_info.nr_ram; i++)
		has_all &= ranges_add(&list, boot_info.ram[i].start, boot_info.ram[i].end);
	assert(has_all);
	for (unsigned i = 0; i < list.nr; i++)
		map_around(list.ranges[i].start, list.ranges[i].end, text, end);
	map_at(PHYS_BASE, text, end, KERNEL_CONST, 0);
}

static INIT_TEXT void map_image_part(const char *start, const char *end, unsigned flags)
{
	map_at(KERNEL_IMAGE_BASE, image_to_phys(start), image_to_phys(end), flags, 0);
}

static INIT_TEXT void map_image(void)
{
	map_image_part(text_start, init_text_end, KERNEL_TEXT);
	map_image_part(rodata_start, rodata_end, KERNEL_CONST);
	map_image_part(data_start, boot_stack_guard, KERNEL_DATA);
	map_image_part(boot_stack_guard + PAGE_SIZE, image_end, KERNEL_DATA);
}

static void release(char *start, char *end, void (*give)(paddr_t start, paddr_t end))
{
	if (start == end)
		return;
	arch_kernel_unmap((vaddr_t)start, (size_t)(end - start) / PAGE_SIZE);
	give(image_to_phys(start), image_to_phys(end));
}

void arch_init_release(void (*give)(paddr_t start, paddr_t end))
{
	paddr_t text = image_to_phys(init_text_start), end = image_to_phys(init_text_end);

	/* As start-up text it was read-only in the direct map too. The tables are there. */
	if (table_map_range(kernel_root, PHYS_BASE + text, text, end - text, KERNEL_DATA, 0))
		return;
	arch_tlb_flush_kernel();
	release(init_text_start, init_text_end, give);
	release(data_start, init_data_end, give);
	release(init_bss_start, init_bss_end, give);
}

INIT_TEXT void paging_init(void)
{
	arch_table_alloc = boot_table_alloc;
	map_direct();
	map_image();
	table_reserve_slot(ARCH_PAGE_MAP_BASE);
	table_reserve_slot(ARCH_KERNEL_MAP_BASE);
	table_reserve_slot(PORT_DEVICE_MAP_BASE);
	shadow_init();
	table_slots_finish();
	arch_mmu_load_root(arch_kernel_root());
	arch_tlb_flush_kernel();
	shadow_start();
}
