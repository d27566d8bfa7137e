/*
 * Where a new address space has its stack, its mappings, its program and its heap: as Linux places
 * them, moved by a little randomness so that no exploit knows addresses in advance; not with
 * `norandmaps` at boot or personality(ADDR_NO_RANDOMIZE).
 */
#include <kern/boot.h>
#include <kern/process.h>
#include <kern/random.h>
#include <arch/mmu.h>

#include "exec.h"
#include "task_private.h"

/* Bits of randomness, in pages. */
enum { STACK_BITS = 22, MMAP_BITS = 28, IMAGE_BITS = 28, BRK_BITS = 13 };

#define GIB (1UL << 30)

static bool is_random; /* [const] after bring-up */

void exec_layout_init(void)
{
	char value[2];

	is_random = !boot_option("norandmaps", value, sizeof(value));
}

static uintptr_t random_pages(unsigned bits)
{
	return (random_u64() & ((1UL << bits) - 1)) << PAGE_SHIFT;
}

void exec_places_choose(struct exec_places *places, uint64_t stack_limit)
{
	const uintptr_t stack_spread = (1UL << STACK_BITS) << PAGE_SHIFT;
	bool moves = is_random && !(current->signal->personality & PERSONALITY_NO_RANDOMIZE);
	uintptr_t gap = MIN(MAX(stack_limit, (uint64_t)GIB / 8), (uint64_t)ARCH_USER_END / 6 * 5);

	/* The stack may grow to its limit, wherever in its spread it starts. */
	gap = ROUND_UP(gap + stack_spread + 256 * PAGE_SIZE, PAGE_SIZE);
	*places = (struct exec_places){
		.stack_top = ARCH_USER_END,
		.mmap_top = ARCH_USER_END - gap,
		.image_base = ROUND_DOWN(ARCH_USER_END / 3 * 2, PAGE_SIZE),
	};
	if (!moves)
		return;
	places->stack_top -= random_pages(STACK_BITS);
	places->mmap_top -= random_pages(MMAP_BITS);
	places->image_base += random_pages(IMAGE_BITS);
	places->brk_gap = random_pages(BRK_BITS);
}
