/*
 * The memory that a state is made of: one arena at a fixed address for the model's and the engine's
 * own state, and the data sections of the code under test. Objects have a life: an access to a dead
 * one ends the path.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "private.h"

uint64_t kdata_base, kdata_size, kbss_base, kbss_size;

static char *kdata_at_start;
static size_t statics_used;

static uint64_t chunk_down(const char *p)
{
	return (uint64_t)p & ~(uint64_t)(CHUNK - 1);
}

static uint64_t chunk_up(const char *p)
{
	return chunk_down(p + CHUNK - 1);
}

void arena_init(void)
{
	if (mmap(ARENA, sizeof(struct arena), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != ARENA) {
		perror("prove: the arena's address is taken");
		exit(125);
	}
	if (__stop_kdata) {
		kdata_base = chunk_down(__start_kdata);
		kdata_size = chunk_up(__stop_kdata) - kdata_base;
	}
	if (__stop_kbss) {
		kbss_base = chunk_down(__start_kbss);
		kbss_size = chunk_up(__stop_kbss) - kbss_base;
	}
	if (kdata_size) {
		kdata_at_start = malloc(kdata_size);
		memcpy(kdata_at_start, (void *)kdata_base, kdata_size);
	}
}

void arena_reset(void)
{
	memset(ARENA, 0, sizeof(struct arena));
	if (kdata_size)
		memcpy((void *)kdata_base, kdata_at_start, kdata_size);
	if (__stop_kbss)
		memset(__start_kbss, 0, (size_t)(__stop_kbss - __start_kbss));
	statics_used = 0;
}

unsigned nr_words(void)
{
	return (unsigned)(ARENA_WORDS + (kdata_size + kbss_size) / 8);
}

void *word_address(unsigned word)
{
	if (word < ARENA_WORDS)
		return (char *)ARENA + word * 8UL;
	word -= (unsigned)ARENA_WORDS;
	if (word < kdata_size / 8)
		return (char *)kdata_base + word * 8UL;
	return (char *)kbss_base + (word * 8UL - kdata_size);
}

void *prove_static(size_t size, size_t align)
{
	size_t at = (statics_used + align - 1) & ~(align - 1);

	if (at + size > STATIC_SIZE) {
		fprintf(stderr, "prove: STATIC_SIZE is too small\n");
		exit(125);
	}
	statics_used = at + size;
	/* Models write without being seen to. */
	memset(&chunk_tracked[word_of(ARENA->statics + at) / (CHUNK / 8)], 1,
	       (at % CHUNK + size + CHUNK - 1) / CHUNK);
	return ARENA->statics + at;
}

/* ---- objects ------------------------------------------------------------------------------------- */

enum { DEAD, KNOWN, PRIVATE };

char *prove_frame_base(void)
{
	return ARENA->frames[0];
}

/* The state byte of the object or frame at address; NULL: it is no object. */
static uint8_t *life_of(const volatile void *address)
{
	uint64_t a = (uint64_t)address;

	if (a - (uint64_t)ARENA->objects < sizeof(ARENA->objects))
		return &ARENA->object_state[(a - (uint64_t)ARENA->objects) / PROVE_OBJECT_SIZE];
	if (a - (uint64_t)ARENA->frames < sizeof(ARENA->frames))
		return &ARENA->frame_state[(a - (uint64_t)ARENA->frames) / 4096];
	return NULL;
}

void *prove_object_new(bool is_frame)
{
	uint8_t *life = is_frame ? ARENA->frame_state : ARENA->object_state;
	unsigned nr = is_frame ? PROVE_FRAMES : PROVE_OBJECTS, i = 0;

	while (i < nr && life[i] != DEAD)
		i++;
	if (i == nr) {
		fprintf(stderr, "prove: PROVE_%s is too small\n", is_frame ? "FRAMES" : "OBJECTS");
		exit(125);
	}
	life[i] = prove_in_fibre() ? (uint8_t)(PRIVATE + prove_agent) : KNOWN;
	return is_frame ? (void *)ARENA->frames[i] : (void *)ARENA->objects[i];
}

void prove_object_free(void *object)
{
	uint8_t *life = life_of(object);
	size_t size = (char *)object >= ARENA->frames[0] ? 4096 : PROVE_OBJECT_SIZE;
	unsigned first = word_of(object);

	if (*life == DEAD)
		prove_fail("freed twice: %p", object);
	*life = DEAD;
	/* Zero what any path has ever written; the rest never was anything else. */
	for (unsigned chunk = 0; chunk < size / CHUNK; chunk++)
		if (chunk_tracked[first / (CHUNK / 8) + chunk])
			memset((char *)object + chunk * CHUNK, 0, CHUNK);
}

bool prove_object_is_live(const void *address)
{
	uint8_t *life = life_of(address);

	return !life || *life != DEAD;
}

unsigned prove_objects_live(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PROVE_OBJECTS; i++)
		n += ARENA->object_state[i] != DEAD;
	for (unsigned i = 0; i < PROVE_FRAMES; i++)
		n += ARENA->frame_state[i] != DEAD;
	return n;
}

void arena_check_live(const volatile void *address)
{
	const uint8_t *life = life_of(address);

	if (unlikely(life && *life == DEAD))
		prove_fail("freed memory is touched: %p", (void *)address);
}

bool arena_is_private(const volatile void *address)
{
	const uint8_t *life = life_of(address);

	return life && *life == PRIVATE + prove_agent;
}

void prove_publish(void)
{
	for (unsigned i = 0; i < PROVE_OBJECTS; i++)
		if (ARENA->object_state[i] == PRIVATE + prove_agent)
			ARENA->object_state[i] = KNOWN;
	for (unsigned i = 0; i < PROVE_FRAMES; i++)
		if (ARENA->frame_state[i] == PRIVATE + prove_agent)
			ARENA->frame_state[i] = KNOWN;
}

void prove_track(const void *address, size_t size)
{
	uint64_t first = (uint64_t)address & ~(uint64_t)7;

	for (uint64_t at = first; at < (uint64_t)address + size; at += 8)
		note_written(word_of((void *)at));
}
