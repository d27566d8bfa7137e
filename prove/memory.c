/*
 * The memory system that the code under test sees: sequentially consistent, or with a store buffer
 * for each agent (TSO, as x86: Intel SDM volume 3, section 9.2). Stores to words that nobody else
 * looks at go straight to memory: in a buffer or not makes no difference to anyone. Read-modify-write
 * and sequentially consistent stores drain the buffer, as locked instructions do.
 */
#include <string.h>

#include "private.h"

static uint64_t raw_load(const volatile void *p, unsigned size)
{
	switch (size) {
	case 8:
		return *(const volatile uint64_t *)p;
	case 4:
		return *(const volatile uint32_t *)p;
	case 2:
		return *(const volatile uint16_t *)p;
	default:
		return *(const volatile uint8_t *)p;
	}
}

static void raw_store(volatile void *p, unsigned size, uint64_t v)
{
	switch (size) {
	case 8:
		*(volatile uint64_t *)p = v;
		break;
	case 4:
		*(volatile uint32_t *)p = (uint32_t)v;
		break;
	case 2:
		*(volatile uint16_t *)p = (uint16_t)v;
		break;
	default:
		*(volatile uint8_t *)p = (uint8_t)v;
	}
}

static uint64_t narrow(uint64_t v, unsigned size)
{
	return size == 8 ? v : v & ((1UL << size * 8) - 1);
}

/* ---- store buffers ---------------------------------------------------------------------------------- */

unsigned prove_buffered(unsigned agent)
{
	return ARENA->agents[agent].nr_buffered;
}

void memory_flush_oldest(unsigned number)
{
	struct agent *agent = &ARENA->agents[number];
	struct buffered_store oldest = agent->buffer[0];

	agent->nr_buffered--;
	memmove(agent->buffer, agent->buffer + 1, agent->nr_buffered * sizeof(oldest));
	memset(&agent->buffer[agent->nr_buffered], 0, sizeof(oldest));
	if (unlikely(!prove_object_is_live((void *)oldest.address)))
		prove_fail("a store reaches memory that was freed");
	raw_store((void *)oldest.address, oldest.size, oldest.value);
}

void prove_drain(void)
{
	access_settle();
	while (ARENA->agents[prove_agent].nr_buffered)
		memory_flush_oldest(prove_agent);
}

void buffer_make_room(const void *site)
{
	if (ARENA->agents[prove_agent].nr_buffered < options.buffer)
		return;
	point_at(PROVE_STORE, NULL, site);
	if (ARENA->agents[prove_agent].nr_buffered == options.buffer)
		memory_flush_oldest(prove_agent);
}

void buffer_push(volatile void *p, unsigned size, uint64_t v, bool is_unlock)
{
	struct agent *agent = &ARENA->agents[prove_agent];

	agent->buffer[agent->nr_buffered++] = (struct buffered_store){
		.address = (uint64_t)p, .value = v, .size = size, .is_unlock = is_unlock};
}

/* A word goes to memory directly though older values of it are buffered: those must not follow. */
void buffer_forget(const volatile void *p, unsigned size)
{
	struct agent *agent = &ARENA->agents[prove_agent];

	for (unsigned i = 0; i < agent->nr_buffered; i++) {
		if (agent->buffer[i].address / 8 == (uint64_t)p / 8) {
			prove_drain();
			return;
		}
	}
}

/* size bytes at p as the agent sees them. Stores are whole scalars, so an overlap is a byte range. */
uint64_t prove_peek(unsigned number, const volatile void *p, unsigned size)
{
	const struct agent *agent = &ARENA->agents[number];
	uint8_t bytes[8] = {0};
	uint64_t v;

	if (likely(!agent->nr_buffered))
		return raw_load(p, size);
	memcpy(bytes, (const void *)p, size);
	for (unsigned i = 0; i < agent->nr_buffered; i++) {
		const struct buffered_store *store = &agent->buffer[i];
		for (unsigned k = 0; k < store->size; k++) {
			uint64_t at = store->address + k - (uint64_t)p;
			if (at < size)
				bytes[at] = (uint8_t)(store->value >> 8 * k);
		}
	}
	memcpy(&v, bytes, 8);
	return v;
}

/* ---- accesses --------------------------------------------------------------------------------------- */

/* What a spin loop would wait for: the last load, if nothing came after it. */
static struct {
	const volatile void *p;
	unsigned size;
	uint64_t value;
} last_load;
static const volatile void *already_at; /* the agent stands before this load anyway */

static void not_fresh(void)
{
	struct agent *agent = &ARENA->agents[prove_agent];

	agent->fresh_interruptible = agent->fresh_preemptible = 0;
}

void memory_reset(void)
{
	already_at = NULL;
	last_load.p = NULL;
}

uint64_t prove_load(const volatile void *p, unsigned size, int order)
{
	uint64_t v;

	if (!prove_in_fibre())
		return raw_load(p, size);
	access_settle();
	if (access_class(p, false)) {
		if (already_at != p)
			point_at(PROVE_LOAD, p, __builtin_return_address(0));
		not_fresh();
	}
	already_at = NULL;
	v = prove_peek(prove_agent, p, size);
	last_load.p = p;
	last_load.size = size;
	last_load.value = v;
	return v;
}

