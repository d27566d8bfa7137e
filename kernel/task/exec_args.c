/*
 * The argument strings of an exec, gathered from the old program before it is gone: argv, then envp,
 * then the name of the program, end to end as they will lie at the top of the new stack. A script's
 * interpreter and its words go in front (prefix), in place of argv[0].
 *
 * Owned by the exec'ing task alone; no locks. Strings grow in a list of pages, so that megabytes of
 * environment need no contiguous memory.
 */
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/process.h>
#include <kern/string.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>

#include "exec.h"

enum { ARG_STRING_MAX = 131072 }; /* one string, bytes with its NUL: execve(2) */

/* ---- a list of pages that bytes are appended to --------------------------------------------------- */

static int byte_list_grow(struct byte_list *list)
{
	struct page *page = page_alloc(0, PAGE_USE_KERNEL, ALLOC_USER);
	struct byte_chunk *chunk;

	if (!page)
		return -ENOMEM;
	chunk = page_address(page);
	chunk->next = NULL;
	chunk->used = 0;
	if (list->last)
		list->last->next = chunk;
	else
		list->first = chunk;
	list->last = chunk;
	return 0;
}

/* Free bytes at the end of the list, at least 1. */
static int byte_list_room(struct byte_list *list, uint8_t **room, size_t *len)
{
	int err = 0;

	if (!list->last || list->last->used == sizeof(list->last->data))
		err = byte_list_grow(list);
	if (err)
		return err;
	*room = list->last->data + list->last->used;
	*len = sizeof(list->last->data) - list->last->used;
	return 0;
}

static void byte_list_advance(struct byte_list *list, size_t len)
{
	list->last->used += len;
	list->len += len;
}

static int byte_list_append(struct byte_list *list, const void *data, size_t len)
{
	const uint8_t *from = data;
	uint8_t *room;
	size_t part;
	int err;

	while (len) {
		err = byte_list_room(list, &room, &part);
		if (err)
			return err;
		part = MIN(part, len);
		memcpy(room, from, part);
		byte_list_advance(list, part);
		from += part;
		len -= part;
	}
	return 0;
}

static void byte_list_free(struct byte_list *list)
{
	struct byte_chunk *chunk = list->first, *next;

	for (; chunk; chunk = next) {
		next = chunk->next;
		page_free(virt_to_page(chunk));
	}
	*list = (struct byte_list){0};
}

/* ---- strings ------------------------------------------------------------------------------------------ */

/* What strings and pointers to them may take on the new stack (execve(2), "Limits on size"). */
static size_t args_limit(void)
{
	uint64_t limit = MIN(rlimit_current(RLIMIT_STACK) / 4, (uint64_t)6 << 20);

	return (size_t)MAX(limit, (uint64_t)ARG_STRING_MAX);
}

static int note_length(struct exec_args *args, size_t len)
{
	const uint32_t with_nul = (uint32_t)len + 1;

	if (len >= ARG_STRING_MAX || args->strings.len + args->lengths.len * 2 > args->limit)
		return -E2BIG;
	return byte_list_append(&args->lengths, &with_nul, sizeof(with_nul));
}

static int add_kernel_string(struct exec_args *args, const char *string)
{
	size_t len = strlen(string);
	int err = byte_list_append(&args->strings, string, len + 1);

	return err ? err : note_length(args, len);
}

static int add_user_string(struct exec_args *args, const char *user)
{
	uint8_t *room;
	size_t len = 0, part;
	ssize_t got;
	int err;

	for (;;) {
		err = byte_list_room(&args->strings, &room, &part);
		if (err)
			return err;
		part = MIN(part, ARG_STRING_MAX - len);
		got = string_from_user((char *)room, user + len, part);
		if (got >= 0)
			break;
		if (got != -ENAMETOOLONG)
			return (int)got;
		byte_list_advance(&args->strings, part);
		len += part;
		if (len >= ARG_STRING_MAX || args->strings.len > args->limit)
			return -E2BIG;
	}
	byte_list_advance(&args->strings, (size_t)got + 1);
	return note_length(args, len + (size_t)got);
}

/* All strings of a NULL-terminated vector; vector NULL: none. */
static int add_vector(struct exec_args *args, const struct exec_vector *vector, unsigned *count)
{
	const char *string;
	int err = 0;

	*count = 0;
	if (!vector->strings)
		return 0;
	for (;;) {
		if (vector->is_kernel)
			string = vector->strings[*count];
		else if (copy_from_user(&string, &vector->strings[*count], sizeof(string)))
			return -EFAULT;
		if (!string)
			return 0;
		err = vector->is_kernel ? add_kernel_string(args, string)
					: add_user_string(args, string);
		if (err)
			return err;
		++*count;
		if (!vector->is_kernel && fatal_signal_pending(current))
			return -EINTR;
	}
}

int exec_args_gather(struct exec_args *args, const struct exec_vector *argv,
		     const struct exec_vector *envp, const char *name)
{
	int err;

	*args = (struct exec_args){.limit = args_limit()};
	args->prefix_start = EXEC_PREFIX_LEN;
	err = add_vector(args, argv, &args->argc);
	if (!err && !args->argc) {
		/* A program may rely on argv[0]. */
		err = add_kernel_string(args, "");
		args->argc = 1;
	}
	if (!err) {
		args->env_start = args->strings.len;
		err = add_vector(args, envp, &args->envc);
	}
	if (!err) {
		args->name_start = args->strings.len;
		err = add_kernel_string(args, name);
	}
	if (err)
		exec_args_free(args);
	return err;
}

void exec_args_free(struct exec_args *args)
{
	byte_list_free(&args->strings);
	byte_list_free(&args->lengths);
	kfree(args->prefix);
	args->prefix = NULL;
}

static int prefix_push(struct exec_args *args, const char *string)
{
	size_t len = strlen(string) + 1;

	if (len > args->prefix_start)
		return -E2BIG;
	args->prefix_start -= len;
	memcpy(args->prefix + args->prefix_start, string, len);
	args->nr_prefix++;
	return 0;
}

/* argv[0] gives way to: interpreter, its word (NULL: none), path of the script. */
int exec_args_script(struct exec_args *args, const char *interpreter, const char *word,
		     const char *script)
{
	size_t len;
	int err;

	if (!args->prefix)
		args->prefix = kmalloc(EXEC_PREFIX_LEN, 0);
	if (!args->prefix)
		return -ENOMEM;
	if (args->nr_prefix) {
		len = strlen(args->prefix + args->prefix_start) + 1;
		args->prefix_start += len;
		args->nr_prefix--;
	} else {
		args->skip = *(uint32_t *)args->lengths.first->data;
		args->nr_skip = 1;
	}
	err = prefix_push(args, script);
	if (!err && word)
		err = prefix_push(args, word);
	if (!err)
		err = prefix_push(args, interpreter);
	return err;
}
