/* Reads what a dynamic linker would read of an ELF file (System V ABI, chapters 4 and 5). */
#ifndef CLI_ELF_FILE_H
#define CLI_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* All strings point into the mapped file. */
struct elf_file {
	const unsigned char *bytes;
	size_t len;
	const char *interpreter; /* NULL: none */
	const char *soname;	 /* NULL: none */
	const char *rpath, *runpath;
	const char **needed; /* owned array */
	size_t nr_needed;
	bool is_dynamic;
};

enum elf_kind {
	ELF_OK,
	ELF_NOT,	/* not an ELF file at all */
	ELF_FOREIGN,	/* for another machine, or neither program nor library */
	ELF_BROKEN,	/* its headers lead outside the file */
	ELF_UNREADABLE, /* errno */
};

/* Maps and parses; ELF_OK: elf is to be closed. */
enum elf_kind elf_file_open(const char *path, struct elf_file *elf);
void elf_file_close(struct elf_file *elf);
/* The file's dynamic symbols' names include this one. */
bool elf_file_names(const struct elf_file *elf, const char *symbol);

#endif
