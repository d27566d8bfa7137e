/*
 * Where kernel code goes on after a fault that it expects: a table that the assembly of user copies
 * and of FPU loads adds to (EXTABLE entries: two distances, from each word to what it names).
 * Read-only; any context.
 */
#include "entry.h"

struct extable_entry {
	int32_t insn, fixup;
};

extern const struct extable_entry extable_start[], extable_end[];
extern const char uaccess_start[], uaccess_end[];

uintptr_t extable_find(uintptr_t ip)
{
	for (const struct extable_entry *e = extable_start; e < extable_end; e++) {
		if ((uintptr_t)&e->insn + (intptr_t)e->insn == ip)
			return (uintptr_t)&e->fixup + (intptr_t)e->fixup;
	}
	return 0;
}

bool uaccess_contains(uintptr_t ip)
{
	return ip >= (uintptr_t)uaccess_start && ip < (uintptr_t)uaccess_end;
}
