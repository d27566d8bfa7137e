/*
 * States and their store. Memory is cut into chunks of CHUNK bytes, of which only those that any
 * path has ever written are tracked. Equal chunks are stored once and have a number; a state is the
 * binary tree over its chunks' numbers, and equal subtrees are stored once too. So a state costs a few
 * nodes, equality is exact (no hash decides anything), any state can be brought back from its number,
 * and going from one state to another copies only the chunks in which they differ.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "private.h"

/* A growing set of 64-bit keys or chunks, numbered in order of arrival, from 1. */
struct table {
	uint32_t *slots;
	uint64_t mask;
	uint32_t count;
};

enum { MAX_LEAVES = 2048 };

static struct table chunks, nodes, roots;
static char (*chunk_data)[CHUNK];
static uint64_t *node_data, *root_data;
#define MAX_CHUNKS (1UL << 25)
#define MAX_NODES  (1UL << 30)

uint8_t *word_flags;
uint8_t *chunk_tracked;
bool learnt;

enum { STACK_LEAVES = STACK_TRACKED / CHUNK };
static unsigned nr_leaves, width; /* width: leaves, rounded up to a power of two */
static unsigned nr_plain;	  /* leaves before those of the stacks, STACK_LEAVES for each */
static char *leaf_memory[MAX_LEAVES];
static char mirror[MAX_LEAVES][CHUNK] __attribute__((aligned(CHUNK)));
/* Numbers of the present state's nodes: [1] unused, children of i are 2i and 2i + 1, leaves from
 * width on. The root's pair is looked up in `roots`. */
static uint32_t tree[2 * MAX_LEAVES];
static uint32_t present_root;

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("prove: no addresses for the state store");
		exit(125);
	}
	return p;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15UL;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9UL;
	return x ^ x >> 32;
}

static uint64_t hash_chunk(const char *data)
{
	uint64_t words[CHUNK / 8], a = 0x243f6a8885a308d3UL, b = 0x13198a2e03707344UL;

	memcpy(words, data, CHUNK);
	for (unsigned i = 0; i < CHUNK / 8; i += 2) {
		__uint128_t product = (__uint128_t)(words[i] ^ a) * (words[i + 1] ^ b);
		a = (uint64_t)product ^ (a << 5 | a >> 59);
		b += (uint64_t)(product >> 64) ^ 0x9e3779b97f4a7c15UL;
	}
	return mix(a ^ b);
}

static uint64_t hash_of(const struct table *table, uint32_t number)
{
	if (table == &chunks)
		return hash_chunk(chunk_data[number]);
	return mix(table == &nodes ? node_data[number] : root_data[number]);
}

static void table_reset(struct table *table)
{
	if (!table->slots) {
		table->mask = (1 << 16) - 1;
		table->slots = calloc(table->mask + 1, sizeof(uint32_t));
	} else {
		memset(table->slots, 0, (table->mask + 1) * sizeof(uint32_t));
	}
	table->count = 0;
}

static void table_grow(struct table *table)
{
	free(table->slots);
	table->mask = table->mask * 2 + 1;
	table->slots = calloc(table->mask + 1, sizeof(uint32_t));
	if (!table->slots) {
		fprintf(stderr, "prove: out of memory\n");
		exit(125);
	}
	for (uint32_t i = 1; i <= table->count; i++) {
		uint64_t h = hash_of(table, i) & table->mask;
		while (table->slots[h])
			h = (h + 1) & table->mask;
		table->slots[h] = i;
	}
}

static uint32_t chunk_number(const char *data)
{
	uint64_t h = hash_chunk(data) & chunks.mask;

	for (; chunks.slots[h]; h = (h + 1) & chunks.mask)
		if (!memcmp(chunk_data[chunks.slots[h]], data, CHUNK))
			return chunks.slots[h];
	if (chunks.count + 2 >= MAX_CHUNKS) {
		fprintf(stderr, "prove: the chunk store is full\n");
		exit(125);
	}
	chunks.slots[h] = ++chunks.count;
	memcpy(chunk_data[chunks.count], data, CHUNK);
	if (chunks.count > chunks.mask / 2)
		table_grow(&chunks);
	return chunks.count;
}

