/* kernel/arch/host: the fake MMU, its TLB, and user memory through them. */
#include "test.h"
#include <string.h>
#include <kern/entry.h>
#include <kern/page.h>
#include <arch/mmu.h>
#include <arch/uaccess.h>
#include <uapi/errno.h>

#define VA 0x12345678000UL

static struct page *root;

static pte_t *table_of(struct page *page)
{
	return page_address(page);
}

/* The leaf entry of va, tables made on the way. */
static pte_t *leaf(vaddr_t va)
{
	pte_t *table = table_of(root);

	for (unsigned level = ARCH_PT_LEVELS - 1; level > 0; level--) {
		pte_t *entry = &table[(va >> ARCH_PT_SHIFT(level)) % ARCH_PT_ENTRIES];
		if (arch_pte_is_none(*entry))
			*entry = arch_pte_table(
				page_to_phys(page_alloc(0, PAGE_USE_TABLE, ALLOC_ZERO)));
		table = phys_to_virt(arch_pte_frame(*entry));
	}
	return &table[(va >> ARCH_PT_SHIFT(0)) % ARCH_PT_ENTRIES];
}

static void free_tables(pte_t *table, unsigned level)
{
	for (unsigned i = 0; level > 0 && i < ARCH_PT_ENTRIES / 2; i++) {
		if (!arch_pte_is_table(table[i], level))
			continue;
		free_tables(phys_to_virt(arch_pte_frame(table[i])), level - 1);
		page_put(phys_to_page(arch_pte_frame(table[i])));
	}
}

static void load(paddr_t paddr)
{
	arch_irq_disable();
	arch_mmu_load_root(paddr);
	arch_irq_enable();
}

static void begin(void)
{
	root = page_alloc(0, PAGE_USE_TABLE, ALLOC_ZERO);
	arch_root_init(page_address(root));
	load(page_to_phys(root));
}

static void end(void)
{
	load(arch_kernel_root());
	free_tables(table_of(root), ARCH_PT_LEVELS - 1);
	page_put(root);
}

static struct page *fault_gives; /* mapped by the next fault; NULL: none can be resolved */
static unsigned nr_faults, last_flags;

int entry_fault(struct trapframe *tf, vaddr_t va, unsigned flags)
{
	nr_faults++;
	last_flags = flags;
	if (!fault_gives)
		return -EFAULT;
	*leaf(va) = arch_pte_page(page_to_phys(fault_gives),
				  PTE_READ | PTE_USER | (flags & FAULT_WRITE ? PTE_WRITE : 0), 0);
	return 0;
}

TEST(entries_say_what_was_put_in)
{
	static const unsigned some[] = {0, PTE_READ, PTE_READ | PTE_WRITE | PTE_USER, 0x1ff};

	for (unsigned level = 0; level < 3; level++)
		for (unsigned i = 0; i < ARRAY_LEN(some); i++) {
			pte_t pte = arch_pte_page(0x40000000, some[i], level);
			assert_false(arch_pte_is_none(pte));
			assert_false(arch_pte_is_table(pte, level));
			assert_int_equal(arch_pte_frame(pte), 0x40000000);
			assert_int_equal(arch_pte_flags(pte), some[i]);
			assert_int_equal(arch_pte_flags(arch_pte_change(pte, PTE_READ)), PTE_READ);
			assert_int_equal(arch_pte_frame(arch_pte_change(pte, 0)), 0x40000000);
		}
	assert_true(arch_pte_is_table(arch_pte_table(0x5000), 2));
	assert_int_equal(arch_pte_frame(arch_pte_table(0x5000)), 0x5000);
}

MACHINE_TEST(faults_bring_pages_in_and_mark_them)
{
	char text[] = "hello", back[6];

	begin();
	nr_faults = 0;
	fault_gives = page_alloc(0, PAGE_USE_ANON, ALLOC_ZERO);
	assert_int_equal(arch_copy_from_user(back, (void *)VA, 6), 0);
	assert_int_equal(last_flags, 0);
	assert_true(*leaf(VA) & PTE_ACCESSED);
	assert_false(*leaf(VA) & PTE_DIRTY);
	assert_int_equal(arch_copy_to_user((void *)VA, text, 6), 0);
	assert_int_equal(last_flags, FAULT_WRITE | FAULT_PRESENT);
	assert_true(*leaf(VA) & PTE_DIRTY);
	assert_int_equal(nr_faults, 2);
	assert_string_equal(page_address(fault_gives), "hello");
	assert_int_equal(arch_string_from_user(back, (void *)VA, 6), 5);
	assert_int_equal(arch_string_from_user(back, (void *)VA, 3), 3);
	assert_int_equal(arch_clear_user((void *)(VA + 1), 2), 0);
	assert_int_equal(arch_string_from_user(back, (void *)VA, 6), 1);
	page_put(fault_gives);
	end();
}

