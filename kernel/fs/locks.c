/*
 * Advisory locks: records of processes and of open files (fcntl(2)), and whole files (flock(2)). Each
 * inode that ever had one has a lock_context for the rest of its life; its mutex guards its lists.
 * Locks of one owner never overlap: setting one cuts or joins what the owner had there. A waiter
 * sleeps on the context and looks again at each change. Who waits for whom among processes is in a
 * list of its own (waits_lock), in which a circle is a deadlock. Context: task, may sleep.
 */
#include "locks.h"
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include "fs_init.h"

struct lock_context {
	struct mutex mutex;
	struct list_node records; /* [mutex] LOCK_POSIX and LOCK_OFD */
	struct list_node flocks;  /* [mutex] */
	struct wait_queue queue;
};

struct file_lock {
	struct list_node node; /* [context->mutex] */
	const void *owner;     /* descriptor table, or open file: compared, never followed */
	int64_t start, end;    /* both inclusive; to the end of all files: INT64_MAX */
	int32_t pid;	       /* shown by F_GETLK; -1 for an open file's */
	int16_t type;	       /* F_RDLCK, F_WRLCK; in a request also F_UNLCK */
	uint8_t kind;
};

static struct kcache *lock_cache;

static struct lock_context *context_get(struct inode *inode)
{
	struct lock_context *context = atomic_load_acquire(&inode->locks), *fresh;

	if (context)
		return context;
	fresh = kmalloc(sizeof(*fresh), ALLOC_KERNEL);
	if (!fresh)
		return NULL;
	mutex_init(&fresh->mutex);
	list_init(&fresh->records);
	list_init(&fresh->flocks);
	wait_queue_init(&fresh->queue);
	if (atomic_cmpxchg_acqrel(&inode->locks, &context, fresh))
		return fresh;
	kfree(fresh);
	return context;
}

void lock_context_free(struct lock_context *context)
{
	if (!context)
		return;
	assert(list_is_empty(&context->records) && list_is_empty(&context->flocks));
	kfree(context);
}

static struct list_node *list_of(struct lock_context *context, uint8_t kind)
{
	return kind == LOCK_FLOCK ? &context->flocks : &context->records;
}

/* ---- conflicts ---- */

static bool conflicts(const struct file_lock *held, const struct file_lock *wanted)
{
	if (held->owner == wanted->owner || held->start > wanted->end || wanted->start > held->end)
		return false;
	return held->type == F_WRLCK || wanted->type == F_WRLCK;
}

static struct file_lock *find_conflict(struct lock_context *context, const struct file_lock *wanted)
{
	struct file_lock *held;

	list_for_each_entry (held, list_of(context, wanted->kind), node) {
		if (conflicts(held, wanted))
			return held;
	}
	return NULL;
}

/* ---- setting ---- */

/* The pieces that setting a lock may need: itself, and the tail of one that it cuts in two. */
struct lock_spares {
	struct file_lock *lock[2];
};

static int spares_fill(struct lock_spares *spares)
{
	for (unsigned i = 0; i < 2; i++)
		spares->lock[i] = kcache_alloc(lock_cache, ALLOC_KERNEL);
	return spares->lock[0] && spares->lock[1] ? 0 : -ENOLCK;
}

static void spares_free(struct lock_spares *spares)
{
	for (unsigned i = 0; i < 2; i++)
		kcache_free(lock_cache, spares->lock[i]);
}

static struct file_lock *spares_take(struct lock_spares *spares)
{
	unsigned i = spares->lock[0] ? 0 : 1;
	struct file_lock *lock = spares->lock[i];

	assert(lock);
	spares->lock[i] = NULL;
	return lock;
}

static void lock_remove(struct file_lock *lock)
{
	list_remove(&lock->node);
	kcache_free(lock_cache, lock);
}

/* Takes [wanted->start, wanted->end] out of what the owner has; equal types that touch are joined into
 * *wanted instead, so that the list stays short. */
static void carve(struct lock_context *context, struct file_lock *wanted,
		  struct lock_spares *spares)
{
	struct list_node *list = list_of(context, wanted->kind);
	struct file_lock *lock, *next, *tail;

