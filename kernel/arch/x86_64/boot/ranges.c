/* Sorted lists of disjoint address ranges; see ranges.h. Owns nothing, no locks, any caller. */
#include <kern/string.h>
#include "ranges.h"

static void insert_at(struct range_list *list, unsigned i, paddr_t start, paddr_t end)
{
	memmove(&list->ranges[i + 1], &list->ranges[i], (list->nr - i) * sizeof(list->ranges[0]));
	list->ranges[i] = (struct boot_range){start, end};
	list->nr++;
}

static void delete_at(struct range_list *list, unsigned i, unsigned count)
{
	memmove(&list->ranges[i], &list->ranges[i + count],
		(list->nr - i - count) * sizeof(list->ranges[0]));
	list->nr -= count;
}

bool ranges_add(struct range_list *list, paddr_t start, paddr_t end)
{
	unsigned first = 0, last;

	if (start >= end)
		return true;
	while (first < list->nr && list->ranges[first].end < start)
		first++;
	/* [first, last) overlap or touch the new one. */
	for (last = first; last < list->nr && list->ranges[last].start <= end; last++)
		;
	if (first == last) {
		if (list->nr == list->max)
			return false;
		insert_at(list, first, start, end);
		return true;
	}
	list->ranges[first].start = MIN(list->ranges[first].start, start);
	list->ranges[first].end = MAX(list->ranges[last - 1].end, end);
	delete_at(list, first + 1, last - first - 1);
	return true;
}

bool ranges_remove(struct range_list *list, paddr_t start, paddr_t end)
{
	unsigned i = 0;

	if (start >= end)
		return true;
	while (i < list->nr) {
		struct boot_range *r = &list->ranges[i];
		bool keeps_head = r->start<start, keeps_tail = r->end> end;

		if (r->end <= start || r->start >= end) {
			i++;
		} else if (keeps_head && keeps_tail) {
			paddr_t tail_end = r->end;

			if (list->nr < list->max) {
				r->end = start;
				insert_at(list, i + 1, end, tail_end);
				return true;
			}
			if (start - r->start >= tail_end - end)
				r->end = start;
			else
				r->start = end;
			return false;
		} else if (keeps_head) {
			r->end = start;
			i++;
		} else if (keeps_tail) {
			r->start = end;
			i++;
		} else {
			delete_at(list, i, 1);
		}
	}
	return true;
}

paddr_t ranges_find(const struct range_list *have, const struct range_list *avoid, uint64_t len,
		    uint64_t align, paddr_t min, paddr_t max)
{
	for (unsigned i = 0; i < have->nr; i++) {
		paddr_t at = ROUND_UP(MAX(have->ranges[i].start, min), align);
		paddr_t end = MIN(have->ranges[i].end, max);

		/* avoid is sorted, so one pass moves past all that is in the way. */
		for (unsigned j = 0; j < avoid->nr; j++) {
			const struct boot_range *a = &avoid->ranges[j];

			if (a->start < at + len && a->end > at)
				at = ROUND_UP(a->end, align);
		}
		if (at != 0 && at < end && end - at >= len)
			return at;
	}
	return 0;
}
