/*
 * Vectors: who serves which. Owns the table of device vectors; irq_lock guards its writers, and a
 * handler is published before its vector can arrive.
 */
#include <kern/atomic.h>
#include <kern/entry.h>
#include <kern/log.h>
#include <kern/spinlock.h>
#include <uapi/errno.h>
#include <arch/cpu.h>
#include <arch/irq_line.h>
#include <port/layout.h>
#include "../machine/machine.h"
#include "irq.h"
#include "vectors.h"

struct device_vector {
	irq_handler_fn *handler; /* [atomic] NULL: free */
	void *arg;
};

static struct device_vector devices[VEC_DEVICE_END - VEC_DEVICE_FIRST];
static struct spinlock irq_lock = SPINLOCK_INIT(LOCK_RANK_DRIVER, "irq");

int vector_alloc(irq_handler_fn *handler, void *arg)
{
	unsigned long flags = spin_lock_irqsave(&irq_lock);
	int vector = -ENOSPC;

	for (unsigned i = 0; i < ARRAY_LEN(devices); i++) {
		if (devices[i].handler)
			continue;
		devices[i].arg = arg;
		/* Release: pairs with device_interrupt. */
		atomic_store_release(&devices[i].handler, handler);
		vector = (int)(VEC_DEVICE_FIRST + i);
		break;
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return vector;
}

void vector_free(unsigned vector)
{
	atomic_store_release(&devices[vector - VEC_DEVICE_FIRST].handler, NULL);
}

int arch_msi_alloc(irq_handler_fn *handler, void *arg, struct msi_message *message)
{
	int vector = vector_alloc(handler, arg);

	if (vector < 0)
		return vector;
	/* SDM vol. 3, 10.11: fixed delivery, edge, to the boot CPU. */
	message->address = 0xfee00000UL | (uint64_t)(machine.apic_ids[0] & 0xff) << 12;
	message->data = (uint32_t)vector;
	return 0;
}

static void device_interrupt(unsigned vector)
{
	struct device_vector *device = &devices[vector - VEC_DEVICE_FIRST];
	irq_handler_fn *handler = atomic_load_acquire(&device->handler);

	if (handler)
		handler(device->arg);
}

void irq_serve(unsigned vector, bool from_user)
{
	if (vector == VEC_RESCHEDULE) {
		/* The way back does all there is to do. */
		apic_eoi();
		return;
	}
	if (vector == VEC_SPURIOUS)
		return;
	entry_irq_enter();
	if (vector == VEC_TIMER) {
		apic_eoi();
		timer_interrupt(from_user);
	} else if (vector == VEC_CALL) {
		apic_eoi();
		entry_ipi_call();
	} else {
		if (vector >= VEC_DEVICE_FIRST && vector < VEC_DEVICE_END)
			device_interrupt(vector);
		/* After the handler: a level-triggered line is silent by now. */
		apic_eoi();
	}
	entry_irq_exit();
}