	list_for_each_entry_safe (lock, next, list, node) {
		bool joins = lock->type == wanted->type;
		int64_t reach = joins ? 1 : 0;

		if (lock->owner != wanted->owner || lock->start - reach > wanted->end ||
		    (lock->end < INT64_MAX && lock->end + reach < wanted->start))
			continue;
		if (joins) {
			wanted->start = MIN(wanted->start, lock->start);
			wanted->end = MAX(wanted->end, lock->end);
			lock_remove(lock);
			continue;
		}
		if (lock->start < wanted->start && lock->end > wanted->end) {
			tail = spares_take(spares);
			*tail = *lock;
			tail->start = wanted->end + 1;
			list_add(&lock->node, &tail->node);
			lock->end = wanted->start - 1;
		} else if (lock->start < wanted->start) {
			lock->end = wanted->start - 1;
		} else if (lock->end > wanted->end) {
			lock->start = wanted->end + 1;
		} else {
			lock_remove(lock);
		}
	}
}

static void apply(struct lock_context *context, const struct file_lock *request,
		  struct lock_spares *spares)
{
	struct file_lock wanted = *request, *lock;

	carve(context, &wanted, spares);
	if (wanted.type == F_UNLCK)
		return;
	lock = spares_take(spares);
	*lock = wanted;
	list_add_tail(list_of(context, wanted.kind), &lock->node);
}

/* ---- waiting ---- */

struct lock_wait {
	struct list_node node;
	const void *owner, *blocker;
};
static struct spinlock waits_lock = SPINLOCK_INIT(LOCK_RANK_FS, "lock_waits");
static struct list_node waits = LIST_INIT(waits); /* [waits_lock] processes that wait for records */

static const void *blocker_of(const void *owner)
{
	struct lock_wait *wait;

	list_for_each_entry (wait, &waits, node) {
		if (wait->owner == owner)
			return wait->blocker;
	}
	return NULL;
}

/* Enters wait unless its blocker waits, perhaps through others, for its owner. */
static int wait_enter(struct lock_wait *wait)
{
	enum { LONGEST_CHAIN = 64 };
	const void *owner = wait->blocker;
	int error = 0;

	spin_lock(&waits_lock);
	for (unsigned i = 0; owner && i < LONGEST_CHAIN && !error; i++) {
		if (owner == wait->owner)
			error = -EDEADLK;
		owner = blocker_of(owner);
	}
	if (!error)
		list_add_tail(&waits, &wait->node);
	spin_unlock(&waits_lock);
	return error;
}

static void wait_leave(struct lock_wait *wait)
{
	spin_lock(&waits_lock);
	list_remove(&wait->node);
	spin_unlock(&waits_lock);
}

/* Sleeps until something about the file's locks changed. Context: mutex held; released meanwhile. */
static int wait_for_change(struct lock_context *context, const struct file_lock *wanted,
			   const struct file_lock *held) HOLDS(context->mutex)
{
	struct lock_wait wait = {.owner = wanted->owner, .blocker = held->owner};
	struct wait_entry entry;
	int error = wanted->kind == LOCK_POSIX ? wait_enter(&wait) : 0;

	if (error)
		return error;
	wait_entry_init(&entry);
	wait_prepare(&context->queue, &entry,
		     TASK_INTERRUPTIBLE); /* before the mutex is released */
	mutex_unlock(&context->mutex);
	error = wait_sleep(TASK_INTERRUPTIBLE, UINT64_MAX);
	wait_finish(&context->queue, &entry);
	if (wanted->kind == LOCK_POSIX)
		wait_leave(&wait);
	mutex_lock(&context->mutex);
	return error;
}

static int request_set(struct inode *inode, const struct file_lock *request, bool may_wait)
{
	struct lock_context *context = context_get(inode);
	struct lock_spares spares = {{NULL, NULL}};
	struct file_lock *held;
	int error = context ? spares_fill(&spares) : -ENOLCK;

	if (error)
		goto free_spares;
	mutex_lock(&context->mutex);
	while (!error && request->type != F_UNLCK &&
	       (held = find_conflict(context, request)) != NULL)
		error = may_wait ? wait_for_change(context, request, held) : -EAGAIN;
	if (!error) {
		apply(context, request, &spares);
		wake_up_all(&context->queue); /* an unlock, or a weaker lock than before */
	}
	mutex_unlock(&context->mutex);
free_spares:
	spares_free(&spares);
	return error;
}

