/*
 * Starting and stopping CPUs. Owns the trampoline page, the tables that a starting CPU turns paging
 * on with, and the hand-over record: one CPU starts at a time, callers of arch_cpu_start serialise.
 *
 *	arch_cpu_start			the CPU
 *	INIT, start-up IPI	->	trampoline, boot/pvh.S, ap_main
 *	halt until UP		<-	own tables loaded: UP and an interrupt
 *	compare clocks			compare clocks, where they may differ
 *	GO			->	entry_cpu_start
 *
 * The starter halts rather than spins: the CPU that it waits for may need the same host CPU.
 */
#include <kern/assert.h>
#include <kern/atomic.h>
#include <kern/entry.h>
#include <kern/log.h>
#include <kern/string.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/time.h>
#include <port/features.h>
#include <port/image.h>
#include <port/x86.h>
#include "../boot/memory.h"
#include "../entry/fpu.h"
#include "../entry/thread.h"
#include "../irq/irq.h"
#include "../mm/tables.h"
#include "../machine/machine.h"
#include "../time/time.h"
#include "smp.h"

enum {
	COMMAND_INIT = 5 << 8 | 1 << 14,
	COMMAND_START_UP = 6 << 8 | 1 << 14,
	COMMAND_WAKE = VEC_RESCHEDULE | 1 << 14,
	SPIN_US = 20,
	RETRY_MS = 20,	   /* until the start-up IPI is repeated */
	GIVE_UP_MS = 3000, /* an emulated CPU waits for its turn on the host */
	SYNC_ROUNDS = 8,
	SYNC_MAX_US = 1000, /* rounds are cut short after this */
};

struct ap_boot ap_boot;
pte_t ap_root[ARCH_PT_ENTRIES] ALIGNED(4096) SECTION(".bss..page");
extern const char ap_trampoline[], ap_trampoline_end[];

static paddr_t trampoline_page;

/* The hand-over. turn counts up: even, the starter's; odd, the starting CPU's. */
static struct {
	uint32_t is_up;	  /* [atomic] the CPU has come */
	uint32_t turn;	  /* [atomic] TURN_GO: no more rounds */
	uint32_t starter; /* APIC number of who waits; before the IPI */
	uint64_t ap_tsc;  /* what it read; published by is_up, then by turn */
	int64_t adjust;	  /* its result; published by TURN_GO */
} handover;

#define TURN_GO UINT32_MAX

unsigned arch_cpu_count(void)
{
	return machine.nr_cpus;
}

struct task_struct *arch_cpu_task(unsigned cpu)
{
	return percpu_offset[cpu] ? cpu_hot_at(cpu)->task : NULL;
}

INIT_TEXT void ap_start_init(void)
{
	size_t len = (size_t)(ap_trampoline_end - ap_trampoline);
	paddr_t text = image_to_phys(text_start), end = image_to_phys(boot_text_end);

	if (machine.nr_cpus == 1)
		return;
	trampoline_page = boot_memory_alloc_within(1, PAGE_SIZE, 0xa0000);
	memcpy(phys_to_virt(trampoline_page), ap_trampoline, len);
	/* Paging is turned on by code that runs at its physical address. */
	if (table_map_range(ap_root, text, text, ROUND_UP(end, PAGE_SIZE) - text,
			    PTE_READ | PTE_EXEC | PTE_ACCESSED, 0))
		panic("boot: no memory for page tables");
	arch_root_init(ap_root);
}

static uint64_t ms_from_now(unsigned ms)
{
	return arch_clock_ns() + ms * NSEC_PER_MSEC;
}

static bool is_up(void)
{
	return atomic_load_acquire(&handover.is_up);
}

static void spin_us(unsigned us)
{
	uint64_t end_ns = arch_clock_ns() + us * NSEC_PER_USEC;

	while (!is_up() && arch_clock_ns() < end_ns)
		arch_cpu_relax();
}

/* A little by looking, then halted until the CPU's interrupt, or the timer's. */
static void wait_until_up(uint64_t end_ns)
{
	spin_us(SPIN_US);
	while (!is_up() && arch_clock_ns() < end_ns) {
		if (!arch_irqs_enabled()) {
			arch_cpu_relax();
			continue;
		}
		arch_irq_disable();
		timer_arm_by(end_ns);
		if (!is_up())
			arch_idle_wait();
		else
			arch_irq_enable();
	}
}

static void command(unsigned cpu, uint32_t bits)
{
	unsigned long flags = arch_irq_save();

	apic_send(machine.apic_ids[cpu], bits);
	arch_irq_restore(flags);
}

