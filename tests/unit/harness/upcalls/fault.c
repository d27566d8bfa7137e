/* For tests that do not link what answers this upcall: nobody may make it. */
#include <kern/assert.h>
#include <kern/entry.h>

int entry_fault(struct trapframe *tf, vaddr_t va, unsigned flags)
{
	panic("nobody answers");
}
