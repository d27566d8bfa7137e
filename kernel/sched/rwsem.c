/*
 * Reader-writer semaphores. state says who holds it and whether somebody waits:
 *
 *	bit 0 WRITER, bit 1 WAITERS, and READER (4) times the number of readers
 *
 * While WAITERS is set, nobody takes the semaphore on his own: it is *granted*, in order of
 * arrival, by whoever releases it: to one writer, or to all readers up to the next writer. So
 * neither side starves, and the state can only shrink while wait_lock is held and WAITERS is set.
 *
 * WAITERS is set together with the look at the holders (compare and exchange), under wait_lock: the
 * holder's release either came before, and the exchange fails, or sees WAITERS and comes for
 * wait_lock.
 *
 * A waiter lies on its sleeper's stack; the sleeper takes wait_lock before it leaves, so a granter,
 * which holds it, may use the waiter and the task until it lets go.
 */
#include <kern/assert.h>
#include <kern/mutex.h>
#include <kern/sched.h>
#include <arch/time.h>
#include <uapi/errno.h>

#include "rq.h"

enum { WRITER = 1, WAITERS = 2, READER = 4, SPIN_NS = 20000 };

struct rwsem_waiter {
	struct list_node node;	  /* [wait_lock] */
	struct task_struct *task; /* [const] */
	bool is_writer;		  /* [const] */
	uint32_t is_granted;	  /* [wait_lock to set; atomic] */
};

void rwsem_init(struct rwsem *sem)
{
	*sem = (struct rwsem){.state = 0};
	spin_init(&sem->wait_lock, LOCK_RANK_MUTEX, "rwsem");
	list_init(&sem->waiters);
}

static void set_writer(struct rwsem *sem)
{
	atomic_store_relaxed(&sem->writer, current);
	atomic_store_relaxed(&sem->writer_cpu, arch_cpu_id());
}

/* Takes it if that is possible at once; blocking: the bits of state that forbid it. */
static bool try_take(struct rwsem *sem, uint64_t blocking, uint64_t add)
{
	uint64_t state = atomic_load_relaxed(&sem->state);

	do {
		if (state & blocking)
			return false;
	} while (!atomic_cmpxchg_acquire(&sem->state, &state, state + add));
	return true;
}

static bool try_read(struct rwsem *sem)
{
	return try_take(sem, WRITER | WAITERS, READER);
}

static bool try_write(struct rwsem *sem)
{
	if (!try_take(sem, UINT64_MAX, WRITER))
		return false;
	set_writer(sem);
	return true;
}

/* ---- granting. wait_lock held ---------------------------------------------------------------- */

static void grant_one(struct rwsem *sem, struct rwsem_waiter *waiter)
{
	if (waiter->is_writer) {
		atomic_fetch_or_acqrel(&sem->state, (uint64_t)WRITER);
		atomic_store_relaxed(&sem->writer, waiter->task);
	} else {
		atomic_fetch_add_acqrel(&sem->state, (uint64_t)READER);
	}
	list_remove(&waiter->node);
	atomic_store_release(&waiter->is_granted, 1); /* pairs with wait_for_grant() */
	task_wake_state(waiter->task, TASK_UNINTERRUPTIBLE | TASK_KILLABLE);
}

static void grant(struct rwsem *sem)
{
	while (!list_is_empty(&sem->waiters)) {
		struct rwsem_waiter *waiter = list_first(&sem->waiters, struct rwsem_waiter, node);
		uint64_t holders = atomic_load_relaxed(&sem->state) & ~(uint64_t)WAITERS;

		if (waiter->is_writer ? holders != 0 : holders & WRITER)
			return; /* whoever holds it will see WAITERS, and come back here */
		grant_one(sem, waiter);
	}
	atomic_fetch_and_acqrel(&sem->state, ~(uint64_t)WAITERS);
}

