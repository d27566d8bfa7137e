/*
 * Single instructions and register bits of the machine, for this port's own files.
 * Context: any, unless said otherwise.
 */
#ifndef PORT_X86_H
#define PORT_X86_H

#include <kern/types.h>

/* Control register bits (SDM vol. 3, 2.5). */
enum {
	CR0_PE = 1U << 0,
	CR0_MP = 1U << 1,
	CR0_NE = 1U << 5,
	CR0_WP = 1U << 16,
	CR0_AM = 1U << 18,
	CR0_PG = 1U << 31,
	CR4_PSE = 1U << 4,
	CR4_PAE = 1U << 5,
	CR4_MCE = 1U << 6,
	CR4_PGE = 1U << 7,
	CR4_OSFXSR = 1U << 9,
	CR4_OSXMMEXCPT = 1U << 10,
	CR4_UMIP = 1U << 11,
	CR4_OSXSAVE = 1U << 18,
	CR4_SMEP = 1U << 20,
	CR4_SMAP = 1U << 21,
};

/* Model-specific registers (SDM vol. 4) and bits of theirs. */
enum {
	MSR_APIC_BASE = 0x1b,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_X2APIC = 0x800, /* + register offset / 16 */
	MSR_XSS = 0xda0,
	MSR_EFER = 0xc0000080,
	MSR_STAR = 0xc0000081,
	MSR_LSTAR = 0xc0000082,
	MSR_CSTAR = 0xc0000083,
	MSR_FMASK = 0xc0000084,
	MSR_FS_BASE = 0xc0000100,
	MSR_GS_BASE = 0xc0000101,
	MSR_KERNEL_GS_BASE = 0xc0000102,
	EFER_SCE = 1U << 0,
	EFER_LME = 1U << 8,
	EFER_NXE = 1U << 11,
};

/* RFLAGS bits. */
enum {
	RFLAGS_CF = 1U << 0,
	RFLAGS_FIXED = 1U << 1,
	RFLAGS_TF = 1U << 8,
	RFLAGS_IF = 1U << 9,
	RFLAGS_DF = 1U << 10,
	RFLAGS_OF = 1U << 11,
	RFLAGS_IOPL = 3U << 12,
	RFLAGS_NT = 1U << 14,
	RFLAGS_RF = 1U << 16,
	RFLAGS_AC = 1U << 18,
	RFLAGS_ID = 1U << 21,
	RFLAGS_ARITHMETIC = 0xd5 | RFLAGS_OF, /* CF PF AF ZF SF OF */
};

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid_read(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t msr_read(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t cr0_read(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr0, %0" : "=r"(value)::"memory");
	return value;
}

static inline void cr0_write(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr0" ::"r"(value) : "memory");
}

static inline uint64_t cr2_read(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value)::"memory");
	return value;
}

static inline uint64_t cr4_read(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value)::"memory");
	return value;
}

static inline void cr4_write(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr4" ::"r"(value) : "memory");
}

static inline void xcr0_write(uint64_t value)
{
	__asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* The time-stamp counter, not read before earlier loads are done (SDM vol. 2, RDTSC). */
static inline uint64_t tsc_read(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

static inline uint8_t io_read8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t io_read16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t io_read32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void io_write8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void io_write16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void io_write32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

#endif
