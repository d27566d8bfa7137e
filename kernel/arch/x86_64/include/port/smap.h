/*
 * Opening user memory to kernel code, on CPUs that keep it shut (SMAP), and the table of faults that
 * are expected. Only the files that copy from and to user memory use these.
 */
#ifndef PORT_SMAP_H
#define PORT_SMAP_H

/* Patched into a NOP at boot where there is no SMAP. */
#define SMAP_SITE(insn)                                                                      \
	"771:\t" insn "\n\t.pushsection .smap_sites, \"a\", @progbits\n\t.long 771b - .\n\t" \
	".popsection\n"

/* A fault at local label insn goes on at fixup (an operand, for asm goto). */
#define EXTABLE(insn, fixup)                                                              \
	"\t.pushsection .extable, \"a\", @progbits\n\t.long " insn " - .\n\t.long " fixup \
	" - .\n\t.popsection\n"

/* Code that touches user memory: faults elsewhere in the kernel are never taken for one of its. */
#define UACCESS SECTION(".uaccess.text") NOINLINE

/* One word from user memory into v, by a load of the width that v and insn say; or goto label. Between
 * smap_open and smap_close, in a UACCESS function. */
#define USER_LOAD(insn, v, user, label)                                              \
	__asm__ goto volatile("1: " insn " %1, %0\n" EXTABLE("1b", "%l[" #label "]") \
			      : "=r"(v)                                              \
			      : "m"(*(user))                                         \
			      : "memory"                                             \
			      : label)

/* The reverse. */
#define USER_STORE(insn, v, user, label)                                             \
	__asm__ goto volatile("1: " insn " %0, %1\n" EXTABLE("1b", "%l[" #label "]") \
			      :                                                      \
			      : "er"(v), "m"(*(user))                                \
			      : "memory"                                             \
			      : label)

/* 64 bits, as most of a signal frame is. */
#define USER_GET(v, user, label) USER_LOAD("movq", v, user, label)
#define USER_PUT(v, user, label) USER_STORE("movq", (uint64_t)(v), user, label)

static inline void smap_open(void)
{
	__asm__ volatile(SMAP_SITE("stac")::: "memory", "cc");
}

static inline void smap_close(void)
{
	__asm__ volatile(SMAP_SITE("clac")::: "memory", "cc");
}

#endif
