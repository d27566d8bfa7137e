/* kernel/task/elf.c: whatever the bytes are, what is accepted fits into user memory. */
#include "test.h"
#include <string.h>
#include <kern/mm.h>
#include <uapi/errno.h>
#include <arch/mmu.h>

#include "../../../kernel/task/elf.h"

enum { NR_PHDRS = 6 };

struct file_head {
	struct elf64_ehdr ehdr;
	struct elf64_phdr phdrs[NR_PHDRS];
};

/* A small dynamic program: headers, text, data with bss, interpreter, stack. */
static struct file_head good_file(void)
{
	struct file_head f = {
		.ehdr = {.e_ident = ELF_MAGIC,
			 .e_type = ET_DYN,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_entry = 0x1234,
			 .e_phoff = sizeof(struct elf64_ehdr),
			 .e_ehsize = sizeof(struct elf64_ehdr),
			 .e_phentsize = sizeof(struct elf64_phdr),
			 .e_phnum = NR_PHDRS},
		.phdrs = {{.p_type = PT_PHDR, .p_vaddr = 64, .p_offset = 64, .p_filesz = 336},
			  {.p_type = PT_INTERP, .p_offset = 0x200, .p_filesz = 28},
			  {.p_type = PT_LOAD,
			   .p_flags = PF_R,
			   .p_filesz = 0x800,
			   .p_memsz = 0x800,
			   .p_align = 0x1000},
			  {.p_type = PT_LOAD,
			   .p_flags = PF_R | PF_X,
			   .p_offset = 0x1000,
			   .p_vaddr = 0x1000,
			   .p_filesz = 0x2345,
			   .p_memsz = 0x2345,
			   .p_align = 0x1000},
			  {.p_type = PT_LOAD,
			   .p_flags = PF_R | PF_W,
			   .p_offset = 0x3d00,
			   .p_vaddr = 0x4d00,
			   .p_filesz = 0x400,
			   .p_memsz = 0x2400,
			   .p_align = 0x1000},
			  {.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W}},
	};

	f.ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	f.ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	f.ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	return f;
}

static int parse(const struct file_head *f, struct elf_header *header, struct elf_layout *layout)
{
	int err = elf_header_parse(f, sizeof(*f), header);

	if (err)
		return err;
	if (header->nr_phdrs > NR_PHDRS || header->table_offset != sizeof(f->ehdr))
		return -ENOEXEC; /* would be read from elsewhere in the file */
	return elf_layout_parse(header, f->phdrs, layout);
}

/* What loading relies on. */
static void check_promises(const struct file_head *f, const struct elf_header *header,
			   const struct elf_layout *layout)
{
	uint64_t end = 0;
	unsigned nr = 0;

	assert_true(layout->nr_segments > 0 && layout->low < layout->high);
	assert_true(layout->high <= ARCH_USER_END && !(layout->low % PAGE_SIZE));
	assert_true(layout->alignment >= PAGE_SIZE &&
		    !(layout->alignment & (layout->alignment - 1)));
	assert_true(header->entry < ARCH_USER_END && layout->interp_len <= ELF_INTERP_MAX);
	assert_true(layout->bss_end <= layout->high);
	for (unsigned i = 0; i < header->nr_phdrs; i++) {
		struct elf_segment s;

		if (!elf_segment_cut(&f->phdrs[i], &s))
			continue;
		nr++;
		assert_true(s.file_start >= end && s.file_start >= layout->low);
		assert_true(!(s.file_start % PAGE_SIZE) && !(s.file_len % PAGE_SIZE));
		assert_true(!(s.zero_start % PAGE_SIZE) && !(s.zero_len % PAGE_SIZE));
		assert_true(s.zero_start == s.file_start + s.file_len);
		assert_true(s.clear_len < PAGE_SIZE);
		assert_true(!s.clear_len || (s.clear_start >= s.file_start &&
					     s.clear_start + s.clear_len == s.zero_start));
		assert_true(s.file_len + s.zero_len > 0);
		end = s.zero_start + s.zero_len;
		assert_true(end <= layout->high);
		assert_true(s.file_page < UINT64_MAX / PAGE_SIZE);
	}
	assert_int_equal(nr, layout->nr_segments);
}

TEST(a_dynamic_program_is_understood)
{
	struct file_head f = good_file();
	struct elf_header header;
	struct elf_layout layout;
	struct elf_segment segment;

	assert_int_equal(parse(&f, &header, &layout), 0);
	check_promises(&f, &header, &layout);
	assert_true(header.is_movable);
	assert_int_equal(layout.nr_segments, 3);
	assert_int_equal(layout.low, 0);
	assert_int_equal(layout.high, 0x8000);
	assert_int_equal(layout.interp_len, 28);
	assert_int_equal(layout.phdr_address, 64);
	assert_int_equal(layout.bss_end, 0x7100);
	assert_false(layout.has_exec_stack);
	assert_true(elf_segment_cut(&f.phdrs[4], &segment));
	assert_int_equal(segment.file_start, 0x4000);
	assert_int_equal(segment.file_len, 0x2000);
	assert_int_equal(segment.file_page, 3);
	assert_int_equal(segment.clear_start, 0x5100);
	assert_int_equal(segment.clear_len, 0xf00);
	assert_int_equal(segment.zero_len, 0x2000);
	assert_int_equal(segment.area_flags, AREA_READ | AREA_WRITE);
}

