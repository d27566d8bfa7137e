/* What /proc/cpuinfo says of a CPU: from CPUID (Intel SDM vol. 2A, CPUID) of the CPU that asks, since all are
 * alike. No state. Context: task. */
#include <kern/bitmap.h>
#include <kern/format.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <arch/cpu.h>
#include <port/x86.h>

#include "../time/time.h"

enum { BRAND_LEAF = 0x80000002, BRAND_LEAVES = 3, LEAF_EXTENDED = 0x80000000 };

/* Where a flag is: leaf, subleaf 0, register (0 eax .. 3 edx), bit. */
static const struct {
	uint32_t leaf;
	uint8_t reg, bit;
	const char *name;
} flags[] = {
	{1, 3, 0, "fpu"},
	{1, 3, 1, "vme"},
	{1, 3, 2, "de"},
	{1, 3, 3, "pse"},
	{1, 3, 4, "tsc"},
	{1, 3, 5, "msr"},
	{1, 3, 6, "pae"},
	{1, 3, 7, "mce"},
	{1, 3, 8, "cx8"},
	{1, 3, 9, "apic"},
	{1, 3, 11, "sep"},
	{1, 3, 12, "mtrr"},
	{1, 3, 13, "pge"},
	{1, 3, 14, "mca"},
	{1, 3, 15, "cmov"},
	{1, 3, 16, "pat"},
	{1, 3, 17, "pse36"},
	{1, 3, 19, "clflush"},
	{1, 3, 23, "mmx"},
	{1, 3, 24, "fxsr"},
	{1, 3, 25, "sse"},
	{1, 3, 26, "sse2"},
	{1, 3, 28, "ht"},
	{0x80000001, 3, 11, "syscall"},
	{0x80000001, 3, 20, "nx"},
	{0x80000001, 3, 26, "pdpe1gb"},
	{0x80000001, 3, 27, "rdtscp"},
	{0x80000001, 3, 29, "lm"},
	{1, 2, 0, "pni"},
	{1, 2, 1, "pclmulqdq"},
	{1, 2, 9, "ssse3"},
	{1, 2, 12, "fma"},
	{1, 2, 13, "cx16"},
	{1, 2, 17, "pcid"},
	{1, 2, 19, "sse4_1"},
	{1, 2, 20, "sse4_2"},
	{1, 2, 21, "x2apic"},
	{1, 2, 22, "movbe"},
	{1, 2, 23, "popcnt"},
	{1, 2, 24, "tsc_deadline_timer"},
	{1, 2, 25, "aes"},
	{1, 2, 26, "xsave"},
	{1, 2, 28, "avx"},
	{1, 2, 29, "f16c"},
	{1, 2, 30, "rdrand"},
	{1, 2, 31, "hypervisor"},
	{0x80000001, 2, 0, "lahf_lm"},
	{0x80000001, 2, 5, "abm"},
	{7, 1, 0, "fsgsbase"},
	{7, 1, 3, "bmi1"},
	{7, 1, 5, "avx2"},
	{7, 1, 7, "smep"},
	{7, 1, 8, "bmi2"},
	{7, 1, 9, "erms"},
	{7, 1, 10, "invpcid"},
	{7, 1, 16, "avx512f"},
	{7, 1, 18, "rdseed"},
	{7, 1, 19, "adx"},
	{7, 1, 20, "smap"},
	{7, 1, 23, "clflushopt"},
	{7, 1, 24, "clwb"},
	{7, 1, 29, "sha_ni"},
	{7, 2, 2, "umip"},
	{7, 2, 3, "pku"},
	{7, 2, 22, "rdpid"},
};

struct writer {
	char *buf;
	size_t len, size;
};

PRINTF(2, 3) static void put(struct writer *w, const char *format, ...)
{
	size_t room = w->size - w->len;
	va_list args;
	int len;

	va_start(args, format);
	len = format_string_v(w->buf + w->len, room, format, args);
	va_end(args);
	w->len += MIN((size_t)len, room - 1);
}

static uint32_t cpuid_word(uint32_t leaf, unsigned reg)
{
	struct cpuid_regs r = cpuid_read(leaf & LEAF_EXTENDED, 0);
	uint32_t words[4];

	if (leaf > r.eax)
		return 0;
	r = cpuid_read(leaf, 0);
	words[0] = r.eax;
	words[1] = r.ebx;
	words[2] = r.ecx;
	words[3] = r.edx;
	return words[reg];
}

static void put_names(struct writer *w)
{
	struct cpuid_regs r = cpuid_read(0, 0);
	uint32_t version = cpuid_word(1, 0), family = version >> 8 & 0xf, brand[13] = {0};
	uint32_t vendor[4] = {r.ebx, r.edx, r.ecx, 0}, model = version >> 4 & 0xf;

	if (family == 6 || family == 15)
		model |= version >> 12 & 0xf0;
	if (family == 15)
		family += version >> 20 & 0xff;
	for (unsigned i = 0; i < 4 * BRAND_LEAVES; i++)
		brand[i] = cpuid_word(BRAND_LEAF + i / 4, i % 4);
	put(w, "vendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", (char *)vendor, family, model);
	put(w, "model name\t: %s\nstepping\t: %u\n", (char *)brand, version & 0xf);
}

size_t arch_cpu_describe(unsigned cpu, char *buf, size_t size)
{
	struct writer w = {buf, 0, size};
	unsigned long long khz = clock_tsc_khz();
	unsigned nr = bit_count(atomic_load_relaxed(&cpus_online));
	uint32_t sizes = cpuid_word(0x80000008, 0);

	put(&w, "processor\t: %u\n", cpu);
	put_names(&w);
	put(&w, "cpu MHz\t\t: %llu.%03llu\ncache size\t: %u KB\n", khz / 1000, khz % 1000,
	    cpuid_word(0x80000006, 2) >> 16);
	put(&w, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n", nr, cpu,
	    nr);
	put(&w, "apicid\t\t: %u\ninitial apicid\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\n", cpu,
	    cpu);
	put(&w, "cpuid level\t: %u\nwp\t\t: yes\nflags\t\t:", cpuid_word(0, 0));
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (cpuid_word(flags[i].leaf, flags[i].reg) >> flags[i].bit & 1)
			put(&w, " %s", flags[i].name);
	}
	put(&w, "\nbugs\t\t:\nbogomips\t: %llu.%02llu\n", khz / 500, khz / 5 % 100);
	put(&w, "clflush size\t: %u\ncache_alignment\t: 64\n", (cpuid_word(1, 1) >> 8 & 0xff) * 8);
	put(&w, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
	    sizes & 0xff, sizes >> 8 & 0xff);
	return w.len;
}
