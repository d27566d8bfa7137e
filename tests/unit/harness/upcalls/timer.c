/* For tests that do not link what answers this upcall: nobody may make it. */
#include <kern/assert.h>
#include <kern/entry.h>

void entry_timer(bool from_user)
{
	panic("nobody answers");
}
