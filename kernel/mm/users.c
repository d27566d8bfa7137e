/*
 * mm_users: those who use the contents of an address space. The last one to go kills the contents
 * (exit_mmap) and retires the struct: then only CPUs that still stand on the root keep it.
 *
 * The work of the last user may sleep, so mmput may; mmput_async may be called anywhere. Large
 * contents are torn down by a kernel thread, so that an exiting task does not keep its parent
 * waiting for the unmapping of what nobody will ever look at again.
 */
#include <kern/assert.h>
#include <kern/kthread.h>
#include <kern/life.h>
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/sched.h>
#include <kern/trace.h>
#include <kern/wait.h>

#include "users.h"

/*
 * Contents with more resident pages than this are left to the reaper. Below it, waking a thread and
 * switching to it costs more than the unmapping.
 */
enum { REAP_MIN_PAGES = 512 };

/*
 * What waits for the reaper, linked through mm->reap_next. Bounded: when the dead hold more than a
 * part of memory, exits pay for themselves again, or a fork loop would run ahead of the reaper
 * until memory is gone.
 */
static struct mm_struct *reap_list; /* [atomic] a stack, popped whole */
static uint64_t reap_pages;	    /* [atomic] resident pages on it and under way */
static struct wait_queue reap_wait = WAIT_QUEUE_INIT(reap_wait);
static struct task_struct *reaper; /* [const] after users_init */

/*
 * In debug builds the count and the ledger of users change in one step, and must agree (I5). The
 * lock is the last thing of mm that a putter touches.
 */
#if LODGER_DEBUG
static unsigned long users_lock(struct mm_struct *mm) NO_LOCK_ANALYSIS
{
	return spin_lock_irqsave(&mm->ledger.lock);
}

static void users_unlock(struct mm_struct *mm, unsigned long flags, enum mm_user kind,
			 int change) NO_LOCK_ANALYSIS
{
	int32_t sum = 0;

	mm->ledger.users[kind] += change;
	for (unsigned i = 0; i < NR_USERS; i++)
		sum += mm->ledger.users[i];
	assert_msg(mm->ledger.users[kind] >= 0 && refcount_read(&mm->mm_users) == sum,
		   "I5 UsersExact: mm %llu has users %d, its holders sum to %d (kind %u: %d)",
		   (unsigned long long)mm->id, refcount_read(&mm->mm_users), sum, kind,
		   mm->ledger.users[kind]);
	spin_unlock_irqrestore(&mm->ledger.lock, flags);
}
#else
static unsigned long users_lock(struct mm_struct *mm)
{
	return 0;
}
static void users_unlock(struct mm_struct *mm, unsigned long flags, enum mm_user kind, int change)
{
}
#endif

void mmget_as(struct mm_struct *mm, enum mm_user kind)
{
	unsigned long flags = users_lock(mm);

	refcount_get(&mm->mm_users); /* asserts that it was not 0 (I11) */
	users_unlock(mm, flags, kind, 1);
	trace(MM_USERS, mm->id, refcount_read(&mm->mm_users), kind);
}

/* True for the last one. */
static bool users_put(struct mm_struct *mm, enum mm_user kind)
{
	unsigned long flags;
	bool was_last;

	trace(MM_USERS, mm->id, refcount_read(&mm->mm_users) - 1, kind);
	flags = users_lock(mm);
	was_last = refcount_put(&mm->mm_users);
	users_unlock(mm, flags, kind, -1);
	return was_last;
}

void mmget(struct mm_struct *mm)
{
	mmget_as(mm, USER_VISIT);
}

bool mmget_not_zero(struct mm_struct *mm)
{
	unsigned long flags = users_lock(mm);
	bool has_users = refcount_tryget(&mm->mm_users);

	users_unlock(mm, flags, USER_VISIT, has_users ? 1 : 0);
	if (!has_users)
		return false;
	trace(MM_USERS, mm->id, refcount_read(&mm->mm_users), USER_VISIT);
	return true;
}

/* Death A and what follows. Nobody uses mm any more and nobody can begin to. */
static void mm_end(struct mm_struct *mm)
{
	contents_destroy(mm);
	assert(!mm->contents); /* I12 */
	mm_retire(mm);
}

static void reap_push(struct mm_struct *mm)
{
	struct mm_struct *head = atomic_load_relaxed(&reap_list);

	do {
		mm->reap_next = head;
	} while (!atomic_cmpxchg_acqrel(&reap_list, &head, mm));
	wake_up_all(&reap_wait);
}

static int reaper_main(void *arg)
{
	for (;;) {
		wait_event(&reap_wait, atomic_load_relaxed(&reap_list));
		for (struct mm_struct *mm = atomic_exchange_acqrel(&reap_list, NULL), *next; mm;
		     mm = next) {
			uint64_t pages = mm->reap_pages;

			next = mm->reap_next;
			mm_end(mm);
			atomic_fetch_add_relaxed(&reap_pages, -pages);
		}
	}
	return 0;
}

static uint64_t resident_pages(const struct mm_struct *mm)
{
	const struct mm_contents *contents = mm->contents;

	return contents ? atomic_load_relaxed(&contents->anon_pages) +
				  atomic_load_relaxed(&contents->file_pages)
			: 0;
}

/* Whether the reaper should have it: large, and not too much waiting already. */
static bool reap_later(struct mm_struct *mm)
{
	uint64_t pages = resident_pages(mm);
	struct page_stats stats;

	if (pages < REAP_MIN_PAGES || !reaper || current == reaper)
		return false;
	page_stats_read(&stats);
	if (atomic_load_relaxed(&reap_pages) + pages > stats.free / 4)
		return false;
	mm->reap_pages = pages;
	atomic_fetch_add_relaxed(&reap_pages, pages);
	return true;
}

void mmput_as(struct mm_struct *mm, enum mm_user kind)
{
	might_sleep();
	if (!users_put(mm, kind))
		return;
	if (reap_later(mm))
		reap_push(mm);
	else
		mm_end(mm);
}

void mmput(struct mm_struct *mm)
{
	mmput_as(mm, USER_VISIT);
}

void mmput_async(struct mm_struct *mm)
{
	if (!users_put(mm, USER_VISIT))
		return;
	mm->reap_pages = 0;
	reap_push(mm);
}

struct mm_struct *get_task_mm(struct task_struct *task)
{
	struct mm_struct *mm;

	task_lock(task);
	mm = task->mm;
	if (mm && !(task->flags & PF_KTHREAD))
		mmget(mm); /* not 0: task's own user can't go while its lock is held */
	else
		mm = NULL;
	task_unlock(task);
	return mm;
}

void users_init(void)
{
	reaper = kthread_create(reaper_main, NULL, 0, "mm_reaper");
	assert(reaper);
}
