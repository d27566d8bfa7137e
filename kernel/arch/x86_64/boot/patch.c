/* Fits the text to the CPU before it becomes read-only. */
#include <kern/string.h>
#include <port/features.h>
#include "../entry/entry.h"

extern const int32_t smap_sites_start[], smap_sites_end[];

INIT_TEXT void smap_patch(void)
{
	static const uint8_t nop[3] = {0x0f, 0x1f, 0x00};

	if (x86_features.has_smap)
		return;
	for (const int32_t *site = smap_sites_start; site < smap_sites_end; site++)
		memcpy((char *)site + *site, nop, sizeof(nop));
}