TEST(headers_in_a_segment_are_found_without_pt_phdr)
{
	struct file_head f = good_file();
	struct elf_header header;
	struct elf_layout layout;

	f.phdrs[0].p_type = PT_NULL;
	assert_int_equal(parse(&f, &header, &layout), 0);
	assert_int_equal(layout.phdr_address, 64);
}

TEST(what_is_no_program_is_refused)
{
	struct file_head f;
	struct elf_header header;
	struct elf_layout layout;

	for (size_t len = 0; len < sizeof(struct elf64_ehdr); len++) {
		f = good_file();
		assert_int_equal(elf_header_parse(&f, len, &header), -ENOEXEC);
	}
#define REFUSED(change)                                                  \
	do {                                                             \
		f = good_file();                                         \
		change;                                                  \
		assert_int_equal(parse(&f, &header, &layout), -ENOEXEC); \
	} while (0)
	REFUSED(f.ehdr.e_ident[0] = 'E');
	REFUSED(f.ehdr.e_ident[EI_CLASS] = 1);
	REFUSED(f.ehdr.e_ident[EI_DATA] = 2);
	REFUSED(f.ehdr.e_machine = EM_AARCH64);
	REFUSED(f.ehdr.e_type = 1);
	REFUSED(f.ehdr.e_phnum = 0);
	REFUSED(f.ehdr.e_phnum = 0xffff);
	REFUSED(f.ehdr.e_phentsize = 32);
	REFUSED(f.ehdr.e_phoff = UINT64_MAX);
	REFUSED(f.ehdr.e_phoff = INT64_MAX);
	REFUSED(f.ehdr.e_entry = ARCH_USER_END);
	REFUSED(f.phdrs[1].p_filesz = 1);
	REFUSED(f.phdrs[1].p_filesz = 5000);
	REFUSED(f.phdrs[1].p_offset = UINT64_MAX);
	REFUSED(f.phdrs[3].p_filesz = 0x2346);
	REFUSED(f.phdrs[3].p_vaddr = UINT64_MAX - 0x1000);
	REFUSED(f.phdrs[3].p_vaddr = ARCH_USER_END - 0x1000);
	REFUSED(f.phdrs[3].p_offset = UINT64_MAX - 0xfff);
	REFUSED(f.phdrs[3].p_offset = 0x1001);
	REFUSED(f.phdrs[3].p_memsz = UINT64_MAX);
	REFUSED(f.phdrs[3].p_vaddr = 0x5000); /* meets the next one */
	REFUSED(f.phdrs[4].p_vaddr = 0xd00);  /* descends */
	REFUSED(f.phdrs[4].p_align = 1ULL << 60);
	REFUSED(f.phdrs[2].p_memsz = f.phdrs[2].p_filesz = f.phdrs[3].p_memsz =
			f.phdrs[3].p_filesz = f.phdrs[4].p_memsz = f.phdrs[4].p_filesz = 0);
#undef REFUSED
}

static uint64_t seed = 88172645463325252ULL;
static uint64_t roll(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Values that sums overflow with. */
static uint64_t nasty(void)
{
	static const uint64_t values[] = {0,
					  1,
					  PAGE_SIZE - 1,
					  PAGE_SIZE,
					  INT64_MAX,
					  UINT64_MAX,
					  UINT64_MAX - PAGE_SIZE,
					  ARCH_USER_END,
					  0x7fffffff,
					  0x80000000,
					  0xffffffff,
					  1ULL << 63};
	uint64_t value = values[roll() % ARRAY_LEN(values)];

	return roll() % 2 ? value : value + roll() % 3 - 1;
}

TEST(two_hundred_thousand_mutations_do_no_harm)
{
	unsigned accepted = 0;

	for (unsigned n = 0; n < 200000; n++) {
		struct file_head f = good_file();
		struct elf_header header;
		struct elf_layout layout;
		uint64_t changes = 1 + roll() % 4;

		while (changes--) {
			uint8_t *bytes = (uint8_t *)&f;
			size_t at = roll() % sizeof(f);

			if (roll() % 2) {
				bytes[at] ^= (uint8_t)(1U << roll() % 8);
			} else {
				uint64_t value = nasty();

				at = ROUND_DOWN(at, (size_t)8);
				memcpy(bytes + at, &value, sizeof(value));
			}
		}
		if (parse(&f, &header, &layout))
			continue;
		accepted++;
		check_promises(&f, &header, &layout);
	}
	assert_true(accepted > 1000); /* not all for the same trivial reason */
}
