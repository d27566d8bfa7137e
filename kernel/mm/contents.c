/*
 * Birth and death of the contents of an address space. Between the two they are guarded by the mmap
 * lock in them; here nobody else can know them: before the mm has users, and after the last.
 *
 * Death (exit_mmap) is the first of an mm's two deaths (docs/life.md). It may run in any task, the
 * dying one, a visitor that put the last user, or a kernel thread, and on a CPU that still stands on
 * the root. Lazy CPUs may stand on it too. When it returns, the user half is empty, no CPU can walk
 * to a freed table (I13), and the root alone is left for the second death.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/mm.h>
#include <kern/preempt.h>
#include <kern/string.h>
#include <uapi/errno.h>

#include "area.h"
#include "check.h"
#include "gather.h"
#include "mapping_tree.h"
#include "pagetable.h"

/* Room for the stack to grow and a random start below the top, where exec has not said better. */
enum { STACK_ROOM_DEFAULT = 128 << 20 };

struct mm_hooks mm_hooks;
void (*exe_file_get)(struct file *file);
void (*exe_file_put)(struct file *file);

static struct kcache *contents_cache;
static uint64_t next_futex_key = 1; /* [atomic] */

INIT_TEXT void mm_init(void)
{
	struct page *zero = page_alloc(0, PAGE_USE_KERNEL, ALLOC_ZERO);

	if (!zero)
		panic("mm: no memory for the zero page");
	zero_frame = page_to_phys(zero);
	contents_cache = kcache_create("mm_contents", sizeof(struct mm_contents), CACHE_LINE);
	area_cache_init();
	mapping_cache_init();
}

int contents_create(struct mm_struct *mm)
{
	struct mm_contents *contents;

	assert(!mm->contents);
	contents = kcache_alloc(contents_cache, ALLOC_USER);
	if (!contents)
		return -ENOMEM;
	memset(contents, 0, offsetof(struct mm_contents, auxv));
	rwsem_init(&contents->lock);
	spin_init(&contents->page_table_lock, LOCK_RANK_PAGE_TABLE, "page_table");
	contents->mmap_top = ARCH_USER_END - STACK_ROOM_DEFAULT;
	contents->stack_limit = contents->as_limit = contents->data_limit = UINT64_MAX;
	contents->memlock_limit = UINT64_MAX;
	contents->futex_key = atomic_fetch_add_relaxed(&next_futex_key, 1);
	mm->contents = contents;
	return 0;
}

/* Areas go from low to high addresses; a table goes with the last area in it. */
static void unmap_everything(struct mm_struct *mm, struct gather *gather)
{
	struct area *area = area_find(mm->contents, 0);

	while (area) {
		struct area *next = area_next(area);

		zap_range(gather, area->start, area->end, false);
		area_close(area);
		tables_free(gather, area->start, area->end, 0, next ? next->start : ARCH_USER_END);
		area = next;
	}
}

void contents_destroy(struct mm_struct *mm)
{
	struct mm_contents *contents = mm->contents;
	struct gather gather;

	if (!contents)
		return;
	might_sleep();
	contents_debug_check(mm);
	gather_begin(&gather, mm, true);
	unmap_everything(mm, &gather);
	gather_end(&gather);
	area_free_all(contents);
	assert_msg((contents->anon_pages | contents->file_pages | contents->table_pages) == 0,
		   "mm %llu dies with %lld anonymous and %lld file pages, %lld tables",
		   (unsigned long long)mm->id, (long long)contents->anon_pages,
		   (long long)contents->file_pages, (long long)contents->table_pages);
	if (contents->exe_file)
		exe_file_put(contents->exe_file);
	mm->contents = NULL; /* I12: nobody touches the areas of a ZOMBIE */
	kcache_free(contents_cache, contents);
}

uint64_t contents_resident(const struct mm_contents *contents)
{
	return atomic_load_relaxed(&contents->anon_pages) +
	       atomic_load_relaxed(&contents->file_pages);
}

uint64_t contents_peak(struct mm_contents *contents)
{
	uint64_t now = contents_resident(contents);
	uint64_t peak = atomic_load_relaxed(&contents->peak_pages);

	while (now > peak) {
		if (atomic_cmpxchg_relaxed(&contents->peak_pages, &peak, now))
			return now;
	}
	return peak;
}