/* SDM vol. 3, 9.4.4. The pause after INIT is for hardware: a hypervisor's CPU resets at once. */
static bool kick(unsigned cpu)
{
	uint64_t end_ns = ms_from_now(GIVE_UP_MS);

	command(cpu, COMMAND_INIT);
	if (!x86_features.has_hypervisor)
		spin_us(10000);
	do {
		command(cpu, COMMAND_START_UP | (uint32_t)(trampoline_page >> PAGE_SHIFT));
		wait_until_up(ms_from_now(RETRY_MS));
		if (is_up())
			return true;
	} while (arch_clock_ns() < end_ns);
	return false;
}

/*
 * How far the starting CPU's TSC is off, from readings that bracket its: before <= its + d <= after.
 * No correction if all rounds allow d = 0, else the middle of what they allow. Wide brackets allow
 * too much, but then the two CPUs cannot see each other's clock any better either.
 */
static int64_t measure_skew(void)
{
	int64_t low = INT64_MIN, high = INT64_MAX;
	uint64_t end_ns = arch_clock_ns() + SYNC_MAX_US * NSEC_PER_USEC;

	for (uint32_t round = 0; round < SYNC_ROUNDS; round++) {
		uint64_t before = tsc_read(), after;

		atomic_store_release(&handover.turn, 2 * round + 1);
		while (atomic_load_acquire(&handover.turn) != 2 * round + 2)
			arch_cpu_relax();
		after = tsc_read();
		low = MAX(low, (int64_t)(before - handover.ap_tsc));
		high = MIN(high, (int64_t)(after - handover.ap_tsc));
		if (arch_clock_ns() > end_ns)
			break;
	}
	return low <= 0 && high >= 0 ? 0 : low + (high - low) / 2;
}

/* The starting CPU's side. Returns its adjustment. */
static int64_t answer_rounds(void)
{
	uint32_t turn;

	while ((turn = atomic_load_acquire(&handover.turn)) != TURN_GO) {
		if (turn % 2 == 1) {
			handover.ap_tsc = tsc_read();
			atomic_store_release(&handover.turn, turn + 1);
		}
		arch_cpu_relax();
	}
	return handover.adjust;
}

/* A virtual machine's CPUs share one clock, or differ by much: its first reading tells. Rounds of
 * spinning on both sides are dear there, when the two take turns on one host CPU. */
static void compare_clocks(unsigned cpu, uint64_t kick_tsc)
{
	uint64_t first = handover.ap_tsc;

	handover.adjust = 0;
	if (!x86_features.has_hypervisor || first < kick_tsc || first > tsc_read())
		handover.adjust = measure_skew();
	if (handover.adjust != 0)
		log_print("smp: CPU %u: TSC moved by %lld\n", cpu, (long long)handover.adjust);
	atomic_store_release(&handover.turn, TURN_GO);
}

int arch_cpu_start(unsigned cpu, struct task_struct *idle)
{
	struct cpu_hot *hot = cpu_hot_at(cpu);
	uint64_t kick_tsc = tsc_read();

	assert(cpu > 0 && cpu < machine.nr_cpus);
	hot->task = idle;
	hot->preempt_count = 0;
	hot->kernel_sp = thread_stack_top(idle);
	per_cpu(tss, cpu).rsp0 = hot->kernel_sp;
	ap_boot = (struct ap_boot){hot->kernel_sp, percpu_offset[cpu]};
	handover.starter = machine.apic_ids[arch_cpu_id()];
	atomic_store_relaxed(&handover.is_up, 0);
	atomic_store_release(&handover.turn, 0);
	if (!kick(cpu)) {
		log_print("smp: CPU %u (APIC %u) does not start\n", cpu, machine.apic_ids[cpu]);
		return -EIO;
	}
	compare_clocks(cpu, kick_tsc);
	return 0;
}

/* From boot/pvh.S: on the idle task's stack and per-CPU data, ap_root loaded, interrupts off. */
void ap_main(void)
{
	arch_mmu_load_root(arch_kernel_root());
	cpu_tables_load();
	arch_tlb_flush_kernel();
	fpu_enable();
	apic_enable();
	timer_start();
	handover.ap_tsc = tsc_read();
	atomic_store_release(&handover.is_up, 1);
	apic_send(handover.starter, COMMAND_WAKE);
	clock_set_adjust(answer_rounds());
	entry_cpu_start();
}

void arch_cpu_die(void)
{
	arch_timer_disarm();
	arch_cpu_halt();
}

void arch_cpu_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" ::: "memory");
}
