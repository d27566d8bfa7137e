/*
 * The contents of an address space (rank 5): its users, areas and user page tables. May sleep.
 */
#ifndef KERN_MM_H
#define KERN_MM_H

#include <kern/types.h>
#include <kern/list.h>
#include <kern/rbtree.h>
#include <kern/mm_struct.h>
#include <kern/mutex.h>
#include <kern/task.h>
#include <kern/mapping.h>

struct trapframe;

/* ---- users (mm/users.c, mm/owner.c, mm/use.c: the protocol) ---------------------------------- */

/* One more user, by somebody who holds one. Context: any. */
void mmget(struct mm_struct *mm);
/* One more user unless the contents are gone; false then. The caller holds a pin. Context: any. */
MUST_USE bool mmget_not_zero(struct mm_struct *mm);
/* One user less; the last one kills the contents (exit_mmap) and retires the mm. Context: task, may
 * sleep, never atomic (I19). */
void mmput(struct mm_struct *mm);
/* The same from any context: the last user's work is done by a kernel thread. */
void mmput_async(struct mm_struct *mm);
/* A user of task's mm, or NULL if it has none or is a kernel thread. Context: any, takes task_lock. */
MUST_USE struct mm_struct *get_task_mm(struct task_struct *task);

/* fork's part: shares (CLONE_VM) or duplicates current's mm into child. -ENOMEM, -EINTR. */
MUST_USE int copy_mm(bool share, struct task_struct *child);
/* Undoes copy_mm for a child that never ran. */
void copy_mm_undo(struct task_struct *child);
/* The running task gives up its mm; afterwards it borrows. mm_release (task/) came before. */
void exit_mm(void);
/* The running task changes over to mm, whose user (the one from mm_new) it consumes. */
void exec_mmap_move(struct mm_struct *mm);
/* A fresh, empty address space for exec: users 1. NULL: no memory. */
MUST_USE struct mm_struct *mm_new(void);
/* One from mm_new that is not going to be used after all. Context: task, may sleep. */
void mm_discard(struct mm_struct *mm);

/* A kernel thread puts on mm as its own, to touch user memory. The caller holds a user while this
 * starts; until kthread_unuse_mm the thread holds one of its own. Context: kernel thread, task. */
void kthread_use_mm(struct mm_struct *mm);
void kthread_unuse_mm(void);

/* ---- contents (mm/contents.c) ------------------------------------------------------------------ */

/*
 * Locks, outermost first (docs/locking.md): contents->lock, mapping->areas_lock, mapping->lock,
 * contents->page_table_lock or the lock of one leaf table (two: spin_lock_pair).
 *
 * Tables above the leaves gain entries under page_table_lock and lose them only where no area is left
 * (munmap and its like under the write lock, contents_destroy): so whoever holds the mmap lock, or the
 * areas_lock of a mapping that an area is listed in, may walk down to that area's leaf tables without
 * a lock. Entries of a leaf change under the lock in the table's struct page, so faults in different
 * 2-MiB ranges of one process do not meet.
 */
struct mm_contents {
	struct rwsem lock;    /* mmap lock: areas are changed under write, read under read */
	struct rb_root areas; /* [lock] by address; summary: largest gap */
	struct area *last;    /* [lock] highest area, NULL: none */
	size_t nr_areas;      /* [lock] at most AREAS_MAX */
	vaddr_t mmap_top;     /* [const] mappings are placed downwards from here */
	uint64_t anon_pages;  /* [atomic] resident private and anonymous pages */
	uint64_t file_pages;  /* [atomic] resident pages of mappings; also shared memory */
	uint64_t table_pages; /* [atomic] page tables below the root */
	uint64_t peak_pages;  /* [atomic] high-water mark; read it with contents_peak */
	struct spinlock page_table_lock; /* levels above the leaves */
	uint32_t nr_forks;		 /* [lock] capped; whether copying ahead can pay (fork.c) */
	uint32_t is_reaped; /* [atomic] the OOM killer took pages away: contents no longer hold */
	uint32_t future_flags; /* [lock] AREA_LOCKED after mlockall(MCL_FUTURE) */
	uint64_t total_pages, locked_pages, data_pages, stack_pages; /* [lock] of areas, in pages */
	vaddr_t brk_start, brk;					     /* [lock] */
	vaddr_t stack_top;					     /* [const] after exec */
	vaddr_t arg_start, arg_end, env_start, env_end;		     /* [lock] for /proc */
	vaddr_t code_start, code_end, data_start, data_end;
	struct file *exe_file; /* owns a reference; NULL until exec; released by exe_file_put */
	uint64_t stack_limit, as_limit,
		data_limit;	/* bytes; copied from the rlimits at exec and setrlimit */
	uint64_t memlock_limit; /* bytes; UINT64_MAX for CAP_IPC_LOCK */
	uint64_t futex_key;	/* [const] private futexes' identity, never used twice */
	size_t auxv_len;	/* [const after exec] words in use */
	uint64_t auxv[64]; /* [const after exec] for /proc/PID/auxv; last: not touched otherwise */
};

