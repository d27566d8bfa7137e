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

static inline void smap_open(void)
{
	__asm__ volatile(SMAP_SITE("stac")::: "memory", "cc");
}

static inline void smap_close(void)
{
	__asm__ volatile(SMAP_SITE("clac")::: "memory", "cc");
}

#endif
