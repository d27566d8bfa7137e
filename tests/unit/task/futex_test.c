/*
 * kernel/task/futex.c, futex_requeue.c: waiters on four CPUs, with a switch at random points. No wake-up
 * is lost, none comes without a reason that the caller can see.
 */
#define FIXTURE_NR_CPUS 4
#include "fixture.h"
#include <uapi/futex.h>
#include <arch/uaccess.h>

#include "../../../kernel/mm/users.h"
#include "../../../kernel/task/futex.h"

#define BASE  0x40000000UL
#define WORD  ((uint32_t *)BASE)
#define WORD2 ((uint32_t *)(BASE + 64))

enum { NR_SEEDS = 10 };

static struct mm_struct *mm;
static uint64_t seed;
static unsigned nr_running;

static uint64_t roll(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 8) % n;
}

static void switch_at_random(enum host_point kind, const volatile void *address)
{
	if (roll(8) == 0)
		host_cpu_yield();
	if (roll(200) == 0) /* this one falls far behind */
		for (uint64_t n = roll(40); n > 0; n--)
			host_cpu_yield();
	if (roll(64) == 0 && host_cpu->irqs_on)
		host_time_advance(500); /* idle CPUs poll for a while */
}

static int (*work)(unsigned number);
static struct wait_queue gate = WAIT_QUEUE_INIT(gate);
static bool gate_is_open;

static int thread_main(void *arg)
{
	wait_event(&gate, atomic_load_seqcst(&gate_is_open)); /* all begin together */
	kthread_use_mm(mm);
	assert(work((unsigned)(uintptr_t)arg) == 0);
	kthread_unuse_mm();
	atomic_fetch_add_seqcst(&nr_running, -1U);
	return 0;
}

/* Runs fn in nr threads on all CPUs, in an address space of their own, with one page at BASE. */
static void run(int (*fn)(unsigned number), unsigned nr, uint64_t with_seed)
{
	struct task_struct *tasks[16];

	seed = with_seed * 0x9e3779b97f4a7c15ULL;
	mm = mm_create(1);
	assert(mm && !contents_create(mm));
	assert(area_map(mm, &(struct area_request){.address = BASE,
						   .len = PAGE_SIZE,
						   .flags = AREA_READ | AREA_WRITE,
						   .is_fixed = true}) == (long)BASE);
	work = fn;
	nr_running = nr;
	gate_is_open = false;
	for (unsigned i = 0; i < nr; i++) {
		tasks[i] = kthread_create(thread_main, (void *)(uintptr_t)i, 1ULL << (i % 4), "t%u",
					  i);
		assert(tasks[i]);
	}
	atomic_store_seqcst(&gate_is_open, true);
	host_point_hook = switch_at_random;
	wake_up_all(&gate);
	while (atomic_load_seqcst(&nr_running)) {
		schedule();
		host_cpu_yield();
	}
	for (unsigned i = 0; i < nr; i++) {
		while (atomic_load_acquire(&tasks[i]->state) != TASK_DEAD ||
		       atomic_load_acquire(&tasks[i]->on_cpu)) {
			schedule();
			host_cpu_yield();
		}
	}
	host_point_hook = NULL;
	for (unsigned i = 0; i < nr; i++)
		put_task_struct(tasks[i]);
	mmput_as(mm, USER_TASK);
}

static uint32_t load(uint32_t *word)
{
	uint32_t value;

	assert(arch_user_load32(word, &value) == 0);
	return value;
}

static uint32_t change(uint32_t *word, uint32_t add)
{
	uint32_t old = load(word), seen;

	for (;;) {
		assert(arch_user_cmpxchg32(word, old, old + add, &seen) == 0);
		if (seen == old)
			return old;
		old = seen;
	}
}

/* ---- two take turns ---------------------------------------------------------------------------------- */

static int ping_pong(unsigned number)
{
	for (unsigned n = 0; n < 100; n++) {
		while (load(WORD) % 2 != number) {
			long result = futex_wait(WORD, true, 1 - number, UINT64_MAX,
						 FUTEX_BITSET_MATCH_ANY);

			assert(result == 0 || result == -EAGAIN);
		}
		assert(arch_user_store32(WORD, 1 - number) == 0);
		futex_wake(WORD, true, 1, FUTEX_BITSET_MATCH_ANY);
	}
	return 0;
}

TASK_TEST(no_wake_up_is_lost_between_two)
{
	for (uint64_t s = 1; s <= NR_SEEDS; s++)
		run(ping_pong, 2, s);
}

