/* Programs are never run on the host port; their files are read as x86-64's. */
#ifndef PORT_ELF_H
#define PORT_ELF_H

#include <uapi/elf.h>

#define ARCH_ELF_MACHINE  EM_X86_64
#define ARCH_ELF_PLATFORM "host"

#endif
