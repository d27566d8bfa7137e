/*
 * The machine as a whole: its memory, its clock, its end. Owned by the one thread that runs it.
 */
#include <kern/assert.h>
#include <kern/boot.h>
#include <kern/format.h>
#include <kern/string.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/time.h>
#include <host/machine.h>
#include "os.h"

char *host_arena;
size_t host_arena_size;
char *host_page_map, *host_kernel_map;

enum { HOST_ARENA_ALIGN = 4 << 20 };

static uint64_t clock_ns;
bool host_time_follows_idle;

void host_machine_init(size_t ram_bytes, struct boot_info *boot)
{
	/* Physical addresses that are aligned to the largest block lie at addresses that are, too. */
	host_arena = os_map(ram_bytes + HOST_ARENA_ALIGN);
	host_arena = (char *)ROUND_UP((uintptr_t)host_arena, HOST_ARENA_ALIGN);
	host_arena_size = ram_bytes;
	host_page_map = os_reserve(HOST_PAGE_MAP_SIZE);
	host_kernel_map = os_reserve(HOST_KERNEL_MAP_SIZE);

	host_cpus_init();
	memset(boot, 0, sizeof(*boot));
	boot->ram[0] = (struct boot_range){0, ram_bytes};
	boot->nr_ram = 1;
	boot->reserved[0] = (struct boot_range){0, HOST_KERNEL_ROOT + PAGE_SIZE};
	boot->nr_reserved = 1;
	host_cpu->root = HOST_KERNEL_ROOT;
}

/* ---- the clock ---------------------------------------------------------------------------------
 */

uint64_t arch_clock_ns(void)
{
	return clock_ns;
}

uint64_t arch_clock_epoch_ns(void)
{
	return 1700000000 * NSEC_PER_SEC;
}

void host_time_advance(uint64_t ns)
{
	clock_ns += ns;
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (host_cpus[cpu].deadline_ns > clock_ns)
			continue;
		host_cpus[cpu].deadline_ns = UINT64_MAX;
		host_cpus[cpu].pending |= HOST_PENDING_TIMER;
	}
	host_irqs_deliver();
}

void arch_timer_arm(uint64_t deadline_ns)
{
	host_cpu->deadline_ns = deadline_ns;
	if (deadline_ns <= clock_ns)
		host_time_advance(0);
}

void arch_timer_disarm(void)
{
	host_cpu->deadline_ns = UINT64_MAX;
	host_cpu->pending &= ~(uint32_t)HOST_PENDING_TIMER;
}

/* The same numbers in every run (splitmix64). */
uint64_t arch_random_seed(void)
{
	static uint64_t state = 1;
	uint64_t z = (state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static char caught[16 << 10];
static int caught_status;

static void fail_by_abort(const char *message, const char *file, int line)
{
	os_write_error(message, strlen(message));
	os_abort();
}
void (*host_fail)(const char *message, const char *file, int line) = fail_by_abort;

void panic_at(const char *file, int line, const char *format, ...)
{
	char text[1024];
	va_list args;

	int len = format_string(text, sizeof(text), "%s:%d: panic on CPU %u: ", file, line,
				arch_cpu_id());
	va_start(args, format);
	format_string_v(text + len, sizeof(text) - 1 - (size_t)len, format, args);
	va_end(args);
	len = (int)strlen(text);
	text[len] = '\n';
	os_write_error(text, (size_t)len + 1);
	os_backtrace_print();
	os_abort();
}

bool host_panic_begin(void)
{
	return os_run_in_copy(&caught_status, caught, sizeof(caught));
}

void host_panic_missing(void)
{
	os_exit(0);
}

void host_panic_check(const char *text, const char *statement, const char *file, int line)
{
	static char message[sizeof(caught) + 1024];

	if (caught_status != 0 && strstr(caught, text))
		return;
	format_string(message, sizeof(message), "`%s` should panic with \"%s\", but %s%s",
		      statement, text, caught_status ? "said: " : "went on. ", caught);
	host_fail(message, file, line);
}

void host_copy_check(const char *statement, const char *file, int line)
{
	static char message[sizeof(caught) + 1024];

	if (caught_status == 0)
		return;
	format_string(message, sizeof(message), "`%s` failed: %s", statement, caught);
	host_fail(message, file, line);
}

void arch_machine_exit(int status)
{
	os_exit(status);
}

void arch_dump_state(const struct trapframe *frame)
{
	os_backtrace_print();
}

unsigned arch_stack_trace(uintptr_t *addresses, unsigned max)
{
	return os_backtrace(addresses, max);
}

/* ---- memory that is not to be touched ----------------------------------------------------------
 */

#ifdef __SANITIZE_ADDRESS__
void __asan_poison_memory_region(const volatile void *address, size_t size);
void __asan_unpoison_memory_region(const volatile void *address, size_t size);
#else
static void __asan_poison_memory_region(const volatile void *address, size_t size)
{
}
static void __asan_unpoison_memory_region(const volatile void *address, size_t size)
{
}
#endif

void host_memory_poison(const void *address, size_t len)
{
	const char *p = address;

	host_choice_point(HOST_POINT_FREE, address);
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		const struct host_cpu *c = &host_cpus[cpu];
		if (!c->is_started || !c->root || p < host_arena)
			continue;
		const char *root = host_arena + c->root;
		assert_msg(root < p || root >= p + len,
			   "the root loaded on CPU %u, %#llx, is freed (I1)", cpu,
			   (unsigned long long)c->root);
	}
	__asan_poison_memory_region(address, len);
}

void host_memory_unpoison(const void *address, size_t len)
{
	__asan_unpoison_memory_region(address, len);
}
