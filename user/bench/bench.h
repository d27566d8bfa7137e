/*
 * The benchmark: what basic system calls, switches, processes and pages cost. Plain Linux system
 * calls, so that any Linux can run it. Each measurement runs n operations and says how long they
 * took; main.c chooses n and prints the median.
 *
 * Under QEMU's `-icount shift=0` the clock counts instructions: a "nanosecond" is one instruction.
 */
#ifndef USER_BENCH_H
#define USER_BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench {
	const char *name;
	/* Both may be NULL. */
	void (*set_up)(void);
	void (*tear_down)(void);
	/* Does n operations; how long they took, in clock nanoseconds. */
	uint64_t (*run)(unsigned n);
	unsigned max_n; /* operations at most in one run; 0: no limit */
};

/* Ends with a NULL name. */
extern const struct bench call_benches[];
extern const struct bench switch_benches[];
extern const struct bench process_benches[];
extern const struct bench thread_benches[];
extern const struct bench memory_benches[];
extern const struct bench signal_benches[];

/* futex(2): linux/futex.h is not where a static C library looks. */
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_WAIT_PRIVATE = 128, FUTEX_WAKE_PRIVATE = 129 };

uint64_t clock_ns(void);
/* Ends the benchmark with a message that names the call and errno. */
_Noreturn void bench_fail(const char *what);
/* The running process stays on one CPU. */
void pin_to_cpu(unsigned cpu);
/* The path of this program, for exec. */
extern const char *self_path;

#endif
