/*
 * Descriptor tables: birth, sharing, death, lookup, growth. The lock guards a table; a task that is its
 * only user looks up without it, since nobody else can take a file out (visitors only look).
 */
#include "files.h"
#include <kern/assert.h>
#include <kern/bitmap.h>
#include <kern/fs.h>
#include <kern/kcache.h>
#include <kern/rlimit.h>
#include <kern/string.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include "fs_init.h"
#include "locks.h"

static struct kcache *files_cache, *chunk_cache;

static unsigned capacity(const struct files_struct *files)
{
	return files->nr_chunks * CHUNK_FDS;
}

/* ---- birth ---- */

struct files_struct *files_create(void)
{
	struct files_struct *files = kcache_alloc(files_cache, ALLOC_ZERO);

	if (!files)
		return NULL;
	refcount_init(&files->refs, 1);
	spin_init(&files->lock, LOCK_RANK_FILES, "files");
	files->nr_chunks = 1;
	files->chunks = files->only;
	files->only[0] = &files->first;
	return files;
}

void files_get(struct files_struct *files)
{
	refcount_get(&files->refs);
}

/* Room for nr chunks in all. Drops and retakes the lock, so the caller looks again. */
static int files_grow(struct files_struct *files, unsigned nr) HOLDS(files->lock)
{
	const unsigned most = FILES_MAX / CHUNK_FDS;
	unsigned size = MAX(nr, MIN(2 * files->nr_chunks, most));
	struct fd_chunk **chunks, **old = NULL;
	unsigned made;

	spin_unlock(&files->lock);
	chunks = kmalloc(size * sizeof(*chunks), ALLOC_ZERO);
	for (made = 0; chunks && made < size; made++) {
		chunks[made] = kcache_alloc(chunk_cache, ALLOC_ZERO);
		if (!chunks[made])
			break;
	}
	spin_lock(&files->lock);
	if (!chunks || made < size) {
		spin_unlock(&files->lock);
		while (made)
			kcache_free(chunk_cache, chunks[--made]);
		kfree(chunks);
		spin_lock(&files->lock);
		return -ENOMEM;
	}
	old = chunks;
	if (files->nr_chunks < size) {
		for (unsigned i = 0; i < files->nr_chunks; i++) {
			struct fd_chunk *fresh = chunks[i];
			chunks[i] = files->chunks[i];
			files->chunks[i] = fresh; /* back to the cache, below */
		}
		old = files->chunks;
		made = files->nr_chunks;
		files->chunks = chunks;
		files->nr_chunks = size;
	}
	spin_unlock(&files->lock);
	while (made)
		kcache_free(chunk_cache, old[--made]);
	if (old != files->only)
		kfree(old);
	spin_lock(&files->lock);
	return 0;
}

static void chunk_dup(struct fd_chunk *to, const struct fd_chunk *from)
{
	uint64_t taken = from->open;

	for (uint64_t left = taken; left; left &= left - 1) {
		unsigned bit = bit_lowest(left);
		struct file *file = from->files[bit];
		to->files[bit] = file;
		if (file)
			file_get(file);
		else
			taken &= ~(1ULL << bit); /* reserved by another thread */
	}
	to->open = taken;
	to->cloexec = from->cloexec & taken;
}

/* Descriptors below max only. */
struct files_struct *files_dup_below(struct files_struct *from, unsigned max)
{
	struct files_struct *files = files_create();
	unsigned nr;

	if (!files)
		return NULL;
	spin_lock(&from->lock);
	for (;;) {
		nr = from->nr_chunks;
		while (nr > 1 && (!from->chunks[nr - 1]->open || (nr - 1) * CHUNK_FDS >= max))
			nr--;
		if (nr <= files->nr_chunks)
			break;
		spin_unlock(&from->lock);
		spin_lock(&files->lock);
		if (files_grow(files, nr) != 0) {
			spin_unlock(&files->lock);
			files_put(files);
			return NULL;
		}
		spin_unlock(&files->lock);
		spin_lock(&from->lock);
	}
	for (unsigned i = 0; i < nr; i++)
		chunk_dup(files->chunks[i], from->chunks[i]);
	spin_unlock(&from->lock);
	return files;
}

