/* What a program is told of the processor (arch/elf.h). Pure look-ups, any context. */
#include <kern/atomic.h>
#include <arch/elf.h>
#include <port/x86.h>
#include "fpu.h"

/* Linux's signal frame without FPU state: return address, ucontext, siginfo, red zone, alignment. */
enum { FRAME_REST = 1024 };

static uint32_t hwcap; /* [atomic] 0: not yet read. CPUID costs a trap in a virtual machine */

uint64_t arch_elf_hwcap(void)
{
	uint32_t bits = atomic_load_relaxed(&hwcap);

	if (!bits) {
		bits = cpuid_read(1, 0).edx; /* as Linux: the feature bits of CPUID 1 */
		atomic_store_relaxed(&hwcap, bits);
	}
	return bits;
}

uint64_t arch_elf_hwcap2(void)
{
	return 0; /* neither MWAIT nor FS and GS base instructions for user mode */
}

size_t arch_signal_frame_max(void)
{
	return fpu_frame_size() + FRAME_REST;
}