static uint32_t pair_number(struct table *table, uint64_t *data, uint64_t key)
{
	uint64_t h = mix(key) & table->mask;

	for (; table->slots[h]; h = (h + 1) & table->mask)
		if (data[table->slots[h]] == key)
			return table->slots[h];
	if (table->count + 2 >= MAX_NODES) {
		fprintf(stderr, "prove: the state store is full\n");
		exit(125);
	}
	table->slots[h] = ++table->count;
	data[table->count] = key;
	if (table->count > table->mask / 2)
		table_grow(table);
	return table->count;
}

void note_new_chunk(unsigned word)
{
	chunk_tracked[word / (CHUNK / 8)] = 1;
	learnt = true;
	if (options.verbose && is_searching)
		fprintf(stderr, "  learnt: %p is written\n", word_address(word));
}

void state_init(void)
{
	chunk_data = reserve(MAX_CHUNKS * CHUNK);
	node_data = reserve(MAX_NODES * 8);
	root_data = reserve(MAX_NODES * 8);
	word_flags = calloc(nr_words(), 1);
	chunk_tracked = calloc(nr_words() / (CHUNK / 8) + 1, 1);
	/* The engine's own part is always tracked. */
	memset(chunk_tracked, 1, (size_t)((char *)ARENA->statics - (char *)ARENA) / CHUNK);
}

/* Whatever is not tracked must be as it was after setup. */
static char *at_begin;

static bool is_stack(unsigned chunk)
{
	char *p = word_address(chunk * (CHUNK / 8));

	return p >= ARENA->stack_memory[0] && p < ARENA->stack_memory[PROVE_MAX_STACKS];
}

void state_begin(void)
{
	nr_leaves = 0;
	for (unsigned chunk = 0; chunk < nr_words() / (CHUNK / 8); chunk++) {
		if (!chunk_tracked[chunk] || is_stack(chunk))
			continue;
		if (nr_leaves + PROVE_MAX_STACKS * STACK_LEAVES == MAX_LEAVES) {
			fprintf(stderr, "prove: more than %u chunks change\n", MAX_LEAVES);
			exit(125);
		}
		leaf_memory[nr_leaves++] = word_address(chunk * (CHUNK / 8));
	}
	nr_plain = nr_leaves;
	for (unsigned stack = 0; stack < PROVE_MAX_STACKS; stack++)
		for (unsigned i = 0; i < STACK_LEAVES; i++)
			leaf_memory[nr_leaves++] = ARENA->stack_memory[stack] + PROVE_STACK_SIZE -
						   STACK_TRACKED + i * CHUNK;
	stacks_dirty = ~0U;
	for (width = 2; width < nr_leaves; width *= 2)
		;
	table_reset(&chunks);
	table_reset(&nodes);
	table_reset(&roots);
	memset(tree, 0, sizeof(tree));
	memset(mirror, 0, sizeof(mirror));
	if (!at_begin)
		at_begin = malloc(nr_words() * 8UL);
	for (unsigned chunk = 0; chunk < nr_words() / (CHUNK / 8); chunk++)
		memcpy(at_begin + chunk * CHUNK, word_address(chunk * (CHUNK / 8)), CHUNK);
	for (unsigned i = 0; i < nr_leaves; i++) {
		memcpy(mirror[i], leaf_memory[i], CHUNK);
		tree[width + i] = chunk_number(mirror[i]);
	}
	for (unsigned i = width - 1; i > 1; i--)
		tree[i] = pair_number(&nodes, node_data,
				      (uint64_t)tree[2 * i] << 32 | tree[2 * i + 1]);
	present_root = 0;
}

