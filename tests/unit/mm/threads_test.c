/*
 * Several CPUs at work in one address space: the real scheduler, sleeping locks, shootdowns by
 * interrupt, TLBs that forget nothing by themselves. Threads are kernel threads that put the address
 * space on (kthread_use_mm) and then do what user code and system calls do. At random points one CPU is
 * left for another; a seed replays a run.
 */
#include "test.h"
#include "space.h"
#include <kern/entry.h>
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/wait.h>
#include <arch/cpu.h>

enum { NR_CPUS = 4, NR_SEEDS = 12 };
#define BASE 0x40000000UL

static struct mm_struct *mm;
static struct dice dice;
static unsigned nr_running; /* threads that have not ended */
static bool must_stop;	    /* one has done its part: the others end too */
static bool had_signal[MAX_CPUS];

void entry_cpu_start(void)
{
	sched_cpu_online(arch_cpu_id());
	sched_idle();
}

static void note_signal_of_cpu(struct trapframe *tf, int signal, int code, uintptr_t address)
{
	had_signal[arch_cpu_id()] = true;
}

static void start_cpus(void)
{
	cpus_present = (1ULL << NR_CPUS) - 1;
	sched_init();
	mm_hooks.fault_signal = note_signal_of_cpu;
	host_time_follows_idle = true;
	for (unsigned cpu = 1; cpu < NR_CPUS; cpu++) {
		assert(arch_cpu_start(cpu, sched_idle_create(cpu)) == 0);
		while (!(cpus_online >> cpu & 1))
			host_cpu_yield();
	}
}

static __attribute__((constructor)) void be_ready(void)
{
	space_ready = start_cpus;
}

static void switch_at_random(enum host_point kind, const volatile void *address)
{
	if (roll(&dice, 16) == 0)
		host_cpu_yield();
	if (roll(&dice, 256) == 0) /* this one falls far behind */
		for (uint64_t n = roll(&dice, 40); n > 0; n--)
			host_cpu_yield();
	if (roll(&dice, 64) == 0 && host_cpu->irqs_on)
		host_time_advance(500);
}

static struct wait_queue gate = WAIT_QUEUE_INIT(gate);
static bool gate_is_open;

struct thread {
	int (*fn)(struct thread *self);
	unsigned number;
	struct dice dice;
	struct task_struct *task;
};

static int thread_main(void *arg)
{
	struct thread *self = arg;
	int result;

	wait_event(&gate, atomic_load_seqcst(&gate_is_open)); /* all begin together */
	kthread_use_mm(mm);
	result = self->fn(self);
	kthread_unuse_mm();
	atomic_fetch_add_seqcst(&nr_running, -1U);
	return result;
}

/* Runs one thread on each CPU, in mm. */
static void run(int (*const fns[NR_CPUS])(struct thread *self), uint64_t seed)
{
	struct thread threads[NR_CPUS];

	dice.state = seed * 0x9e3779b97f4a7c15ULL;
	must_stop = false;
	nr_running = NR_CPUS;
	gate_is_open = false;
	for (unsigned i = 0; i < NR_CPUS; i++) {
		threads[i] = (struct thread){.fn = fns[i], .number = i, .dice.state = seed + i + 1};
		threads[i].task = kthread_create(thread_main, &threads[i], 1ULL << i, "t%u", i);
		assert_non_null(threads[i].task);
	}
	atomic_store_seqcst(&gate_is_open, true);
	host_point_hook = switch_at_random;
	wake_up_all(&gate);
	while (atomic_load_seqcst(&nr_running)) {
		schedule();
		host_cpu_yield();
	}
	for (unsigned i = 0; i < NR_CPUS; i++) {
		while (atomic_load_acquire(&threads[i].task->state) != TASK_DEAD ||
		       atomic_load_acquire(&threads[i].task->on_cpu)) {
			schedule();
			host_cpu_yield();
		}
	}
	host_point_hook = NULL;
	for (unsigned i = 0; i < NR_CPUS; i++)
		put_task_struct(threads[i].task);
	contents_check(mm, true);
}

/* Every CPU forgets the dead address spaces that it still stands on, and the objects that it keeps. */
static void leave_here(void *arg)
{
	if (!current->mm)
		life_unlazy_cpu();
	kcache_drain();
}

static int threads_teardown(void **state)
{
	smp_call(atomic_load_relaxed(&cpus_online), leave_here, NULL);
	task_drain_stacks();
	return machine_teardown(state);
}
#define THREADS_TEST(behaviour) TEST_WITH(behaviour, machine_setup, threads_teardown)

/* An access that may be refused: then nothing happened. */
static bool try_read(vaddr_t va, uint8_t *value)
{
	host_choice_point(HOST_POINT_LOAD, NULL); /* one that the TLB answers has no other */
	had_signal[arch_cpu_id()] = false;
	return host_user_read(va, value);
}

static bool try_write(vaddr_t va, uint8_t value)
{
	host_choice_point(HOST_POINT_STORE, NULL);
	had_signal[arch_cpu_id()] = false;
	return host_user_write(va, value);
}

