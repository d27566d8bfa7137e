/*
 * Queues of pending signals: a mask of what is pending, and a list with what is known of each. A
 * real-time signal is queued as often as it is sent; any other is pending once. A signal in the mask
 * without an entry is one whose details found no memory.
 *
 * signal->lock of the process guards its queues: the shared one and each thread's. Everything here
 * is called with it held and never sleeps.
 */
#include <kern/assert.h>
#include <kern/bitmap.h>
#include <kern/kcache.h>
#include <kern/process.h>

#include "task_private.h"

static struct kcache *entry_cache;

void signal_queue_init(void)
{
	entry_cache = kcache_create("signal_entry", sizeof(struct signal_entry), 0);
}

struct signal_entry *signal_entry_create(struct signal_struct *signal, bool is_forced)
{
	struct user *user = user_get(signal->user);
	uint64_t limit = signal->rlimits[RLIMIT_SIGPENDING].soft;
	int64_t nr_before = atomic_fetch_add_relaxed(&user->nr_queued, 1);
	struct signal_entry *entry = NULL;

	if (is_forced || (uint64_t)nr_before < limit)
		entry = kcache_alloc(entry_cache, ALLOC_ATOMIC);
	if (!entry) {
		atomic_fetch_add_relaxed(&user->nr_queued, -1);
		user_put(user);
		return NULL;
	}
	entry->user = user;
	entry->is_preallocated = false;
	entry->is_timers = false;
	list_init(&entry->node);
	return entry;
}

void signal_entry_free(struct signal_entry *entry)
{
	if (entry->is_preallocated)
		return;
	atomic_fetch_add_relaxed(&entry->user->nr_queued, -1);
	user_put(entry->user);
	kcache_free(entry_cache, entry);
}

/* Frees an entry that its owner (a POSIX timer) preallocated. */
void signal_entry_destroy(struct signal_entry *entry)
{
	assert(list_is_empty(&entry->node));
	entry->is_preallocated = false;
	signal_entry_free(entry);
}

/* The next of a set to be taken: faults of the program itself first, then by number. */
int signal_first(uint64_t set)
{
	if (set & SIGNALS_SYNCHRONOUS)
		set &= SIGNALS_SYNCHRONOUS;
	return set ? (int)bit_lowest(set) + 1 : 0;
}

/* Takes one signal's first entry off a queue; its bit stays if there are more of it. */
static struct signal_entry *queue_take(uint64_t *mask, struct list_node *list, int signal)
{
	struct signal_entry *entry, *first = NULL;

	list_for_each_entry (entry, list, node) {
		if (entry->info.signo != signal)
			continue;
		if (first)
			goto more; /* another of the same */
		first = entry;
	}
	*mask &= ~SIGNAL_BIT(signal);
more:
	if (first)
		list_remove(&first->node);
	return first;
}

int signal_queue_take(uint64_t *mask, struct list_node *list, uint64_t wanted,
		      struct signal_info *info, bool *is_timers)
{
	int signal = signal_first(*mask & wanted);
	struct signal_entry *entry;

	*is_timers = false;
	if (!signal)
		return 0;
	entry = queue_take(mask, list, signal);
	if (!entry) {
		*info = (struct signal_info){.signo = signal, .code = SI_USER};
		return signal;
	}
	*info = entry->info;
	*is_timers = entry->info.code == SI_TIMER && entry->is_timers;
	signal_entry_free(entry);
	return signal;
}

void signal_queue_flush(uint64_t *mask, struct list_node *list, uint64_t set)
{
	struct signal_entry *entry, *next;

	if (!(*mask & set))
		return;
	*mask &= ~set;
	list_for_each_entry_safe (entry, next, list, node) {
		if (!(SIGNAL_BIT(entry->info.signo) & set))
			continue;
		list_remove(&entry->node);
		signal_entry_free(entry);
	}
}
