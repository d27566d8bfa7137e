/*
 * epoll(7). An instance keeps an item for each watched (file, descriptor), which stands in the file's
 * wait queues for good, and a list of the items that may be ready.
 *
 *	item:	idle -- a wake-up --> on the ready list -- epoll_wait looks --> reported or not;
 *		level-triggered and still ready: back on the list; else idle
 *
 * Locks: epoll->mutex guards the tree of items and is held while files are polled. epoll->lock guards
 * the ready list; wakers take it inside a wait queue's lock, with interrupts off. epoll_mutex guards
 * every file's list of items (files and instances may end in any order) and the nesting of instances;
 * it is taken before epoll->mutex. Context: task, but for wakers.
 */
#include "epoll.h"
#include <kern/assert.h>
#include <kern/fs.h>
#include <kern/kcache.h>
#include <kern/rbtree.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "fs_init.h"

enum { MAX_NESTING = 4 };

/* How a file is asked for its events; joins the queues if item has none yet. */
struct epoll_join {
	struct poll_table table;
	struct epoll_item *item;
};

static struct mutex epoll_mutex;
static struct kcache *item_cache;
static const struct file_ops epoll_ops;

/* ---- wakers ---- */

/* Context: the file's queue lock held, interrupts off. */
static bool item_wake(struct wait_entry *wait, unsigned key)
{
	struct epoll_hook *hook = container_of(wait, struct epoll_hook, wait);
	struct epoll_item *item = hook->item;
	struct epoll *epoll = item->epoll;
	unsigned events = key & ~WAKE_SYNC;
	unsigned long flags;
	bool was_idle;

	flags = spin_lock_irqsave(&epoll->lock);
	if (!(item->event.events & ~EPOLL_PRIVATE) || (events && !(events & item->event.events))) {
		spin_unlock_irqrestore(&epoll->lock, flags);
		return false;
	}
	was_idle = list_is_empty(&item->ready_node);
	if (was_idle)
		list_add_tail(&epoll->ready, &item->ready_node);
	spin_unlock_irqrestore(&epoll->lock, flags);
	wake_up_key(&epoll->waiters, POLLIN | (key & WAKE_SYNC));
	wake_up_key(&epoll->pollers, POLLIN | POLLRDNORM);
	return true;
}

/* Puts an item on the ready list from task context. */
static void item_set_ready(struct epoll_item *item)
{
	struct epoll *epoll = item->epoll;
	unsigned long flags = spin_lock_irqsave(&epoll->lock);

	if (list_is_empty(&item->ready_node))
		list_add_tail(&epoll->ready, &item->ready_node);
	spin_unlock_irqrestore(&epoll->lock, flags);
	wake_up_one(&epoll->waiters);
	wake_up_all(&epoll->pollers);
}

static void join(struct poll_table *table, struct file *file, struct wait_queue *queue)
{
	struct epoll_item *item = container_of(table, struct epoll_join, table)->item;

	for (unsigned i = 0; i < EPOLL_ITEM_QUEUES; i++) {
		struct epoll_hook *hook = &item->hooks[i];

		if (hook->queue)
			continue;
		wait_entry_init(&hook->wait);
		hook->wait.wake = item_wake;
		hook->wait.is_exclusive = item->event.events & EPOLLEXCLUSIVE;
		hook->item = item;
		hook->queue = queue;
		wait_add(queue, &hook->wait);
		return;
	}
	item->lacks_hooks = true;
}

unsigned epoll_item_poll(struct epoll_item *item, struct poll_table *table)
{
	return file_poll(item->file, table) &
	       ((item->event.events & ~EPOLL_PRIVATE) | POLLERR | POLLHUP);
}

/* ---- items ---- */

static int item_compare(const struct epoll_item *item, const struct file *file, int fd)
{
	if (item->file != file)
		return item->file < file ? -1 : 1;
	return item->fd < fd ? -1 : item->fd > fd;
}

static struct epoll_item *item_find(struct epoll *epoll, const struct file *file, int fd,
				    struct rb_node **parent, struct rb_node ***link)
{
	*link = &epoll->items.node;
	*parent = NULL;
	while (**link) {
		struct epoll_item *item = rb_entry(**link, struct epoll_item, node);
		int order = item_compare(item, file, fd);

		if (!order)
			return item;
		*parent = **link;
		*link = order > 0 ? &(*parent)->left : &(*parent)->right;
	}
	return NULL;
}

