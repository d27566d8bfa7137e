/*
 * Reading ELF-64 program files (System V ABI, chapters 4 and 5). Pure: every sum is checked before it
 * is used, so no file, however it was made, leads anywhere but to -ENOEXEC. Context: any.
 */
#include <kern/mm.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <arch/elf.h>

#include "elf.h"

int elf_header_parse(const void *head, size_t len, struct elf_header *header)
{
	struct elf64_ehdr e;
	uint64_t table_end;

	if (len < sizeof(e))
		return -ENOEXEC;
	memcpy(&e, head, sizeof(e));
	if (memcmp(e.e_ident, ELF_MAGIC, 4) != 0 || e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_machine != ARCH_ELF_MACHINE)
		return -ENOEXEC;
	if (e.e_type != ET_EXEC && e.e_type != ET_DYN)
		return -ENOEXEC;
	if (e.e_phentsize != sizeof(struct elf64_phdr) || e.e_phnum == 0 ||
	    e.e_phnum > ELF_PHDRS_MAX)
		return -ENOEXEC;
	if (__builtin_add_overflow(e.e_phoff, e.e_phnum * sizeof(struct elf64_phdr), &table_end) ||
	    table_end > INT64_MAX)
		return -ENOEXEC;
	*header = (struct elf_header){
		.is_movable = e.e_type == ET_DYN,
		.entry = e.e_entry,
		.table_offset = e.e_phoff,
		.nr_phdrs = e.e_phnum,
	};
	return 0;
}

/* A loadable segment by itself: its places in file and memory exist and agree. */
static bool segment_is_sane(const struct elf64_phdr *p)
{
	uint64_t memory_end, file_end;

	if (p->p_filesz > p->p_memsz)
		return false;
	if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &memory_end) ||
	    memory_end > ARCH_USER_END)
		return false;
	if (__builtin_add_overflow(p->p_offset, p->p_filesz, &file_end) ||
	    file_end > INT64_MAX - PAGE_SIZE)
		return false;
	if (p->p_filesz && (p->p_vaddr ^ p->p_offset) & (PAGE_SIZE - 1))
		return false;
	return true;
}

static void layout_add(struct elf_layout *layout, const struct elf_header *header,
		       const struct elf64_phdr *p)
{
	uint64_t end = p->p_vaddr + p->p_memsz, file_end = p->p_vaddr + p->p_filesz;

	if (!layout->nr_segments++) {
		layout->low = ROUND_DOWN(p->p_vaddr, PAGE_SIZE);
		layout->code_start = p->p_vaddr;
		layout->data_start = p->p_vaddr;
	}
	layout->high = ROUND_UP(end, PAGE_SIZE);
	layout->bss_end = end;
	layout->data_start = p->p_vaddr;
	layout->data_end = file_end;
	if (p->p_flags & PF_X)
		layout->code_end = file_end;
	if (p->p_align > layout->alignment && !(p->p_align & (p->p_align - 1)))
		layout->alignment = p->p_align;
	if (!layout->phdr_address && header->table_offset >= p->p_offset &&
	    header->table_offset - p->p_offset < p->p_filesz)
		layout->phdr_address = header->table_offset - p->p_offset + p->p_vaddr;
}

static bool interp_is_sane(const struct elf64_phdr *p)
{
	return p->p_filesz >= 2 && p->p_filesz <= ELF_INTERP_MAX &&
	       p->p_offset <= (uint64_t)INT64_MAX - ELF_INTERP_MAX;
}

int elf_layout_parse(const struct elf_header *header, const struct elf64_phdr *phdrs,
		     struct elf_layout *layout)
{
	uint64_t phdr_segment = 0;
	unsigned i;

	*layout = (struct elf_layout){.alignment = PAGE_SIZE};
	for (i = 0; i < header->nr_phdrs; i++) {
		const struct elf64_phdr *p = &phdrs[i];

		if (p->p_type == PT_GNU_STACK) {
			layout->has_exec_stack = p->p_flags & PF_X;
		} else if (p->p_type == PT_PHDR) {
			phdr_segment = p->p_vaddr;
		} else if (p->p_type == PT_INTERP && !layout->interp_len) {
			if (!interp_is_sane(p))
				return -ENOEXEC;
			layout->interp_offset = p->p_offset;
			layout->interp_len = p->p_filesz;
		} else if (p->p_type == PT_LOAD && p->p_memsz) {
			if (!segment_is_sane(p))
				return -ENOEXEC;
			if (layout->nr_segments && ROUND_DOWN(p->p_vaddr, PAGE_SIZE) < layout->high)
				return -ENOEXEC;
			layout_add(layout, header, p);
		}
	}
	if (!layout->nr_segments || layout->alignment > ARCH_USER_END / 4 ||
	    header->entry >= ARCH_USER_END)
		return -ENOEXEC;
	if (phdr_segment && phdr_segment < ARCH_USER_END)
		layout->phdr_address = phdr_segment;
	return 0;
}

static uint32_t area_flags_of(uint32_t p_flags)
{
	return (p_flags & PF_R ? AREA_READ : 0) | (p_flags & PF_W ? AREA_WRITE : 0) |
	       (p_flags & PF_X ? AREA_EXEC : 0);
}

bool elf_segment_cut(const struct elf64_phdr *p, struct elf_segment *segment)
{
	uint64_t start = ROUND_DOWN(p->p_vaddr, PAGE_SIZE);
	uint64_t file_end = p->p_vaddr + p->p_filesz;
	uint64_t file_pages_end = p->p_filesz ? ROUND_UP(file_end, PAGE_SIZE) : start;
	uint64_t memory_end = ROUND_UP(p->p_vaddr + p->p_memsz, PAGE_SIZE);

	if (p->p_type != PT_LOAD || !p->p_memsz)
		return false;
	*segment = (struct elf_segment){
		.area_flags = area_flags_of(p->p_flags),
		.file_start = start,
		.file_len = file_pages_end - start,
		.file_page = p->p_offset / PAGE_SIZE,
		.zero_start = file_pages_end,
		.zero_len = memory_end - file_pages_end,
	};
	if (p->p_filesz && p->p_memsz > p->p_filesz && (p->p_flags & PF_W)) {
		segment->clear_start = file_end;
		segment->clear_len = file_pages_end - file_end;
	}
	return true;
}
