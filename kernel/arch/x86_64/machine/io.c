/* Port I/O and PCI configuration for the drivers. pci_lock guards the address-data port pair. */
#include <kern/spinlock.h>
#include <arch/device.h>
#include <port/x86.h>
#include "../mm/tables.h"

enum { PCI_ADDRESS = 0xcf8, PCI_DATA = 0xcfc };

static struct spinlock pci_lock = SPINLOCK_INIT(LOCK_RANK_DRIVER, "pci");

uint8_t arch_port_read8(uint16_t port)
{
	return io_read8(port);
}

uint16_t arch_port_read16(uint16_t port)
{
	return io_read16(port);
}

uint32_t arch_port_read32(uint16_t port)
{
	return io_read32(port);
}

void arch_port_write8(uint16_t port, uint8_t value)
{
	io_write8(port, value);
}

void arch_port_write16(uint16_t port, uint16_t value)
{
	io_write16(port, value);
}

void arch_port_write32(uint16_t port, uint32_t value)
{
	io_write32(port, value);
}

void *arch_device_map(paddr_t paddr, size_t len)
{
	return device_map(paddr, len, false);
}

static void pci_select(uint32_t bdf, unsigned offset)
{
	io_write32(PCI_ADDRESS, 1U << 31 | (bdf & 0xffff) << 8 | (offset & 0xfc));
}

uint32_t arch_pci_read(uint32_t bdf, unsigned offset)
{
	unsigned long flags = spin_lock_irqsave(&pci_lock);
	uint32_t value;

	pci_select(bdf, offset);
	value = io_read32(PCI_DATA);
	spin_unlock_irqrestore(&pci_lock, flags);
	return value;
}

void arch_pci_write(uint32_t bdf, unsigned offset, uint32_t value)
{
	unsigned long flags = spin_lock_irqsave(&pci_lock);

	pci_select(bdf, offset);
	io_write32(PCI_DATA, value);
	spin_unlock_irqrestore(&pci_lock, flags);
}