/* Context: epoll_mutex and epoll->mutex held. */
static void item_destroy(struct epoll_item *item)
{
	struct epoll *epoll = item->epoll;
	unsigned long flags;

	for (unsigned i = 0; i < EPOLL_ITEM_QUEUES; i++) {
		if (item->hooks[i].queue)
			wait_remove(item->hooks[i].queue, &item->hooks[i].wait);
	}
	flags = spin_lock_irqsave(&epoll->lock); /* no waker can find it any more */
	list_remove(&item->ready_node);
	spin_unlock_irqrestore(&epoll->lock, flags);
	list_remove(&item->file_node);
	rb_remove(&epoll->items, &item->node, NULL);
	kcache_free(item_cache, item);
}

static int item_add(struct epoll *epoll, struct file *file, int fd,
		    const struct abi_epoll_event *event)
{
	struct epoll_join joiner = {{join}, NULL};
	struct rb_node *parent, **link;
	struct epoll_item *item;

	if (item_find(epoll, file, fd, &parent, &link))
		return -EEXIST;
	item = kcache_alloc(item_cache, ALLOC_ZERO);
	if (!item)
		return -ENOMEM;
	item->epoll = epoll;
	item->file = file;
	item->fd = fd;
	item->event = *event;
	list_init(&item->ready_node);
	rb_insert(&epoll->items, parent, link, &item->node, NULL);
	list_add_tail(&file->epoll_items, &item->file_node);
	joiner.item = item;
	if (epoll_item_poll(item, &joiner.table))
		item_set_ready(item);
	if (item->lacks_hooks) {
		item_destroy(item);
		return -ENOMEM;
	}
	return 0;
}

static int item_modify(struct epoll *epoll, struct file *file, int fd,
		       const struct abi_epoll_event *event)
{
	struct rb_node *parent, **link;
	struct epoll_item *item = item_find(epoll, file, fd, &parent, &link);
	unsigned long flags;

	if (!item)
		return -ENOENT;
	if ((item->event.events | event->events) & EPOLLEXCLUSIVE)
		return -EINVAL;
	flags = spin_lock_irqsave(&epoll->lock);
	item->event = *event;
	spin_unlock_irqrestore(&epoll->lock, flags);
	/* From here wakers use the new events; what happened before is seen by this look. */
	if (epoll_item_poll(item, NULL))
		item_set_ready(item);
	return 0;
}

static int item_delete(struct epoll *epoll, struct file *file, int fd)
{
	struct rb_node *parent, **link;
	struct epoll_item *item = item_find(epoll, file, fd, &parent, &link);

	if (!item)
		return -ENOENT;
	item_destroy(item);
	return 0;
}

void epoll_forget_file(struct file *file)
{
	/* The last reference is gone: nobody can add an item any more, so the look is safe. */
	if (likely(atomic_load_acquire(&file->epoll_items.next) == &file->epoll_items))
		return;
	mutex_lock(&epoll_mutex);
	while (!list_is_empty(&file->epoll_items)) {
		struct epoll_item *item =
			list_first(&file->epoll_items, struct epoll_item, file_node);
		struct epoll *epoll = item->epoll;

		mutex_lock(&epoll->mutex);
		item_destroy(item);
		mutex_unlock(&epoll->mutex);
	}
	mutex_unlock(&epoll_mutex);
}

/* ---- instances ---- */

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->private;
	struct rb_node *node;

	mutex_lock(&epoll_mutex);
	mutex_lock(&epoll->mutex);
	while ((node = rb_first(&epoll->items)) != NULL)
		item_destroy(rb_entry(node, struct epoll_item, node));
	mutex_unlock(&epoll->mutex);
	mutex_unlock(&epoll_mutex);
	kfree(epoll);
}

/* Ready as far as the list says: a look at each item would take its files' locks. */
static unsigned epoll_poll(struct file *file, struct poll_table *table)
{
	struct epoll *epoll = file->private;
	unsigned long flags;
	bool is_ready;

	poll_wait(file, &epoll->pollers, table);
	flags = spin_lock_irqsave(&epoll->lock);
	is_ready = !list_is_empty(&epoll->ready);
	spin_unlock_irqrestore(&epoll->lock, flags);
	return is_ready ? POLLIN | POLLRDNORM : 0;
}

struct epoll *file_epoll(const struct file *file)
{
	return file->ops == &epoll_ops ? file->private : NULL;
}

