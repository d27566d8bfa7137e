/* Little-endian numbers at any alignment. */
#ifndef X86_BYTES_H
#define X86_BYTES_H

#include <kern/types.h>

static inline uint16_t bytes_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t bytes_u32(const uint8_t *p)
{
	return bytes_u16(p) | (uint32_t)bytes_u16(p + 2) << 16;
}

static inline uint64_t bytes_u64(const uint8_t *p)
{
	return bytes_u32(p) | (uint64_t)bytes_u32(p + 4) << 32;
}

#endif
