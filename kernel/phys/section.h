/* Sections: the machine's memory, of which the allocator takes more as it runs short. */
#ifndef PHYS_SECTION_H
#define PHYS_SECTION_H

#include <kern/page.h>

/* Remembers the firmware's map and brings in the first section. Context: boot. */
void section_init(const struct boot_info *boot);

/* How many sections are in use; for section_bring_next. */
unsigned section_count(void);
/*
 * Brings in one more, unless more than `seen` are in use already (somebody else was short of memory
 * too); true: look again. false: there are none left. Context: any.
 */
bool section_bring_next(unsigned seen);

/* Frames that the allocator has or can bring in; and those of them not brought in yet. */
uint64_t section_total(void);
uint64_t section_untouched(void);

#endif
