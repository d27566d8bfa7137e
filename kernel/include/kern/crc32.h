/* The checksum of gzip, Ethernet and others (polynomial 0xedb88320, bits reversed). No state of its own. */
#ifndef KERN_CRC32_H
#define KERN_CRC32_H

#include <kern/types.h>

/* Eight bytes at a time; 8 KiB, which the caller lends and crc32_init fills. */
struct crc32_table {
	uint32_t entry[8][256];
};

void crc32_init(struct crc32_table *table);

/* The checksum of what came before (0: nothing) followed by data. */
uint32_t crc32_update(const struct crc32_table *table, uint32_t crc, const void *data, size_t len);

#endif
