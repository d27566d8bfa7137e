/*
 * Threads to explore. Plain C with atomics by name; the data are in the sections of the code under
 * test, and plain accesses are seen by the compiler's instrumentation.
 */
#include "toys.h"

#define STATE __attribute__((section("kbss")))

#define LOAD(p)	    prove_load(&(p), sizeof(p), __ATOMIC_ACQUIRE)
#define STORE(p, v) prove_store(&(p), sizeof(p), v, __ATOMIC_RELEASE)
#define FENCE()	    prove_fence(__ATOMIC_SEQ_CST)

static uint32_t want[2] STATE, turn STATE, lock_word STATE, other_lock STATE;
static uint32_t next_ticket STATE, now_serving STATE;
static uint64_t plain STATE, total STATE, flag STATE, data STATE, *pointer STATE;
static uint64_t percpu[2] STATE;

/* ---- Peterson: right with sequential consistency, wrong without a fence on TSO ----------------- */

static void peterson(unsigned me, bool has_fence)
{
	STORE(want[me], 1);
	STORE(turn, 1 - me);
	if (has_fence)
		FENCE();
	while (LOAD(want[1 - me]) && LOAD(turn) == 1 - me)
		; /* two words: no prove_relax(), which waits for one */
	toy_enter(me);
	toy_leave(me);
	STORE(want[me], 0);
}

static void peterson_fenced(void *who)
{
	peterson((unsigned)(uintptr_t)who, true);
}

static void peterson_bare(void *who)
{
	peterson((unsigned)(uintptr_t)who, false);
}

/* ---- store buffering: both may read 0 on TSO, never with sequential consistency ----------------- */

static uint64_t saw[2] STATE;

static void store_buffering(unsigned me, bool is_plain, bool has_fence)
{
	if (is_plain)
		*(volatile uint64_t *)&percpu[me] = 1;
	else
		STORE(percpu[me], 1);
	if (has_fence)
		FENCE();
	saw[me] = is_plain ? *(volatile uint64_t *)&percpu[1 - me] : LOAD(percpu[1 - me]);
	saw[me]++;
	if (LOAD(saw[1 - me]) == 1 && saw[me] == 1)
		toy_fail("both have read 0");
}

static void sb_atomic(void *who)
{
	store_buffering((unsigned)(uintptr_t)who, false, false);
}
static void sb_plain(void *who)
{
	store_buffering((unsigned)(uintptr_t)who, true, false);
}
static void sb_fenced(void *who)
{
	store_buffering((unsigned)(uintptr_t)who, true, true);
}

/* ---- message passing: right on TSO; wrong when the flag goes first -------------------------------- */

static void mp_writer(void *who)
{
	data = 1;
	STORE(flag, 1);
}
static void mp_writer_wrong(void *who)
{
	STORE(flag, 1);
	data = 1;
}
static void mp_reader(void *who)
{
	while (!LOAD(flag))
		prove_relax();
	if (data != 1)
		toy_fail("the data came after the flag");
}

/* ---- locks ------------------------------------------------------------------------------------------ */

static void lock(uint32_t *word)
{
	while (prove_exchange(word, 4, 1, __ATOMIC_ACQUIRE))
		while (prove_load(word, 4, __ATOMIC_RELAXED))
			prove_relax();
}

static void unlock(uint32_t *word)
{
	prove_store(word, 4, 0, __ATOMIC_RELEASE);
}

static void locked_counter(void *who)
{
	for (int i = 0; i < 2; i++) {
		lock(&lock_word);
		plain++;
		unlock(&lock_word);
	}
	if (prove_fetch_add(&total, 8, 1, __ATOMIC_ACQ_REL) == 1 && plain != 4)
		toy_fail("an increment is lost");
}

/* The second one forgets the lock. */
static void counter(void *who)
{
	if (who)
		plain++;
	else
		locked_counter(who);
}

static void lost_update(void *who)
{
	plain++;
	if (prove_fetch_add(&total, 8, 1, __ATOMIC_ACQ_REL) == 1 && plain != 2)
		toy_fail("an increment is lost");
}

static void lock_ab(void *who)
{
	lock(who ? &lock_word : &other_lock);
	lock(who ? &other_lock : &lock_word);
	unlock(&lock_word);
	unlock(&other_lock);
}

