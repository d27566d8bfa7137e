/*
 * The machine that the host port is, for tests and explorers: memory, CPUs, time, the panic that a
 * test expects. Everything runs on one thread.
 */
#ifndef HOST_MACHINE_H
#define HOST_MACHINE_H

#include <kern/types.h>
#include <host/cpu.h>
#include <host/point.h>

struct boot_info;
struct trapframe;

/* One CPU, on the caller's stack, interrupts on: enough for what needs no memory. */
void host_cpus_init(void);

/*
 * Makes the machine new: size bytes of physical addresses from 0 (a multiple of PAGE_SIZE), and
 * fills in boot: all of it RAM, the first two pages reserved. One CPU runs, as above.
 * Once for each process (or its copy): the kernel's own static data are not made
 * new.
 */
void host_machine_init(size_t ram_bytes, struct boot_info *boot);

/*
 * Runs fn(arg) on CPUs 0 .. nr - 1 at once, each on a stack of its own, until all have returned;
 * the caller is CPU 0. seed 0: a CPU runs until it waits in a spin loop or for an interrupt.
 * Otherwise seed says where one CPU is left for another, at any choice point: the same seed, the
 * same run.
 */
void host_cpus_run(unsigned nr, void (*fn)(void *arg), void *arg, uint64_t seed);

/* Lets another CPU run. */
void host_cpu_yield(void);

/* Delivers what is pending if interrupts are on. */
void host_irqs_deliver(void);

/* The clock stands still but for this. Timers that are due become pending on their CPUs. */
void host_time_advance(uint64_t ns);
/* When all CPUs wait: let the clock jump to the next timer (otherwise that is a deadlock). */
extern bool host_time_follows_idle;

/* Every IPI sent since the machine was made. */
extern uint64_t host_ipis_sent;

/*
 * A statement that must panic (or be stopped by a sanitizer) with a message that contains text:
 *
 *	host_expect_panic("left zero", refcount_put(&dead));
 *
 * It runs in a copy of the process; nothing that it does is seen here.
 */
#define host_expect_panic(text, statement)                              \
	do {                                                            \
		if (host_panic_begin()) {                               \
			statement;                                      \
			host_panic_missing();                           \
		}                                                       \
		host_panic_check(text, #statement, __FILE__, __LINE__); \
	} while (0)

/*
 * A statement that must not panic, in a copy of the process: for tests that need a machine of their
 * own. In there, only the kernel's assert() may be used.
 */
#define host_run_in_copy(statement)                              \
	do {                                                     \
		if (host_panic_begin()) {                        \
			statement;                               \
			host_panic_missing();                    \
		}                                                \
		host_copy_check(#statement, __FILE__, __LINE__); \
	} while (0)

void host_copy_check(const char *statement, const char *file, int line);
bool host_panic_begin(void);
NORETURN void host_panic_missing(void);
void host_panic_check(const char *text, const char *statement, const char *file, int line);
/* How host_panic_check fails a test; the default aborts. tests/unit fills it in. */
extern void (*host_fail)(const char *message, const char *file, int line);

/* Memory that its allocator has taken back: touching it fails until it is given out again. */
void host_memory_poison(const void *address, size_t len);
void host_memory_unpoison(const void *address, size_t len);

/*
 * What a user program does with its memory: an access of one byte on the CPU that runs, through the
 * loaded root and the TLB, faults resolved by entry_fault. False: the fault could not be resolved
 * (entry_fault returned an error, or, having sent a signal, left the page inaccessible).
 */
MUST_USE bool host_user_read(vaddr_t va, uint8_t *value);
MUST_USE bool host_user_write(vaddr_t va, uint8_t value);

/* What user mode is: called, with interrupts on, by a thread that leaves the kernel; it makes
 * system calls with host_syscall and must not return. */
extern void (*host_user_mode)(struct trapframe *tf);
/* One system call of the running task, up to its return to user mode. */
long host_syscall(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

#endif
