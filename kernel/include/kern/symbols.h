/*
 * Names of the kernel's functions, for backtraces: the table that the link makes (tools/symbols.awk)
 * and its look-up. Read-only; any context.
 */
#ifndef KERN_SYMBOLS_H
#define KERN_SYMBOLS_H

#include <kern/types.h>

/* The function that holds address and the distance from its start; NULL: none does. */
const char *symbol_find(uintptr_t address, size_t *offset);

/* The same over any table: sequences of a distance to the function before (ULEB128; the first one
 * from base) and a NUL-terminated name. limit: where the last function ends at most. */
const char *symbol_find_in(const uint8_t *table, const uint8_t *table_end, uintptr_t base,
			   uintptr_t limit, uintptr_t address, size_t *offset);

#endif
