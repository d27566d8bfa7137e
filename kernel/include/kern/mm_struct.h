/*
 * struct mm_struct: an address space, in two lives.
 *
 * mm_users counts those who use the *contents* (threads, and short visitors); all of them together
 * hold one of mm_count, which keeps the *struct and its root* alive. The contents (areas, the lock
 * over them, the user half of the tables) are an object of their own, which dies first:
 *
 *	 LIVE ----- users 1 -> 0: exit_mmap, contents freed -----> ZOMBIE
 *	ZOMBIE ---- count 1 -> 0: root, context, struct freed ---> FREE
 *
 * Rank 3 (life/) owns this header, mm_count, the root and the TLB state; rank 5 (mm/) owns mm_users
 * and the contents. docs/life.md is the whole story.
 */
#ifndef KERN_MM_STRUCT_H
#define KERN_MM_STRUCT_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <arch/mmu.h>

struct mm_contents; /* kern/mm.h, rank 5 */

enum mm_state { MM_LIVE, MM_ZOMBIE, MM_FREE };

/* Who can hold one of mm_count (and, in the counting of /proc/lodger/mm, stand on it uncounted). */
enum mm_pin {
	PIN_USERS, /* all users together */
	PIN_LAZY,  /* a CPU's task without mm stands on it */
	PIN_PREV,  /* rq->prev_mm, between context_switch and finish_task_switch */
	PIN_VISIT, /* somebody who looks at the struct: /proc, ptrace */
	NR_PINS,
};

/* Who can hold one of mm_users. */
enum mm_user {
	USER_TASK,    /* task->mm of a user task */
	USER_VISIT,   /* get_task_mm and its like */
	USER_KTHREAD, /* kthread_use_mm */
	NR_USERS,
};

/* Debug builds only: who holds what, exactly. Changed together with the count, under its lock. */
struct ledger {
	struct spinlock lock;	 /* taken with interrupts off */
	int32_t pins[NR_PINS];	 /* [lock] */
	int32_t users[NR_USERS]; /* [lock] */
	uint64_t lazy_cpus;	 /* [lock] CPUs that hold PIN_LAZY: at most one each (I9) */
	uint64_t prev_cpus;	 /* [lock] the same for PIN_PREV */
};

struct mm_struct {
	struct refcount mm_users; /* 0: the contents are gone or going */
	struct refcount mm_count; /* 0: never seen, the struct is freed in that step */
	paddr_t root;		  /* [const] top-level page table */
	uint64_t tlb_gen;	  /* [atomic] flushes asked for so far; starts at 1 */
	uint64_t cpumask; /* [atomic] CPUs that have had it loaded: where a flush must look (I15) */
	struct mm_contents *contents; /* [const while users > 0] NULL in a ZOMBIE (I12) */
	uint8_t state;		      /* [atomic] enum mm_state */
	uint64_t id;		      /* [const] never used twice: what traces and tables show */
	int32_t owner_pid;	      /* [const] the task that it was made for; for readers only */
	char owner_comm[16];	      /* [alloc_lock of the owner] its program; for readers only */
	uint64_t born_ns;	      /* [const] */
	uint64_t zombie_since_ns;     /* [atomic] 0 while LIVE */
	struct list_node all_node;    /* [its registry's lock, life/registry.c] */
	uint32_t registry;	      /* [const] CPU whose registry it is in */
	uint32_t visit_pins;	      /* [atomic] PIN_VISIT holders */
	struct mm_struct *reap_next;  /* [mm/users.c] dead contents that wait for the reaper */
	uint64_t reap_pages;
#if LODGER_DEBUG
	struct ledger ledger; /* typed holders: exact equalities (I4, I5) */
#endif
};

/* The kernel's own address space: no user half, immortal (I17). */
extern struct mm_struct init_mm;

#endif
