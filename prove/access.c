/*
 * Which accesses matter. An access needs a choice point before it only if some other agent (or an
 * interrupt of the same one) can access the same word at that moment, one of them writing. For every
 * word this file writes down who has accessed it: which agent, on whose behalf, holding which locks,
 * and whether it could have been interrupted. Two entries that conflict mark the word; from then on
 * its accesses are choice points. Marks are learnt in random walks first; if the search itself meets a
 * new one, what it has seen was too coarse, and it begins again with the mark. When a search
 * ends without having learnt anything, no unmarked access could have been ordered differently with any
 * effect, so nothing was missed (docs/proving.md has the argument).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* One kind of access to a word. */
enum { MAX_LOCKS = 48, MAX_NOTES = 24 };
#define NOTE_HELD(n)	   ((n) & ((1UL << MAX_LOCKS) - 1))
#define NOTE_WHO(n)	   ((n) >> 48 & 15)
#define NOTE_AGENT(n)	   ((n) >> 52 & 7)
#define NOTE_IRQ	   (1UL << 55)
#define NOTE_INTERRUPTIBLE (1UL << 56)
#define NOTE_PREEMPTIBLE   (1UL << 57)
#define NOTE_WRITE	   (1UL << 58)
#define NOTE_SET	   (1UL << 59)

struct notes {
	uint64_t note[MAX_NOTES];
};

static struct notes *notes;
static uint64_t lock_words[MAX_LOCKS];
static uint64_t granted_locks; /* mask: not spinlocks, do not keep interrupts out */
static unsigned nr_locks;
static uint64_t nr_marked;

void access_reset(bool forget)
{
	if (!notes)
		notes = calloc(nr_words(), sizeof(*notes));
	if (!forget)
		return;
	memset(notes, 0, nr_words() * sizeof(*notes));
	memset(word_flags, 0, nr_words());
	memset(lock_words, 0, sizeof(lock_words));
	nr_locks = 0;
	nr_marked = 0;
	granted_locks = 0;
}

uint64_t access_marked(void)
{
	return nr_marked;
}

static void set_flags(void *address, size_t size, uint8_t flags)
{
	for (char *p = address; p < (char *)address + size; p += 8)
		word_flags[word_of(p)] |= flags;
}

void prove_ignore(void *address, size_t size)
{
	set_flags(address, size, WORD_IGNORED);
}

void prove_registers(void *address, size_t size)
{
	set_flags(address, size, WORD_REGISTER);
}

void prove_shared(void *address, size_t size)
{
	set_flags(address, size, WORD_REMOTE);
}

/* ---- locks ------------------------------------------------------------------------------------------ */

unsigned lock_of(const volatile void *p, bool create)
{
	for (unsigned i = 0; i < nr_locks; i++)
		if (lock_words[i] == (uint64_t)p)
			return i;
	if (!create || nr_locks == MAX_LOCKS)
		return MAX_LOCKS;
	lock_words[nr_locks] = (uint64_t)p;
	return nr_locks++;
}

void prove_lock_grant(const volatile void *word)
{
	unsigned lock = lock_of(word, true);

	note_written(word_of(word));
	if (lock == MAX_LOCKS)
		return;
	granted_locks |= 1UL << lock;
	ARENA->agents[prove_agent].held |= 1UL << lock;
}

void prove_lock_forget(const volatile void *word)
{
	unsigned lock = lock_of(word, false);

	for (unsigned agent = 0; agent < PROVE_MAX_AGENTS && lock < MAX_LOCKS; agent++)
		ARENA->agents[agent].held &= ~(1UL << lock);
}

bool lock_is_kept(const volatile void *word)
{
	unsigned lock = lock_of(word, false);

	return lock < MAX_LOCKS && granted_locks >> lock & 1 && model->keeps_lock &&
	       model->keeps_lock(word);
}

void prove_agent_holds(unsigned agent, const volatile void *word)
{
	unsigned running = prove_agent;

	prove_agent = agent;
	prove_lock_grant(word);
	prove_agent = running;
}

/* ---- conflicts -------------------------------------------------------------------------------------- */

static uint8_t conflict(uint64_t a, uint64_t b)
{
	uint64_t common = NOTE_HELD(a) & NOTE_HELD(b);

	if (!((a | b) & NOTE_WRITE))
		return 0;
	if (NOTE_AGENT(a) != NOTE_AGENT(b)) {
		if (!((a | b) & NOTE_IRQ) && NOTE_WHO(a) == NOTE_WHO(b))
			return 0; /* one task that moved */
		return common ? 0 : WORD_REMOTE;
	}
	if (common & ~granted_locks)
		return 0;
	if ((a ^ b) & NOTE_IRQ)
		return (a & NOTE_IRQ ? b : a) & NOTE_INTERRUPTIBLE ? WORD_LOCAL : 0;
	if (!(a & NOTE_IRQ) && NOTE_WHO(a) != NOTE_WHO(b) && (a | b) & NOTE_PREEMPTIBLE)
		return WORD_LOCAL;
	return 0;
}

