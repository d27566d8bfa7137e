/* Decodes the PVH start info; see pvh.h. Pure: owns nothing, no locks, boot CPU or tests. */
#include <kern/string.h>
#include <uapi/errno.h>
#include "pvh.h"

enum {
	START_INFO_MAGIC = 0x336ec578,
	MAX_MAP_ENTRIES = 1024, /* more than any firmware has: a rubbish count ends here */
	E820_RAM = 1,
};

struct hvm_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules, cmdline, rsdp;
	/* from version 1 on */
	uint64_t memory_map;
	uint32_t nr_map_entries, reserved;
};
STATIC_ASSERT(sizeof(struct hvm_start_info) == 56);

struct hvm_module {
	uint64_t paddr, size, cmdline, reserved;
};

struct hvm_map_entry {
	uint64_t start, size;
	uint32_t type, reserved;
};
STATIC_ASSERT(sizeof(struct hvm_map_entry) == 24);

enum { START_INFO_V0_SIZE = offsetof(struct hvm_start_info, memory_map) };

static uint64_t entry_end(const struct hvm_map_entry *e)
{
	return e->size > UINT64_MAX - e->start ? UINT64_MAX : e->start + e->size;
}

/* Usable pages: what is called RAM, rounded inwards, less all that is called anything else, rounded
 * outwards: overlapping entries then err on the safe side. Page 0 is nobody's: address 0 says none. */
static void parse_map(const struct hvm_map_entry *map, unsigned nr, struct range_list *ram)
{
	for (unsigned i = 0; i < nr; i++) {
		if (map[i].type == E820_RAM &&
		    !ranges_add(ram, ROUND_UP(MIN(map[i].start, UINT64_MAX - PAGE_SIZE), PAGE_SIZE),
				ROUND_DOWN(entry_end(&map[i]), PAGE_SIZE)))
			break;
	}
	for (unsigned i = 0; i < nr; i++) {
		if (map[i].type != E820_RAM && map[i].size != 0)
			ranges_remove(ram, ROUND_DOWN(map[i].start, PAGE_SIZE),
				      ROUND_UP(MIN(entry_end(&map[i]), UINT64_MAX - PAGE_SIZE),
					       PAGE_SIZE));
	}
	ranges_remove(ram, 0, PAGE_SIZE);
	/* Beyond what an entry of a page table can name there is nothing. */
	ranges_remove(ram, 1ULL << 46, UINT64_MAX);
}

static void parse_cmdline(paddr_t paddr, phys_reach_fn *reach, char *cmdline, size_t size)
{
	size_t len = 0;

	/* Byte by byte: the string may end just before memory that cannot be reached. */
	while (paddr != 0 && len + 1 < size) {
		const char *c = reach(paddr + len, 1);

		if (!c || *c == '\0')
			break;
		cmdline[len++] = *c;
	}
	cmdline[len] = '\0';
}

/* The start info, its later fields 0 if this version has none. false: there is none at paddr. */
static bool read_start_info(paddr_t paddr, phys_reach_fn *reach, struct hvm_start_info *start)
{
	const void *bytes = paddr ? reach(paddr, START_INFO_V0_SIZE) : NULL;

	*start = (struct hvm_start_info){0};
	if (!bytes)
		return false;
	memcpy(start, bytes, START_INFO_V0_SIZE);
	if (start->magic != START_INFO_MAGIC)
		return false;
	bytes = start->version >= 1 ? reach(paddr, sizeof(*start)) : NULL;
	if (bytes)
		memcpy(start, bytes, sizeof(*start));
	return true;
}

static void parse_initrd(const struct hvm_start_info *start, phys_reach_fn *reach,
			 struct pvh_info *info)
{
	const struct hvm_module *module = NULL;

	if (start->nr_modules > 0 && start->modules != 0)
		module = reach(start->modules, sizeof(*module));
	if (module && module->paddr != 0 && module->size != 0 &&
	    module->size <= UINT64_MAX - module->paddr) {
		info->initrd = module->paddr;
		info->initrd_len = module->size;
	}
}

int pvh_parse(paddr_t paddr, phys_reach_fn *reach, struct range_list *ram, char *cmdline,
	      size_t cmdline_size, struct pvh_info *info)
{
	unsigned nr;
	struct hvm_start_info start;
	const struct hvm_map_entry *map = NULL;

	*info = (struct pvh_info){0};
	ram->nr = 0;
	cmdline[0] = '\0';
	if (!read_start_info(paddr, reach, &start))
		return -EINVAL;
	info->rsdp = start.rsdp;
	parse_initrd(&start, reach, info);
	nr = MIN(start.nr_map_entries, (uint32_t)MAX_MAP_ENTRIES);
	if (start.memory_map != 0)
		map = reach(start.memory_map, nr * sizeof(*map));
	if (map)
		parse_map(map, nr, ram);
	parse_cmdline(start.cmdline, reach, cmdline, cmdline_size);
	return 0;
}
