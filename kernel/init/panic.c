/*
 * The end. The first CPU that panics stops the others, prints its message, then the registers and
 * call chains of every CPU, and ends the machine. Owns panicking_cpu [atomic]; any context, NMI
 * included.
 */
#include <kern/assert.h>
#include <kern/atomic.h>
#include <kern/format.h>
#include <kern/log.h>
#include <kern/preempt.h>
#include <kern/smp.h>
#include <kern/task.h>
#include <kern/uart.h>
#include <arch/cpu.h>
#include <arch/ipi.h>
#include <arch/time.h>

/* How long to wait for the others: an emulated CPU may have to wait for its turn on the host. */
enum { STOP_WAIT_MS = 2000, STOP_WAIT_LOOPS = 50000000 };

static uint32_t panicking_cpu; /* [atomic] CPU + 1; 0: all is well */

/* Waits, but not for ever, until every CPU of mask has stopped; returns those that have. The clock
 * may be what is broken, so loops are counted too. */
static uint64_t wait_stopped(uint64_t mask)
{
	uint64_t stopped = 0, end_ns = arch_clock_ns() + STOP_WAIT_MS * NSEC_PER_MSEC;

	for (unsigned i = 0; i < STOP_WAIT_LOOPS && stopped != mask; i++) {
		unsigned cpu;

		for_each_cpu (cpu, mask & ~stopped) {
			if (arch_cpu_stopped_frame(cpu))
				stopped |= 1ULL << cpu;
		}
		if (arch_clock_ns() > end_ns)
			break;
		arch_cpu_relax();
	}
	return stopped;
}

static void print_task(unsigned cpu, const struct task_struct *task)
{
	if (task)
		log_print("CPU %u, task %d (%.*s):\n", cpu, task->pid, TASK_COMM_LEN, task->comm);
	else
		log_print("CPU %u:\n", cpu);
}

static void print_others(uint64_t mask, uint64_t stopped)
{
	unsigned cpu;

	for_each_cpu (cpu, mask) {
		if (!(stopped & 1ULL << cpu)) {
			log_print("CPU %u: does not answer\n", cpu);
			continue;
		}
		print_task(cpu, arch_cpu_task(cpu));
		arch_dump_state(arch_cpu_stopped_frame(cpu));
	}
}

static void print_message(const char *file, int line, const char *format, va_list args)
{
	char message[256];

	format_string_v(message, sizeof(message), format, args);
	log_print("panic: %s\n", message);
	log_print("at %s:%d, %llu ms after boot\n", file, line,
		  (unsigned long long)(arch_clock_ns() / NSEC_PER_MSEC));
}

void panic_at(const char *file, int line, const char *format, ...)
{
	uint32_t expected = 0, me = arch_cpu_id() + 1;
	uint64_t others, stopped;
	va_list args;

	arch_irq_disable();
	if (!atomic_cmpxchg_acqrel(&panicking_cpu, &expected, me)) {
		/* The same CPU: the panic itself failed. Another one: the first's NMI stops this. */
		if (expected == me)
			arch_machine_exit(MACHINE_PANIC);
		arch_cpu_halt();
	}
	others = atomic_load_acquire(&cpus_online) & ~(1ULL << (me - 1));
	if (others)
		arch_ipi_send_mask(others, IPI_STOP);
	stopped = wait_stopped(others);

	log_panic_begin();
	uart_console_force();
	va_start(args, format);
	print_message(file, line, format, args);
	va_end(args);
	print_task(me - 1, current);
	arch_dump_state(NULL);
	print_others(others, stopped);
	log_print("end of panic\n");
	arch_machine_exit(MACHINE_PANIC);
}