static void mark(unsigned word, uint8_t flags)
{
	if (!flags || (word_flags[word] & flags) == flags)
		return;
	word_flags[word] |= flags;
	nr_marked++;
	learnt = true;
	if (options.verbose && is_searching) {
		char name[64] = "";
		if (model->name_address)
			model->name_address(name, sizeof(name), word_address(word));
		fprintf(stderr, "  learnt: %u of %s\n", flags, name);
	}
}

/* Notes of one task on one agent become one: the locks that it always held, and whether it could ever
 * have been interrupted. */
static uint64_t merge(uint64_t a, uint64_t b)
{
	return (a & b & ((1UL << MAX_LOCKS) - 1)) | ((a | b) & ~((1UL << MAX_LOCKS) - 1));
}

static void take_note(unsigned word, uint64_t note)
{
	const uint64_t same = 15UL << 48 | 7UL << 52 | NOTE_IRQ | NOTE_WRITE | NOTE_SET;
	struct notes *all = &notes[word];
	uint8_t flags = 0;
	unsigned i;

	for (i = 0; i < MAX_NOTES && all->note[i]; i++) {
		if ((all->note[i] ^ note) & same)
			continue;
		note = merge(all->note[i], note);
		if (note == all->note[i])
			return;
		break;
	}
	if (i == MAX_NOTES) {
		mark(word, WORD_REMOTE | WORD_LOCAL);
		return;
	}
	all->note[i] = note;
	for (unsigned j = 0; j < MAX_NOTES && all->note[j]; j++)
		if (j != i)
			flags |= conflict(all->note[j], note);
	mark(word, flags);
}

static uint64_t note_now(const struct prove_context *context, bool is_write)
{
	const struct agent *agent = &ARENA->agents[prove_agent];

	return NOTE_SET | agent->held | (uint64_t)context->who << 48 | (uint64_t)prove_agent << 52 |
	       (context->in_interrupt ? NOTE_IRQ : 0) |
	       (context->interruptible ? NOTE_INTERRUPTIBLE : 0) |
	       (context->preemptible ? NOTE_PREEMPTIBLE : 0) | (is_write ? NOTE_WRITE : 0);
}

/* The stack memory that address lies in; NO_STACK: none. */
enum { NO_STACK = ~0U };
static unsigned stack_at(const volatile void *address)
{
	uint64_t at = (uint64_t)address - (uint64_t)ARENA->stack_memory;

	return at < sizeof(ARENA->stack_memory) ? (unsigned)(at / PROVE_STACK_SIZE) : NO_STACK;
}

static void check_stack(unsigned stack, const volatile void *address)
{
	const struct stack *s = &ARENA->stacks[stack];

	/* What another one does with our frame, it may do only while the frame exists. */
	if (!s->in_use || (uint64_t)address < s->sp)
		prove_fail("a stack frame that is gone is touched: %p", (void *)address);
}

/*
 * Sees to a coming access: is it allowed, does it have to be a choice point? Returns the word's flags
 * that make it one here and now, 0: none.
 */
unsigned access_class(const volatile void *p, bool is_write)
{
	unsigned word = word_of(p), stack = stack_at(p);
	uint8_t flags;
	struct prove_context context;

	if (unlikely(word == NO_WORD))
		return 0;
	flags = word_flags[word];
	if (is_write && stack == NO_STACK)
		note_written(word);
	if (flags & (WORD_REGISTER | WORD_IGNORED))
		return 0;
	if (stack != NO_STACK) {
		if (stack == ARENA->agents[prove_agent].stack)
			return 0;
		check_stack(stack, p);
		stacks_dirty |= is_write ? 1U << stack : 0;
	} else {
		arena_check_live(p);
		if (arena_is_private(p))
			return 0;
	}
	if (options.full || in_walk) {
		context = model->context(prove_agent);
		take_note(word, note_now(&context, is_write));
		return WORD_REMOTE | WORD_LOCAL;
	}
	if ((flags & (WORD_REMOTE | WORD_LOCAL)) == (WORD_REMOTE | WORD_LOCAL))
		return model->context(prove_agent).interruptible ? WORD_REMOTE | WORD_LOCAL
								 : WORD_REMOTE;
	context = model->context(prove_agent);
	take_note(word, note_now(&context, is_write));
	flags = word_flags[word];
	return (flags & WORD_REMOTE) | (context.interruptible ? flags & WORD_LOCAL : 0);
}

/* A write that others can see: whatever this agent has made may be known to them afterwards. */
void publish_if_marked(const volatile void *p)
{
	unsigned word = word_of(p);

	if (word != NO_WORD && (options.full || word_flags[word] & (WORD_REMOTE | WORD_LOCAL)))
		prove_publish();
}

/* ---- plain accesses ----------------------------------------------------------------------------------
 *
 * The compiler tells of a plain access just before it makes it. With store buffers, the value must
 * not reach memory yet: when the agent is heard of next, the store has been made, and is taken back
 * and put into the buffer. In the same way a load finds what the agent itself has stored.
 */

static struct {
	volatile void *p;
	unsigned size; /* 0: nothing announced */
	bool is_write;
	uint64_t saved;
} announced;

