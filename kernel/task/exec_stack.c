/*
 * The stack that a new program starts with, as Linux and the psABI (x86-64: 3.4.1) lay it out, from
 * the top: 8 bytes of zero; the program's name, the environment's and the arguments' strings; the
 * platform's name and 16 random bytes; the auxiliary vector, envp, argv, argc; and there sp is.
 * Written into the address space under construction, which nobody else can see.
 */
#include <kern/cred.h>
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/random.h>
#include <kern/string.h>
#include <uapi/auxvec.h>
#include <uapi/errno.h>
#include <uapi/time.h>
#include <arch/elf.h>

#include "exec.h"
#include "task_private.h"

enum {
	STACK_SLACK = 128 << 10, /* bytes mapped below what is written, as Linux does */
	RANDOM_LEN = 16,
	AUX_MAX = 24, /* pairs */
};

struct aux_vector {
	uint64_t words[2 * AUX_MAX];
	unsigned nr; /* words */
};

/* Words that are written in a row, a buffer at a time. */
struct word_writer {
	struct mm_struct *mm;
	vaddr_t va; /* of words[0] */
	unsigned nr;
	bool has_failed;
	uint64_t words[128];
};

static void words_flush(struct word_writer *writer)
{
	size_t len = writer->nr * sizeof(writer->words[0]);

	if (mm_write(writer->mm, writer->va, writer->words, len) != len)
		writer->has_failed = true;
	writer->va += len;
	writer->nr = 0;
}

static void word_put(struct word_writer *writer, uint64_t word)
{
	if (writer->nr == ARRAY_LEN(writer->words))
		words_flush(writer);
	writer->words[writer->nr++] = word;
}

/* Where everything is going to be. */
struct stack_plan {
	uintptr_t name, env, args; /* strings */
	uintptr_t platform, random;
	uintptr_t sp;
	unsigned argc; /* with the prefix */
};

static void stack_plan(const struct exec *exec, unsigned nr_aux, struct stack_plan *plan)
{
	const struct exec_args *args = exec->args;
	size_t nr_words;

	plan->argc = args->argc - args->nr_skip + args->nr_prefix;
	plan->name =
		exec->places.stack_top - sizeof(uint64_t) - (args->strings.len - args->name_start);
	plan->env = plan->name - (args->name_start - args->env_start);
	plan->args =
		plan->env - (args->env_start - args->skip) - (EXEC_PREFIX_LEN - args->prefix_start);
	plan->platform = plan->args - sizeof(ARCH_ELF_PLATFORM);
	plan->random = ROUND_DOWN(plan->platform - RANDOM_LEN, 16);
	nr_words = 1 + plan->argc + 1 + args->envc + 1 + nr_aux;
	plan->sp = ROUND_DOWN(plan->random - nr_words * sizeof(uint64_t), 16);
}

static void aux_put(struct aux_vector *aux, uint64_t type, uint64_t value)
{
	aux->words[aux->nr++] = type;
	aux->words[aux->nr++] = value;
}

/* The vector without the addresses on the stack, which depend on its length. */
static void aux_fill(struct aux_vector *aux, const struct exec *exec, const struct cred *cred,
		     const struct stack_plan *plan)
{
	aux->nr = 0;
	aux_put(aux, AT_MINSIGSTKSZ, arch_signal_frame_max());
	aux_put(aux, AT_HWCAP, arch_elf_hwcap());
	aux_put(aux, AT_PAGESZ, PAGE_SIZE);
	aux_put(aux, AT_CLKTCK, ABI_CLOCK_TICKS);
	if (exec->layout.phdr_address)
		aux_put(aux, AT_PHDR, exec->layout.phdr_address + exec->bias);
	aux_put(aux, AT_PHENT, sizeof(struct elf64_phdr));
	aux_put(aux, AT_PHNUM, exec->nr_phdrs);
	aux_put(aux, AT_BASE, exec->interp_base);
	aux_put(aux, AT_FLAGS, 0);
	aux_put(aux, AT_ENTRY, exec->entry);
	aux_put(aux, AT_UID, cred->uid);
	aux_put(aux, AT_EUID, cred->euid);
	aux_put(aux, AT_GID, cred->gid);
	aux_put(aux, AT_EGID, cred->egid);
	aux_put(aux, AT_SECURE, exec->is_secure);
	aux_put(aux, AT_RANDOM, plan->random);
	aux_put(aux, AT_HWCAP2, arch_elf_hwcap2());
	aux_put(aux, AT_EXECFN, plan->name);
	aux_put(aux, AT_PLATFORM, plan->platform);
	aux_put(aux, AT_NULL, 0);
}

static int stack_map(const struct exec *exec, uintptr_t low)
{
	const uintptr_t top = exec->places.stack_top;
	uint64_t limit = exec->mm->contents->stack_limit;
	uintptr_t used = ROUND_UP(top - low, PAGE_SIZE);
	size_t len = MAX(used, MIN(used + STACK_SLACK, ROUND_DOWN(limit, PAGE_SIZE)));
	struct area_request request = {
		.address = top - len,
		.len = len,
		.flags = AREA_READ | AREA_WRITE | AREA_GROWSDOWN | AREA_STACK |
			 (exec->layout.has_exec_stack ? AREA_EXEC : 0),
		.is_fixed = true,
		.is_noreplace = true,
		.name = "[stack]",
	};
	long result = area_map(exec->mm, &request);

	if (result == -EEXIST)
		return -ENOMEM; /* the program wants to be there itself */
	return result < 0 ? (int)result : 0;
}

