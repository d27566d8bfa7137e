/*
 * Birth and death of struct mm_struct: the count that keeps struct and root alive.
 *
 *	mm_create            LIVE    users 1, count 1 (all users together hold one pin)
 *	mm_retire            ZOMBIE  users 0, contents gone; CPUs may still stand on the root
 *	last mmdrop          FREE    root and struct go
 *
 * A state only ever moves to the right (I11). Nothing here sleeps except that a strategy's retire
 *may wait for interrupts on other CPUs. mm_users and the contents belong to mm/, one rank above the
 * scheduler; this file can't even name them.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/life.h>
#include <kern/page.h>
#include <kern/string.h>
#include <kern/trace.h>
#include <arch/time.h>

#include "life_private.h"

struct mm_struct init_mm = {
	.mm_users = {1},
	.mm_count = {1},
	.tlb_gen = 1,
	.state = MM_LIVE,
	.owner_comm = "kernel",
#if LODGER_DEBUG
	.ledger = {.lock = SPINLOCK_INIT(LOCK_RANK_LEDGER, "ledger"),
		   .pins = {[PIN_USERS] = 1},
		   .users = {[USER_TASK] = 1}},
#endif
};

DEFINE_PER_CPU(struct life_stat, life_stat);

static struct kcache *mm_cache;
static uint64_t next_id = 1; /* [atomic] */

void mm_cache_init(void)
{
	mm_cache = kcache_create("mm_struct", sizeof(struct mm_struct), CACHE_LINE);
	registry_init();
	init_mm.root = arch_kernel_root();
	per_cpu(tlb_state, arch_cpu_id()).loaded_mm = &init_mm;
}

struct mm_struct *mm_create(int32_t owner_pid)
{
	struct mm_struct *mm = kcache_alloc(mm_cache, ALLOC_ZERO);
	struct page *root;

	if (!mm)
		return NULL;
	root = page_alloc(0, PAGE_USE_TABLE, ALLOC_ZERO);
	if (!root) {
		kcache_free(mm_cache, mm);
		return NULL;
	}
	arch_root_init(page_address(root));
	mm->root = page_to_phys(root);
	refcount_init(&mm->mm_users, 1);
	refcount_init(&mm->mm_count, 1);
	mm->tlb_gen = 1;
	mm->state = MM_LIVE;
	mm->id = atomic_fetch_add_relaxed(&next_id, 1);
	mm->owner_pid = owner_pid;
	mm->born_ns = arch_clock_ns();
	ledger_init(mm);
	registry_add(mm);
	trace(MM_STATE, mm->id, MM_LIVE, mm->owner_pid);
	return mm;
}

void mmgrab(struct mm_struct *mm, enum mm_pin pin)
{
	unsigned long flags = ledger_lock(mm);

	refcount_get(&mm->mm_count); /* asserts that it was not 0 (I11) */
	ledger_add_pin(mm, pin);
	ledger_unlock(mm, flags);
	if (pin == PIN_VISIT)
		atomic_fetch_add_relaxed(&mm->visit_pins, 1);
	life_count(shared_atomics);
	trace(MM_COUNT, mm->id, refcount_read(&mm->mm_count), pin);
}

void mm_pin_move(struct mm_struct *mm, enum mm_pin from, enum mm_pin to)
{
	unsigned long flags = ledger_lock(mm);

	ledger_remove_pin(mm, from);
	ledger_add_pin(mm, to);
	ledger_unlock(mm, flags);
}

/*
 * Death B. The last pin is gone, so nobody may stand on the root: that is what every strategy is
 * for, and it is looked at here, on every CPU, in every build (I1). A frame that is still some
 * CPU's root must not reach the allocator.
 */
static void mm_free(struct mm_struct *mm)
{
	struct page *root = phys_to_page(mm->root);

	assert_msg(mm != &init_mm, "I17 InitImmortal: the last reference of init_mm was dropped");
	assert_msg(mm->state == MM_ZOMBIE, "I12 TwoDeaths: mm %llu freed in state %u",
		   (unsigned long long)mm->id, mm->state);
	assert_msg(!mm->contents, "I12 TwoDeaths: mm %llu freed with its contents",
		   (unsigned long long)mm->id);
	root_assert_unused(mm);
	mm->state = MM_FREE;
	life_count(zombies_freed);
	life_count(mms_freed);
	trace(MM_STATE, mm->id, MM_FREE, mm->owner_pid);
	registry_remove(mm);
	ledger_assert_empty(mm);
	root_poison(page_address(root));
	page_free(root);
	kcache_free(mm_cache, mm);
}

void mmdrop(struct mm_struct *mm, enum mm_pin pin)
{
	unsigned long flags;
	bool was_last;

	if (pin == PIN_VISIT)
		atomic_fetch_add_relaxed(&mm->visit_pins, -1U);
	trace(MM_COUNT, mm->id, refcount_read(&mm->mm_count) - 1, pin);
	life_count(shared_atomics);
	flags = ledger_lock(mm);
	ledger_remove_pin(mm, pin);
	was_last = refcount_put(&mm->mm_count);
	if (!was_last)
		ledger_check(mm);
	ledger_unlock(mm, flags);
	if (was_last)
		mm_free(mm);
}

/* The number of zombies now, and the highest that a retire has seen. No CPU writes another's line.
 */
void life_totals_read(struct life_totals *totals)
{
	uint64_t born = 0, freed = 0, zombies_born = 0, zombies_freed = 0;

	*totals = (struct life_totals){0};
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++) {
		const struct life_stat *stat = &per_cpu(life_stat, cpu);

		/* Deaths first: a birth in between can only make the sum too large, never negative.
		 */
		freed += atomic_load_relaxed(&stat->mms_freed);
		zombies_freed += atomic_load_acquire(&stat->zombies_freed);
		totals->zombies_high =
			MAX(totals->zombies_high, atomic_load_relaxed(&stat->zombies_high));
	}
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++) {
		const struct life_stat *stat = &per_cpu(life_stat, cpu);

		born += atomic_load_relaxed(&stat->mms_born);
		zombies_born += atomic_load_relaxed(&stat->zombies_born);
	}
	totals->mms = born - freed;
	totals->zombies = zombies_born - zombies_freed;
}

void mm_retire(struct mm_struct *mm)
{
	struct life_totals totals;
	uint8_t was;

	assert_msg(refcount_read(&mm->mm_users) == 0, "I6: mm %llu retired with users",
		   (unsigned long long)mm->id);
	was = atomic_exchange_acqrel(&mm->state, MM_ZOMBIE);
	assert_msg(was == MM_LIVE, "I11 NoResurrect: mm %llu retired in state %u",
		   (unsigned long long)mm->id, was);
	atomic_store_relaxed(&mm->zombie_since_ns, arch_clock_ns());
	trace(MM_STATE, mm->id, MM_ZOMBIE, mm->owner_pid);

	preempt_disable();
	life_count(zombies_born);
	life_totals_read(&totals);
	if (totals.zombies > this_cpu(life_stat).zombies_high)
		this_cpu(life_stat).zombies_high = totals.zombies;
	preempt_enable();

	lazy->retire_move(mm);
}