void state_verify(void)
{
	for (unsigned chunk = 0; chunk < nr_words() / (CHUNK / 8); chunk++) {
		if (chunk_tracked[chunk] || is_stack(chunk))
			continue;
		if (memcmp(at_begin + chunk * CHUNK, word_address(chunk * (CHUNK / 8)), CHUNK)) {
			const void *p = word_address(chunk * (CHUNK / 8));
			chunk_tracked[chunk] = 1;
			learnt = true;
			if (options.verbose)
				fprintf(stderr, "  learnt: %p changes unseen\n", (void *)p);
		}
	}
}

static inline bool chunk_differs(const char *a, const char *b)
{
	const uint64_t *x = (const void *)a, *y = (const void *)b;
	uint64_t d = 0;

	for (unsigned i = 0; i < CHUNK / 8; i++)
		d |= x[i] ^ y[i];
	return d != 0;
}

/* A chunk that has changed: its parent's place. */
static uint16_t take_leaf(unsigned i)
{
	memcpy(mirror[i], leaf_memory[i], CHUNK);
	tree[width + i] = chunk_number(mirror[i]);
	return (uint16_t)((width + i) / 2);
}

__attribute__((optimize("O3"))) uint32_t state_capture(bool *is_new)
{
	static uint16_t changed[MAX_LEAVES];
	unsigned nr = 0;
	uint32_t before = roots.count;

	for (unsigned i = 0; i < nr_plain; i++)
		if (unlikely(chunk_differs(mirror[i], leaf_memory[i])))
			changed[nr++] = take_leaf(i);
	for (unsigned stack = 0; stack < PROVE_MAX_STACKS; stack++) {
		unsigned first = nr_plain + stack * STACK_LEAVES;
		if (!(stacks_dirty >> stack & 1))
			continue;
		for (unsigned i = first; i < first + STACK_LEAVES; i++)
			if (chunk_differs(mirror[i], leaf_memory[i]))
				changed[nr++] = take_leaf(i);
	}
	stacks_dirty = 0;
	if (!nr && present_root) {
		*is_new = false;
		return present_root;
	}
	for (unsigned level = width / 2; level > 1; level /= 2) {
		unsigned out = 0;
		for (unsigned i = 0; i < nr; i++) {
			unsigned node = changed[i];
			if (i + 1 < nr && changed[i + 1] == node)
				continue;
			tree[node] =
				pair_number(&nodes, node_data,
					    (uint64_t)tree[2 * node] << 32 | tree[2 * node + 1]);
			changed[out++] = (uint16_t)(node / 2);
		}
		nr = out;
	}
	present_root = pair_number(&roots, root_data, (uint64_t)tree[2] << 32 | tree[3]);
	*is_new = roots.count != before;
	return present_root;
}

static void bring(unsigned node, uint32_t number)
{
	uint64_t pair;

	if (tree[node] == number)
		return;
	tree[node] = number;
	if (node >= width) {
		memcpy(mirror[node - width], chunk_data[number], CHUNK);
		memcpy(leaf_memory[node - width], chunk_data[number], CHUNK);
		return;
	}
	pair = node_data[number];
	bring(2 * node, (uint32_t)(pair >> 32));
	bring(2 * node + 1, (uint32_t)pair);
}

void state_restore(uint32_t state)
{
	if (state == present_root)
		return;
	bring(2, (uint32_t)(root_data[state] >> 32));
	bring(3, (uint32_t)root_data[state]);
	present_root = state;
}

void state_rewrite(void)
{
	for (unsigned i = 0; i < nr_leaves; i++)
		memcpy(leaf_memory[i], mirror[i], CHUNK);
}

uint32_t state_count(void)
{
	return roots.count;
}

uint64_t state_bytes(void)
{
	return (uint64_t)chunks.count * CHUNK + (uint64_t)(nodes.count + roots.count) * 8 +
	       (chunks.mask + nodes.mask + roots.mask) * 4;
}