static void ticket_lock(void *who)
{
	uint64_t mine = prove_fetch_add(&next_ticket, 4, 1, __ATOMIC_ACQ_REL);

	while (LOAD(now_serving) != mine)
		prove_relax();
	toy_enter((unsigned)(uintptr_t)who);
	toy_leave((unsigned)(uintptr_t)who);
	STORE(now_serving, (uint32_t)mine + 1);
}

/* Reads the ticket and then increments. */
static void ticket_torn(void *who)
{
	uint64_t mine = LOAD(next_ticket);

	STORE(next_ticket, (uint32_t)mine + 1);
	while (LOAD(now_serving) != mine)
		prove_relax();
	toy_enter((unsigned)(uintptr_t)who);
	toy_leave((unsigned)(uintptr_t)who);
	STORE(now_serving, (uint32_t)mine + 1);
}

/* ---- objects: made in private, published, taken away ------------------------------------------------ */

static void maker(void *who)
{
	uint64_t *object = prove_object_new(false);

	object[0] = 7;
	prove_store(&pointer, 8, (uint64_t)object, __ATOMIC_RELEASE);
}
static void maker_late(void *who)
{
	uint64_t *object = prove_object_new(false);

	prove_store(&pointer, 8, (uint64_t)object, __ATOMIC_RELEASE);
	object[0] = 7;
}
static void maker_frees(void *who)
{
	uint64_t *object = prove_object_new(false);

	object[0] = 7;
	prove_store(&pointer, 8, (uint64_t)object, __ATOMIC_RELEASE);
	prove_point(PROVE_MODEL, object);
	prove_object_free(object);
}
static void looker(void *who)
{
	uint64_t *object = (uint64_t *)prove_load(&pointer, 8, __ATOMIC_ACQUIRE);

	if (object && *object != 7)
		toy_fail("an object is seen half made");
}

/* ---- interrupts of the same agent ---------------------------------------------------------------------- */

void toy_interrupt(void)
{
	plain++;
	flag++;
}

static void interrupted(void *who)
{
	uint64_t before = plain;

	plain = before + 1;
	if (flag && plain == 1)
		toy_fail("the interrupt's increment is lost");
}

static void nothing(void *who)
{
}

static void waits_for_ever(void *who)
{
	if (!who)
		while (!LOAD(flag))
			prove_relax();
}

const struct toy toys[] = {
	{"peterson with fence", 2, NULL, {peterson_fenced, peterson_fenced}, false, false},
	{"peterson", 2, NULL, {peterson_bare, peterson_bare}, false, true},
	{"store buffering", 2, NULL, {sb_atomic, sb_atomic}, false, true},
	{"store buffering, plain", 2, NULL, {sb_plain, sb_plain}, false, true},
	{"store buffering, fenced", 2, NULL, {sb_fenced, sb_fenced}, false, false},
	{"message passing", 2, NULL, {mp_writer, mp_reader}, false, false},
	{"message passing, flag first", 2, NULL, {mp_writer_wrong, mp_reader}, true, true},
	{"locked counter", 2, NULL, {locked_counter, locked_counter}, false, false},
	{"counter with a lock forgotten", 2, NULL, {counter, counter}, false, false},
	{"lost update", 2, NULL, {lost_update, lost_update}, true, true},
	{"locks in both orders", 2, NULL, {lock_ab, lock_ab}, true, true},
	{"ticket lock", 3, NULL, {ticket_lock, ticket_lock, ticket_lock}, false, false},
	{"ticket lock, torn", 2, NULL, {ticket_torn, ticket_torn}, true, true},
	{"object published when made", 2, NULL, {maker, looker}, false, false},
	{"object published too early", 2, NULL, {maker_late, looker}, true, true},
	{"object freed under a reader", 2, NULL, {maker_frees, looker}, true, true},
	{"increment torn by an interrupt", 1, NULL, {interrupted, nothing}, true, true},
	{"wake-up that never comes", 2, NULL, {waits_for_ever, waits_for_ever}, true, true},
};
const unsigned nr_toys = sizeof(toys) / sizeof(toys[0]);
