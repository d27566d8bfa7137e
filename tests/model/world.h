/*
 * The world that the kernel's files are explored in: what the files of tests/model share. The kernel's
 * own headers are used as they are; everything here that is not the kernel's is state of the model,
 * and part of what a state of the search is.
 */
#ifndef WORLD_H
#define WORLD_H

#include <kern/life.h>
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <host/cpu.h>

#include "../../prove/engine.h"

enum {
	WORLD_CPUS = PROVE_MAX_AGENTS,
	WORLD_TASKS = 8,
	WORLD_MMS = 6,
	WORLD_PAGES = 2, /* user pages that an address space can have */
	PHYS_BASE = 0x100000,
};

/* Where a CPU can stand, besides the engine's own points. */
enum world_point {
	POINT_USER = PROVE_MODEL, /* in user mode, or a kernel thread that touches user memory */
	POINT_IDLE,
	POINT_PICK, /* about to decide who runs next */
	POINT_ROOT,
	POINT_FLUSH,
	POINT_IPI,
	POINT_FREE,
	POINT_STEP, /* other steps of the environment */
};

enum world_event { EVENT_IRQ, EVENT_PREEMPT };

/* What the model knows of a task. */
struct world_task {
	struct task_struct *task; /* NULL: none, or its struct is gone */
	void (*script)(void);
	bool (*ready)(void *arg); /* it sleeps until this holds */
	void *ready_arg;
	uint8_t stack;
	uint8_t is_idle, is_runnable;
	uint8_t busy;	    /* between two states of which the counts can be checked */
	uint8_t vfork_done; /* whoever waits for it may go on */
	uint8_t is_vforked;
	uint8_t ops;	 /* done so far */
	uint8_t is_held; /* the scenario holds a reference of the struct */
	uint8_t is_gone; /* has existed */
	uint8_t cpus;	 /* mask: where it may run */
};

/* What a CPU's translation hardware may have at hand. All that it could have cached since it was
 * last told to forget is in here: holding less is never a danger. Bits are frame numbers. */
struct world_tlb {
	uint32_t tables;	     /* lower tables that a walk may go on from */
	uint32_t pages[WORLD_PAGES]; /* frames that a page may be translated to */
	uint32_t stale[WORLD_PAGES]; /* of those, frames that were freed since */
};

struct world {
	struct world_task tasks[WORLD_TASKS];
	struct world_tlb tlbs[WORLD_CPUS];
	uint8_t irq_depth[WORLD_CPUS];
	uint8_t switching[WORLD_CPUS];
	uint8_t is_quiet[WORLD_CPUS]; /* its idle task has left whatever it borrowed, at the end */
	uint8_t failures_left;	      /* allocations that may still fail */
	uint8_t preemptions_left;
	struct mm_struct *mms[WORLD_MMS];
	struct task_struct *mmap_owner[WORLD_MMS];
	void *kernel_root;
	paddr_t evicted_from[WORLD_CPUS]; /* for coverage only */
	unsigned baseline;		  /* live objects before there was any user task */
};
extern struct world *world;

/* A scenario: a start, and what its tasks may do. */
struct scenario {
	const char *name;
	const char *title;
	uint8_t cpus;
	uint8_t preemptions; /* at most, in one run */
	uint8_t failures;    /* allocations that fail, at most */
	uint8_t buffer;	     /* store buffer entries in the standard run */
	bool is_long;	     /* not in the standard run */
	void (*setup)(void);
	const char *goals; /* what must have been reached, by name */
};
extern const struct scenario scenarios[];
extern const unsigned nr_scenarios;
extern const struct scenario *scenario;
extern const char *strategy;
extern struct prove_model world_model;

/* port.c */
struct host_cpu *world_cpu(unsigned cpu);
unsigned frame_of(paddr_t paddr);
unsigned frame_of_address(const void *address);
void tlb_fill(void);
void tlb_frame_freed(unsigned frame);

/* memory.c */
void memory_setup(void);
unsigned mm_number(const struct mm_struct *mm); /* 1.., 0: init_mm or unknown */

/* tasks.c */
void tasks_setup(void);
unsigned current_number(void);
unsigned task_number(const struct task_struct *task);
bool task_is_candidate(unsigned number, unsigned cpu);
bool any_candidate(unsigned cpu);
void world_schedule(bool is_preempt);
void world_block(bool (*ready)(void *arg), void *arg);
bool tasks_are_done(void);
/* Setup: a task that will run script; share: of an earlier task's address space, by number. */
enum { NO_TASK = -1 };
unsigned user_new(void (*script)(void));
unsigned thread_new(unsigned of, void (*script)(void));
unsigned kthread_new(void (*script)(void));
/* Somebody holds a reference of its struct, and drops it at the end of op_visit or op_use. */
void task_hold(unsigned number);

/* check.c */
void world_check(void);
void world_check_user(unsigned cpu); /* may be in user mode */
bool world_is_end(void);
void world_describe(char *text, size_t size);
void world_name_address(char *text, size_t size, const void *address);

/* ops.c: what tasks do. Each begins and ends in user mode, unless it says otherwise. */
void user_mode(void); /* a moment in user mode */
int op_fork(void (*script)(void));
int op_clone(void (*script)(void));
int op_vfork(void (*script)(void));
int op_exec(void);
void op_unmap(bool with_table);
void op_visit(unsigned task);
void op_yield(void);
void op_yield_kernel(void);
NORETURN void op_exit(void);
void op_use(unsigned task); /* kernel thread: uses the address space of a task and lets go of it */
void op_use_daemon(unsigned task);
void op_become_kthread(void);

/* What was reached, by name in a scenario's goals. */
#define COVER_GOALS(G)                                                                         \
	G(EXIT_WHILE_LAZY)   /* users reached 0 while another CPU stood on it lazily */        \
	G(ZOMBIE)	     /* a zombie was seen by a step */                                 \
	G(IPI_DURING_SWITCH) /* an interrupt was pending for a CPU that was switching */       \
	G(IPI_EVICTED)	     /* a lazy CPU was told to leave */                                \
	G(EVICTED_BACK)	     /* and then went back to the same address space */                \
	G(LAZY_CAUGHT_UP)    /* which went back without a root load, and flushed */            \
	G(SAME_MM_USED)	     /* kthread_use_mm of the address space that it stood on */        \
	G(USERS_ZERO_IN_USE) /* the kernel borrower put the last user */                       \
	G(VISIT_LAST)	     /* a visitor put the last user */                                 \
	G(VISIT_LATE)	     /* a visitor found no address space any more */                   \
	G(NEWBORN_FREES)     /* a task's first finish_task_switch freed a stranger's struct */ \
	G(FORK_FAILED)	     /* fork failed after the duplicate was made */                    \
	G(BORROWER_DIED)     /* prev_mm and a dead task in one finish_task_switch */           \
	G(BOTH_RETIRE)	     /* two address spaces retired at once */                          \
	G(VFORK_OVERLAP)     /* the vfork parent ran on before the child's mmput ended */      \
	G(TWO_LAZY)	     /* two CPUs lazy on one address space whose last user exits */
enum cover {
#define COVER_ENUM(name) COVER_##name,
	COVER_GOALS(COVER_ENUM)
#undef COVER_ENUM
		NR_COVERS,
};
extern const char *const cover_names[NR_COVERS];
#define cover(name) prove_cover(COVER_##name)

#endif
