/* What the engine's files share with each other and with nobody else. */
#ifndef PROVE_PRIVATE_H
#define PROVE_PRIVATE_H

#include "engine.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* ---- the arena (arena.c) -------------------------------------------------------------------------- */

enum {
	CHUNK = 128, /* bytes of a leaf of the state */
	STATIC_SIZE = 64 << 10,
	STACK_TRACKED = 3072, /* bytes of a stack that choice points may find in use */
};

struct buffered_store {
	uint64_t address, value;
	uint32_t size, is_unlock;
};

/* An agent's part of the state. */
struct agent {
	uint32_t stack;
	uint32_t point;
	uint64_t address; /* of the access that it stands before */
	uint64_t site;	  /* code address */
	uint64_t held;	  /* locks, a bit each */
	uint64_t watch_address, watch_value;
	bool (*ready)(void *arg);
	void *ready_arg;
	uint32_t watch_size;
	uint8_t has_started;
	/* Nothing visible done since the last choice point where an event could come. */
	uint8_t fresh_interruptible, fresh_preemptible;
	uint8_t nr_buffered;
	struct buffered_store buffer[PROVE_MAX_BUFFER];
};

struct stack {
	uint64_t sp;
	uint32_t in_use, runs;
};

struct arena {
	struct agent agents[PROVE_MAX_AGENTS] __attribute__((aligned(CHUNK)));
	struct stack stacks[PROVE_MAX_STACKS] __attribute__((aligned(CHUNK)));
	/* 0: free, 1: known to all, 2 + agent: known to its maker only. */
	uint8_t object_state[PROVE_OBJECTS];
	uint8_t frame_state[PROVE_FRAMES];
	char statics[STATIC_SIZE] __attribute__((aligned(CHUNK)));
	char objects[PROVE_OBJECTS][PROVE_OBJECT_SIZE] __attribute__((aligned(4096)));
	char frames[PROVE_FRAMES][4096] __attribute__((aligned(4096)));
	char stack_memory[PROVE_MAX_STACKS][PROVE_STACK_SIZE] __attribute__((aligned(4096)));
};
#define ARENA ((struct arena *)0x200000000000UL)

extern char __start_kdata[] __attribute__((weak)), __stop_kdata[] __attribute__((weak));
extern char __start_kbss[] __attribute__((weak)), __stop_kbss[] __attribute__((weak));

/* Places in the state, counted in 8-byte words: the arena, then kdata, then kbss. */
extern uint64_t kdata_base, kdata_size, kbss_base, kbss_size; /* multiples of CHUNK */
enum { NO_WORD = ~0U };
#define ARENA_WORDS (sizeof(struct arena) / 8)
static inline unsigned word_of(const volatile void *p)
{
	uint64_t a = (uint64_t)p;

	if (likely(a - (uint64_t)ARENA < sizeof(struct arena)))
		return (unsigned)((a - (uint64_t)ARENA) / 8);
	if (a - kdata_base < kdata_size)
		return (unsigned)(ARENA_WORDS + (a - kdata_base) / 8);
	if (a - kbss_base < kbss_size)
		return (unsigned)(ARENA_WORDS + (kdata_size + (a - kbss_base)) / 8);
	return NO_WORD;
}
unsigned nr_words(void);
void *word_address(unsigned word);

void arena_init(void);	/* once */
void arena_reset(void); /* memory as when the program started */
/* Fails if address belongs to a dead object. */
void arena_check_live(const volatile void *address);
bool arena_is_private(const volatile void *address);

/* ---- the state (state.c) --------------------------------------------------------------------------- */

enum { WORD_REMOTE = 1, WORD_LOCAL = 2, WORD_REGISTER = 4, WORD_IGNORED = 8, WORD_LOCK_IRQ = 16 };
extern uint8_t *word_flags;
extern uint8_t *chunk_tracked; /* by word / 16 */
extern bool is_searching;
extern bool learnt; /* something that makes the states found so far too coarse */

void note_new_chunk(unsigned word);
static inline void note_written(unsigned word)
{
	if (unlikely(!chunk_tracked[word / (CHUNK / 8)])) {
		note_new_chunk(word);
	}
}

void state_init(void);	/* once */
void state_begin(void); /* a new search, with what is tracked now */
/* The present memory as a state: its number; *is_new if it was never seen. */
uint32_t state_capture(bool *is_new);
void state_restore(uint32_t state);
void state_rewrite(void); /* memory back to what was captured or restored last */
uint32_t state_count(void);
uint64_t state_bytes(void);
/* Whether anything changed that is not tracked: learns it. */
void state_verify(void);

/* ---- fibres (fibre.c) -------------------------------------------------------------------------------- */

void fibre_reset(void);
/* The agent runs to its next choice point. */
void agent_resume(unsigned agent, unsigned event);
void agent_yield(void);
bool agent_can_run(unsigned agent);
void point_at(unsigned kind, const volatile void *address, const void *site);
void watch_at(const volatile void *word, unsigned size, uint64_t value, const void *site);
extern uint32_t stacks_dirty; /* may have changed since the last capture */
void stack_clean(void);	      /* below the stack pointers of what ran: zero */
enum { NO_EVENT = ~0U };
extern unsigned pending_event;

/* ---- accesses (access.c, memory.c) ------------------------------------------------------------------- */

void access_reset(bool forget);
/* All that is an access of the code under test comes through here, before it happens. */
void access_plain(volatile void *p, unsigned size, bool is_write, const void *site);
unsigned access_class(const volatile void *p, bool is_write);
void access_settle(void); /* the plain store that was announced has been made */
void access_forget(void); /* it never will be: the path has ended */
void publish_if_marked(const volatile void *p);
void memory_reset(void);
void buffer_make_room(const void *site);
void buffer_push(volatile void *p, unsigned size, uint64_t v, bool is_unlock);
void buffer_forget(const volatile void *p, unsigned size);
unsigned lock_of(const volatile void *p, bool create);
bool lock_is_kept(const volatile void *word);
void memory_flush_oldest(unsigned agent);
void access_marks_save(char *text, size_t size);
bool access_marks_load(const char **text);
void access_begin_search(void);
uint64_t access_marked(void);

/* ---- the search (search.c) ---------------------------------------------------------------------------- */

extern const struct prove_model *model;
extern struct prove_options options;
extern bool in_walk; /* a random walk, to learn: every shared access is a choice point */

/* Report hook: what the running agent does now. Cheap when nobody listens. */
extern bool is_reporting;
void report_access(unsigned kind, const volatile void *p, unsigned size, const void *site);

/* An action: who, what, and the answers of prove_choose. */
enum { ACT_RUN, ACT_FLUSH, ACT_EVENT };
struct action {
	uint8_t agent, kind;
	uint8_t nr_choices;
	uint8_t choice[PROVE_MAX_CHOICES];
};
bool action_perform(struct action *action); /* false: failed, see failure */
extern char failure[512];
unsigned actions_enabled(struct action *out);
bool search_start(void); /* memory reset, setup, marks in force; false: setup failed */

void learn_only(const struct prove_model *the_model, const struct prove_options *the_options);
bool end_is_good(void);
void id_encode(char *id, size_t size, const struct action *trace, unsigned length);

#endif
