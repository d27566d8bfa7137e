/*
 * Out of memory. A fault that finds none comes here, with no lock of mm/ held. One process at a time
 * is chosen, the one whose death frees most (its resident pages and tables, shifted by oom_score_adj:
 * proc(5)), and is killed with all who share its memory. Whoever comes meanwhile waits for it.
 *
 * A victim may itself wait for a lock whose holder waits for memory. So its private pages are taken
 * away before it dies, by a kernel thread that needs nothing but its mmap lock for reading: nobody
 * will look at them any more (contents->is_reaped, mm_fault).
 *
 * System calls other than through faults don't come here: they get -ENOMEM.
 *
 * oom_lock guards the choice and the victim; it's taken with no other lock held.
 */
#include <kern/assert.h>
#include <kern/kthread.h>
#include <kern/life.h>
#include <kern/log.h>
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/sched.h>
#include <kern/signal.h>
#include <kern/trace.h>
#include <arch/time.h>
#include <uapi/errno.h>

#include "area.h"
#include "gather.h"

enum { OOM_PAUSE_NS = 2000000, OOM_PATIENCE = 500 };
enum { SCORE_ADJ_NEVER = -1000 };

static struct spinlock oom_lock = SPINLOCK_INIT(LOCK_RANK_NONE, "oom");
/* The mm that is dying for us, by its id: a pointer would need a pin, and nobody would be there to drop
 * it after the last one who waits has gone. 0: none. */
static uint64_t victim_id;    /* [oom_lock] */
static uint32_t victim_waits; /* [oom_lock] pauses that were spent on it */

static void reap(struct work *work);
static struct work reap_work = {.fn = reap};

struct choice {
	uint64_t total_pages;
	struct mm_struct *mm; /* with a PIN_VISIT */
	int64_t points;
	uint64_t pages;
	int32_t pid;
};

/* Context: within for_each_task, under its locks. */
static bool consider(struct task_struct *task, int score_adj, void *arg)
{
	struct choice *choice = arg;
	struct mm_struct *mm;
	uint64_t pages;
	int64_t points;

	if (score_adj == SCORE_ADJ_NEVER || task->flags & PF_KTHREAD || task->tgid == 1)
		return true;
	spin_lock(&task->alloc_lock);
	mm = task->mm;
	if (mm && mm->contents && mm != choice->mm) {
		pages = contents_resident(mm->contents) +
			atomic_load_relaxed(&mm->contents->table_pages);
		points = (int64_t)pages + score_adj * (int64_t)(choice->total_pages / 1000);
		if (points > choice->points) {
			if (choice->mm)
				mmdrop(choice->mm, PIN_VISIT);
			mmgrab(mm, PIN_VISIT);
			choice->mm = mm;
			choice->points = points;
			choice->pages = pages;
			choice->pid = task->tgid;
		}
	}
	spin_unlock(&task->alloc_lock);
	return true;
}

static bool kill_sharer(struct task_struct *task, int score_adj, void *arg)
{
	bool shares;

	spin_lock(&task->alloc_lock);
	shares = task->mm == arg;
	spin_unlock(&task->alloc_lock);
	if (shares)
		signal_hooks.send_task(task, SIGKILL, NULL);
	return true;
}

static void reap_private(struct mm_struct *mm)
{
	struct gather gather;

	for (struct area *area = area_find(mm->contents, 0); area; area = area_next(area)) {
		if (area->flags & AREA_SHARED)
			continue;
		gather_begin(&gather, mm, false);
		zap_range(&gather, area->start, area->end, false);
		gather_end(&gather);
	}
}

struct search {
	uint64_t id;
	bool wants_user;
	bool is_alive;	      /* contents and all */
	struct mm_struct *mm; /* with a user, if that was wanted and could be had */
};

static void match_id(struct mm_struct *mm, void *arg)
{
	struct search *search = arg;

	if (mm->id != search->id || atomic_load_acquire(&mm->state) != MM_LIVE)
		return;
	search->is_alive = true;
	if (search->wants_user && mmget_not_zero(mm))
		search->mm = mm;
}

/* Runs in a worker of the system's work queue. */
static void reap(struct work *work)
{
	struct search search = {.wants_user = true};
	struct mm_struct *mm;

	spin_lock(&oom_lock);
	search.id = victim_id;
	spin_unlock(&oom_lock);
	mm_for_each(match_id, &search);
	mm = search.mm;
	if (!mm)
		return;
	atomic_store_seqcst(&mm->contents->is_reaped, 1);
	if (rwsem_read_trylock(&mm->contents->lock)) { /* else it is being worked on: next time */
		reap_private(mm);
		rwsem_read_unlock(&mm->contents->lock);
	}
	mmput(mm);
}

static void kill_all_of(const struct choice *choice, uint64_t nr_free)
{
	trace(OOM_KILL, choice->pid, choice->pages, nr_free);
	log_print("out of memory: killed process %d, %llu KiB resident\n", choice->pid,
		  (unsigned long long)choice->pages << (PAGE_SHIFT - 10));
	mm_hooks.for_each_task (kill_sharer, choice->mm);
}

/* Chooses and kills; false: there is nobody. */
static bool kill_one(void)
{
	struct choice choice = {.points = 0};
	struct page_stats stats;
	bool is_first;

	if (!mm_hooks.for_each_task || !signal_hooks.send_task)
		return false;
	page_stats_read(&stats);
	choice.total_pages = stats.total;
	mm_hooks.for_each_task (consider, &choice);
	if (!choice.mm)
		return false;
	spin_lock(&oom_lock);
	is_first = victim_id == 0; /* two may choose at once */
	if (is_first) {
		victim_id = choice.mm->id;
		victim_waits = 0;
	}
	spin_unlock(&oom_lock);
	if (is_first)
		kill_all_of(&choice, stats.free);
	mmdrop(choice.mm, PIN_VISIT);
	return true;
}

/* Whether the present victim is still worth waiting for; lets it go if it is not. */
static bool victim_is_dying(bool *had_victim)
{
	struct search search = {0};
	bool is_dying;

	spin_lock(&oom_lock);
	search.id = victim_id;
	spin_unlock(&oom_lock);
	*had_victim = search.id != 0;
	if (!search.id)
		return false;
	mm_for_each(match_id, &search);
	spin_lock(&oom_lock);
	is_dying = search.is_alive && victim_waits++ < OOM_PATIENCE;
	if (!is_dying && victim_id == search.id)
		victim_id = 0;
	spin_unlock(&oom_lock);
	return is_dying;
}

int oom_wait(void)
{
	bool had_victim;

	might_sleep();
	if (fatal_signal_pending(current))
		return -EINTR;
	if (!victim_is_dying(&had_victim)) {
		if (had_victim)
			return 0; /* it is gone: see what it left */
		if (!kill_one())
			return -ENOMEM;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	work_queue(system_workqueue, &reap_work);
	set_current_state(TASK_KILLABLE);
	schedule_until(arch_clock_ns() + OOM_PAUSE_NS);
	return 0;
}
