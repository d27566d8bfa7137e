/* What the port learned from the boot loader, handed to entry_start(). */
#ifndef KERN_BOOT_H
#define KERN_BOOT_H

#include <kern/types.h>

enum { BOOT_MAX_RANGES = 128, BOOT_CMDLINE_MAX = 4096 };

struct boot_range {
	paddr_t start, end; /* bytes, end exclusive; sorted, not overlapping */
};

struct boot_info {
	struct boot_range ram[BOOT_MAX_RANGES]; /* usable RAM, minus nothing */
	unsigned nr_ram;
	struct boot_range
		reserved[BOOT_MAX_RANGES]; /* of those: kernel image, initrd, boot tables */
	unsigned nr_reserved;
	paddr_t initrd; /* 0: none */
	size_t initrd_len;
	char cmdline[BOOT_CMDLINE_MAX]; /* NUL-terminated; cut if longer */
};

/* Keeps a copy of the command line; what the functions below look in. Context: entry_start. */
void boot_options_init(const char *cmdline);
/* The whole line, as the boot loader gave it. */
const char *boot_cmdline(void);

/* Boot options: `name=value` words; "quotes" keep blanks in a value. Looks up the last one called
 * name; copies its value (cut to size > 0 bytes with the NUL). false: not there. A bare `name`
 * gives
 * "". A word `--` ends the kernel's options. Context: any, after boot_options_init. */
bool boot_option(const char *name, char *value, size_t size);
/* The same as a number with K, M, G; fallback if absent or malformed (malformed is logged). */
uint64_t boot_option_u64(const char *name, uint64_t fallback);

#endif
