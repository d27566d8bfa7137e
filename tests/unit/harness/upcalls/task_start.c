/* For tests that do not link what answers this upcall: nobody may make it. */
#include <kern/assert.h>
#include <kern/entry.h>

void entry_task_start(struct task_struct *prev)
{
	panic("nobody answers");
}
