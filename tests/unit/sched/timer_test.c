/* Timers: order, re-arming, cancelling, and a hardware deadline that is never too late. */
#include "fixture.h"

enum { NR_TIMERS = 200 };

struct probe {
	struct timer timer;
	uint64_t fired_ns; /* 0: not yet */
	unsigned nr_fired, position;
	uint64_t again_ns; /* re-arms itself that much later, once */
};

static struct probe probes[NR_TIMERS];
static unsigned nr_fired;

static void probe_fire(struct timer *timer)
{
	struct probe *probe = container_of(timer, struct probe, timer);

	assert_true(in_irq());
	assert_false(arch_irqs_enabled());
	assert_true(clock_monotonic_ns() >= timer->deadline_ns);
	probe->fired_ns = clock_monotonic_ns();
	probe->nr_fired++;
	probe->position = nr_fired++;
	if (probe->again_ns) {
		uint64_t again_ns = probe->again_ns;

		probe->again_ns = 0;
		timer_arm(timer, clock_monotonic_ns() + again_ns);
	}
}

static void probes_init(void)
{
	nr_fired = 0;
	for (int i = 0; i < NR_TIMERS; i++) {
		probes[i] = (struct probe){0};
		timer_init(&probes[i].timer, probe_fire);
	}
}

MACHINE_TEST(timers_fire_in_order_and_on_time)
{
	uint64_t seed = 12345, start = clock_monotonic_ns();
	uint64_t deadlines[NR_TIMERS];

	probes_init();
	for (int i = 0; i < NR_TIMERS; i++) {
		deadlines[i] = start + 1 + random_below(&seed, 50 * MS);
		timer_arm(&probes[i].timer, deadlines[i]);
		assert_true(timer_is_armed(&probes[i].timer));
	}
	for (int i = 0; i < 60000; i++)
		host_time_advance(US);
	for (int i = 0; i < NR_TIMERS; i++) {
		assert_int_equal(probes[i].nr_fired, 1);
		assert_false(timer_is_armed(&probes[i].timer));
		assert_in_range(probes[i].fired_ns - deadlines[i], 0, 1000);
		for (int k = 0; k < NR_TIMERS; k++)
			if (deadlines[i] < deadlines[k])
				assert_true(probes[i].position < probes[k].position);
	}
}

MACHINE_TEST(a_timer_for_the_past_fires_at_once)
{
	probes_init();
	timer_arm(&probes[0].timer, 0);
	host_time_advance(1);
	assert_int_equal(probes[0].nr_fired, 1);
}

MACHINE_TEST(cancelled_timers_stay_silent)
{
	uint64_t seed = 777;

	probes_init();
	for (int i = 0; i < NR_TIMERS; i++)
		timer_arm(&probes[i].timer, clock_monotonic_ns() + random_below(&seed, MS));
	for (int i = 0; i < NR_TIMERS; i += 2)
		assert_true(i % 4 ? timer_cancel(&probes[i].timer)
				  : timer_cancel_wait(&probes[i].timer));
	host_time_advance(2 * MS);
	for (int i = 0; i < NR_TIMERS; i++) {
		assert_int_equal(probes[i].nr_fired, i % 2);
		assert_false(timer_cancel(&probes[i].timer));
	}
}

MACHINE_TEST(arming_again_replaces_the_deadline)
{
	probes_init();
	timer_arm(&probes[0].timer, clock_monotonic_ns() + MS);
	timer_arm(&probes[0].timer, clock_monotonic_ns() + 5 * MS);
	timer_arm(&probes[1].timer, clock_monotonic_ns() + 5 * MS);
	timer_arm(&probes[1].timer, clock_monotonic_ns() + MS);
	host_time_advance(2 * MS);
	assert_int_equal(probes[0].nr_fired, 0);
	assert_int_equal(probes[1].nr_fired, 1);
	host_time_advance(4 * MS);
	assert_int_equal(probes[0].nr_fired, 1);
	assert_int_equal(probes[1].nr_fired, 1);
}

MACHINE_TEST(a_timer_may_arm_itself_again)
{
	probes_init();
	probes[0].again_ns = 3 * MS;
	timer_arm(&probes[0].timer, clock_monotonic_ns() + MS);
	host_time_advance(MS);
	assert_int_equal(probes[0].nr_fired, 1);
	assert_true(timer_is_armed(&probes[0].timer));
	host_time_advance(2 * MS);
	assert_int_equal(probes[0].nr_fired, 1);
	host_time_advance(MS);
	assert_int_equal(probes[0].nr_fired, 2);
}

static void wait_for_itself(struct timer *timer)
{
	timer_cancel_wait(timer);
}

MACHINE_TEST(waiting_for_oneself_is_caught)
{
	struct timer timer;

	timer_init(&timer, wait_for_itself);
	host_expect_panic("assertion failed", timer_arm(&timer, 0));
}

MACHINE_TEST(setting_the_clock_moves_only_the_real_time)
{
	uint64_t monotonic = clock_monotonic_ns();

	assert_true(clock_realtime_ns() >= 1700000000 * NSEC_PER_SEC);
	clock_realtime_set(5 * NSEC_PER_SEC);
	host_time_advance(MS);
	assert_int_equal(clock_realtime_ns(), 5 * NSEC_PER_SEC + MS);
	assert_int_equal(clock_monotonic_ns(), monotonic + MS);
	assert_int_equal(clock_realtime_offset_ns(), clock_realtime_ns() - clock_monotonic_ns());
}
