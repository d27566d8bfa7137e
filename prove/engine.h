/*
 * The explorer's engine. It runs C code on virtual CPUs ("agents"), stops them at choice points, and
 * visits every state that some order of the steps between choice points can reach. It knows nothing
 * of kernels: what exists, what can happen besides "an agent runs on", and what must hold comes from
 * a struct prove_model.
 *
 * All state that the explored code can change lies in one arena at a fixed address, and in the
 * linker sections kdata and kbss (the code under test, renamed by objcopy). A state is a copy of
 * that, so it can be restored with memcpy. One thread; one search for each process.
 *
 * "Fibre context" below means: in code that an agent runs, on one of the engine's stacks.
 */
#ifndef PROVE_ENGINE_H
#define PROVE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROVE_MAX_AGENTS = 4,
	PROVE_MAX_STACKS = 12,
	PROVE_MAX_BUFFER = 4, /* store buffer entries of an agent, at most */
	PROVE_STACK_SIZE = 8192,
	PROVE_MAX_EVENTS = 4,  /* kinds of events a model can have */
	PROVE_MAX_CHOICES = 6, /* prove_choose() calls in one step */
};

/* Where an agent can stand. The engine treats WAIT and RELAX specially, the rest is for reports. */
enum prove_point_kind {
	PROVE_START, /* has not run yet */
	PROVE_LOAD,
	PROVE_STORE,
	PROVE_RMW,
	PROVE_LOCK,
	PROVE_UNLOCK,
	PROVE_FENCE,
	PROVE_RELAX,  /* a spin loop, until the word that was loaded last changes */
	PROVE_WAIT,   /* until a condition holds */
	PROVE_WINDOW, /* nothing visible comes next, but an event may fall in here */
	PROVE_MODEL,  /* the first of the model's own kinds; their names are its point_names */
};

struct prove_context {
	uint8_t who;
	bool in_interrupt; /* of the agent: other than who */
	bool interruptible, preemptible;
};

struct prove_model {
	const char *name;
	unsigned nr_agents;
	/* Builds the initial state: what can fail here ends the program. Called again for every
	 * search, in the memory as it was when the program started. */
	void (*setup)(void);
	/* What could happen to this agent where it stands, besides running on: bits of events. */
	unsigned (*events)(unsigned agent);
	/* Fibre context: event e happens to the agent. It then stands where it stood. */
	void (*deliver)(unsigned agent, unsigned e);
	/* After each step: what the environment does by itself, and values brought into a normal
	 * form so that equal states look equal. May call prove_fail. */
	void (*settle)(void);
	/* What must hold in every state. Calls prove_fail. */
	void (*check)(void);
	/* No agent can do anything: is that the end (true) or a deadlock? May call prove_fail. */
	bool (*is_end)(void);
	/* A number below 15 for who runs on the agent (a task), and whether it could be interrupted,
	 * or preempted, right here. Two accesses conflict only if both who and where differ, or if
	 * one interrupts the other. */
	struct prove_context (*context)(unsigned agent);
	/* Whether the agent keeps a granted lock although 0 is stored to it: because nobody will be
	 * granted it any more. May be NULL. */
	bool (*keeps_lock)(const volatile void *word);
	/* Agent is about to run: set what the code under test finds itself by. May be NULL. */
	void (*enter)(unsigned agent);
	/* For reports. */
	const char *const *event_names;
	const char *const *point_names;		   /* from PROVE_MODEL on */
	void (*describe)(char *text, size_t size); /* the state, in one line */
	void (*name_address)(char *text, size_t size, const void *address);
};

struct prove_options {
	bool full;	     /* no reduction: every shared access is a choice point */
	unsigned buffer;     /* entries of a store buffer; 0: sequentially consistent */
	uint64_t max_states; /* stop there (incomplete); 0: no limit */
	unsigned nr_walks;   /* random walks to learn from before the search */
	uint64_t seed;
	bool verbose;
};

struct prove_result {
	bool failed, complete;
	uint64_t states, transitions, ends;
	unsigned depth;
	unsigned rounds; /* searches, the last one included, until nothing new was learnt */
	double seconds;
	char message[512];
	char id[4096]; /* of the trace: for prove_replay */
	unsigned trace_length;
};

/* Learns, then visits every state breadth first: the first failure found has a shortest trace. */
void prove_search(const struct prove_model *model, const struct prove_options *options,
		  struct prove_result *result);
/* Random walks instead: at most steps in all; not exhaustive. */
void prove_random(const struct prove_model *model, const struct prove_options *options,
		  uint64_t steps, struct prove_result *result);
