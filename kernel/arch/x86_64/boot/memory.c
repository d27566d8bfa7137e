/*
 * Physical memory until the page allocator takes over: the loader's map, and pages handed out from
 * it. Owns boot_info. Boot CPU only, no locks.
 */
#include <kern/assert.h>
#include <kern/log.h>
#include <kern/string.h>
#include <arch/mmu.h>
#include <port/image.h>
#include <port/x86.h>
#include "memory.h"
#include "pvh.h"
#include "ranges.h"

#define FOUR_GIB (4ULL << 30)

struct boot_info boot_info;
paddr_t boot_rsdp;

static struct range_list ram = {boot_info.ram, 0, BOOT_MAX_RANGES};
static struct range_list reserved = {boot_info.reserved, 0, BOOT_MAX_RANGES};
static bool is_finished;

/* Memory that the early tables map. */
static INIT_TEXT const void *reach_early(paddr_t paddr, size_t len)
{
	return paddr < FOUR_GIB && len <= FOUR_GIB - paddr ? phys_to_virt(paddr) : NULL;
}

static INIT_TEXT uint8_t cmos_read(uint8_t index)
{
	io_write8(0x70, index);
	return io_read8(0x71);
}

/* For a loader that tells nothing: the size of memory as PC firmware leaves it in CMOS. KiB above
 * 1 MiB in 0x30, 64-KiB blocks above 16 MiB in 0x34; all ones or all zero: not there. */
static INIT_TEXT void take_cmos_memory(void)
{
	unsigned kib = cmos_read(0x30) | cmos_read(0x31) << 8;
	unsigned blocks = cmos_read(0x34) | cmos_read(0x35) << 8;
	paddr_t end = 0;

	if (blocks != 0 && blocks != 0xffff)
		end = (16ULL << 20) + ((uint64_t)blocks << 16);
	else if (kib != 0xffff)
		end = (1ULL << 20) + ((uint64_t)kib << 10);
	if (end > 1ULL << 20)
		(void)!ranges_add(&ram, 1ULL << 20, ROUND_DOWN(end, PAGE_SIZE));
	(void)!ranges_add(&ram, PAGE_SIZE, 0x80000);
}

static INIT_TEXT void reserve(paddr_t start, paddr_t end)
{
	if (!ranges_add(&reserved, ROUND_DOWN(start, PAGE_SIZE), ROUND_UP(end, PAGE_SIZE)))
		panic("boot: more than %d reserved memory ranges", BOOT_MAX_RANGES);
}

INIT_TEXT void boot_memory_init(paddr_t start_info)
{
	struct pvh_info info;

	if (pvh_parse(start_info, reach_early, &ram, boot_info.cmdline, BOOT_CMDLINE_MAX, &info))
		log_print("boot: no PVH start info at %#lx\n", start_info);
	if (ram.nr == 0)
		take_cmos_memory();
	if (ram.nr == 0)
		panic("boot: the loader told of no memory");
	reserve(image_to_phys(image_start), image_to_phys(image_end));
	if (info.initrd != 0) {
		boot_info.initrd = info.initrd;
		boot_info.initrd_len = info.initrd_len;
		reserve(info.initrd, info.initrd + info.initrd_len);
	}
	boot_rsdp = info.rsdp;
	boot_info.nr_ram = ram.nr;
}

INIT_TEXT paddr_t boot_memory_alloc_within(size_t nr_pages, paddr_t min, paddr_t max)
{
	size_t len = nr_pages * PAGE_SIZE;
	paddr_t at;

	assert(!is_finished && max <= FOUR_GIB);
	at = ranges_find(&ram, &reserved, len, PAGE_SIZE, min, max);
	if (at == 0)
		panic("boot: no room for %zu pages below %#lx", nr_pages, max);
	reserve(at, at + len);
	return (paddr_t)virt_to_phys(memset(phys_to_virt(at), 0, len));
}

INIT_TEXT paddr_t boot_memory_alloc(size_t nr_pages)
{
	return boot_memory_alloc_within(nr_pages, 1ULL << 20, FOUR_GIB);
}

INIT_TEXT const struct boot_info *boot_memory_finish(void)
{
	is_finished = true;
	boot_info.nr_reserved = reserved.nr;
	return &boot_info;
}
