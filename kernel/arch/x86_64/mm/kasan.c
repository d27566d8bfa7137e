/*
 * The kernel address sanitizer. The compiler puts a call in front of each access (gcc,
 * -fsanitize=kernel-address with outline checks) and red zones around variables; for every 8 bytes
 * of memory one byte of shadow, at (address >> 3) + PORT_SHADOW_OFFSET, says how many of them may be
 * touched: 0 all, 1..7 the first so many, negative none.
 *
 * There is shadow for the image, all RAM in the direct map, and the small mappings (kernel stacks).
 * Other addresses are not checked. Shadow bytes belong to whoever owns the memory. This file is
 * compiled without checks.
 */
#include "kasan.h"

#if LODGER_KASAN

#include <kern/assert.h>
#include <kern/atomic.h>
#include <kern/log.h>
#include <kern/string.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <arch/mmu.h>
#include <port/image.h>
#include "../boot/memory.h"
#include "tables.h"

enum {
	GRANULE = 8,
	IMAGE_SHADOW_SIZE = 2 << 20, /* one large page: shadow for 16 MiB */
	CHUNK_PAGES = 64,
	SHADOW_FREED = 0xfe,
	SHADOW_GLOBAL = 0xf9,
};

/* What boot/kasan.inc maps before anything else runs. */
extern uint8_t image_shadow[];

static bool is_watching; /* all shadow is there */
static paddr_t ram_end;	 /* [const] end of the direct map */

static inline int8_t *shadow_of(uintptr_t address)
{
	return (int8_t *)((address >> 3) + PORT_SHADOW_OFFSET);
}

static inline bool has_shadow(uintptr_t address)
{
	if (address >= KERNEL_IMAGE_BASE)
		return address < (uintptr_t)image_end;
	if (address >= ARCH_KERNEL_MAP_BASE)
		return address < ARCH_KERNEL_MAP_BASE + ARCH_KERNEL_MAP_SIZE;
	return address >= PHYS_BASE && address < PHYS_BASE + ram_end;
}

/* Shadow pages that are there are left alone: neighbours share them. */
int shadow_map(vaddr_t va, uint64_t len)
{
	vaddr_t at = ROUND_DOWN((vaddr_t)shadow_of(va), PAGE_SIZE);

	if (va < ARCH_KERNEL_MAP_BASE || va >= ARCH_KERNEL_MAP_BASE + ARCH_KERNEL_MAP_SIZE)
		return 0;
	for (; at <= (vaddr_t)shadow_of(va + len - 1); at += PAGE_SIZE) {
		int error = table_map_fresh(kernel_root, at);

		if (error)
			return error;
	}
	return 0;
}

static INIT_TEXT void map_shadow_of(vaddr_t start, vaddr_t end)
{
	vaddr_t at = ROUND_DOWN((vaddr_t)shadow_of(start), PAGE_SIZE);
	vaddr_t last = ROUND_UP((vaddr_t)shadow_of(end), PAGE_SIZE);

	while (at < last) {
		size_t nr_pages = MIN((last - at) / PAGE_SIZE, (uint64_t)CHUNK_PAGES);
		paddr_t frames = boot_memory_alloc(nr_pages);

		if (table_map_range(kernel_root, at, frames, nr_pages * PAGE_SIZE,
				    PTE_READ | PTE_WRITE | PTE_GLOBAL, 0))
			panic("boot: no memory for shadow");
		at += nr_pages * PAGE_SIZE;
	}
}

/* Ranges that share a page of shadow are served by one pass over their hull. */
INIT_TEXT void shadow_init(void)
{
	paddr_t done = 0;

	for (unsigned i = 0; i < boot_info.nr_ram; i++) {
		paddr_t start = MAX(ROUND_DOWN(boot_info.ram[i].start, PAGE_SIZE * GRANULE), done);
		paddr_t end = ROUND_UP(boot_info.ram[i].end, PAGE_SIZE * GRANULE);

		if (start < end)
			map_shadow_of(PHYS_BASE + start, PHYS_BASE + end);
		done = MAX(done, end);
		ram_end = boot_info.ram[i].end;
	}
	if (table_map_range(kernel_root, (vaddr_t)shadow_of(KERNEL_IMAGE_BASE),
			    image_to_phys(image_shadow), IMAGE_SHADOW_SIZE,
			    PTE_READ | PTE_WRITE | PTE_GLOBAL, 1))
		panic("boot: no memory for shadow");
	table_reserve_slot((vaddr_t)shadow_of(ARCH_KERNEL_MAP_BASE));
}

extern void (*const constructors_start[])(void), (*const constructors_end[])(void);

INIT_TEXT void shadow_start(void)
{
	is_watching = true;
	/* Each file registers its variables. */
	for (void (*const *fn)(void) = constructors_start; fn < constructors_end; fn++)
		(*fn)();
}

static void set_shadow(uintptr_t address, size_t len, uint8_t value)
{
	memset(shadow_of(address), value, len / GRANULE);
}

void port_kasan_poison(const void *address, size_t len)
{
	if (is_watching && has_shadow((uintptr_t)address))
		set_shadow((uintptr_t)address, len, SHADOW_FREED);
}

