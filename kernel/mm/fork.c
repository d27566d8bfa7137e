/*
 * Duplicating an address space for fork. The parent's mmap lock is held for writing, so its areas and
 * tables stand still; its other threads may run in user mode meanwhile.
 *
 * What is copied of the tables:
 * - private pages: always. Both sides lose the right to write, the first writer copies (fault.c);
 * - pages of mappings that were never written privately can be faulted in again, which costs the
 *   child only what it touches; small areas are copied all the same, since a few entries are cheaper
 *   than one fault.
 *
 * Copying ahead. A process that forks again and again (a shell) writes the same few pages between two
 * forks: its stack, its C library's data. They are the ones that are writable when fork comes, since
 * the fork before took that right from all others. Where no other thread could see a torn copy, the
 * first AHEAD_PAGES of them are copied at once, into the child; that costs less than the parent's fault
 * that is sure to come, and leaves the parent's entry as it was. The page under the stack pointer
 * is written by both at once on their way out of fork, so it is copied even the first time.
 *
 * The parent's TLBs are flushed once, at the end, if some entry lost its right to write; on failure
 * too, since the entries have changed and no later fork would know that they must be flushed.
 */
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/signal.h>
#include <kern/string.h>
#include <arch/trapframe.h>
#include <uapi/errno.h>

#include "area.h"
#include "check.h"
#include "mapping_unmap.h"
#include "pagetable.h"

enum { AHEAD_PAGES = 8, SMALL_AREA_PAGES = 256, NR_FORKS_CAP = 1000 };

struct fork {
	struct mm_struct *dst, *src;
	uint64_t nr_anon, nr_file; /* entries made in dst */
	vaddr_t stack_page;	   /* of the forking task in user mode, or 0 */
	unsigned nr_ahead;	   /* pages that may still be copied ahead */
	bool copies_hot;	   /* not only the stack's */
	bool has_protected;	   /* an entry of src lost PTE_WRITE */
};

/* A private copy for the child, or NULL: then it is shared. Leaf locks held. */
static struct page *copy_ahead(struct fork *fork, vaddr_t va, const struct page *page)
{
	struct page *copy;

	if (va != fork->stack_page && (fork->nr_ahead == 0 || !fork->copies_hot))
		return NULL;
	copy = page_alloc(0, PAGE_USE_ANON, ALLOC_ATOMIC | ALLOC_USER);
	if (!copy)
		return NULL;
	page_copy(page_address(copy), page_address(page));
	if (fork->nr_ahead > 0)
		fork->nr_ahead--;
	return copy;
}

/* A private page: what the child's entry will be. Leaf locks held. */
static pte_t share_anon(struct fork *fork, vaddr_t va, pte_t *src_entry, pte_t pte,
			struct page *page)
{
	fork->nr_anon++;
	if (arch_pte_is_writable(pte)) {
		struct page *copy = copy_ahead(fork, va, page);

		if (copy)
			return arch_pte_page(page_to_phys(copy), arch_pte_flags(pte), 0);
		pte = arch_pte_read_only(pte);
		/* The MMU may add PTE_DIRTY meanwhile; nobody asks for it. */
		atomic_store_relaxed(src_entry, pte);
		fork->has_protected = true;
	}
	page_get(page);
	return pte;
}

/* Entries of [va, end), within one leaf table. Both leaves' locks held. */
static void copy_entries(struct fork *fork, const struct area *area, pte_t *src, pte_t *dst,
			 vaddr_t va, vaddr_t end)
{
	for (; va < end; va += PAGE_SIZE, src++, dst++) {
		pte_t pte = atomic_load_relaxed(src);
		struct page *page;

		if (arch_pte_is_none(pte))
			continue;
		if (!pte_is_special(pte)) {
			page = phys_to_page(arch_pte_frame(pte));
			if (page->use == PAGE_USE_ANON) {
				pte = share_anon(fork, va, src, pte, page);
			} else if (page_is_of(page, area->mapping)) {
				page_get(page);
				fork->nr_file++;
			} else {
				continue; /* being truncated: the child faults */
			}
		}
		atomic_store_release(dst, pte);
	}
}