static uint64_t raw_load(const volatile void *p, unsigned size)
{
	uint64_t v = 0;

	memcpy(&v, (const void *)p, size);
	return v;
}

static void raw_store(volatile void *p, unsigned size, uint64_t v)
{
	memcpy((void *)p, &v, size);
}

void access_settle(void)
{
	uint64_t v;

	if (likely(!announced.size))
		return;
	v = raw_load(announced.p, announced.size);
	raw_store(announced.p, announced.size, announced.saved);
	if (announced.is_write)
		buffer_push(announced.p, announced.size, v, false);
	announced.size = 0;
}

void access_forget(void)
{
	announced.size = 0;
}

static void plain_one(volatile void *p, unsigned size, bool is_write, const void *site)
{
	struct agent *agent;
	unsigned flags = access_class(p, is_write);
	bool is_buffered = is_write && options.buffer && flags & WORD_REMOTE;

	if (flags && (!is_buffered || flags & WORD_LOCAL)) {
		point_at(is_write ? PROVE_STORE : PROVE_LOAD, p, site);
	}
	agent = &ARENA->agents[prove_agent];
	if (flags) {
		agent->fresh_interruptible = agent->fresh_preemptible = 0;
		if (is_write)
			publish_if_marked(p);
	}
	if (!options.buffer)
		return;
	if (is_buffered) {
		buffer_make_room(site);
		announced.p = p;
		announced.size = size;
		announced.is_write = true;
		announced.saved = raw_load(p, size);
	} else if (unlikely(ARENA->agents[prove_agent].nr_buffered)) {
		uint64_t v = prove_peek(prove_agent, p, size), now = raw_load(p, size);
		if (is_write) {
			buffer_forget(p, size);
		} else if (v != now) {
			announced.p = p;
			announced.size = size;
			announced.is_write = false;
			announced.saved = now;
			raw_store(p, size, v);
		}
	}
}

void access_plain(volatile void *p, unsigned size, bool is_write, const void *site)
{
	if (!prove_in_fibre())
		return;
	access_settle();
	if (likely(size <= 8)) {
		plain_one(p, size, is_write, site);
		return;
	}
	/* Wider ones go word by word; only the last can be announced, so the others must not need it:
	 * they are made visible at once. */
	for (unsigned at = 0; at < size; at += 8) {
		volatile char *q = (volatile char *)p + at;
		unsigned flags = access_class(q, is_write);
		if (flags)
			point_at(is_write ? PROVE_STORE : PROVE_LOAD, q, site);
	}
	if (options.buffer && ARENA->agents[prove_agent].nr_buffered)
		prove_drain();
}

/* ---- marks in a trace's id: those that the walks alone did not find ----------------------------------- */

static uint8_t *marks_after_walks;

void access_begin_search(void)
{
	if (!marks_after_walks)
		marks_after_walks = malloc(nr_words());
	memcpy(marks_after_walks, word_flags, nr_words());
}

void access_marks_save(char *text, size_t size)
{
	size_t len = 0;

	text[0] = 0;
	for (unsigned i = 0; i < nr_words(); i++) {
		unsigned extra = word_flags[i] & ~marks_after_walks[i] & 3;
		if (extra && len + 16 < size)
			len += (size_t)snprintf(text + len, size - len, "%x.%u,", i, extra);
	}
}

bool access_marks_load(const char **text)
{
	while (**text != ':') {
		unsigned word, flags;
		int used;
		if (sscanf(*text, "%x.%u,%n", &word, &flags, &used) != 2 || word >= nr_words())
			return false;
		word_flags[word] |= (uint8_t)flags;
		*text += used;
	}
	return true;
}

/* What is marked, by whom, for those who wonder why a search is large. */
void prove_print_marks(void)
{
	for (unsigned word = 0; word < nr_words(); word++) {
		char name[64] = "";
		if (!(word_flags[word] & (WORD_REMOTE | WORD_LOCAL)) || !notes[word].note[0])
			continue;
		if (model->name_address)
			model->name_address(name, sizeof(name), word_address(word));
		printf("%s%s %p %s\n", word_flags[word] & WORD_REMOTE ? "remote" : "",
		       word_flags[word] & WORD_LOCAL ? " local" : "", word_address(word), name);
		for (unsigned i = 0; i < MAX_NOTES && notes[word].note[i]; i++) {
			uint64_t n = notes[word].note[i];
			printf("	%s by task %u on %u%s%s%s holding",
			       n & NOTE_WRITE ? "write" : "read", (unsigned)NOTE_WHO(n),
			       (unsigned)NOTE_AGENT(n), n & NOTE_IRQ ? " in interrupt" : "",
			       n & NOTE_INTERRUPTIBLE ? " interruptible" : "",
			       n & NOTE_PREEMPTIBLE ? " preemptible" : "");
			for (unsigned lock = 0; lock < nr_locks; lock++)
				if (n >> lock & 1) {
					model->name_address(name, sizeof(name),
							    (void *)lock_words[lock]);
					printf(" [%s]", name);
				}
			printf("\n");
		}
	}
}
