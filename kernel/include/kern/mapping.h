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
	/* The last reference goes. */
	void (*release)(struct mapping *mapping);
};

struct mapping {
	struct refcount refs;
	const struct mapping_ops *ops; /* [const] */
	void *owner;		       /* [const] the inode */
	struct spinlock lock;
	void *tree;		       /* [lock] radix tree of pages; mm/mapping.c */
	uint64_t nr_pages;	       /* [lock] */
	struct list_node areas;	       /* [lock] of all address spaces: for truncation */
	uint64_t size;		       /* [atomic] bytes; faults at or past its last page get SIGBUS */
	struct mutex truncate_lock;    /* truncation against faults */
};

void mapping_init(struct mapping *mapping, const struct mapping_ops *ops, void *owner);
/* An unnamed one for MAP_SHARED|MAP_ANONYMOUS, size in bytes. NULL: no memory. */
MUST_USE struct mapping *mapping_create_shared(uint64_t size);
void mapping_get(struct mapping *mapping);
/* The last one frees every page and calls ops->release. May sleep. */
void mapping_put(struct mapping *mapping);

/* The page at index with a reference for the caller. MAPPING_CREATE: makes an absent one (zeroed, or
 * filled by ops). 0; -ENOENT: absent; -ENOMEM; what fill says. May sleep. */
enum { MAPPING_CREATE = 1 };
MUST_USE int mapping_get_page(struct mapping *mapping, uint64_t index, unsigned flags,
			      struct page **page);
/* The same without sleeping or creating; NULL: absent. */
struct page *mapping_find_page(struct mapping *mapping, uint64_t index);
/* Puts a given frame (its reference moves) at an absent index: initramfs pages in place. -EEXIST. */
MUST_USE int mapping_adopt_page_move(struct mapping *mapping, uint64_t index, struct page *page);

/* Shrinks: pages past size go, also from every address space; the rest of the last page is zeroed.
 * Grows: only the size. */
void mapping_truncate(struct mapping *mapping, uint64_t size);
/* Frees the pages of [start, end), page numbers, and unmaps them (fallocate PUNCH_HOLE). */
void mapping_punch(struct mapping *mapping, uint64_t start, uint64_t end);
/* First index >= from that has a page; UINT64_MAX: none (SEEK_DATA). */
uint64_t mapping_next_page(struct mapping *mapping, uint64_t from);

#endif
