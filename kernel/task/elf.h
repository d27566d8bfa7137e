/*
 * Reading ELF-64 program files: pure functions over bytes that anybody may have written. Nothing here
 * touches a file or memory of a process; elf_load.c does what these find out.
 */
#ifndef TASK_ELF_H
#define TASK_ELF_H

#include <kern/types.h>
#include <uapi/elf.h>

enum {
	ELF_PHDRS_MAX = 65536 / sizeof(struct elf64_phdr), /* as Linux: the table takes 64 KiB */
	ELF_INTERP_MAX = 4096,				   /* bytes of the path, with its NUL */
};

struct elf_header {
	bool is_movable; /* ET_DYN */
	uint64_t entry;	 /* as linked */
	uint64_t table_offset;
	unsigned nr_phdrs; /* 1 .. ELF_PHDRS_MAX */
};

/* What the program headers say as a whole; addresses as linked. */
struct elf_layout {
	unsigned nr_segments;  /* loadable ones that have any size; at least 1 */
	uint64_t low, high;    /* page aligned bounds of all of them */
	uint64_t alignment;    /* largest asked for, a power of two, at least a page */
	uint64_t phdr_address; /* where the headers are in memory; 0: nowhere */
	uint64_t code_start, code_end, data_start, data_end, bss_end;
	uint64_t interp_offset; /* of the interpreter's path; interp_len 0: none */
	size_t interp_len;	/* bytes, 2 .. ELF_INTERP_MAX, with its NUL */
	bool has_exec_stack;
};

/* One loadable segment cut into what is mapped: file pages, a part of the last one to be cleared, and
 * pages of zeros. Addresses as linked. */
struct elf_segment {
	uint32_t area_flags;		 /* AREA_READ, WRITE, EXEC */
	uint64_t file_start, file_len;	 /* page aligned place; file_len 0: nothing of the file */
	uint64_t file_page;		 /* page number in the file */
	uint64_t clear_start, clear_len; /* within the last page of the file part */
	uint64_t zero_start, zero_len;	 /* page aligned */
};

/* head: the first len bytes of the file. -ENOEXEC: not an ELF program for this machine. */
MUST_USE int elf_header_parse(const void *head, size_t len, struct elf_header *header);

/* -ENOEXEC: contradicts itself, does not fit into user memory, or has nothing to load. Segments must
 * be in ascending order of their addresses and share no page. */
MUST_USE int elf_layout_parse(const struct elf_header *header, const struct elf64_phdr *phdrs,
			      struct elf_layout *layout);

/* Cuts a header that elf_layout_parse() has accepted. false: it loads nothing. */
bool elf_segment_cut(const struct elf64_phdr *phdr, struct elf_segment *segment);

#endif
