/*
 * Birth and death of struct mm_struct: pins, the root on each CPU, and the five verbs by which a CPU
 * stands on an address space that its task does not own. Rank 3: never sleeps, knows no users.
 */
#ifndef KERN_LIFE_H
#define KERN_LIFE_H

#include <kern/types.h>
#include <kern/mm_struct.h>
#include <kern/task.h>
#include <arch/percpu.h>

/*
 * A new address space: users 1, count 1 (PIN_USERS), LIVE, a root whose kernel half is init_mm's,
 * no contents. NULL: no memory. Context: task.
 */
MUST_USE struct mm_struct *mm_create(int32_t owner_pid);

/* One more pin on a struct that the caller knows to be alive. Context: any. */
void mmgrab(struct mm_struct *mm, enum mm_pin pin);
/*
 * One pin less; the last one frees root and struct (asserts I1, I12). Context: any with interrupts
 * on or off but without the run-queue lock; never sleeps. Never the last of init_mm (I17).
 */
void mmdrop(struct mm_struct *mm, enum mm_pin pin);

/* A pin changes hands on this CPU; the count stays. Context: interrupts off, or preemption off. */
void mm_pin_move(struct mm_struct *mm, enum mm_pin from, enum mm_pin to);

/* The mm's contents have died (users is 0, the user half is empty and flushed): ZOMBIE from here.
 * Calls the strategy's retire, then drops PIN_USERS. Context: task, may wait for IPIs. */
void mm_retire(struct mm_struct *mm);

/* ---- strategies: the five verbs ------------------------------------------------------------ */

/*
 * One way of keeping a borrowed root safe. Chosen by `lazy=` at boot, never changed afterwards.
 * Context of borrow, carry: interrupts off, run-queue lock held (exit_mm, kthread_unuse_mm:
 * interrupts off, the task itself standing on the mm). release: interrupts off or on, no run-queue
 * lock, after the new root is loaded. retire: task context. unlazy: on the CPU, interrupts off.
 */
struct lazy_strategy {
	const char *name;
	bool is_counted; /* lazy and prev holders own one of mm_count each */
	/* u -> k, exit, unuse: this CPU goes on standing on mm without a user of it. Returns what it
	 * stands on from now: mm, or init_mm if the strategy loads that root instead. */
	struct mm_struct *(*borrow)(struct mm_struct *mm);
	/* k -> k: the next task stands where the former did. true: the former's claim must still be
	 * released (it becomes rq->prev_mm); false: it was handed over. */
	bool (*carry)(struct mm_struct *mm);
	/* k -> u, use, exec: nobody on this CPU stands on mm any more; the new root is loaded. pin: what
	 * the claim is written down as, PIN_PREV from finish_task_switch, PIN_LAZY elsewhere. */
	void (*release)(struct mm_struct *mm, enum mm_pin pin);
	/* users reached 0 and the contents are gone. Takes over PIN_USERS, and sees to it that it is
	 * dropped once no CPU stands on mm. */
	void (*retire_move)(struct mm_struct *mm);
	/* This CPU goes offline or memory is short: leave any borrowed root. The root has been
	 * replaced by init_mm's; releases the claim. */
	void (*unlazy)(struct mm_struct *mm);
};

extern const struct lazy_strategy *lazy; /* [const] after life_init */

/* Chooses the strategy by name (NULL: the default) and brings life/ up. false: no such name; the
 * default is in force. Context: boot, one CPU, interrupts off, after kcache_init. */
bool life_init(const char *strategy);
/* Names of all strategies, NULL-terminated. */
const char *const *life_strategies(void);

/* ---- the root on this CPU -------------------------------------------------------------------- */

struct tlb_state {
	struct mm_struct *loaded_mm; /* [atomic, written by its CPU] whose root is loaded, or
				      * MM_SWITCHING while that changes (I2) */
	uint64_t gen;	  /* [cpu] tlb_gen of loaded_mm that this TLB is up to date with */
	uint32_t is_lazy; /* [atomic] flushes may skip this CPU; it catches up itself */
};
DECLARE_PER_CPU(struct tlb_state, tlb_state);
#define MM_SWITCHING ((struct mm_struct *)1)

/* Makes next's root the loaded one, up to date with every flush asked for. Loads nothing if it is
 * loaded and current already. Context: interrupts off. */
void switch_mm(struct mm_struct *next);
/* The running task has no mm from now on: flushes may skip this CPU. Context: interrupts off. */
void enter_lazy_tlb(struct mm_struct *mm);
/* A lazy CPU leaves the root it borrows and stands on init_mm's; claims and active_mm are untouched.
 * Context: interrupts off, also interrupt context. */
void leave_mm(void);

/* ---- counters (/proc/lodger/stat) ------------------------------------------------------------ */

/* Each CPU's own; written without atomics by that CPU with interrupts or preemption off. */
struct life_stat {
	uint64_t switches_uu, switches_uk, switches_kk, switches_ku;
	uint64_t root_loads, loads_saved;
	uint64_t tlb_flushes, ipis_sent;
	uint64_t shared_atomics; /* on mm_count and other lines that several CPUs write */
	uint64_t mms_born, mms_freed;
	uint64_t zombies_born, zombies_freed; /* sums over the CPUs give the present number */
	uint64_t zombies_high;		      /* as seen by this CPU at a retire */
};
DECLARE_PER_CPU(struct life_stat, life_stat);

struct life_totals {
	uint64_t mms; /* allocated now, init_mm not counted */
	uint64_t zombies, zombies_high;
};
void life_totals_read(struct life_totals *totals);

/* All address spaces but init_mm, for /proc/lodger/mm: fn is called with the struct kept alive (under
 * its registry's lock: fn must not sleep, grab or drop). Context: task. */
void mm_for_each(void (*fn)(struct mm_struct *mm, void *arg), void *arg);

/* The CPU that runs this leaves whatever it borrows for init_mm (I18). Context: interrupts off, the
 * running task has no mm. */
void life_unlazy_cpu(void);

#endif
