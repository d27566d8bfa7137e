/* Reads ELF files; trusts nothing in them. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_file.h"
#include "report.h"

static bool elf_has(const struct elf_file *elf, uint64_t at, uint64_t len)
{
	return at <= elf->len && len <= elf->len - at;
}

/* A string that ends inside the file; NULL: it does not. */
static const char *elf_string(const struct elf_file *elf, uint64_t at)
{
	if (at >= elf->len || !memchr(elf->bytes + at, '\0', elf->len - at))
		return NULL;
	return (const char *)elf->bytes + at;
}

static bool elf_header_is_ours(const struct elf_file *elf, Elf64_Ehdr *header)
{
	if (elf->len < sizeof(*header))
		return false;
	memcpy(header, elf->bytes, sizeof(*header));
	return header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
	       header->e_machine == EM_X86_64 &&
	       (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
	       header->e_phentsize == sizeof(Elf64_Phdr);
}

static bool elf_segment(const struct elf_file *elf, const Elf64_Ehdr *header, unsigned i,
			Elf64_Phdr *segment)
{
	uint64_t at = header->e_phoff + (uint64_t)i * sizeof(*segment);

	if (i >= header->e_phnum || at < header->e_phoff || !elf_has(elf, at, sizeof(*segment)))
		return false;
	memcpy(segment, elf->bytes + at, sizeof(*segment));
	return true;
}

/* Where an address of the loaded image lies in the file; len if nowhere. */
static uint64_t elf_offset(const struct elf_file *elf, const Elf64_Ehdr *header, uint64_t address)
{
	Elf64_Phdr segment;

	for (unsigned i = 0; elf_segment(elf, header, i, &segment); i++) {
		if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
		    address - segment.p_vaddr < segment.p_filesz)
			return segment.p_offset + (address - segment.p_vaddr);
	}
	return elf->len;
}

static bool elf_dynamic_entry(const struct elf_file *elf, const Elf64_Phdr *dynamic, size_t i,
			      Elf64_Dyn *entry)
{
	if ((i + 1) * sizeof(*entry) > dynamic->p_filesz ||
	    !elf_has(elf, dynamic->p_offset + i * sizeof(*entry), sizeof(*entry)))
		return false;
	memcpy(entry, elf->bytes + dynamic->p_offset + i * sizeof(*entry), sizeof(*entry));
	return entry->d_tag != DT_NULL;
}

static enum elf_kind elf_parse_dynamic(struct elf_file *elf, const Elf64_Ehdr *header,
				       const Elf64_Phdr *dynamic)
{
	uint64_t strings = 0;
	Elf64_Dyn entry;

	for (size_t i = 0; elf_dynamic_entry(elf, dynamic, i, &entry); i++) {
		if (entry.d_tag == DT_STRTAB)
			strings = elf_offset(elf, header, entry.d_un.d_ptr);
	}
	for (size_t i = 0; elf_dynamic_entry(elf, dynamic, i, &entry); i++) {
		const char *text;

		if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RPATH &&
		    entry.d_tag != DT_RUNPATH && entry.d_tag != DT_SONAME)
			continue;
		text = elf_string(elf, strings + entry.d_un.d_val);
		if (!text)
			return ELF_BROKEN;
		if (entry.d_tag == DT_RPATH)
			elf->rpath = text;
		else if (entry.d_tag == DT_RUNPATH)
			elf->runpath = text;
		else if (entry.d_tag == DT_SONAME)
			elf->soname = text;
		else {
			elf->needed = must_alloc(elf->needed,
						 (elf->nr_needed + 1) * sizeof(*elf->needed));
			elf->needed[elf->nr_needed++] = text;
		}
	}
	return ELF_OK;
}

static enum elf_kind elf_parse(struct elf_file *elf)
{
	enum elf_kind kind = ELF_OK;
	Elf64_Phdr segment;
	Elf64_Ehdr header;

	if (elf->len < SELFMAG || memcmp(elf->bytes, ELFMAG, SELFMAG) != 0)
		return ELF_NOT;
	if (!elf_header_is_ours(elf, &header))
		return ELF_FOREIGN;
	for (unsigned i = 0; kind == ELF_OK && elf_segment(elf, &header, i, &segment); i++) {
		if (segment.p_type == PT_INTERP) {
			elf->interpreter = elf_string(elf, segment.p_offset);
			if (!elf->interpreter)
				kind = ELF_BROKEN;
		} else if (segment.p_type == PT_DYNAMIC) {
			elf->is_dynamic = true;
			kind = elf_parse_dynamic(elf, &header, &segment);
		}
	}
	return kind;
}

enum elf_kind elf_file_open(const char *path, struct elf_file *elf)
{
	enum elf_kind kind;
	struct stat st;
	void *bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	memset(elf, 0, sizeof(*elf));
	if (fd < 0)
		return ELF_UNREADABLE;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
		close(fd);
		return ELF_NOT;
	}
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return ELF_UNREADABLE;
	elf->bytes = bytes;
	elf->len = (size_t)st.st_size;
	kind = elf_parse(elf);
	if (kind != ELF_OK)
		elf_file_close(elf);
	return kind;
}

void elf_file_close(struct elf_file *elf)
{
	if (elf->bytes)
		munmap((void *)elf->bytes, elf->len);
	free(elf->needed);
	memset(elf, 0, sizeof(*elf));
}

bool elf_file_names(const struct elf_file *elf, const char *symbol)
{
	return memmem(elf->bytes, elf->len, symbol, strlen(symbol) + 1) != NULL;
}
