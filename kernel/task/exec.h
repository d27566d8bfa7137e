/* What the files of exec share: gathered arguments, a loaded image, the new stack. */
#ifndef TASK_EXEC_H
#define TASK_EXEC_H

#include <kern/types.h>
#include <kern/page.h>

#include "elf.h"

struct cred;
struct file;
struct mm_struct;

enum {
	EXEC_HEAD_LEN = 256,   /* bytes of a file that decide what it is: execve(2) */
	EXEC_SCRIPT_DEPTH = 5, /* scripts that interpret scripts */
	EXEC_PREFIX_LEN = 4096 + EXEC_SCRIPT_DEPTH * 2 * EXEC_HEAD_LEN,
};

struct byte_chunk {
	struct byte_chunk *next;
	size_t used;
	uint8_t data[PAGE_SIZE - 2 * sizeof(void *)];
};
struct byte_list {
	struct byte_chunk *first, *last;
	size_t len;
};

/* A NULL-terminated vector of strings, of the kernel's or in user memory. */
struct exec_vector {
	const char *const *strings;
	bool is_kernel;
};

struct exec_args {
	size_t limit;		      /* bytes of strings and pointers together */
	struct byte_list strings;     /* argv, envp, name; each with its NUL */
	struct byte_list lengths;     /* uint32_t each, with the NUL, in the same order */
	unsigned argc, envc;	      /* as given */
	size_t env_start, name_start; /* offsets in strings */
	size_t skip;	  /* bytes of strings in front that a script's prefix replaces */
	unsigned nr_skip; /* 0 or 1 string */
	unsigned nr_prefix;
	char *prefix;	     /* EXEC_PREFIX_LEN bytes once there is a script */
	size_t prefix_start; /* its strings are at [prefix_start, EXEC_PREFIX_LEN) */
};

MUST_USE int exec_args_gather(struct exec_args *args, const struct exec_vector *argv,
			      const struct exec_vector *envp, const char *name);
void exec_args_free(struct exec_args *args);
MUST_USE int exec_args_script(struct exec_args *args, const char *interpreter, const char *word,
			      const char *script);

/* `#! interpreter word` in the first len bytes of a file. */
struct script_line {
	char interpreter[EXEC_HEAD_LEN];
	char word[EXEC_HEAD_LEN];
	bool has_word;
};
/* -ENOEXEC: not a script, or the line names no interpreter or is cut. Pure. */
MUST_USE int script_parse(const char *head, size_t len, struct script_line *line);

/* Where things of an address space under construction go (exec_layout.c). */
struct exec_places {
	uintptr_t stack_top;
	uintptr_t mmap_top;
	uintptr_t image_base; /* for a movable program with an interpreter */
	uintptr_t brk_gap;    /* bytes between the end of the program and its heap */
};

struct exec {
	struct file *file; /* the program, owns a reference */
	const char *name;  /* for AT_EXECFN and comm */
	struct exec_args *args;
	struct cred *cred; /* what the task becomes; NULL: stays as it is. Owns a reference */
	bool is_secure;	   /* privileges were gained */
	char head[EXEC_HEAD_LEN];
	size_t head_len;
	struct mm_struct *mm; /* owns a user */
	struct exec_places places;
	struct elf_layout layout; /* of the program */
	uint64_t bias;		  /* of the program: run-time minus link address */
	uint64_t entry;		  /* of the program, run-time */
	uint64_t start;		  /* where user mode begins: its entry, or the interpreter's */
	uint64_t interp_base;	  /* AT_BASE */
	unsigned nr_phdrs;
	uintptr_t sp;
};

/* elf_load.c: maps exec->file, whose head is an ELF's, into exec->mm. */
MUST_USE int elf_load(struct exec *exec);
/* exec_stack.c: the initial stack. */
MUST_USE int exec_stack_build(struct exec *exec);
/* exec_layout.c */
void exec_places_choose(struct exec_places *places, uint64_t stack_limit);

/* dethread.c: every other thread of the process ends; the running one becomes its leader. -EAGAIN:
 * somebody else is doing so, or the process is ending. */
MUST_USE int exec_dethread(void);

#endif
