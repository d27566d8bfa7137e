/*
 * The port contract: what a program file must be to run here, and what the program and its loader are
 * told of the processor (the auxiliary vector, getauxval(3)).
 *
 * port/elf.h defines ARCH_ELF_MACHINE (e_machine) and ARCH_ELF_PLATFORM (AT_PLATFORM's string).
 */
#ifndef ARCH_ELF_H
#define ARCH_ELF_H

#include <kern/types.h>

/* AT_HWCAP, AT_HWCAP2: bits as Linux defines them for the port. Context: any. */
uint64_t arch_elf_hwcap(void);
uint64_t arch_elf_hwcap2(void);
/* AT_MINSIGSTKSZ: bytes that a signal frame takes at most. Context: any. */
size_t arch_signal_frame_max(void);

#include <port/elf.h>

#endif