/* The strings, which lie in the lists in the order in which they go to memory. */
static int strings_write(const struct exec *exec, uintptr_t va)
{
	const struct exec_args *args = exec->args;
	const struct byte_chunk *chunk = args->strings.first;
	size_t skip = args->skip, len = EXEC_PREFIX_LEN - args->prefix_start;

	if (len && mm_write(exec->mm, va, args->prefix + args->prefix_start, len) != len)
		return -ENOMEM;
	va += len;
	for (; chunk; chunk = chunk->next) {
		if (skip >= chunk->used) {
			skip -= chunk->used;
			continue;
		}
		len = chunk->used - skip;
		if (mm_write(exec->mm, va, chunk->data + skip, len) != len)
			return -ENOMEM;
		va += len;
		skip = 0;
	}
	return 0;
}

/* Walks the lengths of the gathered strings. */
struct length_reader {
	const struct byte_chunk *chunk;
	size_t pos;
};

static uint32_t length_next(struct length_reader *reader)
{
	uint32_t len;

	if (reader->pos == reader->chunk->used) {
		reader->chunk = reader->chunk->next;
		reader->pos = 0;
	}
	memcpy(&len, reader->chunk->data + reader->pos, sizeof(len));
	reader->pos += sizeof(len);
	return len;
}

static void put_pointers(struct word_writer *writer, struct length_reader *lengths, uintptr_t va,
			 unsigned count)
{
	for (; count; count--) {
		word_put(writer, va);
		va += length_next(lengths);
	}
}

static void put_prefix_pointers(struct word_writer *writer, const struct exec_args *args,
				uintptr_t va)
{
	const char *string = args->prefix + args->prefix_start;
	unsigned i;

	for (i = 0; i < args->nr_prefix; i++) {
		size_t len = strlen(string) + 1;

		word_put(writer, va);
		va += len;
		string += len;
	}
}

static int words_write(const struct exec *exec, const struct stack_plan *plan,
		       const struct aux_vector *aux)
{
	const struct exec_args *args = exec->args;
	struct length_reader lengths = {.chunk = args->lengths.first};
	struct word_writer writer = {.mm = exec->mm, .va = plan->sp};
	size_t prefix_len = EXEC_PREFIX_LEN - args->prefix_start;
	unsigned i;

	word_put(&writer, plan->argc);
	put_prefix_pointers(&writer, args, plan->args);
	if (args->nr_skip)
		(void)length_next(&lengths);
	put_pointers(&writer, &lengths, plan->args + prefix_len, args->argc - args->nr_skip);
	word_put(&writer, 0);
	put_pointers(&writer, &lengths, plan->env, args->envc);
	word_put(&writer, 0);
	for (i = 0; i < aux->nr; i++)
		word_put(&writer, aux->words[i]);
	words_flush(&writer);
	return writer.has_failed ? -ENOMEM : 0;
}

/* Platform and random bytes lie together, just above the words. */
static int extras_write(const struct exec *exec, const struct stack_plan *plan)
{
	uint8_t buf[RANDOM_LEN + 16 + sizeof(ARCH_ELF_PLATFORM)];
	size_t offset = plan->platform - plan->random, len = offset + sizeof(ARCH_ELF_PLATFORM);

	memset(buf, 0, sizeof(buf));
	random_bytes(buf, RANDOM_LEN);
	memcpy(buf + offset, ARCH_ELF_PLATFORM, sizeof(ARCH_ELF_PLATFORM));
	return mm_write(exec->mm, plan->random, buf, len) == len ? 0 : -ENOMEM;
}

static void contents_note(const struct exec *exec, const struct stack_plan *plan,
			  const struct aux_vector *aux)
{
	struct mm_contents *contents = exec->mm->contents;

	contents->stack_top = exec->places.stack_top;
	contents->arg_start = plan->args;
	contents->arg_end = plan->env;
	contents->env_start = plan->env;
	contents->env_end = plan->name;
	contents->auxv_len = aux->nr;
	memcpy(contents->auxv, aux->words, aux->nr * sizeof(aux->words[0]));
}

int exec_stack_build(struct exec *exec)
{
	const struct cred *cred = exec->cred ? exec->cred : current->cred;
	struct aux_vector aux;
	struct stack_plan plan = {0};
	int err;

	STATIC_ASSERT(2 * AUX_MAX <= ARRAY_LEN(((struct mm_contents *)0)->auxv));
	aux_fill(&aux, exec, cred, &plan); /* for its length */
	stack_plan(exec, aux.nr, &plan);
	aux_fill(&aux, exec, cred, &plan);
	err = stack_map(exec, plan.sp);
	if (!err)
		err = strings_write(exec, plan.args);
	if (!err)
		err = extras_write(exec, &plan);
	if (!err)
		err = words_write(exec, &plan, &aux);
	if (err)
		return err;
	contents_note(exec, &plan, &aux);
	exec->sp = plan.sp;
	return 0;
}
