/*
 * Spinning locks. Holding one disables preemption. A lock that an interrupt handler also takes is
 * taken with the _irqsave variants everywhere.
 *
 * Test-and-set, not a ticket: a waiter whose virtual CPU the host has put aside must not hold up
 * those behind it. Spinning with interrupts off never waits for another CPU's IPI answer: nobody
 * waits for IPIs while holding a lock that is taken with interrupts off (smp_call asserts it).
 *
 * In debug builds a lock knows its name, owner and rank. Then these panic: taking a rank not above
 * every held one, taking a lock twice, releasing another CPU's, and a lock that is taken both in
 * interrupts and with interrupts enabled. Ranks are in docs/locking.md.
 */
#ifndef KERN_SPINLOCK_H
#define KERN_SPINLOCK_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/preempt.h>

/* Taken in this order only; equal ranks only where the lock's comment says how they are ordered. */
enum lock_rank {
	LOCK_RANK_NONE, /* not checked: leaf locks of tests */
	LOCK_RANK_TASK_LIST,
	LOCK_RANK_SIGHAND,	  /* a process's signals (two: never) */
	LOCK_RANK_SIGHAND_ACTION, /* its table of handlers */
	LOCK_RANK_TASK,
	LOCK_RANK_FILES,
	LOCK_RANK_MOUNT, /* the mount table */
	LOCK_RANK_FS,	 /* the shape of the tree of names, and other state of fs/ */
	LOCK_RANK_NAMES, /* buckets of the name hash (two: spin_lock_pair) */
	LOCK_RANK_PIPE,
	LOCK_RANK_SOCKET, /* AF_UNIX sockets (two: spin_lock_pair) */
	LOCK_RANK_TTY,
	LOCK_RANK_MAPPING,
	LOCK_RANK_PAGE_TABLE,
	LOCK_RANK_FUTEX,
	LOCK_RANK_TIMER,
	LOCK_RANK_WAITQ,
	LOCK_RANK_MUTEX,
	LOCK_RANK_RUNQUEUE,
	LOCK_RANK_MM_LIST,
	LOCK_RANK_LEDGER,
	LOCK_RANK_STACKS,
	LOCK_RANK_TIMERQ,
	LOCK_RANK_USER, /* users and their counts */
	LOCK_RANK_KCACHE,
	LOCK_RANK_SECTION,
	LOCK_RANK_PHYS,
	LOCK_RANK_DRIVER,
	LOCK_RANK_LOG,
};

struct LOCK_TYPE("spinlock") spinlock {
	uint32_t locked; /* [atomic] */
#if LODGER_DEBUG
	uint8_t rank;	/* [const] */
	uint8_t usage;	/* [atomic] where it was taken so far, see sync/spincheck.c */
	uint16_t owner; /* [atomic] CPU + 1; 0: nobody */
	const char *name;
#endif
};

#if LODGER_DEBUG
#define SPINLOCK_INIT(lock_rank, lock_name)              \
	{                                                \
		.rank = (lock_rank), .name = (lock_name) \
	}
#else
#define SPINLOCK_INIT(lock_rank, lock_name) \
	{                                   \
		.locked = 0                 \
	}
#endif

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name);

/* The debug builds' checks, with preemption off: before waiting for the lock (not for a trylock: it
 * can't deadlock), when it is held, before it is released. */
#if LODGER_DEBUG
void spin_check_want(const struct spinlock *lock, bool may_equal);
void spin_check_got(struct spinlock *lock);
void spin_check_release(struct spinlock *lock);
#else
static inline void spin_check_want(const struct spinlock *lock, bool may_equal)
{
}
static inline void spin_check_got(struct spinlock *lock)
{
}
static inline void spin_check_release(struct spinlock *lock)
{
}
#endif

/* The part that waits. The second lets interrupts in meanwhile if flags says they were on. */
void spin_lock_wait(struct spinlock *lock);
void spin_lock_wait_irqsave(struct spinlock *lock, unsigned long flags);

/* Context: any but an interrupt that could have hit the holder. */
static inline void spin_lock(struct spinlock *lock) ACQUIRES(*lock);
MUST_USE static inline bool spin_trylock(struct spinlock *lock) TRY_ACQUIRES(true, *lock);
static inline void spin_unlock(struct spinlock *lock) RELEASES(*lock);
/* Unlocks and leaves preemption off: the caller is about to switch or to enable it itself. */
static inline void spin_unlock_no_resched(struct spinlock *lock) RELEASES(*lock);

/* Context: any. flags is what arch_irq_save() returned. */
MUST_USE static inline unsigned long spin_lock_irqsave(struct spinlock *lock) ACQUIRES(*lock);
static inline void spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags)
	RELEASES(*lock);

static inline void spin_lock(struct spinlock *lock) NO_LOCK_ANALYSIS
{
	preempt_disable();
	spin_check_want(lock, false);
	if (unlikely(atomic_exchange_acquire(&lock->locked, 1)))
		spin_lock_wait(lock);
	spin_check_got(lock);
}

static inline bool spin_trylock(struct spinlock *lock) NO_LOCK_ANALYSIS
{
	preempt_disable();
	if (atomic_load_relaxed(&lock->locked) || atomic_exchange_acquire(&lock->locked, 1)) {
		preempt_enable();
		return false;
	}
	spin_check_got(lock);
	return true;
}

static inline void spin_unlock_no_resched(struct spinlock *lock) NO_LOCK_ANALYSIS
{
	spin_check_release(lock);
	atomic_store_release(&lock->locked, 0);
}

static inline void spin_unlock(struct spinlock *lock) NO_LOCK_ANALYSIS
{
	spin_unlock_no_resched(lock);
	preempt_enable();
}

static inline unsigned long spin_lock_irqsave(struct spinlock *lock) NO_LOCK_ANALYSIS
{
	unsigned long flags = arch_irq_save();

	preempt_disable();
	spin_check_want(lock, false);
	if (unlikely(atomic_exchange_acquire(&lock->locked, 1)))
		spin_lock_wait_irqsave(lock, flags);
	spin_check_got(lock);
	return flags;
}

static inline void spin_unlock_irqrestore(struct spinlock *lock,
					  unsigned long flags) NO_LOCK_ANALYSIS
{
	spin_unlock_no_resched(lock);
	arch_irq_restore(flags);
	preempt_enable();
}

/* Two locks of equal rank, by address; a == b is allowed and takes it once. */
void spin_lock_pair(struct spinlock *a, struct spinlock *b) NO_LOCK_ANALYSIS;
void spin_unlock_pair(struct spinlock *a, struct spinlock *b) NO_LOCK_ANALYSIS;

/* For asserts. In builds without owners: somebody holds it. */
bool spin_is_held(const struct spinlock *lock);

#endif
