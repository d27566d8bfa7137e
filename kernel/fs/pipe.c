/*
 * Pipes (pipe(7)): data in a ring of pages. One mutex per pipe guards the ring; copies to and from user
 * memory happen under it, which is what makes a write of up to PIPE_BUF bytes atomic: it always fits
 * one slot. Readers and writers sleep exclusively, and who leaves something for the next wakes him.
 * Context: task, may sleep.
 */
#include "pipe.h"
#include <kern/assert.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/sched.h>
#include <kern/signal.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include <uapi/poll.h>
#include "fs_init.h"

static struct kcache *pipe_cache;

/* ---- birth and death ---- */

struct pipe *pipe_create(void)
{
	struct pipe *pipe = kcache_alloc(pipe_cache, ALLOC_ZERO);

	if (!pipe)
		return NULL;
	pipe->slots = kmalloc(PIPE_SLOTS * sizeof(*pipe->slots), ALLOC_ZERO);
	if (!pipe->slots) {
		kcache_free(pipe_cache, pipe);
		return NULL;
	}
	mutex_init(&pipe->lock);
	pipe->nr_slots = PIPE_SLOTS;
	wait_queue_init(&pipe->read_queue);
	wait_queue_init(&pipe->write_queue);
	return pipe;
}

void pipe_destroy(struct pipe *pipe)
{
	for (uint32_t i = pipe->tail; i != pipe->head; i++)
		page_put(pipe_slot(pipe, i)->page);
	for (unsigned i = 0; i < PIPE_SPARE_PAGES; i++) {
		if (pipe->spare[i])
			page_put(pipe->spare[i]);
	}
	kfree(pipe->slots);
	kcache_free(pipe_cache, pipe);
}

/* ---- slots ---- */

static struct page *take_page(struct pipe *pipe)
{
	for (unsigned i = 0; i < PIPE_SPARE_PAGES; i++) {
		struct page *page = pipe->spare[i];
		if (page) {
			pipe->spare[i] = NULL;
			return page;
		}
	}
	return page_alloc(0, PAGE_USE_KERNEL, ALLOC_USER);
}

static void give_page(struct pipe *pipe, struct page *page, bool is_shared)
{
	for (unsigned i = 0; !is_shared && i < PIPE_SPARE_PAGES; i++) {
		if (!pipe->spare[i]) {
			pipe->spare[i] = page;
			return;
		}
	}
	page_put(page);
}

void pipe_drop_first(struct pipe *pipe)
{
	struct pipe_slot *slot = pipe_slot(pipe, pipe->tail);

	give_page(pipe, slot->page, slot->is_shared);
	slot->page = NULL;
	atomic_store_release(&pipe->tail, pipe->tail + 1);
}

long pipe_resize(struct pipe *pipe, size_t bytes)
{
	uint32_t nr = 1, used;
	struct pipe_slot *slots, *old;

	if (bytes > (size_t)PIPE_SLOTS_MAX * PAGE_SIZE)
		return -EPERM;
	while (nr * PAGE_SIZE < bytes)
		nr *= 2;
	slots = kmalloc(nr * sizeof(*slots), ALLOC_ZERO);
	if (!slots)
		return -ENOMEM;
	mutex_lock(&pipe->lock);
	used = pipe->head - pipe->tail;
	if (used > nr) {
		mutex_unlock(&pipe->lock);
		kfree(slots);
		return -EBUSY;
	}
	for (uint32_t i = 0; i < used; i++)
		slots[i] = *pipe_slot(pipe, pipe->tail + i);
	old = pipe->slots;
	pipe->slots = slots;
	atomic_store_relaxed(&pipe->nr_slots, nr);
	atomic_store_relaxed(&pipe->tail, 0U);
	atomic_store_relaxed(&pipe->head, used);
	mutex_unlock(&pipe->lock);
	kfree(old);
	pipe_wake_writers(pipe);
	return (long)(nr * PAGE_SIZE);
}

/* ---- waiting ---- */

void pipe_wake_readers(struct pipe *pipe)
{
	wake_up_key(&pipe->read_queue, POLLIN | POLLRDNORM | WAKE_SYNC);
}