struct files_struct *files_dup(struct files_struct *from)
{
	return files_dup_below(from, FILES_MAX);
}

/* ---- death ---- */

int file_close_move(struct file *file, struct files_struct *files)
{
	int error = 0;

	if (file->ops->flush && !(file->mode & FILE_PATH))
		error = file->ops->flush(file);
	if (file->inode)
		locks_release_owner(file, files);
	file_put(file);
	return error;
}

static void chunk_close(struct files_struct *files, struct fd_chunk *chunk, uint64_t which)
{
	for (; which; which &= which - 1) {
		unsigned bit = bit_lowest(which);
		if (chunk->files[bit])
			file_close_move(chunk->files[bit], files);
	}
}

void files_put(struct files_struct *files)
{
	if (!files || !refcount_put(&files->refs))
		return;
	for (unsigned i = 0; i < files->nr_chunks; i++) {
		chunk_close(files, files->chunks[i], files->chunks[i]->open);
		if (files->chunks[i] != &files->first)
			kcache_free(chunk_cache, files->chunks[i]);
	}
	if (files->chunks != files->only)
		kfree(files->chunks);
	kcache_free(files_cache, files);
}

void files_close_on_exec(struct files_struct *files)
{
	for (unsigned i = 0; i < files->nr_chunks; i++) {
		struct fd_chunk *chunk = files->chunks[i];

		for (uint64_t left = chunk->cloexec & chunk->open; left; left &= left - 1) {
			unsigned fd = i * CHUNK_FDS + bit_lowest(left);
			struct file *file = files_remove(files, fd);
			if (file)
				file_close_move(file, files);
		}
	}
}

int files_unshare(void)
{
	struct files_struct *old = current->files, *files;

	if (atomic_load_acquire(&old->refs.n) == 1)
		return 0;
	files = files_dup(old);
	if (!files)
		return -ENOMEM;
	spin_lock(&current->alloc_lock);
	current->files = files;
	spin_unlock(&current->alloc_lock);
	files_put(old);
	return 0;
}

/* ---- lookup ---- */

static struct file *chunk_file(const struct files_struct *files, unsigned fd)
{
	if (likely(fd < CHUNK_FDS))
		return files->first.files[fd];
	if (fd >= capacity(files))
		return NULL;
	return files->chunks[fd / CHUNK_FDS]->files[fd % CHUNK_FDS];
}

static struct file *lookup_get(struct files_struct *files, unsigned fd)
{
	struct file *file;

	spin_lock(&files->lock);
	file = chunk_file(files, fd);
	if (file)
		file_get(file);
	spin_unlock(&files->lock);
	return file;
}

struct fd_ref fd_borrow_any(int fd)
{
	struct files_struct *files = current->files;

	/* Pairs with the release in files_put of the last sharer: what it did is seen. */
	if (likely(atomic_load_acquire(&files->refs.n) == 1))
		return (struct fd_ref){chunk_file(files, (unsigned)fd), false};
	struct file *file = lookup_get(files, (unsigned)fd);
	return (struct fd_ref){file, file != NULL};
}

struct fd_ref fd_borrow(int fd)
{
	struct fd_ref ref = fd_borrow_any(fd);

	if (ref.file && unlikely(ref.file->mode & FILE_PATH)) {
		fd_return(ref);
		ref = (struct fd_ref){NULL, false};
	}
	return ref;
}

struct file *fd_get_any(int fd)
{
	return lookup_get(current->files, (unsigned)fd);
}

struct file *fd_get(int fd)
{
	struct file *file = lookup_get(current->files, (unsigned)fd);

	if (file && (file->mode & FILE_PATH)) {
		file_put(file);
		file = NULL;
	}
	return file;
}

/* ---- descriptors come ---- */

unsigned files_limit(void)
{
	return (unsigned)MIN(rlimit_current(RLIMIT_NOFILE), (uint64_t)FILES_MAX);
}

