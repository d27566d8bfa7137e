/*
 * The machine's memory in sections of SECTION_PAGES frames. A section comes into use when memory is
 * short, or when something that the boot loader put there is claimed. It pays for itself: the frames
 * for its part of page_map, and for the tables that map it, are taken from its own top end.
 *
 * The ranges are constant after section_init. What is in use is guarded by section_lock, taken with
 * interrupts off; bringing one in takes about a tenth of a millisecond.
 */
#include "section.h"
#include "buddy.h"
#include <kern/bitmap.h>
#include <kern/boot.h>
#include <kern/log.h>
#include <kern/spinlock.h>
#include <uapi/errno.h>

struct pfn_range {
	pfn_t start, end;
};

struct range_list {
	struct pfn_range range[2 * BOOT_MAX_RANGES]; /* ascending */
	unsigned nr;
};

/* Group: the frames that one page of page_map describes. Mapping a section can need one table of each
 * level below the root, because it lies in one leaf table; and the page for holes. */
enum {
	MAX_SECTIONS = 4096, /* 128 GiB of addresses */
	GROUP_PAGES = PAGE_SIZE / sizeof(struct page),
	EXTRA_PAGES = ARCH_PT_LEVELS - 1 + 1,
};

static struct range_list ram;	 /* [const] all RAM, whole frames */
static struct range_list usable; /* [const] RAM that nothing lies in */

static struct spinlock section_lock = SPINLOCK_INIT(LOCK_RANK_SECTION, "section");
static uint64_t in_use[BITMAP_WORDS(MAX_SECTIONS)];   /* [section_lock] */
static uint64_t too_poor[BITMAP_WORDS(MAX_SECTIONS)]; /* [section_lock] cannot pay for itself */
static unsigned nr_in_use;			      /* [atomic, written under section_lock] */
static unsigned next_section;			      /* [section_lock] none below it is left */
static unsigned nr_sections;			      /* [const] */
static uint64_t total, untouched; /* [atomic, written under section_lock] frames */

/* The section being brought in: its frames from here up are taken for its own needs. [section_lock] */
static bool is_bringing;
static struct pfn_range bringing;
static paddr_t hole_frame;

/* ---- ranges ------------------------------------------------------------------------------------ */

static void range_remove_at(struct range_list *list, unsigned i)
{
	list->nr--;
	for (; i < list->nr; i++)
		list->range[i] = list->range[i + 1];
}

static bool range_insert_at(struct range_list *list, unsigned i, struct pfn_range range)
{
	if (list->nr == ARRAY_LEN(list->range))
		return false;
	for (unsigned j = list->nr++; j > i; j--)
		list->range[j] = list->range[j - 1];
	list->range[i] = range;
	return true;
}

/* Takes [start, end) out of the list. If there are too many pieces, the upper part of one is lost. */
static void range_subtract(struct range_list *list, pfn_t start, pfn_t end)
{
	for (unsigned i = 0; i < list->nr; i++) {
		struct pfn_range *r = &list->range[i];
		if (r->end <= start || r->start >= end)
			continue;
		struct pfn_range above = {end, r->end};
		if (r->start < start) {
			r->end = start;
			if (above.start < above.end && range_insert_at(list, i + 1, above))
				i++;
		} else if (above.start < above.end) {
			*r = above;
		} else {
			range_remove_at(list, i--);
		}
	}
}

/* The part of range that lies within [start, end); start == end if none does. */
static struct pfn_range range_clip(struct pfn_range range, pfn_t start, pfn_t end)
{
	start = MAX(start, range.start);
	end = MIN(end, range.end);
	return (struct pfn_range){start, MAX(start, end)};
}

static uint64_t range_count(const struct range_list *list, pfn_t start, pfn_t end)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < list->nr; i++) {
		struct pfn_range r = range_clip(list->range[i], start, end);
		count += r.end - r.start;
	}
	return count;
}

/* ---- what a section is worth ------------------------------------------------------------------- */

static pfn_t section_start(unsigned section)
{
	return (pfn_t)section * SECTION_PAGES;
}

