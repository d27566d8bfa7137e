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

/* A kernel thread puts on mm as its own, to touch user memory. The caller holds a user while this
 * starts; until kthread_unuse_mm the thread holds one of its own. Context: kernel thread, task. */
void kthread_use_mm(struct mm_struct *mm);
void kthread_unuse_mm(void);

/* ---- contents (mm/contents.c) ------------------------------------------------------------------ */

struct mm_contents {
	struct rwsem lock;	/* mmap lock: areas are changed under write, read under read */
	struct rb_root areas;	/* [lock] by address; summary: largest gap */
	size_t nr_areas;	/* [lock] */
	uint64_t total_pages, locked_pages, data_pages, stack_pages; /* [lock] of areas */
	uint64_t anon_pages, file_pages; /* [atomic] resident; counted in the page-table code */
	uint64_t peak_pages;		 /* [atomic] high-water mark of resident pages */
	uint64_t table_pages;		 /* [atomic] page tables below the root */
	struct spinlock page_table_lock; /* upper levels and entries; see locking.md */
	vaddr_t mmap_top;		 /* [const] mappings are placed downwards from here */
	vaddr_t brk_start, brk;		 /* [lock] */
	vaddr_t stack_top;		 /* [const] after exec */
	vaddr_t arg_start, arg_end, env_start, env_end; /* [lock] for /proc */
	vaddr_t code_start, code_end, data_start, data_end;
	uint64_t auxv[64];   /* [const after exec] for /proc/PID/auxv */
	size_t auxv_len;
	struct file *exe_file; /* owns a reference; NULL until exec; released by exe_file_put */
	uint64_t stack_limit, as_limit, data_limit; /* bytes; copied from the rlimits at exec and setrlimit */
	uint64_t futex_key; /* private futexes' identity */
};

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
	AREA_IO = 1 << 13, /* device memory: frames are not counted */
	AREA_STACK = 1 << 14,
	AREA_HEAP = 1 << 15,
};

struct area;
/* What a mapped object does for its areas. All may be NULL. Context: mmap lock held. */
struct area_ops {
	void (*open)(struct area *area);  /* a copy of the area came to be (fork, split) */
	void (*close)(struct area *area); /* it goes */
	/* What to show in /proc/PID/maps: text to buf, its length. */
	size_t (*describe)(const struct area *area, char *buf, size_t size);
};

/* [start, end) of an address space, with one protection and one object. */
struct area {
	struct rb_node node;	/* [mmap lock, write] */
	vaddr_t start, end;	/* [mmap lock, write] page aligned */
	vaddr_t gap_below;	/* summary of the subtree: largest free range before an area of it */
	uint32_t flags;		/* [mmap lock, write] AREA_ */
	struct mm_struct *mm;	/* [const] */
	struct mapping *mapping; /* [const] file or shared memory; NULL: private anonymous. Holds a reference */
	uint64_t pgoff;		/* page number in the mapping of start */
	struct list_node mapping_node; /* [mapping->lock] */
	const struct area_ops *ops; /* [const] NULL: none */
	void *object;		/* [const] owned by ops (struct file) */
	const char *name;	/* [const] "[stack]", "[heap]", "[vdso]" or NULL */
};

/* A request to map: mm/mmap.c. */
struct area_request {
	vaddr_t address; /* hint, or with fixed the place */
	size_t len;	 /* bytes, rounded up to pages */
	uint32_t flags;	 /* AREA_ */
	bool is_fixed, is_noreplace, is_populate;
	struct mapping *mapping; /* NULL: anonymous (private, or shared: a new shared-memory mapping is made) */
	uint64_t pgoff;
	const struct area_ops *ops;
	void *object; /* ops->open is called on the new area */
	const char *name;
};

/* All of these work on the running task's mm unless one is given, take the mmap lock themselves, and
 * return 0 or an address, or -Exxx as mmap(2) and its relatives document. */
MUST_USE long area_map(struct mm_struct *mm, const struct area_request *request);
MUST_USE int area_unmap(struct mm_struct *mm, vaddr_t start, size_t len);
MUST_USE int area_protect(struct mm_struct *mm, vaddr_t start, size_t len, unsigned prot);
long sys_munmap(vaddr_t start, size_t len);
long sys_mprotect(vaddr_t start, size_t len, unsigned long prot);
long sys_mremap(vaddr_t old, size_t old_len, size_t new_len, unsigned long flags, vaddr_t new_address);
long sys_madvise(vaddr_t start, size_t len, int advice);
long sys_brk(vaddr_t brk);
long sys_msync(vaddr_t start, size_t len, int flags);
long sys_mlock(vaddr_t start, size_t len);
long sys_munlock(vaddr_t start, size_t len);
long sys_mincore(vaddr_t start, size_t len, unsigned char *vec);
/* sys_mmap is fs/'s (it turns a descriptor into an object) and ends in area_map. */

/* The area that holds va, or the lowest above it; NULL. Context: mmap lock held. */
struct area *area_find(struct mm_contents *contents, vaddr_t va);
struct area *area_next(struct area *area);

/* Contents of mm come and go. contents_create: users 1 owner only; contents_dup copies areas and
 * tables copy-on-write from a live mm (-ENOMEM, -EINTR on a fatal signal; dst is then torn down by
 * contents_destroy). contents_destroy is exit_mmap: unmaps everything, flushes, frees lower tables. */
MUST_USE int contents_create(struct mm_struct *mm);
MUST_USE int contents_dup(struct mm_struct *dst, struct mm_struct *src);
void contents_destroy(struct mm_struct *mm);
/* How area->object and exe_file are let go: filled in by fs/. */
extern void (*exe_file_get)(struct file *file);
extern void (*exe_file_put)(struct file *file);

/*
 * Resolves a fault of mm at va. 0, or -EFAULT (no area or no right: SIGSEGV; *si_code says which),
 * -EIO (past the object's end: SIGBUS), -ENOMEM (out of memory), -EINTR (killed meanwhile).
 */
MUST_USE int mm_fault(struct mm_struct *mm, vaddr_t va, unsigned fault_flags, int *si_code);

/* Copies between kernel memory and another process's, by page, through its tables: ptrace, /proc,
 * process_vm_readv, exec's argument pages. Returns bytes copied. Holds: a user of mm. */
size_t mm_read(struct mm_struct *mm, vaddr_t va, void *buf, size_t len);
size_t mm_write(struct mm_struct *mm, vaddr_t va, const void *buf, size_t len);

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

/* Memory short: the task that frees most is killed (mm/oom.c). */
void oom_init(void);

/* mm/ bring-up. */
void mm_init(void);

#endif
