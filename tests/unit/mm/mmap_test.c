/* mmap, munmap, mprotect, brk, the stack, madvise: one behaviour a test. */
#include "test.h"
#include "space.h"
#include <arch/uaccess.h>

#define MIB  (1UL << 20)
#define BASE 0x40000000UL

static struct mm_struct *mm;

static void begin(void)
{
	mm = space_new();
	assert_non_null(mm);
	space_enter(mm);
}

static void end(void)
{
	contents_check(mm, true);
	space_end(mm);
}

MACHINE_TEST(untouched_memory_reads_as_zero_and_costs_no_frame)
{
	begin();
	vaddr_t va = (vaddr_t)map_at(0, MIB, RW);
	assert_int_equal(peek(va + 5000), 0);
	assert_int_equal(mm->contents->anon_pages, 0);
	poke(va + 5000, 7);
	assert_int_equal(peek(va + 5000), 7);
	assert_int_equal(peek(va + 5001), 0);
	assert_int_equal(mm->contents->anon_pages, 1);
	end();
}

MACHINE_TEST(mappings_are_placed_downwards_and_joined)
{
	begin();
	vaddr_t a = (vaddr_t)map_at(0, 4 * PAGE_SIZE, RW);
	vaddr_t b = (vaddr_t)map_at(0, 4 * PAGE_SIZE, RW);
	vaddr_t c = (vaddr_t)map_at(0, PAGE_SIZE, AREA_READ);
	assert_int_equal(a, mm->contents->mmap_top - 4 * PAGE_SIZE);
	assert_int_equal(b, a - 4 * PAGE_SIZE);
	assert_int_equal(c, b - PAGE_SIZE);
	assert_int_equal(mm->contents->nr_areas, 2);
	/* The hole is found again. */
	assert_int_equal(area_unmap(mm, a, 2 * PAGE_SIZE), 0);
	assert_int_equal(map_at(0, 2 * PAGE_SIZE, RW), a);
	assert_int_equal(map_at(0, 2 * PAGE_SIZE, RW), c - 2 * PAGE_SIZE);
	end();
}

MACHINE_TEST(a_hint_is_taken_if_it_is_free)
{
	begin();
	struct area_request request = {.address = BASE, .len = PAGE_SIZE, .flags = RW};
	assert_int_equal(area_map(mm, &request), BASE);
	assert_int_not_equal(area_map(mm, &request), BASE);
	end();
}

MACHINE_TEST(impossible_requests_are_refused)
{
	begin();
	struct area_request request = {.address = BASE, .len = 0, .flags = RW};
	assert_int_equal(area_map(mm, &request), -EINVAL);
	request.len = UINT64_MAX - 5;
	assert_int_equal(area_map(mm, &request), -ENOMEM);
	request.len = ARCH_USER_END + PAGE_SIZE;
	assert_int_equal(area_map(mm, &request), -ENOMEM);
	request.len = PAGE_SIZE;
	request.is_fixed = true;
	request.address = 0xfffffffffffff000UL;
	assert_int_equal(area_map(mm, &request), -ENOMEM);
	request.address = ARCH_USER_END;
	assert_int_equal(area_map(mm, &request), -ENOMEM);
	request.address = BASE + 1;
	assert_int_equal(area_map(mm, &request), -EINVAL);
	request.address = 0;
	assert_int_equal(area_map(mm, &request), -EPERM);
	assert_int_equal(sys_munmap(BASE + 1, PAGE_SIZE), -EINVAL);
	assert_int_equal(sys_munmap(BASE, 0), -EINVAL);
	assert_int_equal(sys_munmap(ARCH_USER_END, PAGE_SIZE), -EINVAL);
	assert_int_equal(sys_munmap(0xfffffffffffff000UL, PAGE_SIZE), -EINVAL);
	assert_int_equal(sys_munmap(BASE, UINT64_MAX), -EINVAL);
	assert_int_equal(sys_munmap(BASE, 64 * PAGE_SIZE), 0); /* nothing there: fine */
	end();
}

MACHINE_TEST(the_last_user_page_can_be_mapped_and_unmapped)
{
	begin();
	vaddr_t last = ARCH_USER_END - PAGE_SIZE;
	assert_int_equal(map_at(last, PAGE_SIZE, RW), last);
	poke(last + PAGE_SIZE - 1, 1);
	assert_int_equal(sys_munmap(last, PAGE_SIZE), 0);
	assert_int_equal(mm->contents->table_pages, 0);
	end();
}

