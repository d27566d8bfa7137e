/*
 * Random sequences of everything that changes address spaces, against a model that is a table of
 * pages: up to three address spaces, forked from one another, that map two objects. After each
 * step the areas, tables and counters must agree; now and then every page is looked at, through
 * faults and a TLB that forgets nothing by itself.
 */
#include "test.h"
#include "space.h"

enum { NR_PAGES = 48, NR_OBJECTS = 2, OBJECT_PAGES = 40, NR_SPACES = 3, NR_STEPS = 6000 };

/* Half of the pages lie on either side of a place where every level of tables changes. */
#define BASE (0x8000000000UL - NR_PAGES / 2 * PAGE_SIZE)

struct model_page {
	bool is_mapped;
	uint32_t flags; /* AREA_, protection and what fork asks for */
	int object;	/* -1: anonymous */
	unsigned index; /* in the object */
	bool is_own;	/* private: written, or anonymous */
	uint8_t value;	/* of is_own */
};

static struct space {
	struct mm_struct *mm;
	struct model_page pages[NR_PAGES];
} spaces[NR_SPACES];

static struct object {
	struct mapping *mapping;
	unsigned nr_pages;
	uint8_t values[OBJECT_PAGES];
} objects[NR_OBJECTS];

static struct space *now; /* where the running task is */
static struct dice dice;
static bool can_fail; /* allocations do */

static vaddr_t at(unsigned page)
{
	return BASE + page * PAGE_SIZE;
}

static bool is_private(const struct model_page *page)
{
	return !(page->flags & AREA_SHARED);
}

/* What a read gives: a signal, or 0 and the value. */
static int model_read(const struct model_page *page, uint8_t *value)
{
	if (!page->is_mapped || !(page->flags & AREA_PROT))
		return SIGSEGV;
	if (page->is_own) {
		*value = page->value;
		return 0;
	}
	if (page->object < 0) {
		*value = 0;
		return 0;
	}
	if (page->index >= objects[page->object].nr_pages)
		return SIGBUS;
	*value = objects[page->object].values[page->index];
	return 0;
}

static int model_write(struct model_page *page, uint8_t value)
{
	if (!page->is_mapped || !(page->flags & AREA_WRITE))
		return SIGSEGV;
	if (page->object >= 0 && !page->is_own && page->index >= objects[page->object].nr_pages)
		return SIGBUS;
	if (is_private(page)) {
		page->is_own = true;
		page->value = value;
	} else {
		objects[page->object].values[page->index] = value;
	}
	return 0;
}

static void look_at(unsigned i)
{
	uint8_t expected = 0, value;
	int signal = model_read(&now->pages[i], &expected);

	if (host_user_read(at(i) + 123, &value)) {
		assert_int_equal(signal, 0);
		assert_int_equal(value, expected);
	} else {
		int got = take_fault_signal();
		if (!(can_fail && got == SIGKILL))
			assert_int_equal(got, signal);
	}
}

static void write_to(unsigned i)
{
	uint8_t value = (uint8_t)(1 + roll(&dice, 255));
	struct model_page was = now->pages[i];
	bool is_done = host_user_write(at(i) + 123, value);
	int got = is_done ? 0 : take_fault_signal();

	if (can_fail && got == SIGKILL)
		return; /* no memory: nothing happened */
	assert_int_equal(got, model_write(&was, value));
	now->pages[i] = was;
}

static void pick_range(unsigned *from, unsigned *to)
{
	*from = (unsigned)roll(&dice, NR_PAGES);
	*to = *from + 1 + (unsigned)roll(&dice, MIN(16U, NR_PAGES - *from));
}

static void step_map(void)
{
	static const uint32_t prots[] = {RW, RW, RW, AREA_READ, 0, RW | AREA_EXEC};
	uint32_t flags = prots[roll(&dice, ARRAY_LEN(prots))];
	unsigned from, to, first = (unsigned)roll(&dice, OBJECT_PAGES);
	int object = (int)roll(&dice, 4) - 2;
	long result;

	pick_range(&from, &to);
	if (object >= 0 && roll(&dice, 2))
		flags |= AREA_SHARED;
	result = map_object(at(from), (to - from) * PAGE_SIZE, flags,
			    object < 0 ? NULL : objects[object].mapping, first);
	if (can_fail && result == -ENOMEM)
		return;
	assert_int_equal(result, at(from));
	for (unsigned i = from; i < to; i++)
		now->pages[i] = (struct model_page){.is_mapped = true,
						    .flags = flags,
						    .object = MAX(object, -1),
						    .index = first + i - from};
}

