/*
 * Unmapping from the object's side. Truncation knows the mapping, not the address spaces: it walks the
 * mapping's list of areas under areas_lock and, without any mmap lock, the page tables of each. That
 * is safe because an area leaves the list before its tables may go (munmap.c, contents.c), and its
 * bounds change only under areas_lock.
 */
#include <kern/mm.h>

#include "area.h"
#include "gather.h"
#include "mapping_unmap.h"

static void unmap_from(struct area *area, uint64_t start, uint64_t end, bool keep_private)
{
	uint64_t first = MAX(start, area->pgoff), last = MIN(end, area->pgoff + area_pages(area));
	struct gather gather;
	vaddr_t from;

	if (first >= last)
		return;
	from = area->start + ((first - area->pgoff) << PAGE_SHIFT);
	gather_begin(&gather, area->mm, false);
	zap_range(&gather, from, from + ((last - first) << PAGE_SHIFT), keep_private);
	gather_end(&gather);
}

void mapping_unmap(struct mapping *mapping, uint64_t start, uint64_t end, bool keep_private)
{
	struct area *area;

	mutex_lock(&mapping->areas_lock);
	list_for_each_entry (area, &mapping->areas, mapping_node)
		unmap_from(area, start, end, keep_private);
	mutex_unlock(&mapping->areas_lock);
}
