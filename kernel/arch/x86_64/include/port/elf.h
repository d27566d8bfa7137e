/* x86-64 psABI, chapter 4. */
#ifndef PORT_ELF_H
#define PORT_ELF_H

#include <uapi/elf.h>

#define ARCH_ELF_MACHINE  EM_X86_64
#define ARCH_ELF_PLATFORM "x86_64"

#endif
