/* What the CPU can do (CPUID: SDM vol. 2), and turning it on. Owns x86_features. */
#include <kern/string.h>
#include <port/features.h>
#include <port/x86.h>

struct x86_features x86_features;

static bool bit(uint32_t word, unsigned n)
{
	return word >> n & 1;
}

INIT_TEXT void features_init(void)
{
	struct x86_features *f = &x86_features;
	struct cpuid_regs r = cpuid_read(0, 0);
	uint32_t max_leaf = r.eax, max_extended = cpuid_read(0x80000000, 0).eax;

	memcpy(f->vendor, &r.ebx, 4);
	memcpy(f->vendor + 4, &r.edx, 4);
	memcpy(f->vendor + 8, &r.ecx, 4);
	r = cpuid_read(1, 0);
	f->has_mce = bit(r.edx, 7);
	f->has_apic = bit(r.edx, 9);
	f->has_pge = bit(r.edx, 13);
	f->has_x2apic = bit(r.ecx, 21);
	f->has_tsc_deadline = bit(r.ecx, 24);
	f->has_xsave = bit(r.ecx, 26);
	f->has_rdrand = bit(r.ecx, 30);
	f->has_hypervisor = bit(r.ecx, 31);
	if (max_leaf >= 7) {
		r = cpuid_read(7, 0);
		f->has_smep = bit(r.ebx, 7);
		f->has_smap = bit(r.ebx, 20);
		f->has_umip = bit(r.ecx, 2);
	}
	if (f->has_xsave && max_leaf >= 0xd)
		f->has_xsaveopt = bit(cpuid_read(0xd, 1).eax, 0);
	if (max_extended >= 0x80000001)
		f->has_gib_pages = bit(cpuid_read(0x80000001, 0).edx, 26);
	f->phys_bits = 36;
	if (max_extended >= 0x80000008)
		f->phys_bits = (uint8_t)cpuid_read(0x80000008, 0).eax;
}

void features_apply(void)
{
	const struct x86_features *f = &x86_features;
	uint64_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	cr0_write(CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_AM | CR0_PG);
	if (f->has_mce)
		cr4 |= CR4_MCE;
	if (f->has_pge)
		cr4 |= CR4_PGE;
	if (f->has_smep)
		cr4 |= CR4_SMEP;
	if (f->has_smap)
		cr4 |= CR4_SMAP;
	if (f->has_umip)
		cr4 |= CR4_UMIP;
	if (f->has_xsave)
		cr4 |= CR4_OSXSAVE;
	cr4_write(cr4);
}