MACHINE_TEST(fixed_replaces_and_noreplace_does_not)
{
	begin();
	assert_int_equal(map_at(BASE, 8 * PAGE_SIZE, RW), BASE);
	poke(BASE + 3 * PAGE_SIZE, 3);
	poke(BASE + 5 * PAGE_SIZE, 5);
	struct area_request request = {.address = BASE + 2 * PAGE_SIZE,
				       .len = 2 * PAGE_SIZE,
				       .flags = RW,
				       .is_fixed = true,
				       .is_noreplace = true};
	assert_int_equal(area_map(mm, &request), -EEXIST);
	assert_int_equal(peek(BASE + 3 * PAGE_SIZE), 3);
	request.is_noreplace = false;
	assert_int_equal(area_map(mm, &request), BASE + 2 * PAGE_SIZE);
	assert_int_equal(peek(BASE + 3 * PAGE_SIZE), 0);
	assert_int_equal(peek(BASE + 5 * PAGE_SIZE), 5);
	assert_int_equal(mm->contents->nr_areas, 1);
	end();
}

MACHINE_TEST(unmapping_the_middle_leaves_both_ends)
{
	begin();
	map_at(BASE, 8 * PAGE_SIZE, RW);
	for (unsigned i = 0; i < 8; i++)
		poke(BASE + i * PAGE_SIZE, (uint8_t)(i + 1));
	assert_int_equal(sys_munmap(BASE + 3 * PAGE_SIZE, 2 * PAGE_SIZE), 0);
	assert_int_equal(mm->contents->nr_areas, 2);
	assert_int_equal(mm->contents->anon_pages, 6);
	assert_int_equal(read_signal(BASE + 3 * PAGE_SIZE), SIGSEGV);
	assert_int_equal(fault_code, SEGV_MAPERR);
	assert_int_equal(peek(BASE + 2 * PAGE_SIZE), 3);
	assert_int_equal(peek(BASE + 5 * PAGE_SIZE), 6);
	end();
}

MACHINE_TEST(tables_go_with_the_last_area_that_needs_them)
{
	begin();
	map_at(BASE, PAGE_SIZE, RW);
	poke(BASE, 1);
	assert_int_equal(mm->contents->table_pages, 3);
	map_at(BASE + MIB, PAGE_SIZE, RW);
	poke(BASE + MIB, 1);
	assert_int_equal(mm->contents->table_pages, 3);
	map_at(BASE + 4 * MIB, PAGE_SIZE, RW);
	poke(BASE + 4 * MIB, 1);
	assert_int_equal(mm->contents->table_pages, 4);
	sys_munmap(BASE, PAGE_SIZE);
	assert_int_equal(mm->contents->table_pages, 4);
	sys_munmap(BASE + MIB, PAGE_SIZE);
	assert_int_equal(mm->contents->table_pages, 3);
	sys_munmap(BASE + 4 * MIB, PAGE_SIZE);
	assert_int_equal(mm->contents->table_pages, 0);
	end();
}

MACHINE_TEST(more_than_a_gather_is_unmapped_in_batches)
{
	begin();
	map_at(BASE, 8 * MIB, RW);
	for (vaddr_t va = BASE; va < BASE + 8 * MIB; va += PAGE_SIZE)
		poke(va, 1);
	assert_int_equal(mm->contents->anon_pages, 2048);
	assert_int_equal(sys_munmap(BASE, 8 * MIB), 0);
	assert_int_equal(mm->contents->anon_pages, 0);
	assert_int_equal(contents_peak(mm->contents), 2048);
	end();
}

