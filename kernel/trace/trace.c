/*
 * Event rings, one for each CPU, allocated when the trace is first switched on. A ring is written
 * by its own CPU with interrupts off [cpu], and read by anybody: an event's sequence number is 0
 * while it is being written, and the reader looks at it before and after it copies.
 */
#include <kern/trace.h>
#include <kern/smp.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/time.h>
#include <uapi/errno.h>

enum { RING_EVENTS = 4096 };

struct trace_ring {
	struct trace_event *events; /* [atomic] NULL until the trace was switched on */
	uint32_t written; /* [atomic, written by its CPU] the last event's sequence number */
};

static DEFINE_PER_CPU(struct trace_ring, trace_ring);

uint32_t trace_is_on;
void *(*trace_alloc)(size_t len_bytes);

static const char *const kind_names[NR_TRACE_KINDS] = {
#define TRACE_NAME(kind, name, a, b, c) [TRACE_##kind] = name,
	TRACE_EVENTS(TRACE_NAME)
#undef TRACE_NAME
};

static const char *const kind_keys[NR_TRACE_KINDS][3] = {
#define TRACE_KEYS(kind, name, a, b, c) [TRACE_##kind] = {a, b, c},
	TRACE_EVENTS(TRACE_KEYS)
#undef TRACE_KEYS
};

const char *const *trace_kind_keys(unsigned kind)
{
	return kind_keys[kind];
}

const char *trace_kind_name(unsigned kind)
{
	return kind < NR_TRACE_KINDS ? kind_names[kind] : "?";
}

int trace_start(void)
{
	unsigned cpu;

	for_each_cpu (cpu, cpus_present) {
		struct trace_ring *ring = &per_cpu(trace_ring, cpu);
		if (ring->events)
			continue;
		void *events =
			trace_alloc ? trace_alloc(RING_EVENTS * sizeof(*ring->events)) : NULL;
		if (!events)
			return -ENOMEM;
		/* Pairs with the load in trace_emit(): the ring is zeroed. */
		atomic_store_release(&ring->events, events);
	}
	atomic_store_relaxed(&trace_is_on, 1);
	return 0;
}

void trace_stop(void)
{
	atomic_store_relaxed(&trace_is_on, 0);
}

void trace_emit(enum trace_kind kind, uint64_t a, uint64_t b, uint64_t c)
{
	unsigned long flags = arch_irq_save();
	struct trace_ring *ring = &this_cpu(trace_ring);
	struct trace_event *events = atomic_load_acquire(&ring->events);

	if (events) {
		uint32_t sequence = ring->written + 1;
		struct trace_event *event = &events[sequence % RING_EVENTS];
		atomic_store_relaxed(&event->sequence, 0);
		atomic_fence_release();
		atomic_store_relaxed(&event->time_ns, arch_clock_ns());
		atomic_store_relaxed(&event->kind, (uint16_t)kind);
		atomic_store_relaxed(&event->cpu, (uint16_t)arch_cpu_id());
		atomic_store_relaxed(&event->a, a);
		atomic_store_relaxed(&event->b, b);
		atomic_store_relaxed(&event->c, c);
		/* Both pair with read_event() and trace_read(). */
		atomic_store_release(&event->sequence, sequence);
		atomic_store_release(&ring->written, sequence);
	}
	arch_irq_restore(flags);
}

/* False if the event with that number is no longer (or not wholly) there. */
static bool read_event(const struct trace_event *from, uint32_t sequence, struct trace_event *to)
{
	if (atomic_load_acquire(&from->sequence) != sequence)
		return false;
	to->time_ns = atomic_load_relaxed(&from->time_ns);
	to->kind = atomic_load_relaxed(&from->kind);
	to->cpu = atomic_load_relaxed(&from->cpu);
	to->a = atomic_load_relaxed(&from->a);
	to->b = atomic_load_relaxed(&from->b);
	to->c = atomic_load_relaxed(&from->c);
	to->sequence = sequence;
	atomic_fence_acquire();
	return atomic_load_relaxed(&from->sequence) == sequence;
}

size_t trace_read(unsigned cpu, struct trace_event *events, size_t max)
{
	struct trace_ring *ring = &per_cpu(trace_ring, cpu);
	const struct trace_event *from = atomic_load_acquire(&ring->events);
	uint32_t last = atomic_load_acquire(&ring->written);
	size_t len = MIN(max, (size_t)MIN(last, (uint32_t)RING_EVENTS)), n = 0;

	if (!from)
		return 0;
	for (uint32_t sequence = last - (uint32_t)len + 1; len; len--, sequence++)
		if (read_event(&from[sequence % RING_EVENTS], sequence, &events[n]))
			n++;
	return n;
}