/* ---- memory of one's own is not disturbed by what others do around it -------------------------- */

enum { OWN_PAGES = 12 };

/* Pages of different threads alternate, so they share tables. */
static vaddr_t own_page(const struct thread *self, unsigned i)
{
	return BASE + (i * 4 + self->number - 1) * PAGE_SIZE;
}

static int write_own(struct thread *self)
{
	uint8_t model[OWN_PAGES] = {0}, value;

	for (unsigned n = 0; n < 400 && !must_stop; n++) {
		unsigned i = (unsigned)roll(&self->dice, OWN_PAGES);

		if (roll(&self->dice, 2)) {
			model[i] = (uint8_t)roll(&self->dice, 256);
			assert_true(try_write(own_page(self, i), model[i]));
		}
		assert_true(try_read(own_page(self, i), &value));
		assert_int_equal(value, model[i]);
	}
	return 0;
}

/* Maps and unmaps the fourth pages in between, and makes copies that must stand still. */
static int map_and_fork(struct thread *self)
{
	for (unsigned n = 0; n < 60; n++) {
		vaddr_t va = BASE + (roll(&self->dice, OWN_PAGES) * 4 + 3) * PAGE_SIZE;
		vaddr_t look = BASE + roll(&self->dice, OWN_PAGES * 4) * PAGE_SIZE;
		struct mm_struct *child;
		uint8_t first = 0, second = 0;

		assert_int_equal(map_at(va, PAGE_SIZE, RW), va);
		assert_true(try_write(va, 1));
		assert_int_equal(sys_munmap(va, PAGE_SIZE), 0);
		if (n % 4)
			continue;
		child = space_fork(mm);
		assert_non_null(child);
		size_t got = mm_read(child, look, &first, 1);
		for (unsigned i = 0; i < 50; i++)
			host_cpu_yield();
		assert_int_equal(mm_read(child, look, &second, 1), got);
		assert_int_equal(first, second);
		contents_check(child, true);
		mmput_as(child, USER_TASK);
	}
	must_stop = true;
	return 0;
}

THREADS_TEST(ones_own_memory_is_not_disturbed)
{
	for (uint64_t seed = 1; seed <= NR_SEEDS; seed++) {
		mm = space_new();
		space_enter(mm);
		map_at(BASE, OWN_PAGES * 4 * PAGE_SIZE, RW);
		space_enter(NULL);
		run((int (*const[])(struct thread *)){map_and_fork, write_own, write_own,
						      write_own},
		    seed);
		mmput_as(mm, USER_TASK);
	}
}

/* ---- what is protected stays as it is ----------------------------------------------------------- */

static int write_always(struct thread *self)
{
	uint8_t n = 0;

	while (!must_stop)
		try_write(BASE + self->number, ++n);
	return 0;
}

static int protect_and_look(struct thread *self)
{
	for (unsigned n = 0; n < 60; n++) {
		uint8_t before[NR_CPUS], after[NR_CPUS];

		assert_int_equal(sys_mprotect(BASE, PAGE_SIZE, PROT_READ), 0);
		assert_int_equal(mm_read(mm, BASE, before, NR_CPUS), NR_CPUS);
		for (unsigned i = 0; i < 60; i++)
			host_cpu_yield();
		assert_int_equal(mm_read(mm, BASE, after, NR_CPUS), NR_CPUS);
		assert_memory_equal(before, after, NR_CPUS);
		assert_int_equal(sys_mprotect(BASE, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
		for (unsigned i = 0; i < 20; i++)
			host_cpu_yield();
	}
	must_stop = true;
	return 0;
}

THREADS_TEST(nobody_writes_to_what_has_been_protected)
{
	for (uint64_t seed = 1; seed <= NR_SEEDS; seed++) {
		mm = space_new();
		space_enter(mm);
		map_at(BASE, PAGE_SIZE, RW);
		space_enter(NULL);
		run((int (*const[])(struct thread *)){protect_and_look, write_always, write_always,
						      write_always},
		    seed);
		mmput_as(mm, USER_TASK);
	}
}

/* ---- an object shrinks and grows under those who map it ------------------------------------------ */

enum { OBJECT_PAGES = 8 };
static struct mapping *object;

/* Values that a page of the object may have: 0, or its number + 1. Anything else is another's frame. */
static int use_object(struct thread *self)
{
	while (!must_stop) {
		unsigned i = (unsigned)roll(&self->dice, OBJECT_PAGES);
		vaddr_t va = BASE + i * PAGE_SIZE;
		uint8_t value;

		if (roll(&self->dice, 2))
			try_write(va, (uint8_t)(i + 1));
		else if (try_read(va, &value))
			assert_true(value == 0 || value == i + 1);
	}
	return 0;
}

static void change_object(struct dice *own_dice)
{
	unsigned size = (unsigned)roll(own_dice, OBJECT_PAGES + 1);

	if (roll(own_dice, 2))
		mapping_truncate(object, size * PAGE_SIZE);
	else
		mapping_punch(object, size / 2, size);
}

/* Frames that went are given to another use at once: nobody may write to them any more. */
static void use_frames(void)
{
	struct page *pages[4];

	for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
		pages[i] = page_alloc(0, PAGE_USE_KERNEL, 0);
		memset(page_address(pages[i]), 0xee, PAGE_SIZE);
	}
	host_cpu_yield();
	for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
		assert_int_equal(*(uint8_t *)page_address(pages[i]), 0xee);
		page_free(pages[i]);
	}
}

