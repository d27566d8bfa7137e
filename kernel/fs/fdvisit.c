/* Looking into descriptor tables, one's own and others': flags, and what /proc shows. Under the table's
 * lock; any task context. */
#include "files.h"
#include <kern/bitmap.h>
#include <kern/task.h>

static struct fd_chunk *chunk_of(struct files_struct *files, unsigned fd)
{
	return fd < files->nr_chunks * CHUNK_FDS ? files->chunks[fd / CHUNK_FDS] : NULL;
}

bool files_get_cloexec(struct files_struct *files, unsigned fd, bool *is_cloexec)
{
	struct fd_chunk *chunk;
	bool is_open;

	spin_lock(&files->lock);
	chunk = chunk_of(files, fd);
	is_open = chunk && chunk->files[fd % CHUNK_FDS];
	if (is_open)
		*is_cloexec = chunk->cloexec >> (fd % CHUNK_FDS) & 1;
	spin_unlock(&files->lock);
	return is_open;
}

bool files_set_cloexec(struct files_struct *files, unsigned fd, bool is_cloexec)
{
	struct fd_chunk *chunk;
	uint64_t bit = 1ULL << (fd % CHUNK_FDS);
	bool is_open;

	spin_lock(&files->lock);
	chunk = chunk_of(files, fd);
	is_open = chunk && chunk->files[fd % CHUNK_FDS];
	if (is_open)
		chunk->cloexec = is_cloexec ? chunk->cloexec | bit : chunk->cloexec & ~bit;
	spin_unlock(&files->lock);
	return is_open;
}

struct files_struct *files_get_of(struct task_struct *task)
{
	struct files_struct *files;

	spin_lock(&task->alloc_lock);
	files = task->files;
	if (files)
		files_get(files);
	spin_unlock(&task->alloc_lock);
	return files;
}

struct file *files_lookup(struct files_struct *files, int number, bool *is_cloexec)
{
	unsigned fd = (unsigned)number;
	struct file *file = NULL;
	struct fd_chunk *chunk;

	spin_lock(&files->lock);
	chunk = chunk_of(files, fd);
	if (chunk)
		file = chunk->files[fd % CHUNK_FDS];
	if (file) {
		file_get(file);
		*is_cloexec = chunk->cloexec >> (fd % CHUNK_FDS) & 1;
	}
	spin_unlock(&files->lock);
	return file;
}

int files_next(struct files_struct *files, int from)
{
	unsigned fd = (unsigned)from, end;
	int found = -1;

	spin_lock(&files->lock);
	end = files->nr_chunks * CHUNK_FDS;
	while (fd < end && found < 0) {
		const struct fd_chunk *chunk = files->chunks[fd / CHUNK_FDS];
		uint64_t taken = chunk->open & ~((1ULL << (fd % CHUNK_FDS)) - 1);

		for (; taken && found < 0; taken &= taken - 1) {
			if (chunk->files[bit_lowest(taken)])
				found = (int)(ROUND_DOWN(fd, CHUNK_FDS) + bit_lowest(taken));
		}
		fd = ROUND_DOWN(fd, CHUNK_FDS) + CHUNK_FDS;
	}
	spin_unlock(&files->lock);
	return found;
}

unsigned files_capacity(struct files_struct *files)
{
	return atomic_load_relaxed(&files->nr_chunks) * CHUNK_FDS;
}
