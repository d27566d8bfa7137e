/* For tests below the scheduler: preemption is never due. */
#include <kern/preempt.h>

void preempt_check(void)
{
}
