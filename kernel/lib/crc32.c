/* CRC-32. No state, no locks; any context may call. */
#include <kern/crc32.h>
#include <kern/string.h>

void crc32_init(struct crc32_table *table)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
		table->entry[0][byte] = crc;
	}
	/* entry[k]: the effect of a byte with k more bytes behind it. */
	for (int k = 1; k < 8; k++)
		for (uint32_t byte = 0; byte < 256; byte++) {
			uint32_t crc = table->entry[k - 1][byte];
			table->entry[k][byte] = crc >> 8 ^ table->entry[0][crc & 0xff];
		}
}

uint32_t crc32_update(const struct crc32_table *table, uint32_t crc, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t word;

	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		word ^= crc;
		crc = 0;
		for (int k = 0; k < 8; k++)
			crc ^= table->entry[7 - k][word >> (8 * k) & 0xff];
	}
	for (; len; len--, p++)
		crc = crc >> 8 ^ table->entry[0][(crc ^ *p) & 0xff];
	return ~crc;
}