/* Runs the one trace and prints it, a column for each agent. false: the id does not fit. */
bool prove_replay(const struct prove_model *model, const struct prove_options *options,
		  const char *id, struct prove_result *result);

/* ---- for models: memory ------------------------------------------------------------------------ */

/* Zeroed arena memory that is part of the state, for the whole search. Setup only. */
void *prove_static(size_t size, size_t align);
/* Objects that live and die. Touching one that is dead fails. At most PROVE_OBJECT_SIZE bytes, or
 * (frames) one page, page-aligned; the lowest free slot is taken. NULL: none left. */
enum { PROVE_OBJECT_SIZE = 2048, PROVE_OBJECTS = 40, PROVE_FRAMES = 28 };
void *prove_object_new(bool is_frame);
void prove_object_free(void *object);
bool prove_object_is_live(const void *address);
unsigned prove_objects_live(void);
char *prove_frame_base(void);

/* Memory that models write to without being seen: part of the state. */
void prove_track(const void *address, size_t size);
/* Words that nothing depends on (statistics): they are kept at zero. Setup only. */
void prove_ignore(void *address, size_t size);
/* Words that are the agent's own registers, read and written without being choice points. */
void prove_registers(void *address, size_t size);
/* Words that others read behind the code's back (page tables): always choice points. */
void prove_shared(void *address, size_t size);

/* ---- for models: control ------------------------------------------------------------------------ */

extern unsigned prove_agent; /* the one that runs */
static inline unsigned prove_self(void)
{
	return prove_agent;
}
bool prove_in_fibre(void);

/* Stacks: created ones start in fn(arg) when first switched to. */
unsigned prove_stack_new(void (*fn)(void *), void *arg);
void prove_stack_free(unsigned stack);
/* This agent leaves its stack for another one, which must not be in use. Fibre context. */
void prove_stack_switch(unsigned to);
/* Which stack an agent is on; what it starts on (setup). */
unsigned prove_stack_of(unsigned agent);
void prove_agent_start(unsigned agent, unsigned stack);

/* A choice point before whatever the caller does next. */
void prove_point(unsigned kind, const volatile void *address);
/* A choice point only where an event could come that could not before (since the last visible step):
 * to be called where a window for events closes. */
void prove_window(void);
/* Like prove_window, for a place where the agent may rest: the point has a kind of its own. false:
 * there was no need to stop. */
bool prove_rest(unsigned kind);
/* Like prove_point, and the agent cannot run on before ready(arg): which only reads. */
void prove_wait(bool (*ready)(void *arg), void *arg, unsigned kind);
/* 0 .. n - 1: all of them are tried. n <= 16. Fibre context. */
unsigned prove_choose(unsigned n);
/* Where an agent stands. */
unsigned prove_point_of(unsigned agent);

/* Something went wrong: this path ends here, and is the trace. */
__attribute__((noreturn, format(printf, 1, 2))) void prove_fail(const char *format, ...);

/* ---- for models: the memory system ----------------------------------------------------------- */

uint64_t prove_load(const volatile void *p, unsigned size, int order);
void prove_store(volatile void *p, unsigned size, uint64_t v, int order);
uint64_t prove_exchange(volatile void *p, unsigned size, uint64_t v, int order);
bool prove_cmpxchg(volatile void *p, unsigned size, uint64_t expect, uint64_t v, uint64_t *old,
		   int order);
uint64_t prove_fetch_add(volatile void *p, unsigned size, uint64_t v, int order);
uint64_t prove_fetch_and(volatile void *p, unsigned size, uint64_t v, int order);
uint64_t prove_fetch_or(volatile void *p, unsigned size, uint64_t v, int order);
void prove_fence(int order);
/* A spin loop whose last load was of the word it waits for. */
void prove_relax(void);
/* Everything that this agent has stored becomes visible. */
void prove_drain(void);
/* What this agent would read, without reading it: memory and its own store buffer. */
uint64_t prove_peek(unsigned agent, const volatile void *p, unsigned size);
unsigned prove_buffered(unsigned agent);

/* The model grants this agent a lock that the code gives back by storing 0 (task->on_cpu). */
void prove_lock_grant(const volatile void *word);
/* A lock that was kept (keeps_lock) is no more. */
void prove_lock_forget(const volatile void *word);
/* The same for an agent in setup. */
void prove_agent_holds(unsigned agent, const volatile void *word);
/* Objects that this agent made are from now on known to others. */
void prove_publish(void);

/* Prints the words whose accesses are choice points, and why. */
void prove_print_marks(void);

/* ---- coverage ------------------------------------------------------------------------------------ */

/* This situation was reached (bits 0 .. 63), in whatever state. */
void prove_cover(unsigned bit);
extern uint64_t prove_covered;

#endif
