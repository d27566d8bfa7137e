/* kernel/arch/x86_64/machine/mp.c */
#include "test.h"
#include "../../../../kernel/arch/x86_64/machine/machine.h"
#include "memory.h"

/* The pointer lies where the BIOS ROM is scanned: from 0xf0000 on. */
enum { POINTER = 0x10010, TABLE = 0x2000 };

static struct machine_facts facts;
static size_t table_len, nr_entries;

static void add(const uint8_t *entry, size_t len)
{
	memcpy(memory + TABLE + table_len, entry, len);
	table_len += len;
	nr_entries++;
}

static void add_cpu(uint8_t apic_id, uint8_t flags)
{
	uint8_t entry[20] = {0, apic_id, 0x14, flags};

	add(entry, sizeof(entry));
}

static void seal(void)
{
	memcpy(memory + TABLE, "PCMP", 4);
	put16(TABLE + 4, (unsigned)table_len);
	put32(TABLE + 36, 0xfee00000);
	put16(TABLE + 34, (unsigned)nr_entries);
	put_checksum(TABLE, table_len, TABLE + 7);
	memcpy(memory + POINTER, "_MP_", 4);
	put32(POINTER + 4, (uint32_t)MEMORY_BASE + TABLE);
	memory[POINTER + 8] = 1;
	put_checksum(POINTER, 16, POINTER + 10);
}

static void put_tables(void)
{
	memset(memory, 0, sizeof(memory));
	machine_facts_init(&facts);
	table_len = 44;
	nr_entries = 0;
	add_cpu(0, 3);
	add_cpu(1, 1);
	add_cpu(2, 0);
	add((uint8_t[]){1, 0, 'P', 'C', 'I', ' ', ' ', ' '}, 8);
	add((uint8_t[]){1, 1, 'I', 'S', 'A', ' ', ' ', ' '}, 8);
	add((uint8_t[]){2, 3, 0x11, 1, 0, 0, 0xc0, 0xfe}, 8);
	add((uint8_t[]){3, 0, 0, 0, 1, 0, 3, 2}, 8);	  /* ISA 0 is at pin 2 */
	add((uint8_t[]){3, 0, 0x0f, 0, 1, 10, 3, 10}, 8); /* ISA 10: low, level */
	add((uint8_t[]){3, 0, 0, 0, 0, 1, 3, 20}, 8);	  /* of the PCI bus */
	add((uint8_t[]){4, 3, 0, 0, 1, 0, 0xff, 0}, 8);
	seal();
}

TEST(cpus_controllers_and_lines_are_read)
{
	put_tables();
	assert_true(mp_parse(reach_memory, &facts));
	assert_int_equal(facts.nr_cpus, 2);
	assert_int_equal(facts.apic_ids[1], 1);
	assert_int_equal(facts.local_apic, 0xfee00000);
	assert_int_equal(facts.nr_io_apics, 1);
	assert_int_equal(facts.io_apics[0].address, 0xfec00000);
	assert_int_equal(facts.isa[0].gsi, 2);
	assert_int_equal(facts.isa[1].gsi, 1);
	assert_true(facts.isa[10].is_level && facts.isa[10].is_low);
	memory_free();
}

TEST(bad_sums_and_missing_tables_say_no)
{
	put_tables();
	memory[POINTER + 8]++;
	assert_false(mp_parse(reach_memory, &facts));
	put_tables();
	memory[TABLE + 60]++;
	assert_false(mp_parse(reach_memory, &facts));
	put_tables();
	put32(POINTER + 4, 0);
	put_checksum(POINTER, 16, POINTER + 10);
	assert_false(mp_parse(reach_memory, &facts));
	memory_free();
}

TEST(thousands_of_damaged_tables_do_no_harm)
{
	for (unsigned round = 0; round < 20000; round++) {
		put_tables();
		for (unsigned i = random_word() % 8; i > 0; i--)
			memory[TABLE + random_word() % table_len] = (uint8_t)random_word();
		if (random_word() % 2) {
			size_t len = memory[TABLE + 4] | (size_t)memory[TABLE + 5] << 8;

			if (len >= 44 && len < 0x8000)
				put_checksum(TABLE, len, TABLE + 7);
		}
		mp_parse(reach_memory, &facts);
		assert_true(facts.nr_cpus <= MAX_CPUS);
		assert_true(facts.nr_io_apics <= MAX_IOAPICS);
	}
	memory_free();
}