void pipe_wake_writers(struct pipe *pipe)
{
	wake_up_key(&pipe->write_queue, POLLOUT | POLLWRNORM | WAKE_SYNC);
}

static bool is_readable(const struct pipe *pipe)
{
	return !pipe_is_empty(pipe) || !atomic_load_relaxed(&pipe->writers);
}

static bool is_writable(const struct pipe *pipe)
{
	return !pipe_is_full(pipe) || !atomic_load_relaxed(&pipe->readers);
}

/*
 * One exclusive sleep until condition: a waker picks one of several sleepers. One who is interrupted may
 * have been picked at the same moment; his caller then finds the condition true and passes it on.
 */
static int wait_exclusive(struct pipe *pipe, struct wait_queue *queue,
			  bool (*condition)(const struct pipe *pipe)) HOLDS(pipe->lock)
{
	struct wait_entry entry;
	int error = 0;

	wait_entry_init(&entry);
	entry.is_exclusive = true;
	mutex_unlock(&pipe->lock);
	for (;;) {
		wait_prepare(queue, &entry, TASK_INTERRUPTIBLE);
		if (condition(pipe))
			break;
		error = wait_sleep(TASK_INTERRUPTIBLE, UINT64_MAX);
		if (error)
			break;
	}
	wait_finish(queue, &entry);
	if (unlikely(error) && condition(pipe))
		wake_up_one(queue);
	mutex_lock(&pipe->lock);
	return error;
}

int pipe_wait_readable(struct pipe *pipe, bool is_nonblocking, bool *has_waited)
{
	int error = 0;

	while (!error && !is_readable(pipe)) {
		if (is_nonblocking)
			return -EAGAIN;
		*has_waited = true;
		error = wait_exclusive(pipe, &pipe->read_queue, is_readable);
	}
	return error;
}

int pipe_wait_writable(struct pipe *pipe, bool is_nonblocking, bool *has_waited)
{
	int error = 0;

	while (!error && !is_writable(pipe)) {
		if (is_nonblocking)
			return -EAGAIN;
		*has_waited = true;
		error = wait_exclusive(pipe, &pipe->write_queue, is_writable);
	}
	return error;
}

/* ---- reading ---- */

/* Bytes of the first slot; *is_end: a packet ended, or the program's memory did. -EFAULT. */
static ssize_t read_slot(struct pipe *pipe, struct iov_iter *to, bool *is_end)
{
	struct pipe_slot *slot = pipe_slot(pipe, pipe->tail);
	size_t want = MIN((size_t)slot->len, iov_left(to));
	size_t moved = iov_copy_to(to, (char *)page_address(slot->page) + slot->offset, want);

	slot->offset += (uint32_t)moved;
	slot->len -= (uint32_t)moved;
	*is_end = slot->is_packet || moved < want;
	if (moved < want && !moved)
		return -EFAULT;
	if (!slot->len || slot->is_packet) /* what a packet's reader leaves is lost */
		pipe_drop_first(pipe);
	return (ssize_t)moved;
}

static ssize_t pipe_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct pipe *pipe = file->private;
	bool was_full, is_end = false, has_waited = false;
	ssize_t done = 0, step;

	if (!iov_left(to))
		return 0;
	mutex_lock(&pipe->lock);
	if (pipe_is_empty(pipe)) {
		int error = pipe_wait_readable(pipe, file_is_nonblocking(file), &has_waited);
		if (error) {
			mutex_unlock(&pipe->lock);
			return error;
		}
	}
	was_full = pipe_is_full(pipe);
	while (!pipe_is_empty(pipe) && iov_left(to) && !is_end) {
		step = read_slot(pipe, to, &is_end);
		if (step < 0) {
			done = done ? done : step;
			break;
		}
		done += step;
	}
	was_full &= !pipe_is_full(pipe);
	has_waited &= !pipe_is_empty(pipe);
	mutex_unlock(&pipe->lock);
	if (was_full || unlikely(atomic_load_relaxed(&pipe->is_polled)))
		pipe_wake_writers(pipe);
	if (unlikely(has_waited))
		pipe_wake_readers(pipe); /* he was picked alone, and leaves something */
	return done;
}

/* ---- writing ---- */