static int copy_tables(struct fork *fork, const struct area *area)
{
	vaddr_t next;

	for (vaddr_t va = area->start; va < area->end; va = next) {
		struct leaf src, dst;

		if (!leaf_find(fork->src, va, &src, &next))
			continue;
		next = MIN(next, area->end);
		if (leaf_get(fork->dst, va, &dst))
			return -ENOMEM;
		if (fatal_signal_pending(current))
			return -EINTR;
		spin_lock_pair(src.lock, dst.lock);
		copy_entries(fork, area, leaf_entry(&src, va), leaf_entry(&dst, va), va, next);
		spin_unlock_pair(src.lock, dst.lock);
	}
	return 0;
}

static bool needs_tables(const struct area *area)
{
	if (area->flags & AREA_WIPEONFORK)
		return false;
	return !area->mapping || atomic_load_relaxed(&area->has_anon) ||
	       area_pages(area) <= SMALL_AREA_PAGES;
}

static int copy_area(struct fork *fork, const struct area *area)
{
	struct mm_contents *contents = fork->dst->contents;
	struct area *copy = area_alloc();

	if (!copy)
		return -ENOMEM;
	copy->start = area->start;
	copy->end = area->end;
	copy->flags = area->flags & ~(uint32_t)AREA_LOCKED; /* mlock(2): not inherited */
	copy->has_anon = atomic_load_relaxed(&area->has_anon);
	copy->mm = fork->dst;
	copy->mapping = area->mapping;
	copy->pgoff = area->pgoff;
	copy->ops = area->ops;
	copy->object = area->object;
	copy->name = area->name;
	area_open(copy);
	area_append(contents, copy);
	area_account(contents, copy->flags, (int64_t)area_pages(copy));
	return needs_tables(area) ? copy_tables(fork, area) : 0;
}

static void copy_fields(struct mm_contents *dst, const struct mm_contents *src)
{
	dst->mmap_top = src->mmap_top;
	dst->brk_start = src->brk_start;
	dst->brk = src->brk;
	dst->stack_top = src->stack_top;
	dst->arg_start = src->arg_start;
	dst->arg_end = src->arg_end;
	dst->env_start = src->env_start;
	dst->env_end = src->env_end;
	dst->code_start = src->code_start;
	dst->code_end = src->code_end;
	dst->data_start = src->data_start;
	dst->data_end = src->data_end;
	dst->stack_limit = src->stack_limit;
	dst->as_limit = src->as_limit;
	dst->data_limit = src->data_limit;
	dst->memlock_limit = src->memlock_limit;
	dst->auxv_len = src->auxv_len;
	memcpy(dst->auxv, src->auxv, src->auxv_len * sizeof(src->auxv[0]));
	dst->exe_file = src->exe_file;
	if (dst->exe_file)
		exe_file_get(dst->exe_file);
}

static int copy_areas(struct fork *fork)
{
	const struct area *area = area_find(fork->src->contents, 0);
	int error = 0;

	for (; area && !error; area = area_next(area))
		if (!(area->flags & AREA_DONTFORK))
			error = copy_area(fork, area);
	return error;
}

/* Whether src belongs to the running task alone: then nobody writes to it while it is copied. */
static void choose_ahead(struct fork *fork)
{
	const struct trapframe *tf;

	if (fork->src != current->mm || refcount_read(&fork->src->mm_users) != 1)
		return;
	tf = arch_task_frame(current);
	if (tf)
		fork->stack_page = arch_frame_sp(tf) & PAGE_MASK;
	fork->nr_ahead = AHEAD_PAGES;
	fork->copies_hot = fork->src->contents->nr_forks > 0;
}

int contents_dup(struct mm_struct *dst, struct mm_struct *src)
{
	struct mm_contents *from = src->contents, *to;
	struct fork fork = {.dst = dst, .src = src};
	int error = contents_create(dst);

	if (error)
		return error;
	to = dst->contents;
	error = rwsem_write_lock_killable(&from->lock);
	if (error)
		return -EINTR;
	choose_ahead(&fork);
	copy_fields(to, from);
	error = copy_areas(&fork);
	atomic_fetch_add_relaxed(&to->anon_pages, fork.nr_anon);
	atomic_fetch_add_relaxed(&to->file_pages, fork.nr_file);
	if (fork.has_protected)
		tlb_flush_mm(src, false);
	contents_debug_check(src);
	if (from->nr_forks < NR_FORKS_CAP)
		from->nr_forks++;
	rwsem_write_unlock(&from->lock);
	return error;
}
