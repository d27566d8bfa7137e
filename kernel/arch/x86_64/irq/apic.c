/*
 * The local APIC (SDM vol. 3, chapter 10), by MSRs (x2APIC) or by registers in memory (xAPIC). Each
 * CPU has its own behind the same address; only it touches it, with interrupts off where two
 * accesses belong together. The old interrupt controllers are masked for good.
 *
 * Up to eight xAPICs are also addressed as a group, one bit for each CPU: a message to several CPUs
 * is then one command. Each access is an exit to the emulator on a virtual machine.
 */
#include <kern/assert.h>
#include <kern/log.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <port/features.h>
#include <port/layout.h>
#include <port/x86.h>
#include "../machine/machine.h"
#include "../mm/tables.h"
#include "irq.h"

enum {
	APIC_ID = 0x20,
	APIC_EOI = 0xb0,
	APIC_LOGICAL_ID = 0xd0,
	APIC_LOGICAL_FORMAT = 0xe0,
	APIC_SPURIOUS = 0xf0,
	APIC_ERROR_STATUS = 0x280,
	APIC_COMMAND_LOW = 0x300,
	APIC_COMMAND_HIGH = 0x310,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_TASK_PRIORITY = 0x80,
	APIC_SOFTWARE_ENABLE = 1 << 8,
	LVT_MASKED = 1 << 16,
	LVT_NMI = 4 << 8,
	COMMAND_LOGICAL = 1 << 11,
	COMMAND_PENDING = 1 << 12,
	GROUP_MAX_CPUS = 8,
	BASE_ENABLE = 1 << 11,
	BASE_X2APIC = 1 << 10,
	SEND_POLLS = 100000,
};

static volatile uint32_t *apic_registers; /* [const] after apic_init; NULL: x2APIC */
static bool is_x2apic;			  /* [const] after apic_init */

uint32_t apic_read(unsigned reg)
{
	if (is_x2apic)
		return (uint32_t)msr_read(MSR_X2APIC + reg / 16);
	return apic_registers[reg / 4];
}

void apic_write(unsigned reg, uint32_t value)
{
	if (is_x2apic)
		msr_write(MSR_X2APIC + reg / 16, value);
	else
		apic_registers[reg / 4] = value;
}

uint32_t apic_id(void)
{
	uint32_t id = apic_read(APIC_ID);

	return is_x2apic ? id : id >> 24;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

static void xapic_command(uint32_t destination, uint32_t command)
{
	apic_registers[APIC_COMMAND_HIGH / 4] = destination << 24;
	apic_registers[APIC_COMMAND_LOW / 4] = command;
	/* A virtual one has taken the command at once. */
	for (unsigned i = 0; i < SEND_POLLS && !x86_features.has_hypervisor; i++) {
		if (!(apic_registers[APIC_COMMAND_LOW / 4] & COMMAND_PENDING))
			break;
	}
}

bool apic_has_group(void)
{
	return !is_x2apic && machine.nr_cpus <= GROUP_MAX_CPUS;
}

void apic_send_group(uint8_t cpus, uint32_t command)
{
	xapic_command(cpus, command | COMMAND_LOGICAL);
}

void apic_send(uint32_t apic, uint32_t command)
{
	if (is_x2apic) {
		/* The MSR write is not ordered behind earlier stores by itself (SDM 10.12.3). */
		__asm__ volatile("mfence; lfence" ::: "memory");
		msr_write(MSR_X2APIC + APIC_COMMAND_LOW / 16, (uint64_t)apic << 32 | command);
		return;
	}
	xapic_command(apic, command);
}

/* Both 8259s masked, their vectors out of the exceptions' way for a spurious interrupt's sake. */
static INIT_TEXT void pics_mask(void)
{
	static const struct {
		uint8_t port, value;
	} writes[] = {
		{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x20}, {0xa1, 0x28}, {0x21, 4},
		{0xa1, 2},    {0x21, 1},    {0xa1, 1},	  {0x21, 0xff}, {0xa1, 0xff},
	};

	for (unsigned i = 0; i < ARRAY_LEN(writes); i++)
		io_write8(writes[i].port, writes[i].value);
}

void apic_enable(void)
{
	uint64_t base = msr_read(MSR_APIC_BASE);

	if (is_x2apic)
		msr_write(MSR_APIC_BASE, base | BASE_ENABLE | BASE_X2APIC);
	else if (!(base & BASE_ENABLE))
		msr_write(MSR_APIC_BASE, base | BASE_ENABLE);
	apic_write(APIC_TASK_PRIORITY, 0);
	if (apic_has_group()) {
		apic_write(APIC_LOGICAL_FORMAT, UINT32_MAX); /* flat */
		apic_write(APIC_LOGICAL_ID, 1U << (24 + arch_cpu_id()));
	}
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_NMI);
	apic_write(APIC_LVT_ERROR, VEC_ERROR);
	apic_write(APIC_ERROR_STATUS, 0);
	apic_write(APIC_SPURIOUS, APIC_SOFTWARE_ENABLE | VEC_SPURIOUS);
}

INIT_TEXT void apic_init(void)
{
	uint64_t base;

	if (!x86_features.has_apic)
		panic("boot: this CPU has no local APIC");
	base = msr_read(MSR_APIC_BASE);
	pics_mask();
	/* Bare metal wants interrupt remapping with it; hypervisors do not. */
	is_x2apic =
		x86_features.has_x2apic && ((base & BASE_X2APIC) || x86_features.has_hypervisor);
	if (!is_x2apic) {
		apic_registers = device_map(machine.local_apic, PAGE_SIZE, false);
		if (!apic_registers)
			panic("boot: no memory to map the local APIC");
	}
	apic_enable();
}
