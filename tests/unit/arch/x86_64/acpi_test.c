/* kernel/arch/x86_64/machine/acpi.c */
#include "test.h"
#include "../../../../kernel/arch/x86_64/machine/machine.h"
#include "memory.h"

/* Offsets in the fake memory. */
enum { RSDP = 0x40, ROOT = 0x1000, MADT = 0x2000, FADT = 0x3000, DSDT = 0x4000, HPET = 0x5000 };

static struct machine_facts facts;
static size_t madt_len;

static void put_header(size_t at, const char *signature, size_t len)
{
	memcpy(memory + at, signature, 4);
	put32(at + 4, (uint32_t)len);
	put_checksum(at, len, at + 9);
}

static void madt_add(const uint8_t *entry, size_t len)
{
	memcpy(memory + MADT + madt_len, entry, len);
	madt_len += len;
}

static void madt_add_cpu(uint8_t apic_id, uint8_t flags)
{
	madt_add((uint8_t[]){0, 8, 0, apic_id, flags, 0, 0, 0}, 8);
}

/* The machine as QEMU's q35 describes it, more or less: revision 2, 64-bit root table. */
static void put_tables(void)
{
	memset(memory, 0, sizeof(memory));
	madt_len = 44;
	put32(MADT + 36, 0xfee00000);
	madt_add_cpu(0, 1);
	madt_add_cpu(2, 0); /* could be plugged in, is not */
	madt_add_cpu(4, 1);
	madt_add((uint8_t[]){1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0}, 12);
	madt_add((uint8_t[]){2, 10, 0, 0, 2, 0, 0, 0, 0, 0}, 10);
	madt_add((uint8_t[]){2, 10, 0, 9, 9, 0, 0, 0, 0x0f, 0}, 10);
	madt_add((uint8_t[]){9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 16);
	put_header(MADT, "APIC", madt_len);

	put32(FADT + 40, MEMORY_BASE + DSDT);
	put32(FADT + 64, 0x604);
	put32(FADT + 76, 0x608);
	put32(FADT + 112, 1 << 8 | 1 << 10);
	memory[FADT + 116] = 1;
	memory[FADT + 117] = 8;
	put64(FADT + 120, 0xcf9);
	memory[FADT + 128] = 0xf;
	put_header(FADT, "FACP", 244);

	memcpy(memory + DSDT + 60, "\x08_S5_\x12\x06\x04\x0a\x05\x01\x00\x00", 13);
	put_header(DSDT, "DSDT", 100);

	put64(HPET + 44, 0xfed00000);
	put_header(HPET, "HPET", 56);

	put64(ROOT + 36, MEMORY_BASE + MADT);
	put64(ROOT + 44, MEMORY_BASE + FADT);
	put64(ROOT + 52, MEMORY_BASE + HPET);
	put64(ROOT + 60, 0xdeadbeef000); /* cannot be reached */
	put_header(ROOT, "XSDT", 68);

	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = 2;
	put32(RSDP + 20, 36);
	put64(RSDP + 24, MEMORY_BASE + ROOT);
	put_checksum(RSDP, 20, RSDP + 8);
	put_checksum(RSDP, 36, RSDP + 32);
	machine_facts_init(&facts);
}

static void assert_is_whole(void)
{
	assert_int_equal(facts.nr_cpus, 3);
	assert_int_equal(facts.apic_ids[0], 0);
	assert_int_equal(facts.apic_ids[1], 4);
	assert_int_equal(facts.apic_ids[2], 0x100);
	assert_int_equal(facts.local_apic, 0xfee00000);
	assert_int_equal(facts.nr_io_apics, 1);
	assert_int_equal(facts.io_apics[0].address, 0xfec00000);
	assert_int_equal(facts.isa[0].gsi, 2);
	assert_int_equal(facts.isa[1].gsi, 1);
	assert_true(facts.isa[9].is_level && facts.isa[9].is_low);
	assert_int_equal(facts.hpet, 0xfed00000);
	assert_int_equal(facts.pm_timer.address, 0x608);
	assert_int_equal(facts.pm_timer_bits, 32);
	assert_int_equal(facts.pm1a_control.address, 0x604);
	assert_int_equal(facts.reset.address, 0xcf9);
	assert_true(facts.reset.is_port);
	assert_int_equal(facts.reset_value, 0xf);
	assert_true(facts.has_sleep_type);
	assert_int_equal(facts.sleep_type_a, 5);
	assert_int_equal(facts.sleep_type_b, 1);
	assert_int_equal(facts.sleep_control.width, 0);
}

TEST(tables_are_read_from_the_pointer_that_was_told)
{
	put_tables();
	assert_true(acpi_parse(MEMORY_BASE + RSDP, reach_memory, &facts));
	assert_is_whole();
	memory_free();
}

TEST(the_pointer_is_found_by_looking)
{
	put_tables();
	assert_true(acpi_parse(0, reach_memory, &facts));
	assert_is_whole();
	put_tables();
	assert_true(acpi_parse(0x1234, reach_memory, &facts));
	assert_is_whole();
	memory_free();
}

TEST(an_old_root_pointer_has_a_32_bit_table)
{
	put_tables();
	memory[RSDP + 15] = 0;
	put32(RSDP + 16, MEMORY_BASE + ROOT);
	put_checksum(RSDP, 20, RSDP + 8);
	put32(ROOT + 36, MEMORY_BASE + MADT);
	put32(ROOT + 40, MEMORY_BASE + FADT);
	put32(ROOT + 44, MEMORY_BASE + HPET);
	put_header(ROOT, "RSDT", 48);
	assert_true(acpi_parse(0, reach_memory, &facts));
	assert_is_whole();
	memory_free();
}

TEST(a_table_with_a_bad_checksum_is_absent)
{
	put_tables();
	memory[MADT + 50] ^= 0x10;
	assert_true(acpi_parse(0, reach_memory, &facts));
	assert_int_equal(facts.nr_cpus, 0);
	assert_int_equal(facts.hpet, 0xfed00000);
	memory_free();
}

TEST(a_hardware_reduced_machine_has_a_sleep_register)
{
	put_tables();
	put32(FADT + 64, 0);
	put32(FADT + 112, 1 << 20);
	memory[FADT + 244] = 0;
	memory[FADT + 245] = 8;
	put64(FADT + 248, 0xfea00000);
	put_header(FADT, "FACP", 268);
	assert_true(acpi_parse(0, reach_memory, &facts));
	assert_int_equal(facts.pm1a_control.width, 0);
	assert_int_equal(facts.sleep_control.address, 0xfea00000);
	assert_false(facts.sleep_control.is_port);
	memory_free();
}

TEST(no_more_cpus_than_there_is_room_for)
{
	put_tables();
	madt_len = 44;
	for (unsigned i = 0; i < 200; i++)
		madt_add_cpu((uint8_t)(i % 100), 1); /* each named twice */
	put_header(MADT, "APIC", madt_len);
	assert_true(acpi_parse(0, reach_memory, &facts));
	assert_int_equal(facts.nr_cpus, MAX_CPUS);
	for (unsigned i = 0; i < MAX_CPUS; i++)
		assert_int_equal(facts.apic_ids[i], i);
	memory_free();
}

TEST(entries_of_length_zero_end_the_table)
{
	uint8_t table[60] = {0};

	machine_facts_init(&facts);
	acpi_parse_madt(table, sizeof(table), &facts);
	assert_int_equal(facts.nr_cpus, 0);
	acpi_parse_madt(table, 10, &facts);
	acpi_parse_madt(table, 45, &facts);
}

/* Damages bytes, lengths and pointers, then makes the sums right again so that it is read. */
TEST(thousands_of_damaged_tables_do_no_harm)
{
	static const size_t tables[] = {ROOT, MADT, FADT, DSDT, HPET};

	for (unsigned round = 0; round < 20000; round++) {
		put_tables();
		for (unsigned i = random_word() % 8; i > 0; i--) {
			size_t table = tables[random_word() % ARRAY_LEN(tables)];

			memory[table + random_word() % 120] = (uint8_t)random_word();
		}
		for (unsigned i = 0; i < ARRAY_LEN(tables); i++) {
			uint32_t len = memory[tables[i] + 4] | (uint32_t)memory[tables[i] + 5] << 8;

			if (len >= 36 && len < 0x1000)
				put_checksum(tables[i], len, tables[i] + 9);
		}
		acpi_parse(0, reach_memory, &facts);
		assert_true(facts.nr_cpus <= MAX_CPUS);
		assert_true(facts.nr_io_apics <= MAX_IOAPICS);
	}
	memory_free();
}

TEST(sleep_types_are_found_at_the_very_end)
{
	uint8_t a, b, *aml = malloc(9);

	memcpy(aml, "_S5_\x12\x03\x01\x00\x01", 9);
	assert_true(acpi_find_s5(aml, 9, &a, &b));
	assert_int_equal(a, 0);
	assert_int_equal(b, 1);
	/* A word's prefix with nothing behind it. */
	aml[7] = 0x0b;
	assert_false(acpi_find_s5(aml, 9, &a, &b));
	assert_false(acpi_find_s5(aml, 4, &a, &b));
	assert_false(acpi_find_s5(aml, 0, &a, &b));
	free(aml);
}