static ssize_t no_reader(ssize_t done)
{
	if (done)
		return done;
	signal_hooks.send_task(current, SIGPIPE, NULL);
	return -EPIPE;
}

/* Into the room that the newest page still has, if all of a small write, or the odd rest of a large
 * one, fits: its whole pages then go into slots of their own. */
static ssize_t append(struct pipe *pipe, struct iov_iter *from)
{
	struct pipe_slot *slot;
	size_t want = iov_left(from) & (PAGE_SIZE - 1), end, moved;

	if (pipe_is_empty(pipe) || !want)
		return 0;
	slot = pipe_slot(pipe, pipe->head - 1);
	end = slot->offset + slot->len;
	if (slot->is_packet || slot->is_shared || end + want > PAGE_SIZE)
		return 0;
	moved = iov_copy_from(from, (char *)page_address(slot->page) + end, want);
	slot->len += (uint32_t)moved;
	return moved < want ? (moved ? (ssize_t)moved : -EFAULT) : (ssize_t)moved;
}

static ssize_t write_slot(struct pipe *pipe, struct iov_iter *from, bool is_packet)
{
	struct page *page = take_page(pipe);
	struct pipe_slot *slot;
	size_t moved;

	if (!page)
		return -ENOMEM;
	moved = iov_copy_from(from, page_address(page), MIN(iov_left(from), PAGE_SIZE));
	if (!moved) {
		give_page(pipe, page, false);
		return -EFAULT;
	}
	slot = pipe_slot(pipe, pipe->head);
	*slot = (struct pipe_slot){page, 0, (uint32_t)moved, is_packet, false};
	atomic_store_release(&pipe->head, pipe->head + 1);
	return (ssize_t)moved;
}

/* What a write under way has to tell others when it ends or waits. */
struct write_news {
	bool was_empty;	 /* readers may be asleep */
	bool has_waited; /* he was picked alone: if room is left, the next writer is to be woken */
};

/* Full before all is written: what is there may be read. */
static int wait_for_room(struct pipe *pipe, bool is_nonblocking, struct write_news *news)
	HOLDS(pipe->lock)
{
	int error;

	if (is_writable(pipe))
		return 0;
	if (news->was_empty) {
		mutex_unlock(&pipe->lock);
		pipe_wake_readers(pipe);
		mutex_lock(&pipe->lock);
		news->was_empty = false;
	}
	error = pipe_wait_writable(pipe, is_nonblocking, &news->has_waited);
	if (!error && pipe_is_empty(pipe))
		news->was_empty = true;
	return error;
}

static ssize_t write_locked(struct file *file, struct pipe *pipe, struct iov_iter *from,
			    struct write_news *news) HOLDS(pipe->lock)
{
	bool is_packet = atomic_load_relaxed(&file->flags) & O_DIRECT;
	ssize_t done = 0, step = 0;

	if (!pipe->readers)
		return no_reader(0);
	if (!is_packet)
		step = append(pipe, from);
	while (step >= 0) {
		done += step;
		if (!iov_left(from))
			break;
		if (pipe_is_full(pipe)) {
			step = wait_for_room(pipe, file_is_nonblocking(file), news);
			if (step)
				break;
		}
		if (!pipe->readers)
			return no_reader(done);
		step = write_slot(pipe, from, is_packet);
	}
	return done ? done : step;
}

static ssize_t pipe_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	struct pipe *pipe = file->private;
	struct write_news news = {false, false};
	ssize_t done;

	if (!iov_left(from))
		return 0;
	mutex_lock(&pipe->lock);
	news.was_empty = pipe_is_empty(pipe);
	done = write_locked(file, pipe, from, &news);
	news.has_waited &= !pipe_is_full(pipe);
	mutex_unlock(&pipe->lock);
	if (done > 0 && (news.was_empty || unlikely(atomic_load_relaxed(&pipe->is_polled))))
		pipe_wake_readers(pipe);
	if (unlikely(news.has_waited))
		pipe_wake_writers(pipe);
	return done;
}

const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

INIT_TEXT void pipe_init(void)
{
	pipe_cache = kcache_create("pipe", sizeof(struct pipe), 0);
}
