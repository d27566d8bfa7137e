/* Reads the ACPI tables; see machine.h. Pure: owns nothing, no locks, boot CPU or tests. */
#include <kern/string.h>
#include "bytes.h"
#include "machine.h"

enum {
	HEADER_LEN = 36,
	MAX_TABLE_LEN = 1 << 20,
	RSDP_LEN_V1 = 20,
	RSDP_LEN_V2 = 36,
	MADT_FIRST_ENTRY = 44,
	MADT_CPU_ENABLED = 1,
};

static bool checksum_is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

/* CPUs beyond MAX_CPUS stay unused. */
static void add_cpu(struct machine_facts *facts, uint32_t apic_id, uint32_t flags)
{
	if (!(flags & MADT_CPU_ENABLED) || facts->nr_cpus == MAX_CPUS)
		return;
	for (unsigned i = 0; i < facts->nr_cpus; i++) {
		if (facts->apic_ids[i] == apic_id)
			return;
	}
	facts->apic_ids[facts->nr_cpus++] = apic_id;
}

static void add_override(struct machine_facts *facts, const uint8_t *entry)
{
	unsigned isa = entry[3], flags = bytes_u16(entry + 8);

	if (entry[2] != 0 || isa >= NR_ISA_LINES)
		return;
	/* MPS INTI flags: polarity in bits 0 and 1, trigger in 2 and 3; 3 means low, level. */
	facts->isa[isa] = (struct isa_line){
		.gsi = bytes_u32(entry + 4),
		.is_low = (flags & 3) == 3,
		.is_level = (flags >> 2 & 3) == 3,
	};
}

static void add_madt_entry(struct machine_facts *facts, const uint8_t *entry, size_t len)
{
	switch (entry[0]) {
	case 0: /* local APIC */
		if (len >= 8)
			add_cpu(facts, entry[3], bytes_u32(entry + 4));
		break;
	case 1: /* I/O APIC */
		if (len >= 12 && facts->nr_io_apics < MAX_IOAPICS)
			facts->io_apics[facts->nr_io_apics++] =
				(struct io_apic_facts){bytes_u32(entry + 4), bytes_u32(entry + 8)};
		break;
	case 2: /* interrupt source override */
		if (len >= 10)
			add_override(facts, entry);
		break;
	case 5: /* local APIC address override */
		if (len >= 12)
			facts->local_apic = bytes_u64(entry + 4);
		break;
	case 9: /* local x2APIC */
		if (len >= 16)
			add_cpu(facts, bytes_u32(entry + 4), bytes_u32(entry + 8));
		break;
	default:
		break;
	}
}

void acpi_parse_madt(const uint8_t *table, size_t len, struct machine_facts *facts)
{
	size_t at = MADT_FIRST_ENTRY;

	if (len < MADT_FIRST_ENTRY)
		return;
	facts->local_apic = bytes_u32(table + HEADER_LEN);
	while (len - at >= 2) {
		size_t entry_len = table[at + 1];

		if (entry_len < 2 || entry_len > len - at)
			break;
		add_madt_entry(facts, table + at, entry_len);
		at += entry_len;
	}
}

/* A generic address structure (5.2.3.2). */
static struct machine_register read_gas(const uint8_t *table, size_t len, size_t at)
{
	struct machine_register reg = {0};

	if (len < at + 12 || table[at] > 1)
		return reg;
	reg.is_port = table[at] == 1;
	reg.width = MAX(table[at + 1] / 8, 1);
	reg.address = bytes_u64(table + at + 4);
	if (reg.address == 0 || reg.width > 8)
		reg.width = 0;
	return reg;
}

/* A register with an old 32-bit port field and a newer structure, which wins. */
static struct machine_register read_either(const uint8_t *table, size_t len, size_t old_at,
					   size_t new_at, uint8_t width)
{
	struct machine_register reg = read_gas(table, len, new_at);

	if (reg.width == 0 && len >= old_at + 4 && bytes_u32(table + old_at) != 0)
		reg = (struct machine_register){bytes_u32(table + old_at), width, true};
	return reg;
}

void acpi_parse_fadt(const uint8_t *table, size_t len, struct machine_facts *facts)
{
	uint32_t flags;

	if (len < 116)
		return;
	flags = bytes_u32(table + 112);
	facts->smi_command = (uint16_t)bytes_u32(table + 48);
	facts->acpi_enable = table[52];
	facts->pm1a_control = read_either(table, len, 64, 172, 2);
	facts->pm1b_control = read_either(table, len, 68, 184, 2);
	facts->pm_timer = read_either(table, len, 76, 208, 4);
	facts->pm_timer_bits = flags >> 8 & 1 ? 32 : 24;
	if (flags >> 10 & 1 && len > 128) {
		facts->reset = read_gas(table, len, 116);
		facts->reset_value = table[128];
	}
	if (flags >> 20 & 1) /* hardware-reduced: has no PM1 block */
		facts->sleep_control = read_gas(table, len, 244);
}