static void step_unmap(void)
{
	unsigned from, to;

	pick_range(&from, &to);
	if (sys_munmap(at(from), (to - from) * PAGE_SIZE)) {
		assert_true(can_fail);
		return;
	}
	for (unsigned i = from; i < to; i++)
		now->pages[i].is_mapped = false;
}

static void step_protect(void)
{
	uint32_t prot = (uint32_t)roll(&dice, 4);
	unsigned from, to;
	long result;

	pick_range(&from, &to);
	result = sys_mprotect(at(from), (to - from) * PAGE_SIZE, prot);
	for (unsigned i = from; i < to; i++) {
		const struct area *area = area_find(now->mm->contents, at(i));

		if (!now->pages[i].is_mapped) {
			assert_int_equal(result, -ENOMEM);
			return;
		}
		if (can_fail && (area->flags & AREA_PROT) != prot)
			return; /* stopped for want of memory */
		now->pages[i].flags = (now->pages[i].flags & ~(uint32_t)AREA_PROT) | prot;
	}
	if (!can_fail)
		assert_int_equal(result, 0);
}

static void step_drop(void)
{
	unsigned from, to;

	pick_range(&from, &to);
	(void)!sys_madvise(at(from), (to - from) * PAGE_SIZE, MADV_DONTNEED);
	for (unsigned i = from; i < to; i++) {
		now->pages[i].is_own = false;
		now->pages[i].value = 0;
	}
}

static void step_advise(void)
{
	unsigned from, to;
	bool dont = roll(&dice, 2);

	pick_range(&from, &to);
	/* A hole is passed over; for want of memory it stops: what was done is seen in the areas. */
	(void)!sys_madvise(at(from), (to - from) * PAGE_SIZE, dont ? MADV_DONTFORK : MADV_DOFORK);
	for (unsigned i = from; i < to; i++) {
		const struct area *area = area_find(now->mm->contents, at(i));

		if (!now->pages[i].is_mapped)
			continue;
		if (!can_fail)
			assert_true(!(area->flags & AREA_DONTFORK) == !dont);
		now->pages[i].flags = (now->pages[i].flags & ~(uint32_t)AREA_DONTFORK) |
				      (area->flags & AREA_DONTFORK);
	}
}

static void step_move(void)
{
	unsigned from, to, target, len, new_len;
	struct model_page moved[NR_PAGES];
	const struct area *area;
	bool dont_unmap = roll(&dice, 4) == 0, is_one_area;
	long result;

	pick_range(&from, &to);
	len = to - from;
	new_len = dont_unmap ? len : 1 + (unsigned)roll(&dice, 16);
	target = (unsigned)roll(&dice, NR_PAGES);
	if (target + new_len > NR_PAGES)
		return;
	area = area_find(now->mm->contents, at(from));
	is_one_area = area && area->start <= at(from) && area->end >= at(to);
	result = sys_mremap(at(from), len * PAGE_SIZE, new_len * PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED | (dont_unmap ? MREMAP_DONTUNMAP : 0),
			    at(target));
	if (target < to && from < target + new_len) {
		assert_int_equal(result, -EINVAL);
		return;
	}
	if (!is_one_area) {
		assert_int_equal(result, -EFAULT);
		return;
	}
	if (can_fail && result == -ENOMEM) {
		/* What stood at the target has gone already, and perhaps old's surplus (mremap(2)). */
		for (unsigned i = 0; i < NR_PAGES; i++) {
			area = area_find(now->mm->contents, at(i));
			if (!area || area->start > at(i))
				now->pages[i].is_mapped = false;
		}
		return;
	}
	assert_int_equal(result, at(target));
	for (unsigned i = 0; i < new_len; i++) {
		moved[i] = now->pages[MIN(from + i, to - 1)];
		if (i >= len) {
			moved[i].is_own = false;
			moved[i].value = 0;
			moved[i].index = now->pages[from].index + i;
		}
	}
	for (unsigned i = from; i < to; i++) {
		now->pages[i].is_mapped = dont_unmap;
		now->pages[i].is_own = false;
		now->pages[i].value = 0;
	}
	memcpy(&now->pages[target], moved, new_len * sizeof(moved[0]));
}

/* Growing and shrinking where it stands. */
static void step_resize(void)
{
	unsigned from, to, new_len;
	const struct area *area;
	long result;

	pick_range(&from, &to);
	new_len = 1 + (unsigned)roll(&dice, 16);
	area = area_find(now->mm->contents, at(from));
	if (!area || area->start > at(from) || area->end < at(to) || from + new_len > NR_PAGES)
		return;
	result = sys_mremap(at(from), (to - from) * PAGE_SIZE, new_len * PAGE_SIZE, 0, 0);
	if (result != (long)at(from)) {
		assert_int_equal(result, -ENOMEM);
		if (!can_fail)
			assert_true(from + new_len > to);
		return;
	}
	for (unsigned i = from + new_len; i < to; i++)
		now->pages[i].is_mapped = false;
	for (unsigned i = to; i < from + new_len; i++) {
		now->pages[i] = now->pages[to - 1];
		now->pages[i].is_own = false;
		now->pages[i].value = 0;
		now->pages[i].index += i - (to - 1);
	}
}

