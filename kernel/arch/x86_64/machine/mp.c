/* Reads the MultiProcessor Specification's tables; see machine.h. Pure: owns nothing. */
#include <kern/string.h>
#include "bytes.h"
#include "machine.h"

enum {
	POINTER_LEN = 16,
	HEADER_LEN = 44,
	MAX_TABLE_LEN = 0xffff,
	ENTRY_CPU = 0,
	ENTRY_BUS = 1,
	ENTRY_IO_APIC = 2,
	ENTRY_INTERRUPT = 3,
	CPU_ENABLED = 1,
	CPU_BOOT = 2,
	NO_BUS = 256,
};

static bool checksum_is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

static void add_cpu(struct machine_facts *facts, const uint8_t *entry)
{
	if ((entry[3] & CPU_ENABLED) && facts->nr_cpus < MAX_CPUS)
		facts->apic_ids[facts->nr_cpus++] = entry[1];
}

/* The table numbers an I/O APIC's pins from 0: global numbers go by the order of the entries, 24 for
 * each, as for the ones that can be told apart without looking at the device. */
static void add_io_apic(struct machine_facts *facts, const uint8_t *entry)
{
	if ((entry[3] & 1) && facts->nr_io_apics < MAX_IOAPICS) {
		facts->io_apics[facts->nr_io_apics] =
			(struct io_apic_facts){bytes_u32(entry + 4), facts->nr_io_apics * 24U};
		facts->nr_io_apics++;
	}
}

/* Vectored interrupts of the ISA bus only: the rest are PCI's. */
static void add_interrupt(struct machine_facts *facts, const uint8_t *entry, unsigned isa_bus)
{
	unsigned flags = bytes_u16(entry + 2), isa = entry[5];

	if (entry[1] != 0 || entry[4] != isa_bus || isa >= NR_ISA_LINES)
		return;
	facts->isa[isa] = (struct isa_line){
		.gsi = entry[7],
		.is_low = (flags & 3) == 3,
		.is_level = (flags >> 2 & 3) == 3,
	};
}

void mp_parse_table(const uint8_t *table, size_t len, struct machine_facts *facts)
{
	size_t at = HEADER_LEN;
	unsigned isa_bus = NO_BUS;

	if (len < HEADER_LEN)
		return;
	facts->local_apic = bytes_u32(table + 36);
	/* Entries are sorted by type: the buses come before the interrupts. */
	for (unsigned left = bytes_u16(table + 34); left > 0 && at < len; left--) {
		const uint8_t *entry = table + at;
		size_t entry_len = entry[0] == ENTRY_CPU ? 20 : 8;

		if (entry_len > len - at)
			break;
		if (entry[0] == ENTRY_CPU)
			add_cpu(facts, entry);
		else if (entry[0] == ENTRY_BUS && memcmp(entry + 2, "ISA", 3) == 0)
			isa_bus = entry[1];
		else if (entry[0] == ENTRY_IO_APIC)
			add_io_apic(facts, entry);
		else if (entry[0] == ENTRY_INTERRUPT)
			add_interrupt(facts, entry, isa_bus);
		at += entry_len;
	}
}

static const uint8_t *scan_range(paddr_t start, size_t len, phys_reach_fn *reach)
{
	const uint8_t *area = reach(start, len);

	for (size_t at = 0; area && at + POINTER_LEN <= len; at += 16) {
		if (area[at] == '_' && memcmp(area + at, "_MP_", 4) == 0 &&
		    checksum_is_zero(area + at, POINTER_LEN))
			return area + at;
	}
	return NULL;
}

bool mp_parse(phys_reach_fn *reach, struct machine_facts *facts)
{
	const uint8_t *segment = reach(0x40e, 2), *pointer = NULL, *table;
	paddr_t ebda = segment ? (paddr_t)bytes_u16(segment) << 4 : 0, paddr;
	size_t len;

	if (ebda >= 0x400 && ebda < 0xa0000)
		pointer = scan_range(ebda, 1024, reach);
	if (!pointer)
		pointer = scan_range(0x9fc00, 1024, reach);
	if (!pointer)
		pointer = scan_range(0xf0000, 0x10000, reach);
	if (!pointer)
		return false;
	paddr = bytes_u32(pointer + 4);
	table = paddr ? reach(paddr, HEADER_LEN) : NULL;
	if (!table || memcmp(table, "PCMP", 4) != 0)
		return false;
	len = bytes_u16(table + 4);
	table = len >= HEADER_LEN ? reach(paddr, len) : NULL;
	if (!table || !checksum_is_zero(table, len))
		return false;
	mp_parse_table(table, len, facts);
	return facts->nr_cpus > 0;
}