/* Pages of page_map that describe any RAM of the section. */
static unsigned count_groups(unsigned section)
{
	pfn_t start = section_start(section);
	unsigned count = 0;

	for (pfn_t group = start; group < start + SECTION_PAGES; group += GROUP_PAGES)
		count += range_count(&ram, group, group + GROUP_PAGES) != 0;
	return count;
}

/* Frames that the section adds to what can be allocated; 0: it is not worth bringing in. */
static uint64_t section_worth(unsigned section)
{
	pfn_t start = section_start(section);
	uint64_t frames = range_count(&usable, start, start + SECTION_PAGES);
	uint64_t cost = count_groups(section) + EXTRA_PAGES;

	return frames > cost ? frames - cost : 0;
}

/* ---- bringing one in --------------------------------------------------------------------------- */

/* The highest frame that is left of the section being brought in; it is taken. 0: none is left. */
static pfn_t take_top_frame(void)
{
	for (unsigned i = usable.nr; i-- > 0;) {
		struct pfn_range r = range_clip(usable.range[i], bringing.start, bringing.end);
		if (r.start < r.end) {
			bringing.end = r.end - 1;
			return bringing.end;
		}
	}
	return 0;
}

static paddr_t take_zeroed(void)
{
	paddr_t frame = (paddr_t)take_top_frame() << PAGE_SHIFT;

	if (frame)
		page_clear(phys_to_virt(frame));
	return frame;
}

/* What arch_table_alloc is from now on: tables for mapping a section come out of the section. */
static paddr_t table_alloc(void)
{
	if (is_bringing)
		return take_zeroed();
	struct page *page = page_alloc(0, PAGE_USE_TABLE, ALLOC_ATOMIC | ALLOC_ZERO);
	return page ? page_to_phys(page) : 0;
}

/*
 * Maps the page of page_map that describes the frames from group on. Where there is no RAM, it is a
 * page of zeroes, the same for all, that can only be read: merging blocks looks at their buddies,
 * and finds that these are not free.
 */
static int map_group(pfn_t group)
{
	bool is_ram = range_count(&ram, group, group + GROUP_PAGES);
	paddr_t frame = is_ram ? take_zeroed() : hole_frame;

	if (!frame)
		return -ENOMEM;
	return arch_kernel_map((vaddr_t)&page_map[group], frame, 1,
			       PTE_READ | PTE_GLOBAL | (is_ram ? PTE_WRITE : 0));
}

static int map_section(unsigned section)
{
	pfn_t start = section_start(section);
	int error = 0;

	bringing = (struct pfn_range){start, start + SECTION_PAGES};
	is_bringing = true;
	if (!hole_frame)
		hole_frame = take_zeroed();
	for (pfn_t group = start; group < start + SECTION_PAGES && !error; group += GROUP_PAGES)
		error = map_group(group);
	is_bringing = false;
	return error;
}

/* Frees what the section did not need for itself; returns how many frames that is. */
static uint64_t add_rest(void)
{
	uint64_t added = 0;

	for (unsigned i = 0; i < usable.nr; i++) {
		struct pfn_range r = range_clip(usable.range[i], bringing.start, bringing.end);
		if (r.start < r.end)
			buddy_add(r.start, r.end);
		added += r.end - r.start;
	}
	return added;
}

/* Context: section_lock held. False: the section stays out of use. */
static bool bring_in(unsigned section)
{
	uint64_t worth = section_worth(section);

	if (bitmap_test(in_use, section))
		return true;
	if (!worth || bitmap_test(too_poor, section))
		return false;
	/* Its worth paid for the most that can be needed, so this fails only if the port does. */
	if (map_section(section)) {
		bitmap_set(too_poor, section);
		atomic_store_relaxed(&untouched, untouched - worth);
		atomic_store_relaxed(&total, total - worth);
		return false;
	}
	bitmap_set(in_use, section);
	uint64_t added = add_rest();
	atomic_store_relaxed(&untouched, untouched - worth);
	atomic_store_relaxed(&total, total + added - worth);
	atomic_store_relaxed(&nr_in_use, nr_in_use + 1);
	return true;
}

