/* kernel/arch/x86_64/include/port/mmu.h: the encoding of page-table entries */
#include "test.h"
#include <arch/mmu.h>

enum { ALL_FLAGS = 1 << 9 };

TEST(every_combination_survives_encoding)
{
	for (unsigned flags = 0; flags < ALL_FLAGS; flags++) {
		for (unsigned level = 0; level < 3; level++) {
			paddr_t frame = 0x000fedcb40000000;
			pte_t pte = arch_pte_page(frame, flags, level);

			assert_int_equal(arch_pte_flags(pte), flags);
			assert_int_equal(arch_pte_frame(pte), frame);
			assert_false(arch_pte_is_none(pte));
			assert_false(arch_pte_is_table(pte, level));
		}
	}
}

TEST(changing_flags_keeps_frame_and_size)
{
	for (unsigned from = 0; from < ALL_FLAGS; from += 7) {
		for (unsigned to = 0; to < ALL_FLAGS; to += 5) {
			pte_t small = arch_pte_page(0x1234000, from, 0);
			pte_t large = arch_pte_page(0x40000000, from, 1);

			assert_int_equal(arch_pte_change(small, to),
					 arch_pte_page(0x1234000, to, 0));
			assert_int_equal(arch_pte_change(large, to),
					 arch_pte_page(0x40000000, to, 1));
		}
	}
}

TEST(the_processor_sees_what_is_meant)
{
	pte_t text = arch_pte_page(0x1000, PTE_READ | PTE_EXEC | PTE_USER, 0);
	pte_t data = arch_pte_page(0x1000, PTE_READ | PTE_WRITE, 0);
	pte_t none = arch_pte_page(0x1000, PTE_USER, 0);

	assert_int_equal(text & (X86_PTE_PRESENT | X86_PTE_WRITE | X86_PTE_USER | X86_PTE_NX),
			 X86_PTE_PRESENT | X86_PTE_USER);
	assert_int_equal(data & (X86_PTE_PRESENT | X86_PTE_WRITE | X86_PTE_USER | X86_PTE_NX),
			 X86_PTE_PRESENT | X86_PTE_WRITE | X86_PTE_NX);
	/* No right to read: the processor must fault, and the frame must still be known. */
	assert_int_equal(none & X86_PTE_PRESENT, 0);
	assert_int_equal(arch_pte_frame(none), 0x1000);
}

TEST(tables_are_told_from_pages_and_nothing)
{
	pte_t table = arch_pte_table(0x7000);

	for (unsigned level = 1; level < ARCH_PT_LEVELS; level++)
		assert_true(arch_pte_is_table(table, level));
	assert_false(arch_pte_is_table(table, 0)); /* at level 0 the same bits are a page */
	assert_false(arch_pte_is_table(0, 1));
	assert_true(arch_pte_is_none(0));
	assert_int_equal(arch_pte_frame(table), 0x7000);
}

TEST(levels_cover_the_address_space)
{
	assert_int_equal(ARCH_PT_SHIFT(0), PAGE_SHIFT);
	assert_int_equal(ARCH_PT_SHIFT(ARCH_PT_LEVELS), 48);
	assert_true(ARCH_USER_END < 1UL << 47);
	assert_int_equal(ARCH_KERNEL_BASE, ~((1UL << 47) - 1));
}
