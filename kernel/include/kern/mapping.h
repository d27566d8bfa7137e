/*
 * struct mapping (rank 5): the pages of an object (a file, shared memory), found by page number.
 * It is what read, write and every mapping of the object have in common, so they are coherent.
 */
#ifndef KERN_MAPPING_H
#define KERN_MAPPING_H

#include <kern/types.h>
#include <kern/atomic.h>
#include <kern/list.h>
#include <kern/mutex.h>
#include <kern/page.h>

struct mapping;

/* Where pages of a mapping come from and go to. NULL ops: memory only, holes read as zero. */
struct mapping_ops {
	/* Fills a new, zeroed page (index, page number). 0 or -Exxx. May sleep. */
	int (*fill)(struct mapping *mapping, uint64_t index, struct page *page);
	/* nr_pages pages that fill had been asked for, or that were adopted, are gone again (truncate,
	 * punch, the last put): for a file system that counts. May be NULL. Context: task. */
	void (*drained)(struct mapping *mapping, uint64_t nr_pages);
	/* The last reference goes; every page has gone before. */
	void (*release)(struct mapping *mapping);
};

/*
 * Pages leave by mapping_truncate and mapping_punch only: the page's mapping field is cleared under
 * lock, then it is taken out of every address space. Whoever puts a page of a mapping into a page table
 * looks at that field with the table's lock held, and lets it be if it is clear: so either he sees that
 * the page is gone, or the one who takes it away finds the entry. No lock is held across both.
 */
struct mapping {
	struct refcount refs;
	const struct mapping_ops *ops; /* [const] */
	void *owner;		       /* [const] the inode */
	struct spinlock lock;
	void *tree;	   /* [lock] radix tree of pages; mm/mapping.c */
	uint64_t nr_pages; /* [lock] */
	uint64_t size;	   /* [lock, atomic for a look] bytes; faults at or past its last
					* page get SIGBUS */
	struct mutex areas_lock;
	struct list_node areas; /* [areas_lock] of all address spaces: for truncation */
};

/* References 1, no pages, size 0. */
void mapping_init(struct mapping *mapping, const struct mapping_ops *ops, void *owner);
/* An unnamed one for MAP_SHARED|MAP_ANONYMOUS, size in bytes. NULL: no memory. */
MUST_USE struct mapping *mapping_create_shared(uint64_t size);
void mapping_get(struct mapping *mapping);
/* The last one frees every page and calls ops->release. May sleep. */
void mapping_put(struct mapping *mapping);
/* Frees every page; for owners that embed a mapping and count themselves. No area is left. */
void mapping_empty(struct mapping *mapping);

/*
 * The page at index with a reference for the caller. 0; -ENOENT: absent; -ENOMEM; -EIO: outside size;
 * what fill says. May sleep.
 * MAPPING_CREATE: makes an absent one (zeroed, or filled by ops).
 * MAPPING_INSIDE: only below the present size, looked at together with the insertion: for faults.
 */
enum { MAPPING_CREATE = 1, MAPPING_INSIDE = 2 };
MUST_USE int mapping_get_page(struct mapping *mapping, uint64_t index, unsigned flags,
			      struct page **page);
/* The same without sleeping or creating; NULL: absent. */
struct page *mapping_find_page(struct mapping *mapping, uint64_t index);
/* Those of [index, index + nr) whose bit in want is set, nr <= 64, into pages[0 .. nr - 1], each with a
 * reference; NULL where absent or not wanted. Context: any task context; doesn't sleep. */
void mapping_find_pages(struct mapping *mapping, uint64_t index, unsigned nr, uint64_t want,
			struct page **pages);
/* Puts a given frame (use PAGE_USE_FILE; its reference moves) at an absent index: initramfs pages in
 * place. -EEXIST, -ENOMEM: the reference stays with the caller. */
MUST_USE int mapping_adopt_page_move(struct mapping *mapping, uint64_t index, struct page *page);

/*
 * Changes the size. Pages past it go, also from every address space, private copies included (what
 * maps them gets SIGBUS: mmap(2)); the rest of the last page is zeroed. Growing only sets the size.
 * The owner serialises calls of these two (inode lock). May sleep.
 */
void mapping_truncate(struct mapping *mapping, uint64_t size);
/* The size becomes larger, up to what was just written; no byte changes. Context: writers of the
 * object serialise. */
void mapping_extend(struct mapping *mapping, uint64_t size);
/* Frees the pages of [start, end), page numbers, and unmaps them (fallocate PUNCH_HOLE). Private
 * copies stay. */
void mapping_punch(struct mapping *mapping, uint64_t start, uint64_t end);
/* First index >= from that has a page; UINT64_MAX: none (SEEK_DATA). */
uint64_t mapping_next_page(struct mapping *mapping, uint64_t from);

#endif