MACHINE_TEST(copies_stop_where_a_fault_cannot_be_resolved)
{
	char buf[100];
	uint32_t word;

	begin();
	struct page *page = page_alloc(0, PAGE_USE_ANON, ALLOC_ZERO);
	*leaf(VA) = arch_pte_page(page_to_phys(page), PTE_READ | PTE_WRITE | PTE_USER, 0);
	fault_gives = NULL;
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(arch_copy_to_user((void *)(VA + PAGE_SIZE - 40), buf, 100), 60);
	assert_int_equal(arch_copy_from_user(buf, (void *)(VA + PAGE_SIZE - 1), 2), 1);
	assert_int_equal(arch_clear_user((void *)(VA + PAGE_SIZE), 1), 1);
	assert_int_equal(arch_string_from_user(buf, (void *)(VA + PAGE_SIZE - 40), 100), -EFAULT);
	assert_int_equal(arch_user_load32((void *)(VA + PAGE_SIZE), &word), -EFAULT);
	assert_int_equal(arch_user_cmpxchg32((void *)VA, 0, 7, &word), 0);
	assert_int_equal(word, 0);
	assert_int_equal(arch_user_cmpxchg32((void *)VA, 0, 8, &word), 0);
	assert_int_equal(word, 7);
	assert_int_equal(arch_user_load32((void *)VA, &word), 0);
	assert_int_equal(word, 7);
	page_put(page);
	end();
}

MACHINE_TEST(a_translation_lives_until_it_is_flushed)
{
	uint8_t byte;

	begin();
	fault_gives = NULL;
	struct page *a = page_alloc(0, PAGE_USE_ANON, ALLOC_ZERO);
	struct page *b = page_alloc(0, PAGE_USE_ANON, ALLOC_ZERO);
	*(uint8_t *)page_address(a) = 'a';
	*(uint8_t *)page_address(b) = 'b';
	*leaf(VA) = arch_pte_page(page_to_phys(a), PTE_READ | PTE_USER, 0);
	assert_true(host_user_read(VA, &byte) && byte == 'a');
	*leaf(VA) = arch_pte_page(page_to_phys(b), PTE_READ | PTE_USER, 0);
	assert_true(host_user_read(VA, &byte) && byte == 'a');
	arch_tlb_flush_page(VA + 5);
	assert_true(host_user_read(VA, &byte) && byte == 'b');
	*leaf(VA) = 0;
	assert_true(host_user_read(VA, &byte) && byte == 'b');
	arch_tlb_flush_all();
	assert_false(host_user_read(VA, &byte));
	assert_int_equal(last_flags, FAULT_USER);
	assert_false(host_user_write(VA, 1));

	/* The frame goes while a stale translation is there: the access is caught. */
	*leaf(VA) = arch_pte_page(page_to_phys(a), PTE_READ | PTE_USER, 0);
	assert_true(host_user_read(VA, &byte));
	*leaf(VA) = 0;
	host_expect_panic("AddressSanitizer", (page_put(a), (void)!host_user_read(VA, &byte)));
	page_put(a);
	page_put(b);
	end();
}

MACHINE_TEST(rights_are_checked)
{
	uint8_t byte;

	begin();
	fault_gives = NULL;
	struct page *page = page_alloc(0, PAGE_USE_ANON, ALLOC_ZERO);
	*leaf(VA) = arch_pte_page(page_to_phys(page), PTE_READ, 0);
	assert_false(host_user_read(VA, &byte));
	*leaf(VA) = arch_pte_page(page_to_phys(page), PTE_USER, 0);
	assert_false(host_user_read(VA, &byte));
	*leaf(VA) = arch_pte_page(page_to_phys(page), PTE_USER | PTE_READ, 0);
	assert_true(host_user_read(VA, &byte));
	assert_false(host_user_write(VA, 1));
	*leaf(VA) = arch_pte_page(page_to_phys(page), PTE_USER | PTE_READ | PTE_WRITE, 0);
	assert_true(host_user_write(VA, 1));
	page_put(page);
	end();
}

MACHINE_TEST(misuse_is_noticed)
{
	begin();
	host_expect_panic("(I1)", page_put(root));
	host_expect_panic("interrupts on", arch_mmu_load_root(page_to_phys(root)));
	host_expect_panic("is not RAM", phys_to_virt(1UL << 40));
	host_expect_panic("not in the direct map", (void)virt_to_phys(&root));
	end();
}
