/* What the CPU can do, read once by the boot CPU; every other one is taken to be alike. */
#ifndef PORT_FEATURES_H
#define PORT_FEATURES_H

#include <kern/types.h>

struct x86_features {
	bool has_gib_pages, has_smep, has_smap, has_umip, has_pge, has_mce;
	bool has_apic, has_x2apic, has_tsc_deadline, has_xsave, has_xsaveopt;
	bool has_hypervisor, has_rdrand;
	char vendor[13]; /* NUL-terminated */
	uint8_t phys_bits;
};

extern struct x86_features x86_features; /* [const] after features_init */

/* Context: boot CPU, first of all. */
void features_init(void);

/* Sets this CPU's control registers, PAT and system call MSRs to what the kernel wants. Context: each
 * CPU, early. */
void features_apply(void);

#endif
