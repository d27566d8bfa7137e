/* epoll, between the files of fs/. The essay is in epoll.c. */
#ifndef FS_EPOLL_H
#define FS_EPOLL_H

#include <kern/file.h>
#include <kern/rbtree.h>
#include <uapi/poll.h>

enum { EPOLL_ITEM_QUEUES = 2 }; /* no file of ours has more wait queues than that */

#define EPOLL_PRIVATE (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)

struct epoll {
	struct mutex mutex;
	struct rb_root items; /* [mutex] by file and descriptor */
	struct spinlock lock;
	struct list_node ready;	   /* [lock] */
	struct wait_queue waiters; /* epoll_wait */
	struct wait_queue pollers; /* those who poll the instance itself */
};

struct epoll_hook {
	struct wait_entry wait;
	struct wait_queue *queue; /* NULL: unused */
	struct epoll_item *item;
};

struct epoll_item {
	struct rb_node node; /* [epoll->mutex] */
	struct epoll *epoll; /* [const] */
	struct file *file;   /* [const] not a reference: the file's end takes the item along */
	int32_t fd;	     /* [const] */
	struct list_node file_node;   /* [epoll_mutex] in file->epoll_items */
	struct list_node ready_node;  /* [epoll->lock] */
	struct abi_epoll_event event; /* [epoll->mutex to write, lock for wakers' look] */
	struct epoll_hook hooks[EPOLL_ITEM_QUEUES];
	bool lacks_hooks; /* the file has more queues than hooks */
};

/* The instance behind an open file; NULL: it is none. */
struct epoll *file_epoll(const struct file *file);
/* What of an item's events has happened. table NULL: only looks. Context: epoll->mutex held. */
unsigned epoll_item_poll(struct epoll_item *item, struct poll_table *table);
/* The last reference of file goes: whoever watches it forgets it. Costs one look if nobody does. */
void epoll_forget_file(struct file *file);

#endif
