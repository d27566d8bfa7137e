/*
 * The event trace: one table of event kinds (trace/events.h), per-CPU rings, off by default. An
 * event is five 64-bit words; when the trace is off, trace() costs one load and a branch.
 */
#ifndef KERN_TRACE_H
#define KERN_TRACE_H

#include <kern/types.h>
#include <kern/atomic.h>

/* kind, name, and what its three arguments mean (for readers of the trace). */
#define TRACE_EVENTS(E)                                          \
	E(SYSCALL_UNKNOWN, "syscall_unknown", "nr", "pid", "ip") \
	E(SWITCH, "switch", "prev_pid", "next_pid", "kind")      \
	E(MM_COUNT, "mm_count", "mm", "count", "why")            \
	E(MM_USERS, "mm_users", "mm", "users", "why")            \
	E(MM_STATE, "mm_state", "mm", "state", "owner")          \
	E(ROOT_LOAD, "root_load", "mm", "cpu", "why")            \
	E(TLB_FLUSH, "tlb_flush", "mm", "cpus", "pages")         \
	E(OOM_KILL, "oom_kill", "pid", "pages", "free")

enum trace_kind {
#define TRACE_KIND(kind, name, a, b, c) TRACE_##kind,
	TRACE_EVENTS(TRACE_KIND)
#undef TRACE_KIND
		NR_TRACE_KINDS,
};

struct trace_event {
	uint64_t time_ns;
	uint16_t kind;
	uint16_t cpu;
	uint32_t sequence; /* number of the event on its CPU, from 1 */
	uint64_t a, b, c;
};

extern uint32_t trace_is_on; /* [atomic] */

/* Appends to this CPU's ring, overwriting the oldest. Context: any but NMI. Never sleeps. */
void trace_emit(enum trace_kind kind, uint64_t a, uint64_t b, uint64_t c);

#define trace(kind, a, b, c)                                                                   \
	do {                                                                                   \
		if (unlikely(atomic_load_relaxed(&trace_is_on)))                               \
			trace_emit(TRACE_##kind, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c)); \
	} while (0)

/* Gives every present CPU a ring, on first use, and switches the trace on. -ENOMEM. Context: task;
 * callers serialise. Stopping keeps the rings' contents. */
MUST_USE int trace_start(void);
void trace_stop(void);

/* Where the rings come from: phys/ fills it in. Zeroed memory, NULL: none. */
extern void *(*trace_alloc)(size_t len_bytes);

const char *trace_kind_name(unsigned kind);
/* What the three arguments of a kind are called. kind < NR_TRACE_KINDS. */
const char *const *trace_kind_keys(unsigned kind);

/* Copies up to max of the newest events of one CPU, oldest first; returns how many. Events that are
 * overwritten meanwhile are left out. Context: any; the CPU may be writing. */
size_t trace_read(unsigned cpu, struct trace_event *events, size_t max);

#endif