static unsigned lowest_free(const struct files_struct *files, unsigned from)
{
	unsigned fd = MAX(from, files->lowest);

	for (; fd < capacity(files); fd = ROUND_DOWN(fd, CHUNK_FDS) + CHUNK_FDS) {
		uint64_t taken =
			files->chunks[fd / CHUNK_FDS]->open | ((1ULL << (fd % CHUNK_FDS)) - 1);
		if (~taken)
			return ROUND_DOWN(fd, CHUNK_FDS) + bit_lowest(~taken);
	}
	return fd;
}

static void take(struct files_struct *files, unsigned fd, bool is_cloexec)
{
	struct fd_chunk *chunk = files->chunks[fd / CHUNK_FDS];
	uint64_t bit = 1ULL << (fd % CHUNK_FDS);

	chunk->open |= bit;
	chunk->cloexec = is_cloexec ? chunk->cloexec | bit : chunk->cloexec & ~bit;
}

int fd_reserve(int from, unsigned flags)
{
	struct files_struct *files = current->files;
	unsigned limit = files_limit(), fd;
	int result = -EMFILE;

	if ((unsigned)from >= limit)
		return from < 0 ? -EINVAL : -EMFILE;
	spin_lock(&files->lock);
	for (;;) {
		fd = lowest_free(files, (unsigned)from);
		if (fd >= limit)
			break;
		if (fd < capacity(files)) {
			take(files, fd, flags & O_CLOEXEC);
			if ((unsigned)from <= files->lowest)
				files->lowest = fd + 1;
			result = (int)fd;
			break;
		}
		if (files_grow(files, fd / CHUNK_FDS + 1) != 0) {
			result = -ENOMEM;
			break;
		}
	}
	spin_unlock(&files->lock);
	return result;
}

void fd_install_reserved_move(int fd, struct file *file)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	assert(!chunk_file(files, (unsigned)fd));
	files->chunks[(unsigned)fd / CHUNK_FDS]->files[(unsigned)fd % CHUNK_FDS] = file;
	spin_unlock(&files->lock);
}

int fd_install_move(struct file *file, int from, unsigned flags)
{
	int fd = fd_reserve(from, flags);

	if (fd >= 0)
		fd_install_reserved_move(fd, file);
	return fd;
}

int files_replace_move(struct files_struct *files, unsigned fd, struct file *file, bool is_cloexec)
{
	struct file **slot, *old;

	spin_lock(&files->lock);
	while (fd >= capacity(files)) {
		if (files_grow(files, fd / CHUNK_FDS + 1) != 0) {
			spin_unlock(&files->lock);
			return -ENOMEM;
		}
	}
	slot = &files->chunks[fd / CHUNK_FDS]->files[fd % CHUNK_FDS];
	old = *slot;
	if (!old && (files->chunks[fd / CHUNK_FDS]->open >> (fd % CHUNK_FDS) & 1)) {
		spin_unlock(&files->lock);
		return -EBUSY; /* another thread is between reserve and install */
	}
	*slot = file;
	take(files, fd, is_cloexec);
	spin_unlock(&files->lock);
	if (old)
		file_close_move(old, files);
	return (int)fd;
}

/* ---- descriptors go ---- */

static void release_number(struct files_struct *files, unsigned fd)
{
	struct fd_chunk *chunk = files->chunks[fd / CHUNK_FDS];
	uint64_t bit = 1ULL << (fd % CHUNK_FDS);

	chunk->open &= ~bit;
	chunk->cloexec &= ~bit;
	chunk->files[fd % CHUNK_FDS] = NULL;
	files->lowest = MIN(files->lowest, fd);
}

void fd_cancel(int fd)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	release_number(files, (unsigned)fd);
	spin_unlock(&files->lock);
}

struct file *files_remove(struct files_struct *files, unsigned fd)
{
	struct file *file;

	spin_lock(&files->lock);
	file = chunk_file(files, fd);
	if (file)
		release_number(files, fd);
	spin_unlock(&files->lock);
	return file;
}

int fd_close(int fd)
{
	struct file *file = files_remove(current->files, (unsigned)fd);

	return file ? file_close_move(file, current->files) : -EBADF;
}

INIT_TEXT void files_init(void)
{
	files_cache = kcache_create("files", sizeof(struct files_struct), 0);
	chunk_cache = kcache_create("fd_chunk", sizeof(struct fd_chunk), 0);
}
