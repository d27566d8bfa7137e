/* Names of the kernel's functions: reads the table that the link made. No state, no locks. */
#include <kern/string.h>
#include <kern/symbols.h>

/* From the linker script; weak, so that tests link without. Text of bring-up comes last. */
extern const uint8_t symbols_start[] __attribute__((weak)), symbols_end[] __attribute__((weak));
extern const char text_start[] __attribute__((weak)), init_text_end[] __attribute__((weak));

const char *symbol_find_in(const uint8_t *table, const uint8_t *table_end, uintptr_t base,
			   uintptr_t limit, uintptr_t address, size_t *offset)
{
	const char *best = NULL;
	uintptr_t at = base;

	if (address < base || address >= limit)
		return NULL;
	while (table < table_end) {
		uint64_t delta = 0;
		unsigned shift = 0;
		const char *name;

		do {
			delta |= (uint64_t)(*table & 0x7f) << shift;
			shift += 7;
		} while (*table++ & 0x80 && table < table_end && shift < 63);
		name = (const char *)table;
		table += strnlen(name, (size_t)(table_end - table)) + 1;
		at += delta;
		if (at > address || table > table_end)
			break;
		best = name;
		*offset = address - at;
	}
	return best;
}

const char *symbol_find(uintptr_t address, size_t *offset)
{
	return symbol_find_in(symbols_start, symbols_end, (uintptr_t)text_start,
			      (uintptr_t)init_text_end, address, offset);
}