static NOINLINE void grant_locked(struct rwsem *sem)
{
	unsigned long flags = spin_lock_irqsave(&sem->wait_lock);

	grant(sem);
	spin_unlock_irqrestore(&sem->wait_lock, flags);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Takes it, or sets WAITERS in the same step in which it sees that it cannot. wait_lock held. */
static bool take_or_announce(struct rwsem *sem, bool is_writer)
{
	uint64_t state = atomic_load_relaxed(&sem->state), next;

	do {
		bool is_free = is_writer ? state == 0 : !(state & (WRITER | WAITERS));

		next = is_free ? state + (is_writer ? WRITER : READER) : state | WAITERS;
	} while (!atomic_cmpxchg_acquire(&sem->state, &state, next));
	return !(next & WAITERS);
}

/* Gives up, unless it was granted meanwhile (false). */
static bool withdraw(struct rwsem *sem, struct rwsem_waiter *waiter)
{
	unsigned long flags = spin_lock_irqsave(&sem->wait_lock);
	bool was_waiting = !waiter->is_granted;

	if (was_waiting) {
		list_remove(&waiter->node);
		grant(sem); /* those behind it may have waited for it only */
	}
	spin_unlock_irqrestore(&sem->wait_lock, flags);
	return was_waiting;
}

static int wait_for_grant(struct rwsem *sem, struct rwsem_waiter *waiter, uint32_t sleep_state)
{
	unsigned long flags;

	for (;;) {
		set_current_state(sleep_state);
		if (atomic_load_acquire(&waiter->is_granted))
			break;
		if (wait_sleep(sleep_state, UINT64_MAX) && withdraw(sem, waiter)) {
			atomic_store_relaxed(&current->state, TASK_RUNNING);
			return -ERESTARTSYS;
		}
	}
	atomic_store_relaxed(&current->state, TASK_RUNNING);
	/* The granter may still be using the waiter. */
	flags = spin_lock_irqsave(&sem->wait_lock);
	spin_unlock_irqrestore(&sem->wait_lock, flags);
	return 0;
}

/* Spins while a writer runs on another CPU and nobody waits: it will be done sooner than a
 * switch. */
static bool spin_for(struct rwsem *sem, bool is_writer)
{
	uint64_t end_ns = arch_clock_ns() + SPIN_NS;

	for (;;) {
		uint64_t state = atomic_load_relaxed(&sem->state);
		uint32_t cpu = atomic_load_relaxed(&sem->writer_cpu) % MAX_CPUS;

		if (is_writer ? try_write(sem) : try_read(sem))
			return true;
		if (!(state & WRITER) || (state & WAITERS) || cpu == arch_cpu_id() ||
		    atomic_load_relaxed(&per_cpu(rq, cpu).curr) !=
			    atomic_load_relaxed(&sem->writer) ||
		    resched_is_due() || arch_clock_ns() >= end_ns)
			return false;
		arch_cpu_relax();
	}
}

static NOINLINE int lock_slowly(struct rwsem *sem, bool is_writer, uint32_t sleep_state)
{
	struct rwsem_waiter waiter = {.task = current, .is_writer = is_writer};
	unsigned long flags;
	bool is_taken;
	int err = 0;

	if (spin_for(sem, is_writer))
		return 0;
	flags = spin_lock_irqsave(&sem->wait_lock);
	is_taken = take_or_announce(sem, is_writer);
	if (!is_taken)
		list_add_tail(&sem->waiters, &waiter.node);
	spin_unlock_irqrestore(&sem->wait_lock, flags);

	if (!is_taken)
		err = wait_for_grant(sem, &waiter, sleep_state);
	if (!err && is_writer)
		set_writer(sem);
	return err;
}

/* ---- the interface --------------------------------------------------------------------------- */

void rwsem_read_lock(struct rwsem *sem)
{
	might_sleep();
	if (!try_read(sem))
		(void)lock_slowly(sem, false, TASK_UNINTERRUPTIBLE);
}

int rwsem_read_lock_killable(struct rwsem *sem)
{
	might_sleep();
	return try_read(sem) ? 0 : lock_slowly(sem, false, TASK_KILLABLE);
}

bool rwsem_read_trylock(struct rwsem *sem)
{
	return try_read(sem);
}

void rwsem_read_unlock(struct rwsem *sem)
{
	uint64_t old = atomic_fetch_add_acqrel(&sem->state, -(uint64_t)READER);

	assert(old >= READER && !(old & WRITER));
	if (unlikely(old == READER + WAITERS)) /* the last one, and somebody waits */
		grant_locked(sem);
}

void rwsem_write_lock(struct rwsem *sem) NO_LOCK_ANALYSIS
{
	might_sleep();
	assert(!rwsem_is_write_held(sem));
	if (!try_write(sem))
		(void)lock_slowly(sem, true, TASK_UNINTERRUPTIBLE);
}

int rwsem_write_lock_killable(struct rwsem *sem)
{
	might_sleep();
	assert(!rwsem_is_write_held(sem));
	return try_write(sem) ? 0 : lock_slowly(sem, true, TASK_KILLABLE);
}

void rwsem_write_unlock(struct rwsem *sem) NO_LOCK_ANALYSIS
{
	uint64_t old;

	assert(rwsem_is_write_held(sem));
	atomic_store_relaxed(&sem->writer, NULL);
	old = atomic_fetch_and_acqrel(&sem->state, ~(uint64_t)WRITER);
	if (unlikely(old & WAITERS))
		grant_locked(sem);
}

void rwsem_downgrade(struct rwsem *sem)
{
	uint64_t old;

	assert(rwsem_is_write_held(sem));
	atomic_store_relaxed(&sem->writer, NULL);
	old = atomic_fetch_add_acqrel(&sem->state, (uint64_t)READER - WRITER);
	if (unlikely(old & WAITERS))
		grant_locked(sem);
}

bool rwsem_is_write_held(const struct rwsem *sem)
{
	return atomic_load_relaxed(&sem->writer) == current;
}

bool rwsem_is_held(const struct rwsem *sem)
{
	return atomic_load_relaxed(&sem->state) & ~(uint64_t)WAITERS;
}
