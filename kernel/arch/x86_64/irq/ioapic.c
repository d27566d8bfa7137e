/*
 * I/O APICs (82093AA data sheet): which line becomes which vector. Owns their registers and the table
 * of lines; ioapic_lock guards both. All lines are masked until somebody registers.
 */
#include <kern/bitmap.h>
#include <kern/spinlock.h>
#include <uapi/errno.h>
#include <arch/irq_line.h>
#include "../machine/machine.h"
#include "../mm/tables.h"
#include "ioapic.h"
#include "vectors.h"

enum {
	REG_VERSION = 1,
	REG_ENTRIES = 0x10, /* two words each */
	ENTRY_MASKED = 1 << 16,
	ENTRY_LEVEL = 1 << 15,
	ENTRY_LOW = 1 << 13,
	SELECT = 0,
	WINDOW = 4, /* in words */
	MAX_PINS = 240,
};

struct io_apic {
	volatile uint32_t *registers; /* NULL: not there */
	uint32_t first_gsi, nr_pins;
	uint64_t used[BITMAP_WORDS(MAX_PINS)]; /* [ioapic_lock] pins with a handler */
};

static struct io_apic io_apics[MAX_IOAPICS];
static struct spinlock ioapic_lock = SPINLOCK_INIT(LOCK_RANK_DRIVER, "ioapic");

static uint32_t reg_read(struct io_apic *io, unsigned reg)
{
	io->registers[SELECT] = reg;
	return io->registers[WINDOW];
}

static void reg_write(struct io_apic *io, unsigned reg, uint32_t value)
{
	io->registers[SELECT] = reg;
	io->registers[WINDOW] = value;
}

static INIT_TEXT void start_one(struct io_apic *io, const struct io_apic_facts *facts)
{
	uint32_t version;

	io->registers = device_map(facts->address, PAGE_SIZE, false);
	if (!io->registers)
		return;
	version = reg_read(io, REG_VERSION);
	if (version == 0 || version == UINT32_MAX) {
		io->registers = NULL;
		return;
	}
	io->first_gsi = facts->first_gsi;
	io->nr_pins = MIN((version >> 16 & 0xff) + 1, (uint32_t)MAX_PINS);
	for (unsigned pin = 0; pin < io->nr_pins; pin++)
		reg_write(io, REG_ENTRIES + 2 * pin, ENTRY_MASKED);
}

INIT_TEXT void ioapic_init(void)
{
	for (unsigned i = 0; i < machine.nr_io_apics; i++)
		start_one(&io_apics[i], &machine.io_apics[i]);
}

static struct io_apic *find_io_apic(uint32_t gsi)
{
	for (unsigned i = 0; i < machine.nr_io_apics; i++) {
		struct io_apic *io = &io_apics[i];

		if (io->registers && gsi >= io->first_gsi && gsi - io->first_gsi < io->nr_pins)
			return io;
	}
	return NULL;
}

static void route(struct io_apic *io, unsigned pin, unsigned vector, bool is_level, bool is_low)
{
	uint32_t low = vector;

	if (is_level)
		low |= ENTRY_LEVEL;
	if (is_low)
		low |= ENTRY_LOW;
	reg_write(io, REG_ENTRIES + 2 * pin + 1, machine.apic_ids[0] << 24);
	reg_write(io, REG_ENTRIES + 2 * pin, low);
}

/* PCI's level-triggered lines are active low, the ISA bus's edges are high; a firmware override for
 * an ISA line wins. */
int arch_irq_register(unsigned line, irq_handler_fn *handler, void *arg, enum irq_trigger trigger)
{
	bool is_level = trigger == IRQ_LEVEL, is_low = false;
	uint32_t gsi = line;
	struct io_apic *io;
	unsigned long flags;
	int vector, error = 0;

	if (line < NR_ISA_LINES) {
		gsi = machine.isa[line].gsi;
		is_level |= machine.isa[line].is_level;
		is_low = machine.isa[line].is_low;
	}
	io = find_io_apic(gsi);
	if (!io)
		return -EINVAL;
	vector = vector_alloc(handler, arg);
	if (vector < 0)
		return vector;
	flags = spin_lock_irqsave(&ioapic_lock);
	if (bitmap_test(io->used, gsi - io->first_gsi)) {
		error = -EBUSY;
	} else {
		bitmap_set(io->used, gsi - io->first_gsi);
		route(io, gsi - io->first_gsi, (unsigned)vector, is_level, is_low);
	}
	spin_unlock_irqrestore(&ioapic_lock, flags);
	if (error)
		vector_free((unsigned)vector);
	return error;
}