/* A small integer at *at; moves *at behind it. */
static bool aml_integer(const uint8_t *aml, size_t len, size_t *at, uint8_t *value)
{
	if (*at >= len)
		return false;
	switch (aml[*at]) {
	case 0x00: /* ZeroOp, OneOp */
	case 0x01:
		*value = aml[(*at)++];
		return true;
	case 0x0a: /* BytePrefix */
	case 0x0b: /* WordPrefix: the low byte is what counts */
		if (len - *at < 3)
			return false;
		*value = aml[*at + 1];
		*at += aml[*at] == 0x0a ? 2 : 3;
		return true;
	default:
		return false;
	}
}

bool acpi_find_s5(const uint8_t *aml, size_t len, uint8_t *type_a, uint8_t *type_b)
{
	/* Name(_S5_, Package(){a, b, …}): NameOp, the name, PackageOp, length, count, elements. */
	for (size_t i = 0; i + 8 < len; i++) {
		size_t at = i + 5;

		if (aml[i] != '_' || memcmp(aml + i, "_S5_\x12", 5) != 0)
			continue;
		at += 1U + (aml[at] >> 6); /* PkgLength: its top bits count more bytes */
		at++;			   /* NumElements */
		if (aml_integer(aml, len, &at, type_a)) {
			if (!aml_integer(aml, len, &at, type_b))
				*type_b = 0;
			return true;
		}
	}
	return false;
}

/* A whole table at paddr, its checksum right. NULL: none. */
static const uint8_t *reach_table(paddr_t paddr, phys_reach_fn *reach, size_t *len)
{
	const uint8_t *table = paddr ? reach(paddr, HEADER_LEN) : NULL;

	if (!table)
		return NULL;
	*len = bytes_u32(table + 4);
	if (*len < HEADER_LEN || *len > MAX_TABLE_LEN)
		return NULL;
	table = reach(paddr, *len);
	return table && checksum_is_zero(table, *len) ? table : NULL;
}

static void read_s5(const uint8_t *fadt, size_t len, phys_reach_fn *reach,
		    struct machine_facts *facts)
{
	paddr_t paddr = len >= 148 ? bytes_u64(fadt + 140) : 0;
	size_t dsdt_len;
	const uint8_t *dsdt;

	if (paddr == 0 && len >= 44)
		paddr = bytes_u32(fadt + 40);
	dsdt = reach_table(paddr, reach, &dsdt_len);
	if (dsdt)
		facts->has_sleep_type = acpi_find_s5(dsdt + HEADER_LEN, dsdt_len - HEADER_LEN,
						     &facts->sleep_type_a, &facts->sleep_type_b);
}

static void read_table(paddr_t paddr, phys_reach_fn *reach, struct machine_facts *facts)
{
	size_t len;
	const uint8_t *table = reach_table(paddr, reach, &len);

	if (!table)
		return;
	if (memcmp(table, "APIC", 4) == 0) {
		acpi_parse_madt(table, len, facts);
	} else if (memcmp(table, "FACP", 4) == 0) {
		acpi_parse_fadt(table, len, facts);
		read_s5(table, len, reach, facts);
	} else if (memcmp(table, "HPET", 4) == 0 && len >= 52 && table[40] == 0) {
		facts->hpet = bytes_u64(table + 44);
	}
}

static bool rsdp_is_valid(const uint8_t *rsdp)
{
	return rsdp && memcmp(rsdp, "RSD PTR ", 8) == 0 && checksum_is_zero(rsdp, RSDP_LEN_V1);
}

static paddr_t rsdp_scan_range(paddr_t start, size_t len, phys_reach_fn *reach)
{
	const uint8_t *area = reach(start, len);

	for (size_t at = 0; area && at + RSDP_LEN_V2 <= len; at += 16) {
		if (area[at] == 'R' && rsdp_is_valid(area + at))
			return start + at;
	}
	return 0;
}

/* 5.2.5.1: the first KiB of the extended BIOS data area, then the BIOS ROM. */
static paddr_t rsdp_scan(phys_reach_fn *reach)
{
	const uint8_t *segment = reach(0x40e, 2);
	paddr_t ebda = segment ? (paddr_t)bytes_u16(segment) << 4 : 0, found = 0;

	if (ebda >= 0x400 && ebda < 0xa0000)
		found = rsdp_scan_range(ebda, 1024, reach);
	return found ? found : rsdp_scan_range(0xe0000, 0x20000, reach);
}

bool acpi_parse(paddr_t rsdp_at, phys_reach_fn *reach, struct machine_facts *facts)
{
	const uint8_t *rsdp = rsdp_at ? reach(rsdp_at, RSDP_LEN_V2) : NULL, *root = NULL;
	unsigned width = 4;
	size_t len = 0;

	if (!rsdp_is_valid(rsdp)) {
		rsdp_at = rsdp_scan(reach);
		rsdp = rsdp_at ? reach(rsdp_at, RSDP_LEN_V2) : NULL;
	}
	if (!rsdp)
		return false;
	if (rsdp[15] >= 2 && checksum_is_zero(rsdp, RSDP_LEN_V2)) {
		root = reach_table(bytes_u64(rsdp + 24), reach, &len);
		width = root ? 8 : 4;
	}
	if (!root)
		root = reach_table(bytes_u32(rsdp + 16), reach, &len);
	if (!root)
		return false;
	for (size_t at = HEADER_LEN; at + width <= len; at += width)
		read_table(width == 8 ? bytes_u64(root + at) : bytes_u32(root + at), reach, facts);
	return true;
}