/* ---- letting go ---- */

static void release(struct inode *inode, const void *owner, uint8_t kind)
{
	struct lock_context *context = atomic_load_acquire(&inode->locks);
	struct file_lock *lock, *next;
	bool found = false;

	if (likely(!context))
		return;
	mutex_lock(&context->mutex);
	list_for_each_entry_safe (lock, next, list_of(context, kind), node) {
		if (lock->owner == owner && lock->kind == kind) {
			lock_remove(lock);
			found = true;
		}
	}
	mutex_unlock(&context->mutex);
	if (found)
		wake_up_all(&context->queue);
}

void locks_release_owner(struct file *file, struct files_struct *owner)
{
	release(file->inode, owner, LOCK_POSIX);
}

void locks_release_file(struct file *file)
{
	release(file->inode, file, LOCK_OFD);
	release(file->inode, file, LOCK_FLOCK);
}

/* ---- fcntl and flock ---- */

static int request_of(struct file *file, enum lock_kind kind, const struct abi_flock *from,
		      struct file_lock *request)
{
	int64_t base = 0, start, end;

	switch (from->whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = file->pos;
		break;
	case SEEK_END:
		base = (int64_t)inode_size(file->inode);
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, from->start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	end = INT64_MAX;
	if (from->len > 0 && __builtin_add_overflow(start, from->len - 1, &end))
		return -EOVERFLOW;
	if (from->len < 0) { /* the bytes before start */
		end = start - 1;
		start += from->len;
	}
	if (start < 0)
		return -EINVAL;
	if (from->type != F_RDLCK && from->type != F_WRLCK && from->type != F_UNLCK)
		return -EINVAL;
	if (kind == LOCK_OFD && from->pid)
		return -EINVAL;
	*request = (struct file_lock){
		.owner = kind == LOCK_POSIX ? (void *)current->files : file,
		.start = start,
		.end = end,
		.pid = kind == LOCK_POSIX ? current->tgid : -1,
		.type = from->type,
		.kind = (uint8_t)kind,
	};
	return 0;
}

int lock_test(struct file *file, enum lock_kind kind, struct abi_flock *lock)
{
	struct lock_context *context;
	struct file_lock request, *held = NULL;
	int error;

	if (!file->inode)
		return -EINVAL;
	error = request_of(file, kind, lock, &request);
	if (!error && request.type == F_UNLCK && kind == LOCK_POSIX)
		error = -EINVAL;
	if (error)
		return error;
	context = atomic_load_acquire(&file->inode->locks);
	if (context) {
		mutex_lock(&context->mutex);
		held = find_conflict(context, &request);
		if (held) {
			lock->type = held->type;
			lock->whence = SEEK_SET;
			lock->start = held->start;
			lock->len = held->end == INT64_MAX ? 0 : held->end - held->start + 1;
			lock->pid = held->pid;
		}
		mutex_unlock(&context->mutex);
	}
	if (!held)
		lock->type = F_UNLCK;
	return 0;
}

int lock_set(struct file *file, enum lock_kind kind, const struct abi_flock *lock, bool may_wait)
{
	struct file_lock request;
	int error;

	if (!file->inode)
		return -EINVAL;
	error = request_of(file, kind, lock, &request);
	if (error)
		return error;
	if ((request.type == F_RDLCK && !(file->mode & FILE_READ)) ||
	    (request.type == F_WRLCK && !(file->mode & FILE_WRITE)))
		return -EBADF;
	if (request.type == F_UNLCK && !atomic_load_acquire(&file->inode->locks))
		return 0;
	return request_set(file->inode, &request, may_wait);
}

int lock_whole(struct file *file, int type, bool may_wait)
{
	struct file_lock request = {.owner = file,
				    .start = 0,
				    .end = INT64_MAX,
				    .pid = current->tgid,
				    .type = (int16_t)type,
				    .kind = LOCK_FLOCK};

	if (!file->inode)
		return -EINVAL;
	return request_set(file->inode, &request, may_wait);
}

INIT_TEXT void locks_init(void)
{
	lock_cache = kcache_create("file_lock", sizeof(struct file_lock), 0);
}