enum {
	AREAS_MAX = 65530,	 /* of one address space: -ENOMEM beyond (proc(5), max_map_count) */
	STACK_GUARD_PAGES = 256, /* kept free below an area that grows down */
	MMAP_LOWEST = 64 << 10,	 /* nothing is mapped below (mmap_min_addr): bytes */
};

/* Resident pages now, and the most there ever were. Context: any; the caller holds a user. */
uint64_t contents_resident(const struct mm_contents *contents);
uint64_t contents_peak(struct mm_contents *contents);

/* Area flags: protection in the low bits as PROT_, the rest ours. */
enum {
	AREA_READ = 1 << 0,
	AREA_WRITE = 1 << 1,
	AREA_EXEC = 1 << 2,
	AREA_SHARED = 1 << 3,
	AREA_GROWSDOWN = 1 << 4,
	AREA_MAYREAD = 1 << 5, /* what mprotect may add */
	AREA_MAYWRITE = 1 << 6,
	AREA_MAYEXEC = 1 << 7,
	AREA_DONTFORK = 1 << 8,
	AREA_DONTDUMP = 1 << 9,
	AREA_WIPEONFORK = 1 << 10,
	AREA_LOCKED = 1 << 11,
	AREA_NORESERVE = 1 << 12,
	AREA_STACK = 1 << 14,
	AREA_HEAP = 1 << 15,
	AREA_PROT = AREA_READ | AREA_WRITE | AREA_EXEC,
	AREA_MAY_ALL = AREA_MAYREAD | AREA_MAYWRITE | AREA_MAYEXEC,
};

struct area;
/* What a mapped object does for its areas. All may be NULL. Context: mmap lock held. */
struct area_ops {
	void (*open)(struct area *area);  /* a copy of the area came to be (map, fork, split) */
	void (*close)(struct area *area); /* it goes; may sleep, must not touch user memory */
	/* What to show in /proc/PID/maps: text to buf, its length. */
	size_t (*describe)(const struct area *area, char *buf, size_t size);
};

/* [start, end) of an address space, with one protection and one object. Where the area belongs to a
 * mapping, start, end and pgoff need its areas_lock too to be written. */
struct area {
	struct rb_node node; /* [mmap lock, write] */
	vaddr_t start, end;  /* [mmap lock + areas_lock] page aligned */
	uint64_t gap;	     /* [mmap lock, write] free bytes between the area below and this one */
	uint64_t max_gap;    /* [mmap lock, write] summary of the subtree: largest gap in it */
	uint32_t flags;	     /* [mmap lock, write] AREA_ */
	uint32_t has_anon;   /* [atomic] a private page may have been put where the mapping's was */
	struct mm_struct *mm; /* [const] */
	struct mapping *
		mapping; /* [const] file or shared memory; NULL: private anonymous. Holds a reference */
	uint64_t pgoff; /* [mmap lock + areas_lock] page number in the mapping of start */
	struct list_node mapping_node; /* [mapping->areas_lock] */
	const struct area_ops *ops;    /* [const] NULL: none */
	void *object;		       /* [const] owned by ops (struct file) */
	const char *name;	       /* [const] "[stack]", "[heap]", "[vdso]" or NULL */
};

/* A request to map: mm/mmap.c. */
struct area_request {
	vaddr_t address; /* hint, or with fixed the place */
	size_t len;	 /* bytes, rounded up to pages */
	uint32_t flags;	 /* AREA_; with no AREA_MAY bit at all: every one is added */
	bool is_fixed, is_noreplace, is_populate;
	struct mapping *
		mapping; /* NULL: anonymous (private, or shared: a new shared-memory mapping is made) */
	uint64_t pgoff;
	const struct area_ops *ops;
	void *object; /* ops->open is called on the new area */
	const char *name;
};

/*
 * These take the mmap lock themselves and return 0 or an address, or -Exxx as mmap(2) and its
 * relatives document; -EINTR if a fatal signal came while waiting. Context: task; the caller holds a
 * user of mm. area_map borrows request->mapping and takes references of its own.
 */
MUST_USE long area_map(struct mm_struct *mm, const struct area_request *request);
MUST_USE int area_unmap(struct mm_struct *mm, vaddr_t start, size_t len);
MUST_USE int area_protect(struct mm_struct *mm, vaddr_t start, size_t len, unsigned prot);
/* Makes the pages of [start, start + len) present, writable where the areas allow it. -ENOMEM,
 * -EFAULT, -EINTR; what was done stays. */
MUST_USE int area_populate(struct mm_struct *mm, vaddr_t start, size_t len);

/* The running task's own. */
long sys_munmap(vaddr_t start, size_t len);
long sys_mprotect(vaddr_t start, size_t len, unsigned long prot);
long sys_mremap(vaddr_t old, size_t old_len, size_t new_len, unsigned long flags,
		vaddr_t new_address);
