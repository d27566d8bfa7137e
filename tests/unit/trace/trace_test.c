/* kernel/trace/trace.c */
#include "test.h"
#include <string.h>
#include <kern/boot.h>
#include <kern/smp.h>
#include <kern/trace.h>
#include <uapi/errno.h>

enum { RING = 4096 };

static struct trace_event memory[4][RING], events[RING + 10];
static unsigned nr_given;

static void *give(size_t len_bytes)
{
	return len_bytes <= sizeof(memory[0]) && nr_given < 4 ? memory[nr_given++] : NULL;
}

TEST(off_costs_nothing_and_needs_no_memory)
{
	trace(SWITCH, 1, 2, 3);
	assert_int_equal(trace_read(0, events, 10), 0);
	assert_int_equal(trace_start(), -ENOMEM);
	assert_int_equal(trace_is_on, 0);
}

TEST(events_are_read_back_oldest_first)
{
	trace_alloc = give;
	assert_int_equal(trace_start(), 0);
	assert_int_equal(trace_start(), 0);
	assert_int_equal(nr_given, 1);
	for (uint64_t i = 0; i < 5; i++) {
		trace(MM_COUNT, i, i * 10, (void *)i);
		host_time_advance(7);
	}
	assert_int_equal(trace_read(0, events, 100), 5);
	for (uint64_t i = 0; i < 5; i++) {
		assert_int_equal(events[i].kind, TRACE_MM_COUNT);
		assert_int_equal(events[i].a, i);
		assert_int_equal(events[i].b, i * 10);
		assert_int_equal(events[i].c, i);
		assert_int_equal(events[i].sequence, i + 1);
		assert_int_equal(events[i].time_ns, i * 7);
		assert_int_equal(events[i].cpu, 0);
	}
	assert_int_equal(trace_read(0, events, 2), 2);
	assert_int_equal(events[1].a, 4);
	trace_stop();
	trace(MM_COUNT, 9, 9, 9);
	assert_int_equal(trace_read(0, events, 100), 5);
}

TEST(the_oldest_are_overwritten)
{
	assert_int_equal(trace_start(), 0);
	for (uint64_t i = 0; i < 2 * RING + 3; i++)
		trace(SWITCH, i, 0, 0);
	size_t nr = trace_read(0, events, RING + 10);
	assert_int_equal(nr, RING);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(events[i].a, RING + 3 + i);
	trace_stop();
}

TEST(every_kind_has_a_name)
{
	for (unsigned kind = 0; kind < NR_TRACE_KINDS; kind++)
		assert_true(strlen(trace_kind_name(kind)) > 0);
	assert_string_equal(trace_kind_name(NR_TRACE_KINDS), "?");
	assert_string_equal(trace_kind_name(TRACE_ROOT_LOAD), "root_load");
}

static bool is_whole;

/* CPU 0 writes, the others read what is there. */
static void write_and_read(void *arg)
{
	struct trace_event some[16];

	for (uint64_t i = 0; i < 300; i++) {
		if (host_cpu->hot.cpu == 0) {
			trace(SWITCH, i, ~i, i * 3);
			continue;
		}
		size_t nr = trace_read(0, some, 16);
		for (size_t e = 0; e < nr; e++)
			if (some[e].kind == TRACE_SWITCH && some[e].b == ~some[e].a)
				is_whole &= some[e].c == some[e].a * 3;
	}
}

TEST(a_reader_never_sees_half_an_event)
{
	static struct boot_info boot;

	host_machine_init(1 << 20, &boot);
	is_whole = true;
	cpus_present = 3;
	assert_int_equal(trace_start(), 0);
	for (uint64_t seed = 1; seed < 4; seed++)
		host_cpus_run(3, write_and_read, NULL, seed);
	assert_true(is_whole);
}
