/* What is taken for granted of a machine until a table says otherwise. Pure. */
#include "machine.h"

void machine_facts_init(struct machine_facts *facts)
{
	*facts = (struct machine_facts){0};
	for (unsigned i = 0; i < NR_ISA_LINES; i++)
		facts->isa[i].gsi = i;
}
