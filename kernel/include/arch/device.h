/*
 * The port contract: reaching devices. Port I/O is there on machines that have it; elsewhere reads
 * give all ones and writes do nothing.
 */
#ifndef ARCH_DEVICE_H
#define ARCH_DEVICE_H

#include <kern/types.h>

uint8_t arch_port_read8(uint16_t port);
uint16_t arch_port_read16(uint16_t port);
uint32_t arch_port_read32(uint16_t port);
void arch_port_write8(uint16_t port, uint8_t value);
void arch_port_write16(uint16_t port, uint16_t value);
void arch_port_write32(uint16_t port, uint32_t value);

/*
 * Maps len bytes of device registers, uncached, for good. Any alignment. NULL: no memory.
 * Context: task or boot.
 */
MUST_USE void *arch_device_map(paddr_t paddr, size_t len);

/*
 * PCI configuration space by bus << 8 | device << 3 | function, and an offset that is a multiple of 4
 * below 256. All ones where there is no device, or no PCI. Context: any; serialised inside.
 */
uint32_t arch_pci_read(uint32_t bdf, unsigned offset);
void arch_pci_write(uint32_t bdf, unsigned offset, uint32_t value);

#endif
