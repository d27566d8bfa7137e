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

enum { NR_CPUS = 3, NR_SEEDS = 12 };
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
	return BASE + (i * 4 + self->number) * PAGE_SIZE;
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
		run((int (*const[])(struct thread *)){map_and_fork, write_own, write_own}, seed);
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
		run((int (*const[])(struct thread *)){protect_and_look, write_always, write_always},
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

static int change_object(struct thread *self)
{
	for (unsigned n = 0; n < 60; n++) {
		unsigned size = (unsigned)roll(&self->dice, OBJECT_PAGES + 1);
		vaddr_t other = BASE + 0x200000;

		switch (roll(&self->dice, 3)) {
		case 0:
			mapping_truncate(object, size * PAGE_SIZE);
			break;
		case 1:
			mapping_punch(object, size / 2, size);
			break;
		default: /* there and back: pages move while they may be truncated */
			assert_int_equal(sys_mremap(BASE, OBJECT_PAGES * PAGE_SIZE,
						    OBJECT_PAGES * PAGE_SIZE,
						    MREMAP_MAYMOVE | MREMAP_FIXED, other),
					 other);
			assert_int_equal(sys_mremap(other, OBJECT_PAGES * PAGE_SIZE,
						    OBJECT_PAGES * PAGE_SIZE,
						    MREMAP_MAYMOVE | MREMAP_FIXED, BASE),
					 BASE);
		}
		/* Frames that go are given to another use at once, and filled. */
		struct page *page = page_alloc(0, PAGE_USE_KERNEL, 0);
		memset(page_address(page), 0xee, PAGE_SIZE);
		host_cpu_yield();
		page_free(page);
	}
	must_stop = true;
	return 0;
}

/* The third one truncates while the second moves, or both use the object. */
static int truncate_only(struct thread *self)
{
	while (!must_stop) {
		mapping_truncate(object, roll(&self->dice, OBJECT_PAGES + 1) * PAGE_SIZE);
		for (unsigned i = 0; i < 30; i++)
			host_cpu_yield();
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
		run((int (*const[])(struct thread *)){change_object, use_object,
						      seed % 2 ? use_object : truncate_only},
		    seed);
		mmput_as(mm, USER_TASK);
		mapping_put(object);
	}
}

/* ---- two write to one shared page at once --------------------------------------------------------- */

static unsigned round_number;

static int write_in_turn(struct thread *self)
{
	uint8_t value;

	for (unsigned n = 1; n <= 40; n++) {
		while (atomic_load_seqcst(&round_number) < n)
			host_cpu_yield();
		assert_true(try_write(BASE + self->number, (uint8_t)n));
		assert_true(try_read(BASE + self->number, &value));
		assert_int_equal(value, n);
		atomic_fetch_add_seqcst(&nr_running, 1U << 8);
		while (nr_running >> 8)
			host_cpu_yield();
	}
	return 0;
}

/* Makes the page shared again with a copy, lets both write at once, and looks. */
static int share_again(struct thread *self)
{
	for (unsigned n = 1; n <= 40; n++) {
		struct mm_struct *child = space_fork(mm);
		uint8_t values[NR_CPUS];

		atomic_store_seqcst(&round_number, n);
		while (nr_running >> 8 < NR_CPUS - 1)
			host_cpu_yield();
		assert_int_equal(mm_read(mm, BASE, values, NR_CPUS), NR_CPUS);
		assert_int_equal(values[1], n);
		assert_int_equal(values[2], n);
		assert_int_equal(mm_read(child, BASE, values, NR_CPUS), NR_CPUS);
		assert_int_equal(values[1], n - 1);
		assert_int_equal(values[2], n - 1);
		mmput_as(child, USER_TASK);
		atomic_fetch_and_seqcst(&nr_running, 0xffU);
	}
	return 0;
}

THREADS_TEST(no_write_is_lost_when_a_shared_page_is_copied)
{
	for (uint64_t seed = 1; seed <= NR_SEEDS; seed++) {
		round_number = 0;
		mm = space_new();
		space_enter(mm);
		map_at(BASE, PAGE_SIZE, RW);
		poke(BASE, 1);
		space_enter(NULL);
		run((int (*const[])(struct thread *)){share_again, write_in_turn, write_in_turn},
		    seed);
		mmput_as(mm, USER_TASK);
	}
}