long sys_madvise(vaddr_t start, size_t len, int advice);
long sys_brk(vaddr_t brk);
long sys_msync(vaddr_t start, size_t len, int flags);
long sys_mlock(vaddr_t start, size_t len);
long sys_mlock2(vaddr_t start, size_t len, unsigned flags);
long sys_munlock(vaddr_t start, size_t len);
long sys_mlockall(int flags);
long sys_munlockall(void);
long sys_mincore(vaddr_t start, size_t len, unsigned char *vec);
/* sys_mmap is fs/'s (it turns a descriptor into an object) and ends in area_map. */

/* The area that holds va, or the lowest above it; NULL. Context: mmap lock held. */
struct area *area_find(const struct mm_contents *contents, vaddr_t va);
/* Neighbours in address order; NULL at the end. */
struct area *area_next(const struct area *area);
struct area *area_prev(const struct area *area);

/* What is resident of an area, in pages, for /proc/PID/smaps. Context: mmap lock held. */
struct area_usage {
	uint64_t resident, anon, shared, private; /* shared: held by others as well */
	uint64_t dirty;				  /* of those, that were written */
};
void area_usage_read(const struct area *area, struct area_usage *usage);

/*
 * Contents of mm come and go; an mm starts without any. contents_create: empty ones; -ENOMEM.
 * contents_dup: a copy, copy-on-write, of those of a live mm, whose mmap lock it takes (-ENOMEM; -EINTR
 * on a fatal signal; dst then has what was copied so far). contents_destroy is exit_mmap: unmaps
 * everything, flushes, frees lower tables and the contents; accepts an mm without any.
 * Context: any task, which need not be a user of mm; may sleep.
 */
MUST_USE int contents_create(struct mm_struct *mm);
MUST_USE int contents_dup(struct mm_struct *dst, struct mm_struct *src);
void contents_destroy(struct mm_struct *mm);
/* How exe_file is shared and let go: filled in by fs/. */
extern void (*exe_file_get)(struct file *file);
extern void (*exe_file_put)(struct file *file);

/*
 * Resolves a fault of mm at va, fault_flags as in kern/entry.h. 0, or -EFAULT (no area or no right:
 * SIGSEGV; *si_code says which), -EIO (past the object's end: SIGBUS), -ENOMEM (out of memory), -EINTR
 * (killed meanwhile). Takes the mmap lock. Context: task; the caller holds a user of mm.
 */
MUST_USE int mm_fault(struct mm_struct *mm, vaddr_t va, unsigned fault_flags, int *si_code);

/* Copies between kernel memory and another process's, by page, through its tables: /proc,
 * process_vm_readv, exec's argument pages. Obeys the areas' protection. Returns bytes copied, less
 * than len where an area or right or memory is missing. Context: task; holds a user of mm. */
size_t mm_read(struct mm_struct *mm, vaddr_t va, void *buf, size_t len);
size_t mm_write(struct mm_struct *mm, vaddr_t va, const void *buf, size_t len);

/*
 * What a word at va of the running task's mm is, whoever maps it: a futex's key. 0: *mapping (with a
 * reference for the caller) and *index say which page of which mapping, or *mapping is NULL: private
 * to this mm. -EFAULT: no area there.
 */
MUST_USE int mm_shared_key(vaddr_t va, struct mapping **mapping, uint64_t *index);

/* What mm/ asks of the ranks above; task/ fills it in before the first user task runs. */
extern struct mm_hooks {
	/* A user-mode access failed: SIGSEGV or SIGBUS with code and address to the running task,
	 * forced. Context: interrupts on. */
	void (*fault_signal)(struct trapframe *tf, int signal, int code, uintptr_t address);
	/* Calls fn for every thread of every process, kernel threads left out, with its process's
	 * oom_score_adj (-1000 .. 1000), until fn returns false. fn doesn't sleep. */
	void (*for_each_task)(bool (*fn)(struct task_struct *task, int score_adj, void *arg),
			      void *arg);
} mm_hooks;

/* ---- TLB (mm/tlb.c) ------------------------------------------------------------------------------ */

/*
 * Makes every CPU forget the translations of [start, end) of mm; returns when none can be used any
 * more by user code or by a non-lazy CPU. freed_tables: also lazy CPUs, since page tables go.
 * Context: task, interrupts on, page-table lock may be held (never taken with interrupts off).
 */
void tlb_flush_range(struct mm_struct *mm, vaddr_t start, vaddr_t end, bool freed_tables);
void tlb_flush_mm(struct mm_struct *mm, bool freed_tables);
/* A translation that only gained rights (read-only -> writable): local, others fault and retry. */
void tlb_flush_page_local(struct mm_struct *mm, vaddr_t va);

/* ---- memory short (mm/oom.c) --------------------------------------------------------------------- */

/*
 * A fault of the running task found no memory: kills the process that frees most, or waits for the
 * one that was chosen before. 0: memory may be there now, try again; -ENOMEM: none can be made;
 * -EINTR: the running task is the victim. Context: task, no mm locks held; sleeps.
 */
MUST_USE int oom_wait(void);

/* Starts the thread that tears down large contents (mm/users.c). Context: after sched_init. */
void users_init(void);

/* mm/ bring-up: caches, the zero page. Context: boot, after kcache_init, before any mm. */
void mm_init(void);

#endif
