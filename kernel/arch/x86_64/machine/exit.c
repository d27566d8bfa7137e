/*
 * Ends the machine, trying its ways in turn until one works. What the outside sees:
 *
 *	isa-debug-exit (QEMU, port 0xf4)	QEMU's exit status is 65 for MACHINE_OK, 67 for
 *						MACHINE_PANIC: 2 * (0x20 + status) + 1
 *	ACPI soft-off				MACHINE_OK only: QEMU's exit status is 0
 *	reset					by the FADT's register, the keyboard controller, or a
 *						triple fault; a panic comes straight here
 *
 * Owns nothing; any context, one CPU.
 */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <port/x86.h>
#include "../mm/tables.h"
#include "machine.h"

enum {
	DEBUG_EXIT_PORT = 0xf4,
	DEBUG_EXIT_BASE = 0x20,
	PM1_SCI_ENABLED = 1,
	SLEEP_ENABLE_PM1 = 1 << 13,
	SLEEP_ENABLE_REDUCED = 1 << 5,
	KEYBOARD_COMMAND = 0x64,
	KEYBOARD_RESET = 0xfe,
	POLLS = 100000,
};

/* Mapped at boot: nothing can be mapped in a panic. */
static volatile uint8_t *sleep_control, *reset_register;

static INIT_TEXT volatile uint8_t *map_register(const struct machine_register *reg)
{
	return reg->width > 0 && !reg->is_port ? device_map(reg->address, 1, false) : NULL;
}

INIT_TEXT void machine_exit_init(void)
{
	sleep_control = map_register(&machine.sleep_control);
	reset_register = map_register(&machine.reset);
}

static void wait(void)
{
	for (unsigned i = 0; i < POLLS; i++)
		(void)io_read8(0x80);
}

static void write_register(const struct machine_register *reg, volatile uint8_t *mapped,
			   uint8_t value)
{
	if (reg->width == 0)
		return;
	if (reg->is_port)
		io_write8((uint16_t)reg->address, value);
	else if (mapped)
		*mapped = value;
	wait();
}

/* The device answers reads with 0; where there is nothing a read gives all ones. The configuration
 * device vouches for the machine being QEMU's. */
static void debug_exit(int status)
{
	if (io_read8(DEBUG_EXIT_PORT) == 0 && fw_cfg_is_present())
		io_write8(DEBUG_EXIT_PORT, (uint8_t)(DEBUG_EXIT_BASE + status));
}

static void pm1_write(const struct machine_register *reg, uint8_t type)
{
	if (reg->width > 0 && reg->is_port)
		io_write16((uint16_t)reg->address, (uint16_t)(type << 10 | SLEEP_ENABLE_PM1));
}

/* ACPI 6.4, 16.1.1: the sleep type of \_S5 into the control registers. */
static void soft_off(void)
{
	const struct machine_register *pm1a = &machine.pm1a_control;

	if (!machine.has_sleep_type)
		return;
	if (pm1a->width > 0 && pm1a->is_port) {
		if (machine.smi_command && machine.acpi_enable &&
		    !(io_read16((uint16_t)pm1a->address) & PM1_SCI_ENABLED)) {
			io_write8(machine.smi_command, machine.acpi_enable);
			wait();
		}
		pm1_write(pm1a, machine.sleep_type_a);
		pm1_write(&machine.pm1b_control, machine.sleep_type_b);
		wait();
	}
	write_register(&machine.sleep_control, sleep_control,
		       (uint8_t)(machine.sleep_type_a << 2 | SLEEP_ENABLE_REDUCED));
}

static void keyboard_reset(void)
{
	for (unsigned i = 0; i < POLLS && (io_read8(KEYBOARD_COMMAND) & 2); i++)
		;
	io_write8(KEYBOARD_COMMAND, KEYBOARD_RESET);
	wait();
}

static NORETURN void triple_fault(void)
{
	struct PACKED {
		uint16_t limit;
		uint64_t base;
	} nothing = {0, 0};

	__asm__ volatile("lidt %0; int3" ::"m"(nothing));
	for (;;)
		;
}

void arch_machine_exit(int status)
{
	arch_irq_disable();
	debug_exit(status);
	if (status == MACHINE_OK)
		soft_off();
	write_register(&machine.reset, reset_register, machine.reset_value);
	keyboard_reset();
	triple_fault();
}
