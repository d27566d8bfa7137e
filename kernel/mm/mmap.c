/*
 * New areas: what mmap, brk and exec ask for. The mmap lock is held for writing from the choice of the
 * place until the area stands in the tree. All that can fail comes before an older mapping in the way
 * (MAP_FIXED) is unmapped.
 */
#include <kern/assert.h>
#include <kern/mm.h>
#include <kern/page.h>
#include <uapi/errno.h>

#include "area.h"

enum { OVERCOMMIT_LOOK_PAGES = 16 << (20 - PAGE_SHIFT) }; /* smaller requests fit every machine */

int area_check_limits(const struct mm_contents *contents, uint32_t flags, uint64_t pages)
{
	if (contents->total_pages + pages > contents->as_limit >> PAGE_SHIFT)
		return -ENOMEM;
	if ((flags & (AREA_WRITE | AREA_SHARED | AREA_GROWSDOWN)) == AREA_WRITE &&
	    contents->data_pages + pages > contents->data_limit >> PAGE_SHIFT)
		return -ENOMEM;
	if ((flags & AREA_LOCKED) &&
	    contents->locked_pages + pages > contents->memlock_limit >> PAGE_SHIFT)
		return -EAGAIN;
	return 0;
}

int area_check_overcommit(uint32_t flags, bool has_mapping, uint64_t pages)
{
	bool is_private_writable = (flags & (AREA_WRITE | AREA_SHARED)) == AREA_WRITE;
	bool is_new_shared = (flags & AREA_SHARED) && !has_mapping;
	struct page_stats stats;

	if (pages < OVERCOMMIT_LOOK_PAGES || (flags & AREA_NORESERVE))
		return 0;
	if (!is_private_writable && !is_new_shared)
		return 0;
	page_stats_read(&stats);
	return pages > stats.total ? -ENOMEM : 0;
}

/* Whether a neighbour that ends or begins where a private anonymous range does can take it up. */
static bool continues(const struct area *area, uint32_t flags, const char *name)
{
	return area && area->flags == flags && !area->mapping && !area->ops && area->name == name;
}

int area_add_anonymous(struct mm_struct *mm, vaddr_t start, vaddr_t end, uint32_t flags,
		       const char *name, struct area **spare)
{
	struct mm_contents *contents = mm->contents;
	struct area *above = area_find(contents, start);
	struct area *below = above ? area_prev(above) : contents->last;
	bool joins_below = below && below->end == start && continues(below, flags, name);
	bool joins_above = above && above->start == end && continues(above, flags, name);
	struct area *area;

	if (joins_below) {
		area_resize(contents, below, below->start, end);
		if (joins_above)
			area_merge(contents, below);
	} else if (joins_above) {
		area_resize(contents, above, start, above->end);
	} else {
		area = spare && *spare ? *spare : area_alloc();
		if (!area)
			return -ENOMEM;
		if (spare)
			*spare = NULL;
		area->start = start;
		area->end = end;
		area->flags = flags;
		area->name = name;
		area->mm = mm;
		area_insert(contents, area);
	}
	area_account(contents, flags, (int64_t)((end - start) >> PAGE_SHIFT));
	return 0;
}

static void add_mapped(struct mm_struct *mm, vaddr_t start, vaddr_t end,
		       const struct area_request *request, uint32_t flags, struct area *area)
{
	struct mm_contents *contents = mm->contents;

	area->start = start;
	area->end = end;
	area->flags = flags;
	area->name = request->name;
	area->mm = mm;
	area->mapping = request->mapping;
	area->pgoff = request->pgoff;
	area->ops = request->ops;
	area->object = request->object;
	area_open(area);
	area_insert(contents, area);
	area_account(contents, flags, (int64_t)area_pages(area));
	area_merge(contents, area);
}

/* Whether request can go where it says, or where it goes instead. Changes nothing. */
static int choose_place(const struct mm_contents *contents, const struct area_request *request,
			uint64_t len, vaddr_t *start)
{
	if (!request->is_fixed) {
		*start = area_choose(contents, request->address, len);
		return *start ? 0 : -ENOMEM;
	}
	*start = request->address;
	if (*start & ~PAGE_MASK)
		return -EINVAL;
	if (len > ARCH_USER_END || *start > ARCH_USER_END - len)
		return -ENOMEM;
	if (*start < MMAP_LOWEST)
		return -EPERM;
	if (request->is_noreplace && !area_range_is_free(contents, *start, *start + len))
		return -EEXIST;
	return 0;
}

/* Under the lock: place, limits, make room, insert. */
static long map_locked(struct mm_struct *mm, const struct area_request *request, uint32_t flags,
		       uint64_t len)
{
	struct mm_contents *contents = mm->contents;
	bool is_plain = !request->mapping && !request->ops;
	struct area *area = NULL;
	vaddr_t start;
	int error = choose_place(contents, request, len, &start);

	if (error)
		return error;
	flags |= contents->future_flags;
	error = area_check_limits(contents, flags, len >> PAGE_SHIFT);
	if (error)
		return error;
	/* A fixed request may cut one area in two and then add itself. */
	if (contents->nr_areas + 1 >= AREAS_MAX)
		return -ENOMEM;
	if ((request->is_fixed || !is_plain) && !(area = area_alloc()))
		return -ENOMEM;
	if (request->is_fixed)
		error = area_unmap_range(mm, start, start + len);
	if (!error && !is_plain) {
		add_mapped(mm, start, start + len, request, flags, area);
		return (long)start;
	}
	if (!error)
		error = area_add_anonymous(mm, start, start + len, flags, request->name, &area);
	area_free(area); /* NULL if it was needed */
	return error ? error : (long)start;
}

static int check_request(const struct area_request *request, uint64_t *len)
{
	if (request->len == 0)
		return -EINVAL;
	*len = ROUND_UP(request->len, PAGE_SIZE);
	if (*len < request->len || *len > ARCH_USER_END)
		return -ENOMEM;
	if (request->pgoff + (*len >> PAGE_SHIFT) < request->pgoff)
		return -EOVERFLOW;
	if ((request->flags & AREA_GROWSDOWN) && (request->mapping || request->flags & AREA_SHARED))
		return -EINVAL;
	return area_check_overcommit(request->flags, request->mapping, *len >> PAGE_SHIFT);
}

long area_map(struct mm_struct *mm, const struct area_request *request)
{
	struct mm_contents *contents = mm->contents;
	struct area_request shared;
	struct mapping *own = NULL;
	uint32_t flags = request->flags;
	bool is_populate;
	uint64_t len;
	long result;

	result = check_request(request, &len);
	if (result)
		return result;
	if (!(flags & AREA_MAY_ALL))
		flags |= AREA_MAY_ALL;
	if ((flags & AREA_SHARED) && !request->mapping) {
		own = mapping_create_shared(len);
		if (!own)
			return -ENOMEM;
		shared = *request;
		shared.mapping = own;
		shared.pgoff = 0;
		request = &shared;
	}
	result = rwsem_write_lock_killable(&contents->lock);
	if (!result) {
		result = map_locked(mm, request, flags, len);
		is_populate =
			request->is_populate || (flags | contents->future_flags) & AREA_LOCKED;
		rwsem_write_unlock(&contents->lock);
		if (result > 0 && is_populate && (flags & AREA_PROT)) {
			/* What cannot be had now faults later (mmap(2), MAP_POPULATE). */
			int ignored = area_populate(mm, (vaddr_t)result, len);
			(void)ignored;
		}
	}
	if (own)
		mapping_put(own); /* the area has its own reference, if there is one */
	return result;
}