bool section_bring_next(unsigned seen)
{
	unsigned long flags = spin_lock_irqsave(&section_lock);
	bool has_more = nr_in_use != seen;

	while (!has_more && next_section < nr_sections) {
		unsigned section = next_section++;
		has_more = !bitmap_test(in_use, section) && bring_in(section);
	}
	spin_unlock_irqrestore(&section_lock, flags);
	return has_more;
}

unsigned section_count(void)
{
	return atomic_load_relaxed(&nr_in_use);
}

uint64_t section_total(void)
{
	return atomic_load_relaxed(&total);
}

uint64_t section_untouched(void)
{
	return atomic_load_relaxed(&untouched);
}

/* ---- what was reserved at boot ----------------------------------------------------------------- */

/* The struct page of a reserved frame of RAM that nobody has claimed; NULL: it is something else. */
static struct page *reserved_page(pfn_t pfn)
{
	unsigned section = (unsigned)(pfn / SECTION_PAGES);

	if (section >= nr_sections || !range_count(&ram, pfn, pfn + 1) ||
	    range_count(&usable, pfn, pfn + 1) || !bring_in(section))
		return NULL;
	struct page *page = &page_map[pfn];
	return page->use == PAGE_USE_NONE ? page : NULL;
}

struct page *page_claim_reserved(paddr_t frame, enum page_use use)
{
	unsigned long flags = spin_lock_irqsave(&section_lock);
	struct page *page = reserved_page(frame >> PAGE_SHIFT);

	if (page) {
		refcount_init(&page->refs, 1);
		page->use = (uint8_t)use;
		page->order = 0;
		page->flags = 0;
		page->private = 0;
		atomic_store_relaxed(&total, total + 1);
	}
	spin_unlock_irqrestore(&section_lock, flags);
	if (page)
		page_count_use(use, 1);
	return page;
}

void page_add_range(paddr_t start, paddr_t end)
{
	pfn_t stop = end >> PAGE_SHIFT;

	for (pfn_t pfn = PAGES_FOR(start); pfn < stop; pfn++) {
		unsigned long flags = spin_lock_irqsave(&section_lock);
		struct page *page = reserved_page(pfn);
		if (page) {
			buddy_add(pfn, pfn + 1);
			atomic_store_relaxed(&total, total + 1);
		}
		spin_unlock_irqrestore(&section_lock, flags);
	}
}

/* ---- boot -------------------------------------------------------------------------------------- */

static INIT_TEXT void read_map(const struct boot_info *boot)
{
	pfn_t limit = (pfn_t)MAX_SECTIONS * SECTION_PAGES;

	for (unsigned i = 0; i < boot->nr_ram; i++) {
		/* Frame 0 is never used: its address would be taken for "none". */
		struct pfn_range r = {MAX(PAGES_FOR(boot->ram[i].start), 1UL),
				      MIN(boot->ram[i].end >> PAGE_SHIFT, limit)};
		if (boot->ram[i].end >> PAGE_SHIFT > limit)
			log_print("memory above %llu GiB is not used\n",
				  (unsigned long long)(limit >> (30 - PAGE_SHIFT)));
		if (r.start < r.end)
			range_insert_at(&ram, ram.nr, r);
	}
	usable = ram;
	for (unsigned i = 0; i < boot->nr_reserved; i++)
		range_subtract(&usable, boot->reserved[i].start >> PAGE_SHIFT,
			       PAGES_FOR(boot->reserved[i].end));
}

INIT_TEXT void section_init(const struct boot_info *boot)
{
	read_map(boot);
	if (ram.nr)
		nr_sections = (unsigned)((ram.range[ram.nr - 1].end - 1) / SECTION_PAGES + 1);
	for (unsigned section = 0; section < nr_sections; section++)
		total += section_worth(section);
	untouched = total;
	arch_table_alloc = table_alloc;
	if (!section_bring_next(0))
		panic("no memory: the firmware names %u ranges of RAM, %u reserved", boot->nr_ram,
		      boot->nr_reserved);
}
