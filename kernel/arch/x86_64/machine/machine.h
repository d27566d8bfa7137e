/*
 * What the firmware's tables say of the machine. The parsers are pure functions over bytes, given a
 * way to reach physical memory, and tested on the host against hostile tables.
 */
#ifndef X86_MACHINE_H
#define X86_MACHINE_H

#include <kern/types.h>
#include "../boot/pvh.h"

enum { MAX_IOAPICS = 8, NR_ISA_LINES = 16 };

struct io_apic_facts {
	paddr_t address;
	uint32_t first_gsi;
};

struct isa_line {
	uint32_t gsi;
	bool is_level, is_low;
};

/* A register of the ACPI tables. width: bytes, 0: there is none. */
struct machine_register {
	uint64_t address;
	uint8_t width;
	bool is_port;
};

struct machine_facts {
	unsigned nr_cpus;	     /* 0: not told */
	uint32_t apic_ids[MAX_CPUS]; /* by CPU, the boot CPU first */
	paddr_t local_apic;	     /* 0: not told */
	unsigned nr_io_apics;
	struct io_apic_facts io_apics[MAX_IOAPICS];
	struct isa_line isa[NR_ISA_LINES];

	struct machine_register pm_timer; /* 3.579545 MHz; pm_timer_bits wide */
	uint8_t pm_timer_bits;
	struct machine_register pm1a_control, pm1b_control, sleep_control, reset;
	uint8_t reset_value;
	uint8_t sleep_type_a, sleep_type_b; /* for soft-off */
	bool has_sleep_type;
	uint16_t smi_command; /* port; 0: none */
	uint8_t acpi_enable;  /* what to write there */
	paddr_t hpet;	      /* 0: none */
};

extern struct machine_facts machine; /* [const] after machine_find */

/* ISA lines as they are when no table says otherwise. */
void machine_facts_init(struct machine_facts *facts);

/*
 * ACPI (specification 6.4, chapter 5). Looks for the root pointer at rsdp (0: unknown) and then where
 * PC firmware puts it, reads MADT, FADT and HPET into facts. false: no valid root pointer. Damaged
 * tables count as absent, damaged entries end their table.
 */
bool acpi_parse(paddr_t rsdp, phys_reach_fn *reach, struct machine_facts *facts);
/* One table each, of len bytes, header included; exposed for tests. */
void acpi_parse_madt(const uint8_t *table, size_t len, struct machine_facts *facts);
void acpi_parse_fadt(const uint8_t *table, size_t len, struct machine_facts *facts);
/* The sleep types of \_S5 in a definition block; false: not there. */
bool acpi_find_s5(const uint8_t *aml, size_t len, uint8_t *type_a, uint8_t *type_b);

/* The MultiProcessor Specification 1.4, chapter 4: CPUs, I/O APICs, ISA lines. false: no table. */
bool mp_parse(phys_reach_fn *reach, struct machine_facts *facts);
void mp_parse_table(const uint8_t *table, size_t len, struct machine_facts *facts);

/* Fills `machine` from whatever source there is. Context: boot, after paging_init. */
void machine_find(void);

/* Makes arch_machine_exit able to do its work. Context: boot, after machine_find. */
void machine_exit_init(void);

/* QEMU's configuration device: is it there, and the number of CPUs it tells. */
bool fw_cfg_is_present(void);
unsigned fw_cfg_nr_cpus(void);

#endif