/* The only one that truncates: while it holds back the faults, all must be exact. */
static int truncate_and_check(struct thread *self)
{
	for (unsigned n = 0; n < 60; n++) {
		change_object(&self->dice);
		use_frames();
		rwsem_write_lock(&mm->contents->lock);
		contents_check(mm, true);
		rwsem_write_unlock(&mm->contents->lock);
	}
	must_stop = true;
	return 0;
}

/* There and back: pages move while they may be truncated. */
static int move_object(struct thread *self)
{
	const unsigned long flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	const size_t len = OBJECT_PAGES * PAGE_SIZE;
	const vaddr_t other = BASE + 0x200000;

	while (!must_stop) {
		assert_int_equal(sys_mremap(BASE, len, len, flags, other), other);
		assert_int_equal(sys_mremap(other, len, len, flags, BASE), BASE);
	}
	return 0;
}

THREADS_TEST(truncated_pages_are_out_of_reach)
{
	for (uint64_t seed = 1; seed <= 2 * NR_SEEDS; seed++) {
		object = mapping_create_shared(OBJECT_PAGES * PAGE_SIZE);
		mm = space_new();
		space_enter(mm);
		map_object(BASE, OBJECT_PAGES * PAGE_SIZE, RW | AREA_SHARED, object, 0);
		space_enter(NULL);
		run((int (*const[])(struct thread *)){truncate_and_check, use_object, use_object,
						      seed % 2 ? use_object : move_object},
		    seed);
		mmput_as(mm, USER_TASK);
		mapping_put(object);
	}
}

/* ---- two write to one shared page at once, a third looks on --------------------------------------- */

enum { NR_ROUNDS = 40 };
static unsigned round_number;	  /* what is written in this round */
static unsigned nr_written;	  /* how many have, in this round */
static unsigned nr_done;	  /* how many have seen the end of it */
static unsigned written[NR_CPUS]; /* by each, the last round in which it has */

static void begin_round(unsigned n)
{
	while (atomic_load_seqcst(&round_number) < n)
		host_cpu_yield();
}

static void end_round(void)
{
	atomic_fetch_add_seqcst(&nr_done, 1U);
	while (atomic_load_seqcst(&nr_done))
		host_cpu_yield();
}

/* Whoever knows that a byte was written sees it so, by whatever translation he has. */
static void look_at_bytes(void)
{
	for (unsigned i = 1; i <= 2; i++) {
		unsigned n = atomic_load_seqcst(&written[i]);
		uint8_t value;

		assert_true(try_read(BASE + i, &value));
		if (atomic_load_seqcst(&round_number) == n)
			assert_int_equal(value, n);
	}
}

static int write_in_turn(struct thread *self)
{
	for (unsigned n = 1; n <= NR_ROUNDS; n++) {
		begin_round(n);
		assert_true(try_write(BASE + self->number, (uint8_t)n));
		atomic_store_seqcst(&written[self->number], n);
		atomic_fetch_add_seqcst(&nr_written, 1U);
		look_at_bytes();
		end_round();
	}
	return 0;
}

static int look_on(struct thread *self)
{
	for (unsigned n = 1; n <= NR_ROUNDS; n++) {
		begin_round(n);
		while (atomic_load_seqcst(&nr_written) < 2)
			look_at_bytes();
		look_at_bytes();
		end_round();
	}
	return 0;
}

/* Makes the page shared again with a copy, which must stay as it is. */
static int share_again(struct thread *self)
{
	for (unsigned n = 1; n <= NR_ROUNDS; n++) {
		struct mm_struct *child = space_fork(mm);
		uint8_t values[3];

		nr_written = 0;
		atomic_store_seqcst(&round_number, n);
		while (atomic_load_seqcst(&nr_done) < 3)
			host_cpu_yield();
		assert_int_equal(mm_read(child, BASE, values, 3), 3);
		assert_int_equal(values[1], n - 1);
		assert_int_equal(values[2], n - 1);
		mmput_as(child, USER_TASK);
		atomic_store_seqcst(&nr_done, 0);
	}
	return 0;
}

THREADS_TEST(no_write_is_lost_when_a_shared_page_is_copied)
{
	for (uint64_t seed = 1; seed <= NR_SEEDS; seed++) {
		round_number = nr_done = 0;
		memset(written, 0, sizeof(written));
		mm = space_new();
		space_enter(mm);
		map_at(BASE, PAGE_SIZE, RW);
		poke(BASE, 1);
		space_enter(NULL);
		run((int (*const[])(struct thread *)){share_again, write_in_turn, write_in_turn,
						      look_on},
		    seed);
		mmput_as(mm, USER_TASK);
	}
}
