/*
 * Sockets that only reach each other. A socket that is open nowhere but lies in a message in its own
 * queue (or round a longer circle) is kept alive by that message, and nobody can ever read it. As in any
 * garbage collection: a socket whose file has a reference outside of messages is live, and so is what
 * lies in a live socket's queue; the messages in the queues of all others are let go.
 *
 * nr_in_flight counts a socket's file in messages. It is raised before a message is queued and lowered
 * after it was taken, so a message on its way makes its files look referenced from an unknown place:
 * live. unix_gc_lock guards the list of sockets, the counts and the marks. Context: task, may sleep.
 */
#include "unix.h"
#include <kern/assert.h>

struct spinlock unix_gc_lock = SPINLOCK_INIT(LOCK_RANK_FS, "unix_gc");
static struct list_node sockets = LIST_INIT(sockets); /* [unix_gc_lock] */
static uint32_t nr_in_flight; /* [unix_gc_lock to write, atomic to read] sockets in messages */
static uint32_t is_running;   /* [atomic] somebody collects */

void unix_gc_add(struct unix_socket *u)
{
	spin_lock(&unix_gc_lock);
	list_add_tail(&sockets, &u->all_node);
	spin_unlock(&unix_gc_lock);
}

void unix_gc_remove(struct unix_socket *u)
{
	spin_lock(&unix_gc_lock);
	list_remove(&u->all_node);
	spin_unlock(&unix_gc_lock);
}

/* ---- counting ---- */

static struct unix_socket *unix_of_file(const struct file *file)
{
	struct socket *socket = file_socket(file);

	return socket && socket->family == AF_UNIX ? unix_of(socket) : NULL;
}

void unix_gc_count(const struct control *control, int step)
{
	if (likely(!control))
		return;
	spin_lock(&unix_gc_lock);
	for (unsigned i = 0; i < control->nr_files; i++) {
		struct unix_socket *u = unix_of_file(control->files[i]);

		if (!u)
			continue;
		assert(step > 0 || u->nr_in_flight > 0);
		u->nr_in_flight += (uint32_t)step;
		atomic_store_relaxed(&nr_in_flight, nr_in_flight + (uint32_t)step);
	}
	spin_unlock(&unix_gc_lock);
}

/* ---- marking ---- */

typedef void visit_fn(struct unix_socket *u, void *arg);

static void visit_queue(struct unix_socket *u, visit_fn *visit, void *arg)
{
	struct unix_buffer *buffer;

	spin_lock(&u->lock);
	list_for_each_entry (buffer, &u->queue, node) {
		for (unsigned i = 0; buffer->control && i < buffer->control->nr_files; i++) {
			struct unix_socket *child = unix_of_file(buffer->control->files[i]);
			if (child)
				visit(child, arg);
		}
	}
	spin_unlock(&u->lock);
}

/* Becomes one, and gets and loses connections, under unix_gc_lock too. */
static bool is_listening(const struct unix_socket *u)
{
	return atomic_load_relaxed(&u->state) == UNIX_LISTENING;
}

/* Calls visit for every socket in u's messages; a listener's are those of its waiting connections. */
static void visit_children(struct unix_socket *u, visit_fn *visit, void *arg)
{
	struct unix_socket *waiting;

	if (!is_listening(u)) {
		visit_queue(u, visit, arg);
		return;
	}
	list_for_each_entry (waiting, &u->queue, accept_node)
		visit_queue(waiting, visit, arg);
}

static void subtract_one(struct unix_socket *u, void *arg)
{
	if (u->gc_mark == GC_CANDIDATE)
		u->nr_outside--;
}

static void mark_live(struct unix_socket *u, void *arg)
{
	bool *again = arg;

	if (u->gc_mark != GC_CANDIDATE)
		return;
	u->gc_mark = GC_FOUND;
	*again = true;
}

/* Context: unix_gc_lock held. */
static void mark_all(void)
{
	struct unix_socket *u;
	bool again = false;

	list_for_each_entry (u, &sockets, all_node) {
		const struct file *file = u->socket.file;

		u->gc_mark = GC_LIVE;
		if (u->nr_in_flight && (uint32_t)refcount_read(&file->refs) == u->nr_in_flight)
			u->gc_mark = GC_CANDIDATE;
		u->nr_outside = (int32_t)u->nr_in_flight;
	}
	list_for_each_entry (u, &sockets, all_node) {
		if (u->gc_mark == GC_CANDIDATE)
			visit_children(u, subtract_one, NULL);
	}
	/* In a message that no candidate's queue has: live, and all that it leads to. */
	list_for_each_entry (u, &sockets, all_node) {
		if (u->gc_mark == GC_CANDIDATE && u->nr_outside > 0)
			mark_live(u, &again);
	}
	while (again) {
		again = false;
		list_for_each_entry (u, &sockets, all_node) {
			if (u->gc_mark != GC_FOUND)
				continue;
			u->gc_mark = GC_LIVE;
			visit_children(u, mark_live, &again);
		}
	}
}

/* ---- letting go ---- */

static void take_messages(struct unix_socket *u, struct list_node *garbage)
{
	struct unix_buffer *buffer, *next;

	spin_lock(&u->lock);
	list_for_each_entry_safe (buffer, next, &u->queue, node) {
		if (!buffer->control)
			continue;
		list_remove(&buffer->node);
		list_add_tail(garbage, &buffer->node);
		atomic_store_relaxed(&u->nr_queued, u->nr_queued - 1);
	}
	spin_unlock(&u->lock);
}

/* Context: unix_gc_lock held. */
static void take_garbage(struct list_node *garbage)
{
	struct unix_socket *u, *waiting;

	list_for_each_entry (u, &sockets, all_node) {
		if (u->gc_mark != GC_CANDIDATE)
			continue;
		if (!is_listening(u)) {
			take_messages(u, garbage);
			continue;
		}
		list_for_each_entry (waiting, &u->queue, accept_node)
			take_messages(waiting, garbage);
	}
}

void unix_gc_run(void)
{
	struct list_node garbage = LIST_INIT(garbage);

	if (likely(!atomic_load_relaxed(&nr_in_flight)))
		return;
	if (atomic_exchange_acquire(&is_running, 1U))
		return; /* perhaps by ourselves: what is let go below ends here too */
	do {
		spin_lock(&unix_gc_lock);
		mark_all();
		take_garbage(&garbage);
		spin_unlock(&unix_gc_lock);
		if (list_is_empty(&garbage))
			break;
		while (!list_is_empty(&garbage)) {
			struct unix_buffer *buffer = list_first(&garbage, struct unix_buffer, node);
			list_remove(&buffer->node);
			unix_buffer_free(buffer);
		}
	} while (atomic_load_relaxed(&nr_in_flight));
	atomic_store_release(&is_running, 0U);
}