void port_kasan_unpoison(const void *address, size_t len)
{
	uintptr_t at = (uintptr_t)address;

	if (!is_watching || !has_shadow(at))
		return;
	set_shadow(at, len, 0);
	if (len % GRANULE)
		*shadow_of(at + len) = (int8_t)(len % GRANULE);
}

void shadow_clean_stack(const struct task_struct *task)
{
	if (task->stack)
		port_kasan_unpoison(task->stack, KERNEL_STACK_SIZE);
}

static const char *what_is(int8_t shadow)
{
	switch ((uint8_t)shadow) {
	case SHADOW_FREED:
		return "freed or not allocated";
	case SHADOW_GLOBAL:
		return "behind a variable";
	case 0xf1:
	case 0xf2:
	case 0xf3:
		return "between variables of a stack frame";
	case 0xf5:
	case 0xf8:
		return "a variable that is gone";
	default:
		return "beyond the end of an object";
	}
}

static NOINLINE void report(uintptr_t address, size_t size, bool is_write, uintptr_t ip)
{
	const int8_t *around = shadow_of(address & ~127UL) - 16;
	int8_t bad = *shadow_of(address);

	is_watching = false;
	for (unsigned row = 0; row < 3; row++) {
		const uint8_t *s = (const uint8_t *)around + 16 * row;

		log_print("shadow of %#lx: %02x %02x %02x %02x %02x %02x %02x %02x  %02x %02x %02x "
			  "%02x %02x %02x %02x %02x\n",
			  (address & ~127UL) + 128UL * row - 128, s[0], s[1], s[2], s[3], s[4],
			  s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12], s[13], s[14], s[15]);
	}
	panic("address sanitizer: %s of %zu bytes at %#lx (%s), by %#lx",
	      is_write ? "write" : "read", size, address, what_is(bad), ip);
}

/* Whether all of [address, address + size) may be touched; where not, *bad is the first such byte. */
static bool is_allowed(uintptr_t address, size_t size, uintptr_t *bad)
{
	uintptr_t at = address;

	while (at < address + size) {
		int8_t shadow = *shadow_of(at);
		uintptr_t granule_end = (at | (GRANULE - 1)) + 1;
		uintptr_t end = MIN(granule_end, address + size);

		if (shadow != 0 && (int8_t)((end - 1) % GRANULE) >= shadow) {
			*bad = at;
			return false;
		}
		at = granule_end;
	}
	return true;
}

static ALWAYS_INLINE void check(uintptr_t address, size_t size, bool is_write, uintptr_t ip)
{
	uintptr_t bad;

	if (likely(is_watching) && has_shadow(address) && size > 0 &&
	    unlikely(!is_allowed(address, size, &bad)))
		report(bad, size, is_write, ip);
}

/* What gcc calls (libsanitizer's interface). */
#define CHECKS(size)                                                                 \
	void __asan_load##size##_noabort(uintptr_t address);                         \
	void __asan_load##size##_noabort(uintptr_t address)                          \
	{                                                                            \
		check(address, size, false, (uintptr_t)__builtin_return_address(0)); \
	}                                                                            \
	void __asan_store##size##_noabort(uintptr_t address);                        \
	void __asan_store##size##_noabort(uintptr_t address)                         \
	{                                                                            \
		check(address, size, true, (uintptr_t)__builtin_return_address(0));  \
	}
CHECKS(1)
CHECKS(2)
CHECKS(4)
CHECKS(8)
CHECKS(16)

void __asan_loadN_noabort(uintptr_t address, size_t size);
void __asan_loadN_noabort(uintptr_t address, size_t size)
{
	check(address, size, false, (uintptr_t)__builtin_return_address(0));
}

void __asan_storeN_noabort(uintptr_t address, size_t size);
void __asan_storeN_noabort(uintptr_t address, size_t size)
{
	check(address, size, true, (uintptr_t)__builtin_return_address(0));
}

/* In front of calls that do not return: the frames above are left for good. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
	uintptr_t sp = ROUND_DOWN((uintptr_t)__builtin_frame_address(0), GRANULE);
	const struct task_struct *task = current;
	uintptr_t base = (uintptr_t)task->stack;

	if (base && sp >= base && sp < base + KERNEL_STACK_SIZE)
		port_kasan_unpoison((void *)sp, base + KERNEL_STACK_SIZE - sp);
}

/* The compiler's description of a variable. */
struct asan_global {
	uintptr_t start;
	size_t size, size_with_red_zone;
	const char *name, *module;
	uintptr_t has_dynamic_init;
	void *location;
	uintptr_t odr_indicator;
};

void __asan_register_globals(const struct asan_global *globals, size_t nr);
void __asan_register_globals(const struct asan_global *globals, size_t nr)
{
	for (const struct asan_global *g = globals; g < globals + nr; g++) {
		size_t whole = ROUND_UP(g->size, (size_t)GRANULE);

		set_shadow(g->start + whole, g->size_with_red_zone - whole, SHADOW_GLOBAL);
		if (g->size % GRANULE)
			*shadow_of(g->start + g->size) = (int8_t)(g->size % GRANULE);
	}
}

void __asan_unregister_globals(const struct asan_global *globals, size_t nr);
void __asan_unregister_globals(const struct asan_global *globals, size_t nr)
{
}

#endif
