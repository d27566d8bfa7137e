/*
 * The port contract: interrupts of devices. Handlers run in hard interrupt context, interrupts off,
 * on the CPU that the port chose, between entry_irq_enter and entry_irq_exit.
 */
#ifndef ARCH_IRQ_LINE_H
#define ARCH_IRQ_LINE_H

#include <kern/types.h>

typedef void irq_handler_fn(void *arg);

enum irq_trigger { IRQ_EDGE, IRQ_LEVEL };

/*
 * Connects a line to a handler and lets its interrupts in. line: the platform's number (x86: ISA IRQ
 * 0..15, redirected as the firmware says; from 16 on the I/O APICs' global number). One handler per
 * line. A level-triggered handler silences its device before it returns.
 * -EINVAL: no such line; -EBUSY: taken; -ENOSPC: no vector left. Context: task or boot.
 */
MUST_USE int arch_irq_register(unsigned line, irq_handler_fn *handler, void *arg,
			       enum irq_trigger trigger);

/*
 * A message-signalled interrupt: what a device shall write, and where, for the handler to run.
 * -ENOSPC: no vector left. Context: task or boot.
 */
struct msi_message {
	uint64_t address;
	uint32_t data;
};
MUST_USE int arch_msi_alloc(irq_handler_fn *handler, void *arg, struct msi_message *message);

#endif