static const struct file_ops epoll_ops = {.poll = epoll_poll, .release = epoll_release};

long sys_epoll_create1(int flags)
{
	struct epoll *epoll;
	struct file *file;
	int fd;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	epoll = kmalloc(sizeof(*epoll), ALLOC_ZERO);
	if (!epoll)
		return -ENOMEM;
	mutex_init(&epoll->mutex);
	spin_init(&epoll->lock, LOCK_RANK_NONE, "epoll");
	list_init(&epoll->ready);
	wait_queue_init(&epoll->waiters);
	wait_queue_init(&epoll->pollers);
	/* Taken inside the lock of a file's wait queue, which may be another instance's: not ranked. */
	spin_init(&epoll->waiters.lock, LOCK_RANK_NONE, "epoll waiters");
	spin_init(&epoll->pollers.lock, LOCK_RANK_NONE, "epoll pollers");
	file = file_alloc(&epoll_ops, O_RDWR);
	if (!file) {
		kfree(epoll);
		return -ENOMEM;
	}
	file->private = epoll;
	file->kind = "anon_inode:[eventpoll]";
	fd = fd_install_move(file, 0, (unsigned)flags);
	if (fd < 0)
		file_put(file);
	return fd;
}

long sys_epoll_create(int size)
{
	return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

/* ---- epoll_ctl ---- */

/* How deep instances nest below file; MAX_NESTING + 1: too deep, or target is among them: a circle.
 * Context: epoll_mutex held, which keeps every instance's set of instances still. */
static int nesting_below(const struct file *file, const struct file *target, int depth)
{
	struct epoll *epoll = file->private;
	int deepest = depth;

	if (file == target || depth > MAX_NESTING)
		return MAX_NESTING + 1;
	for (struct rb_node *node = rb_first(&epoll->items); node; node = rb_next(node)) {
		struct epoll_item *item = rb_entry(node, struct epoll_item, node);

		if (item->file->ops == &epoll_ops)
			deepest = MAX(deepest, nesting_below(item->file, target, depth + 1));
	}
	return deepest;
}

static int check_target(struct file *epoll_file, struct file *file,
			const struct abi_epoll_event *event)
{
	if (!file->ops->poll)
		return -EPERM; /* always ready: nothing to wait for */
	if ((event->events & EPOLLEXCLUSIVE) && file->ops == &epoll_ops)
		return -EINVAL;
	if (file->ops == &epoll_ops && nesting_below(file, epoll_file, 1) > MAX_NESTING)
		return -ELOOP;
	return 0;
}

static int control(struct file *epoll_file, int operation, struct file *file, int fd,
		   const struct abi_epoll_event *event)
{
	struct epoll *epoll = epoll_file->private;
	int error = 0;

	mutex_lock(&epoll_mutex);
	if (operation == EPOLL_CTL_ADD)
		error = check_target(epoll_file, file, event);
	mutex_lock(&epoll->mutex);
	if (error)
		goto unlock;
	switch (operation) {
	case EPOLL_CTL_ADD:
		error = item_add(epoll, file, fd, event);
		break;
	case EPOLL_CTL_MOD:
		error = item_modify(epoll, file, fd, event);
		break;
	case EPOLL_CTL_DEL:
		error = item_delete(epoll, file, fd);
		break;
	default:
		error = -EINVAL;
	}
unlock:
	mutex_unlock(&epoll->mutex);
	mutex_unlock(&epoll_mutex);
	return error;
}

long sys_epoll_ctl(int epoll_fd, int operation, int fd, struct abi_epoll_event *user_event)
{
	struct abi_epoll_event event = {0, 0};
	struct fd_ref epoll, target;
	long error = -EBADF;

	if (operation != EPOLL_CTL_DEL && copy_from_user(&event, user_event, sizeof(event)) != 0)
		return -EFAULT;
	epoll = fd_borrow(epoll_fd);
	if (!epoll.file)
		return -EBADF;
	target = fd_borrow(fd);
	if (target.file) {
		error = -EINVAL;
		if (epoll.file->ops == &epoll_ops && epoll.file != target.file)
			error = control(epoll.file, operation, target.file, fd, &event);
		fd_return(target);
	}
	fd_return(epoll);
	return error;
}

INIT_TEXT void epoll_init(void)
{
	mutex_init(&epoll_mutex);
	item_cache = kcache_create("epoll_item", sizeof(struct epoll_item), 0);
}