MACHINE_TEST(rights_are_enforced_and_changed)
{
	begin();
	map_at(BASE, 3 * PAGE_SIZE, RW);
	poke(BASE + PAGE_SIZE, 9);
	assert_int_equal(sys_mprotect(BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(mm->contents->nr_areas, 3);
	assert_int_equal(peek(BASE + PAGE_SIZE), 9);
	assert_int_equal(write_signal(BASE + PAGE_SIZE), SIGSEGV);
	assert_int_equal(fault_code, SEGV_ACCERR);
	assert_int_equal(sys_mprotect(BASE + PAGE_SIZE, PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(read_signal(BASE + PAGE_SIZE), SIGSEGV);
	assert_int_equal(sys_mprotect(BASE, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mm->contents->nr_areas, 1);
	assert_int_equal(peek(BASE + PAGE_SIZE), 9);
	poke(BASE + PAGE_SIZE, 10);
	assert_int_equal(sys_mprotect(BASE, 4 * PAGE_SIZE, PROT_READ), -ENOMEM);
	assert_int_equal(write_signal(BASE), SIGSEGV); /* what came before the hole was done */
	assert_int_equal(sys_mprotect(BASE + 1, PAGE_SIZE, PROT_READ), -EINVAL);
	assert_int_equal(sys_mprotect(BASE, PAGE_SIZE, 0x40), -EINVAL);
	assert_int_equal(sys_mprotect(BASE, 0, PROT_READ), 0);
	end();
}

MACHINE_TEST(the_zero_page_is_not_written_through_changed_rights)
{
	begin();
	map_at(BASE, 2 * PAGE_SIZE, AREA_READ);
	assert_int_equal(peek(BASE), 0);
	sys_mprotect(BASE, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE);
	poke(BASE, 1);
	assert_int_equal(peek(BASE + PAGE_SIZE), 0);
	end();
}

MACHINE_TEST(the_stack_grows_down_to_its_limit_and_keeps_its_gap)
{
	begin();
	vaddr_t top = BASE + 64 * MIB;
	assert_int_equal(map_at(top - PAGE_SIZE, PAGE_SIZE, RW | AREA_GROWSDOWN | AREA_STACK),
			 top - PAGE_SIZE);
	mm->contents->stack_limit = 4 * MIB;
	poke(top - 3 * PAGE_SIZE, 1);
	poke(top - 4 * MIB, 1);
	assert_int_equal(write_signal(top - 4 * MIB - 1), SIGSEGV);
	assert_int_equal(mm->contents->stack_pages, 1024);
	mm->contents->stack_limit = 64 * MIB;
	map_at(top - 8 * MIB, PAGE_SIZE, RW);
	poke(top - 8 * MIB + PAGE_SIZE + MIB, 1); /* exactly the gap stays */
	assert_int_equal(write_signal(top - 8 * MIB + MIB), SIGSEGV);
	/* New mappings keep away from it as well. */
	mm->contents->mmap_top = top - 4 * MIB;
	vaddr_t va = (vaddr_t)map_at(0, PAGE_SIZE, RW);
	assert_true(va + PAGE_SIZE <= top - 8 * MIB);
	end();
}

MACHINE_TEST(brk_moves_within_its_bounds)
{
	begin();
	mm->contents->brk_start = mm->contents->brk = BASE + 100;
	assert_int_equal(sys_brk(0), BASE + 100);
	assert_int_equal(sys_brk(BASE + 5 * PAGE_SIZE), BASE + 5 * PAGE_SIZE);
	poke(BASE + PAGE_SIZE, 1);
	poke(BASE + 5 * PAGE_SIZE - 1, 1);
	assert_int_equal(read_signal(BASE + 5 * PAGE_SIZE), SIGSEGV);
	assert_int_equal(sys_brk(BASE + 2 * PAGE_SIZE + 1), BASE + 2 * PAGE_SIZE + 1);
	assert_int_equal(peek(BASE + 2 * PAGE_SIZE), 0);
	assert_int_equal(read_signal(BASE + 3 * PAGE_SIZE), SIGSEGV);
	map_at(BASE + 16 * PAGE_SIZE, PAGE_SIZE, RW);
	assert_int_equal(sys_brk(BASE + 20 * PAGE_SIZE), BASE + 2 * PAGE_SIZE + 1);
	assert_int_equal(sys_brk(0xfffffffffffff000UL), BASE + 2 * PAGE_SIZE + 1);
	mm->contents->data_limit = 3 * PAGE_SIZE;
	assert_int_equal(sys_brk(BASE + 6 * PAGE_SIZE), BASE + 2 * PAGE_SIZE + 1);
	assert_int_equal(sys_brk(BASE + 100), BASE + 100);
	end();
}

MACHINE_TEST(limits_are_kept)
{
	begin();
	mm->contents->as_limit = 8 * PAGE_SIZE;
	assert_int_equal(map_at(BASE, 9 * PAGE_SIZE, RW), -ENOMEM);
	assert_int_equal(map_at(BASE, 8 * PAGE_SIZE, RW), BASE);
	assert_int_equal(map_at(0, PAGE_SIZE, AREA_READ), -ENOMEM);
	mm->contents->as_limit = UINT64_MAX;
	mm->contents->data_limit = 8 * PAGE_SIZE;
	assert_int_equal(map_at(0, PAGE_SIZE, RW), -ENOMEM);
	long shared = map_at(0, PAGE_SIZE, RW | AREA_SHARED);
	assert_true(shared > 0);
	long read_only = map_at(0, PAGE_SIZE, AREA_READ);
	assert_true(read_only > 0);
	assert_int_equal(sys_mprotect((vaddr_t)read_only, PAGE_SIZE, PROT_WRITE), -ENOMEM);
	mm->contents->data_limit = UINT64_MAX;
	assert_int_equal(map_at(0, 1UL << 40, RW), -ENOMEM); /* more than the machine has */
	assert_true(map_at(0, 1UL << 40, RW | AREA_NORESERVE) > 0);
	assert_true(map_at(0, 1UL << 40, 0) > 0);
	end();
}

MACHINE_TEST(dropped_pages_come_back_as_new)
{
	begin();
	map_at(BASE, 4 * PAGE_SIZE, RW);
	poke(BASE, 1);
	poke(BASE + PAGE_SIZE, 2);
	assert_int_equal(sys_madvise(BASE, PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(peek(BASE), 0);
	assert_int_equal(peek(BASE + PAGE_SIZE), 2);
	assert_int_equal(sys_madvise(BASE + PAGE_SIZE, PAGE_SIZE, MADV_FREE), 0);
	poke(BASE + PAGE_SIZE, 3);
	assert_int_equal(peek(BASE + PAGE_SIZE), 3);
	assert_int_equal(sys_madvise(BASE, 8 * PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(peek(BASE + PAGE_SIZE), 0); /* done as far as there is something */
	assert_int_equal(sys_madvise(BASE, PAGE_SIZE, 12345), -EINVAL);
	assert_int_equal(sys_madvise(BASE + 1, PAGE_SIZE, MADV_NORMAL), -EINVAL);
	assert_int_equal(sys_madvise(BASE, PAGE_SIZE, MADV_SEQUENTIAL), 0);
	assert_int_equal(sys_madvise(BASE, PAGE_SIZE, MADV_HUGEPAGE), -EINVAL);
	end();
}

MACHINE_TEST(populate_makes_pages_present)
{
	begin();
	map_at(BASE, 100 * PAGE_SIZE, RW);
	assert_int_equal(sys_madvise(BASE, 10 * PAGE_SIZE, MADV_POPULATE_WRITE), 0);
	assert_int_equal(mm->contents->anon_pages, 10);
	assert_int_equal(sys_madvise(BASE + 10 * PAGE_SIZE, 10 * PAGE_SIZE, MADV_POPULATE_READ), 0);
	assert_int_equal(mm->contents->anon_pages, 10);
	assert_int_equal(sys_mlock(BASE, 90 * PAGE_SIZE), 0);
	assert_int_equal(mm->contents->anon_pages, 90);
	assert_int_equal(mm->contents->locked_pages, 90);
	assert_int_equal(sys_madvise(BASE, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(sys_munlock(BASE + 1, 90 * PAGE_SIZE - 1), 0);
	assert_int_equal(mm->contents->locked_pages, 0);
	mm->contents->memlock_limit = 3 * PAGE_SIZE;
	assert_int_equal(sys_mlock(BASE, 4 * PAGE_SIZE), -ENOMEM);
	assert_int_equal(sys_mlock(BASE, 3 * PAGE_SIZE), 0);
	assert_int_equal(sys_mlock(BASE, 3 * PAGE_SIZE), 0);
	assert_int_equal(sys_munlockall(), 0);
	sys_mprotect(BASE, PAGE_SIZE, PROT_READ);
	assert_int_equal(sys_madvise(BASE, PAGE_SIZE, MADV_POPULATE_WRITE), -EINVAL);
	assert_int_equal(sys_madvise(BASE + 99 * PAGE_SIZE, 2 * PAGE_SIZE, MADV_POPULATE_READ),
			 -ENOMEM);
	end();
}

MACHINE_TEST(mincore_tells_what_is_resident)
{
	unsigned char vec[4];

	begin();
	map_at(BASE, 4 * PAGE_SIZE, RW);
	poke(BASE + PAGE_SIZE, 1);
	assert_int_equal(peek(BASE + 2 * PAGE_SIZE), 0);
	assert_int_equal(sys_mincore(BASE, 4 * PAGE_SIZE, (void *)(BASE + 3 * PAGE_SIZE)), 0);
	for (unsigned i = 0; i < 4; i++)
		vec[i] = peek(BASE + 3 * PAGE_SIZE + i);
	assert_memory_equal(vec, "\0\1\1\0", 3);
	assert_int_equal(sys_mincore(BASE, 5 * PAGE_SIZE, (void *)BASE), -ENOMEM);
	assert_int_equal(sys_mincore(BASE, PAGE_SIZE, (void *)(BASE + 8 * PAGE_SIZE)), -EFAULT);
	assert_int_equal(sys_msync(BASE, 4 * PAGE_SIZE, MS_SYNC), 0);
	assert_int_equal(sys_msync(BASE, 5 * PAGE_SIZE, MS_SYNC), -ENOMEM);
	assert_int_equal(sys_msync(BASE, PAGE_SIZE, MS_SYNC | MS_ASYNC), -EINVAL);
	end();
}

MACHINE_TEST(another_address_space_is_read_and_written)
{
	char text[3 * PAGE_SIZE] = {0};

	begin();
	map_at(BASE, 4 * PAGE_SIZE, RW);
	sys_mprotect(BASE + 3 * PAGE_SIZE, PAGE_SIZE, PROT_READ);
	memset(text, 'x', sizeof(text));
	space_enter(NULL);
	assert_int_equal(mm_write(mm, BASE + 100, text, sizeof(text)), sizeof(text) - 100);
	assert_int_equal(mm_read(mm, BASE, text, sizeof(text)), sizeof(text));
	assert_int_equal(text[99], 0);
	assert_int_equal(text[100], 'x');
	assert_int_equal(mm_read(mm, BASE + 3 * PAGE_SIZE, text, 2 * PAGE_SIZE), PAGE_SIZE);
	assert_int_equal(mm_read(mm, BASE - 1, text, 2), 0);
	assert_int_equal(mm_read(mm, 0xfffffffffffff000UL, text, 2), 0);
	end();
}

MACHINE_TEST(kernel_accesses_stop_where_they_may_not_sleep)
{
	uint32_t word;

	begin();
	map_at(BASE, PAGE_SIZE, RW);
	current->nofault++;
	assert_int_equal(arch_user_load32((uint32_t *)BASE, &word), -EFAULT);
	current->nofault--;
	assert_int_equal(arch_user_load32((uint32_t *)BASE, &word), 0);
	assert_int_equal(arch_user_store32((uint32_t *)(BASE + PAGE_SIZE), 1), -EFAULT);
	assert_int_equal(take_fault_signal(), 0); /* no signal for the kernel's own accesses */
	end();
}

static void map_much(void)
{
	struct mm_struct *space = space_new();

	if (!space)
		return;
	space_enter(space);
	map_at(BASE, 8 * PAGE_SIZE, RW);
	map_at(BASE + 4 * MIB, 4 * PAGE_SIZE, RW | AREA_SHARED);
	for (vaddr_t va = BASE; va < BASE + 8 * PAGE_SIZE; va += PAGE_SIZE) {
		read_signal(va);
		write_signal(va);
	}
	write_signal(BASE + 4 * MIB);
	sys_munmap(BASE + PAGE_SIZE, PAGE_SIZE);
	sys_mprotect(BASE + 4 * PAGE_SIZE, PAGE_SIZE, PROT_READ);
	map_at(BASE + 5 * PAGE_SIZE, PAGE_SIZE, AREA_READ);
	sys_mremap(BASE + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 600 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	sys_madvise(BASE + 6 * PAGE_SIZE, PAGE_SIZE, MADV_DONTFORK);
	contents_check(space, true);
	space_end(space);
}

MACHINE_TEST(no_failed_allocation_loses_anything)
{
	assert_true(test_each_allocation_failing(map_much) > 20);
}
