/* kernel/arch/x86_64/boot/pvh.c */
#include "test.h"
#include <uapi/errno.h>
#include "../../../../kernel/arch/x86_64/boot/pvh.h"
#include "memory.h"

enum { INFO = 0x100, CMDLINE = 0x400, MODULES = 0x200, MAP = 0x800 };

static struct boot_range storage[16];
static struct range_list ram;
static char cmdline[64];
static struct pvh_info info;

static void put_info(unsigned version)
{
	memset(memory, 0, sizeof(memory));
	ram = (struct range_list){storage, 0, ARRAY_LEN(storage)};
	put32(INFO, 0x336ec578);
	put32(INFO + 4, version);
}

static void put_map_entry(unsigned i, uint64_t start, uint64_t size, uint32_t type)
{
	put64(MAP + 24 * i, start);
	put64(MAP + 24 * i + 8, size);
	put32(MAP + 24 * i + 16, type);
	put64(INFO + 40, MEMORY_BASE + MAP);
	put32(INFO + 48, i + 1);
}

static int parse(void)
{
	return pvh_parse(MEMORY_BASE + INFO, reach_memory, &ram, cmdline, sizeof(cmdline), &info);
}

TEST(everything_is_taken)
{
	put_info(1);
	put64(INFO + 24, MEMORY_BASE + CMDLINE);
	strcpy((char *)memory + CMDLINE, "lazy=eager console=off");
	put32(INFO + 12, 1);
	put64(INFO + 16, MEMORY_BASE + MODULES);
	put64(MODULES + MEMORY_BASE - MEMORY_BASE, 0x7000123);
	put64(MODULES + 8, 0x4567);
	put64(INFO + 32, 0xf5ad0);
	put_map_entry(0, 0, 0x9fc00, 1);
	put_map_entry(1, 0x100000, 0x1fee0000, 1);
	put_map_entry(2, 0x100000000, 0x40000000, 1);
	assert_int_equal(parse(), 0);
	assert_string_equal(cmdline, "lazy=eager console=off");
	assert_int_equal(info.initrd, 0x7000123);
	assert_int_equal(info.initrd_len, 0x4567);
	assert_int_equal(info.rsdp, 0xf5ad0);
	assert_int_equal(ram.nr, 3);
	assert_int_equal(ram.ranges[0].start, PAGE_SIZE); /* page 0 is nobody's */
	assert_int_equal(ram.ranges[0].end, 0x9f000);
	assert_int_equal(ram.ranges[2].end, 0x140000000);
	memory_free();
}

TEST(null_pointers_mean_absent)
{
	put_info(1);
	assert_int_equal(parse(), 0);
	assert_string_equal(cmdline, "");
	assert_int_equal(ram.nr, 0);
	assert_int_equal(info.initrd, 0);
	memory_free();
}

TEST(version_0_has_no_map)
{
	put_info(0);
	put_map_entry(0, 0x100000, 0x100000, 1);
	assert_int_equal(parse(), 0);
	assert_int_equal(ram.nr, 0);
	memory_free();
}

TEST(a_wrong_magic_is_refused)
{
	put_info(1);
	memory[INFO] ^= 1;
	assert_int_equal(parse(), -EINVAL);
	assert_int_equal(pvh_parse(0, reach_memory, &ram, cmdline, sizeof(cmdline), &info),
			 -EINVAL);
	memory_free();
}

TEST(other_types_win_over_ram_that_they_overlap)
{
	put_info(1);
	put_map_entry(0, 0x200800, 0x1000, 2); /* touches two pages */
	put_map_entry(1, 0x100000, 0x200000, 1);
	put_map_entry(2, 0x180000, 0x400000, 1); /* overlaps the one before */
	put_map_entry(3, 0, 0, 0);		 /* as microvm ends its map */
	assert_int_equal(parse(), 0);
	assert_int_equal(ram.nr, 2);
	assert_int_equal(ram.ranges[0].end, 0x200000);
	assert_int_equal(ram.ranges[1].start, 0x202000);
	assert_int_equal(ram.ranges[1].end, 0x580000);
	memory_free();
}

TEST(a_long_command_line_is_cut)
{
	put_info(1);
	put64(INFO + 24, MEMORY_BASE + CMDLINE);
	memset(memory + CMDLINE, 'x', 200);
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(cmdline), sizeof(cmdline) - 1);
	memory_free();
}

TEST(a_command_line_may_end_where_memory_does)
{
	put_info(1);
	put64(INFO + 24, MEMORY_BASE + MEMORY_SIZE - 3);
	memset(memory + MEMORY_SIZE - 3, 'y', 3);
	assert_int_equal(parse(), 0);
	assert_string_equal(cmdline, "yyy");
	memory_free();
}

TEST(rubbish_never_gives_ranges_that_are_not_pages_in_order)
{
	for (unsigned round = 0; round < 20000; round++) {
		put_info(1);
		for (unsigned i = 8; i < 56; i++)
			memory[INFO + i] = (uint8_t)random_word();
		for (unsigned i = 0; i < 20; i++)
			put_map_entry(i, (uint64_t)random_word() << (random_word() % 40),
				      (uint64_t)random_word() << (random_word() % 40),
				      random_word() % 3);
		if (random_word() % 4 == 0)
			put64(INFO + 40, random_word());
		assert_int_equal(parse(), 0);
		for (unsigned i = 0; i < ram.nr; i++) {
			assert_int_equal((ram.ranges[i].start | ram.ranges[i].end) % PAGE_SIZE, 0);
			assert_true(ram.ranges[i].start < ram.ranges[i].end);
			assert_true(ram.ranges[i].end <= 1ULL << 46);
			assert_true(i == 0 || ram.ranges[i].start > ram.ranges[i - 1].end);
		}
	}
	memory_free();
}