static void step_object(void)
{
	struct object *object = &objects[roll(&dice, NR_OBJECTS)];
	int number = (int)(object - objects);
	unsigned from = (unsigned)roll(&dice, OBJECT_PAGES), to;

	if (roll(&dice, 2)) {
		to = from + 1 + (unsigned)roll(&dice, OBJECT_PAGES - from);
		mapping_punch(object->mapping, from, to);
		memset(object->values + from, 0, to - from);
		return;
	}
	mapping_truncate(object->mapping, from * PAGE_SIZE);
	for (unsigned i = from; i < OBJECT_PAGES; i++)
		object->values[i] = 0;
	for (unsigned s = 0; s < NR_SPACES && from < object->nr_pages; s++)
		for (unsigned i = 0; i < NR_PAGES; i++)
			if (spaces[s].pages[i].object == number && spaces[s].pages[i].index >= from)
				spaces[s].pages[i].is_own = false;
	object->nr_pages = from;
}

static void step_fork(void)
{
	struct space *child = &spaces[roll(&dice, NR_SPACES)];

	if (child == now)
		return;
	if (child->mm)
		space_end(child->mm);
	child->mm = space_fork(now->mm);
	memset(child->pages, 0, sizeof(child->pages));
	if (!child->mm) {
		assert_true(can_fail);
		return;
	}
	for (unsigned i = 0; i < NR_PAGES; i++)
		if (!(now->pages[i].flags & AREA_DONTFORK))
			child->pages[i] = now->pages[i];
}

static void step_switch(void)
{
	struct space *next = &spaces[roll(&dice, NR_SPACES)];

	if (!next->mm)
		return;
	now = next;
	space_enter(now->mm);
}

static void look_at_all(void)
{
	struct space *was = now;

	alloc_fail_nth(0);
	for (unsigned s = 0; s < NR_SPACES; s++) {
		if (!spaces[s].mm)
			continue;
		now = &spaces[s];
		space_enter(now->mm);
		for (unsigned i = 0; i < NR_PAGES; i++)
			look_at(i);
		contents_check(now->mm, true);
	}
	now = was;
	space_enter(now->mm);
}

static void step(void)
{
	static void (*const steps[])(void) = {step_map,	    step_map,	step_map,    step_unmap,
					      step_unmap,   step_move,	step_resize, step_protect,
					      step_protect, step_drop,	step_advise, step_object,
					      step_fork,    step_switch};
	unsigned nr_accesses = (unsigned)roll(&dice, 12);

	if (can_fail)
		alloc_fail_nth(1 + roll(&dice, 12));
	steps[roll(&dice, ARRAY_LEN(steps))]();
	for (unsigned i = 0; i < nr_accesses; i++) {
		if (can_fail)
			alloc_fail_nth(roll(&dice, 5));
		if (roll(&dice, 2))
			look_at((unsigned)roll(&dice, NR_PAGES));
		else
			write_to((unsigned)roll(&dice, NR_PAGES));
	}
	alloc_fail_nth(0);
	contents_check(now->mm, true);
}

static void run(uint64_t seed, bool failing)
{
	dice.state = seed;
	can_fail = failing;
	memset(spaces, 0, sizeof(spaces));
	for (unsigned i = 0; i < NR_OBJECTS; i++) {
		objects[i] = (struct object){.nr_pages = OBJECT_PAGES};
		objects[i].mapping = mapping_create_shared(OBJECT_PAGES * PAGE_SIZE);
	}
	now = &spaces[0];
	now->mm = space_new();
	space_enter(now->mm);
	for (unsigned i = 0; i < NR_STEPS; i++) {
		step();
		if (i % 32 == 0)
			look_at_all();
	}
	look_at_all();
	for (unsigned s = 0; s < NR_SPACES; s++)
		if (spaces[s].mm)
			space_end(spaces[s].mm);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		mapping_put(objects[i].mapping);
}

MACHINE_TEST(address_spaces_are_what_a_table_of_pages_would_be)
{
	for (uint64_t seed = 1; seed <= 5; seed++)
		run(seed, false);
}

MACHINE_TEST(the_same_when_memory_fails_at_random)
{
	for (uint64_t seed = 100; seed < 105; seed++)
		run(seed, true);
}