void prove_relax(void)
{
	const volatile void *p = last_load.p;

	if (!p || !prove_in_fibre())
		prove_fail("a spin loop that loads nothing");
	watch_at(p, last_load.size, last_load.value, __builtin_return_address(0));
	already_at = p;
}

/* Locks: taken by exchanging in a 1 with acquire order, given back by storing a 0. */
static bool unlock(volatile void *p, uint64_t v)
{
	struct agent *agent = &ARENA->agents[prove_agent];
	unsigned lock;

	if (v || !agent->held)
		return false;
	lock = lock_of(p, false);
	if (lock >= 48 || !(agent->held & 1UL << lock))
		return false;
	if (!lock_is_kept(p))
		agent->held &= ~(1UL << lock);
	prove_publish();
	return true;
}

void prove_store(volatile void *p, unsigned size, uint64_t v, int order)
{
	const void *site = __builtin_return_address(0);
	unsigned flags;

	if (!prove_in_fibre()) {
		raw_store(p, size, v);
		return;
	}
	access_settle();
	last_load.p = NULL;
	if (unlikely(is_reporting && ARENA->agents[prove_agent].held && !v &&
		     lock_of(p, false) < 48))
		report_access(PROVE_UNLOCK, p, size, site);
	flags = 0;
	if (unlock(p, v)) {
		note_written(word_of(p));
		if (options.full || in_walk) {
			/* Held again for the time of the point: it is not given back yet. */
			uint64_t held = ARENA->agents[prove_agent].held;
			ARENA->agents[prove_agent].held |= 1UL << lock_of(p, false);
			point_at(PROVE_UNLOCK, p, site);
			ARENA->agents[prove_agent].held = held;
		}
		if (options.buffer && ARENA->agents[prove_agent].nr_buffered) {
			buffer_make_room(site);
			buffer_push(p, size, v, true);
		} else {
			raw_store(p, size, v);
		}
		not_fresh();
		return;
	}
	flags = access_class(p, true);
	if (!flags) {
		if (unlikely(ARENA->agents[prove_agent].nr_buffered))
			buffer_forget(p, size);
		raw_store(p, size, v);
		return;
	}
	not_fresh();
	publish_if_marked(p);
	if (order == __ATOMIC_SEQ_CST || !options.buffer || !(flags & WORD_REMOTE)) {
		point_at(PROVE_STORE, p, site);
		not_fresh();
		if (order == __ATOMIC_SEQ_CST)
			prove_drain();
		else if (ARENA->agents[prove_agent].nr_buffered)
			buffer_forget(p, size);
		raw_store(p, size, v);
		return;
	}
	if (flags & WORD_LOCAL) {
		point_at(PROVE_STORE, p, site);
		not_fresh();
	}
	buffer_make_room(site);
	buffer_push(p, size, v, false);
	if (unlikely(is_reporting))
		report_access(PROVE_STORE, p, size, site);
}

/* Before a read-modify-write. */
static void begin_rmw(volatile void *p, unsigned kind, const void *site)
{
	unsigned flags;

	access_settle();
	last_load.p = NULL;
	already_at = NULL;
	flags = access_class(p, true);
	if (flags) {
		point_at(kind, p, site);
		not_fresh();
		publish_if_marked(p);
	} else if (ARENA->agents[prove_agent].nr_buffered >= 2) {
		point_at(PROVE_FENCE, p, site);
		not_fresh();
	}
	prove_drain();
	arena_check_live(p);
}

uint64_t prove_exchange(volatile void *p, unsigned size, uint64_t v, int order)
{
	bool is_lock = order == __ATOMIC_ACQUIRE && v == 1;
	uint64_t old;

	if (prove_in_fibre())
		begin_rmw(p, is_lock ? PROVE_LOCK : PROVE_RMW, __builtin_return_address(0));
	old = raw_load(p, size);
	raw_store(p, size, v);
	if (is_lock && !old && prove_in_fibre()) {
		unsigned lock = lock_of(p, true);
		if (lock < 48)
			ARENA->agents[prove_agent].held |= 1UL << lock;
	}
	return old;
}

bool prove_cmpxchg(volatile void *p, unsigned size, uint64_t expect, uint64_t v, uint64_t *old,
		   int order)
{
	if (prove_in_fibre())
		begin_rmw(p, PROVE_RMW, __builtin_return_address(0));
	*old = raw_load(p, size);
	if (*old != narrow(expect, size))
		return false;
	raw_store(p, size, v);
	return true;
}

#define FETCH(name, expression)                                                             \
	uint64_t prove_fetch_##name(volatile void *p, unsigned size, uint64_t v, int order) \
	{                                                                                   \
		uint64_t old;                                                               \
		if (prove_in_fibre())                                                       \
			begin_rmw(p, PROVE_RMW, __builtin_return_address(0));               \
		old = raw_load(p, size);                                                    \
		raw_store(p, size, expression);                                             \
		return old;                                                                 \
	}
FETCH(add, old + v)
FETCH(and, old &v)
FETCH(or, old | v)

/* Only a full fence does anything on TSO. */
void prove_fence(int order)
{
	if (!prove_in_fibre() || order != __ATOMIC_SEQ_CST)
		return;
	access_settle();
	if (ARENA->agents[prove_agent].nr_buffered >= 2 || options.full) {
		point_at(PROVE_FENCE, NULL, __builtin_return_address(0));
		not_fresh();
	}
	prove_drain();
}