/* ---- a mutex as C libraries make it: 0 free, 1 taken, 2 taken and waited for --------------------------- */

static unsigned inside, total;

static uint32_t exchange(uint32_t *word, uint32_t value)
{
	uint32_t old = load(word), seen;

	for (;;) {
		assert(arch_user_cmpxchg32(word, old, value, &seen) == 0);
		if (seen == old)
			return old;
		old = seen;
	}
}

static int lock_and_count(unsigned number)
{
	for (unsigned n = 0; n < 40; n++) {
		uint32_t seen;

		assert(arch_user_cmpxchg32(WORD, 0, 1, &seen) == 0);
		if (seen) {
			while (exchange(WORD, 2))
				(void)futex_wait(WORD, true, 2, UINT64_MAX, FUTEX_BITSET_MATCH_ANY);
		}
		assert(inside++ == 0);
		host_cpu_yield();
		total++;
		assert(inside-- == 1);
		if (exchange(WORD, 0) == 2)
			futex_wake(WORD, true, 1, FUTEX_BITSET_MATCH_ANY);
	}
	return 0;
}

TASK_TEST(a_mutex_of_eight_threads_excludes_and_goes_on)
{
	for (uint64_t s = 1; s <= NR_SEEDS; s++) {
		total = 0;
		run(lock_and_count, 8, s);
		assert_int_equal(total, 320);
	}
}

/* ---- all are woken, some by way of the second word ------------------------------------------------------- */

static int herd(unsigned number)
{
	unsigned nr_gone = 0;

	if (number) {
		change(WORD2, 1);
		while (load(WORD) == 0)
			(void)futex_wait(WORD, true, 0, UINT64_MAX, FUTEX_BITSET_MATCH_ANY);
		return 0;
	}
	while (load(WORD2) != 7)
		sched_yield();
	assert(arch_user_store32(WORD, 1) == 0);
	while (nr_gone < 7) {
		long result = futex_requeue(WORD, WORD2, true, 1, 2, NULL);

		assert(result >= 0);
		result = futex_wake(WORD2, true, 100, FUTEX_BITSET_MATCH_ANY);
		assert(result >= 0);
		if (!atomic_load_relaxed(&nr_running) ||
		    atomic_load_relaxed(&nr_running) == 1) /* only this one is left */
			nr_gone = 7;
		sched_yield();
	}
	return 0;
}

TASK_TEST(moved_waiters_are_woken_at_their_new_place)
{
	for (uint64_t s = 1; s <= NR_SEEDS; s++)
		run(herd, 8, s);
}

/* ---- times and errors -------------------------------------------------------------------------------------- */

static int errors(unsigned number)
{
	assert(arch_user_store32(WORD, 5) == 0);
	assert(futex_wait(WORD, true, 4, UINT64_MAX, 1) == -EAGAIN);
	assert(futex_wait(WORD, true, 5, UINT64_MAX, 0) == -EINVAL);
	assert(futex_wait((uint32_t *)(BASE + 2), true, 5, UINT64_MAX, 1) == -EINVAL);
	assert(futex_wait((uint32_t *)(BASE + PAGE_SIZE), true, 5, UINT64_MAX, 1) == -EFAULT);
	assert(futex_wait((uint32_t *)ARCH_USER_END, true, 5, UINT64_MAX, 1) == -EFAULT);
	assert(futex_wait(WORD, true, 5, clock_monotonic_ns(), 1) == -ETIMEDOUT);
	assert(futex_wake(WORD, true, 1, 0) == -EINVAL);
	assert(futex_wake(WORD, true, 1, 1) == 0);
	assert(futex_requeue(WORD, WORD2, true, 1, 1, &(uint32_t){6}) == -EAGAIN);
	assert(futex_requeue(WORD, WORD2, true, -1, 1, NULL) == -EINVAL);
	/* word2 += 3, and wake if it was 7 (it was 0). */
	assert(futex_wake_op(WORD, WORD2, true, 1, 1,
			     (uint32_t)FUTEX_OP_ADD << 28 | 3U << 12 | 7U) == 0);
	assert(load(WORD2) == 3);
	/* word2 &= ~(1 << 1) */
	assert(futex_wake_op(WORD, WORD2, true, 1, 1,
			     (uint32_t)(FUTEX_OP_ANDN | FUTEX_OP_ARG_SHIFT) << 28 | 1U << 12) == 0);
	assert(load(WORD2) == 1);
	return 0;
}

TASK_TEST(errors_and_operations)
{
	run(errors, 1, 1);
}
