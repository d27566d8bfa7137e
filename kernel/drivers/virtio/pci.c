/*
 * The PCI bus (Virtio 1.1, 4.1): registers in memory, found through vendor capabilities. The
 * firmware has placed the BARs. Interrupts by MSI-X, one vector for the whole device; by the line
 * that the firmware routed where there is no MSI-X.
 */
#include <kern/format.h>
#include <kern/kcache.h>
#include <kern/log.h>
#include <arch/device.h>
#include <arch/irq_line.h>
#include "virtio.h"

/* PCI Local Bus Specification 3.0, 6.1 and 6.8.2. Offsets are of the dword that holds the field. */
enum {
	PCI_ID = 0x00,
	PCI_COMMAND = 0x04,
	PCI_HEADER = 0x0c,
	PCI_BAR = 0x10,
	PCI_BUSES = 0x18,
	PCI_CAPABILITIES = 0x34,
	PCI_INTERRUPT = 0x3c,
	PCI_COMMAND_MEMORY = 1 << 1,
	PCI_COMMAND_MASTER = 1 << 2,
	PCI_STATUS_CAPABILITIES = 1 << 20,
	PCI_HEADER_BRIDGE = 1,
	PCI_VENDOR_VIRTIO = 0x1af4,
	PCI_DEVICE_MODERN = 0x1040, /* + the device type */
	CAPABILITY_VENDOR = 0x09,
	CAPABILITY_MSIX = 0x11,
	MSIX_ENABLE = 1U << 31,
	MSIX_MASK_ALL = 1U << 30,
	CAPABILITIES_MAX = 48,
	NO_VECTOR = 0xffff,
};

/* Kinds of virtio capability, and the common configuration's registers. */
enum {
	PART_COMMON = 1,
	PART_NOTIFY = 2,
	PART_ISR = 3,
	PART_CONFIG = 4,
	NR_PARTS = 5,
	COMMON_DEVICE_FEATURES_WORD = 0x00,
	COMMON_DEVICE_FEATURES = 0x04,
	COMMON_DRIVER_FEATURES_WORD = 0x08,
	COMMON_DRIVER_FEATURES = 0x0c,
	COMMON_MSIX_CONFIG = 0x10,
	COMMON_STATUS = 0x14,
	COMMON_QUEUE = 0x16,
	COMMON_QUEUE_SIZE = 0x18,
	COMMON_QUEUE_VECTOR = 0x1a,
	COMMON_QUEUE_ENABLE = 0x1c,
	COMMON_QUEUE_NOTIFY = 0x1e,
	COMMON_QUEUE_DESCRIPTORS = 0x20,
	COMMON_QUEUE_DRIVER = 0x28,
	COMMON_QUEUE_DEVICE = 0x30,
};

struct pci_device {
	struct virtio_device device;
	uint32_t bdf;		    /* [const] */
	uint8_t *parts[NR_PARTS];   /* [const] mapped */
	uint32_t notify_multiplier; /* [const] bytes */
	unsigned msix;		    /* [const] its capability's offset; 0: none */
	uint8_t *msix_table;	    /* [const] mapped */
	char where[24];		    /* [const] */
};

static struct pci_device *pci_of(struct virtio_device *device)
{
	return container_of(device, struct pci_device, device);
}

static uint8_t *common(struct virtio_device *device)
{
	return pci_of(device)->parts[PART_COMMON];
}

static uint32_t pci_features_read(struct virtio_device *device, unsigned word)
{
	reg_write32(common(device) + COMMON_DEVICE_FEATURES_WORD, word);
	return reg_read32(common(device) + COMMON_DEVICE_FEATURES);
}

static void pci_features_write(struct virtio_device *device, unsigned word, uint32_t value)
{
	reg_write32(common(device) + COMMON_DRIVER_FEATURES_WORD, word);
	reg_write32(common(device) + COMMON_DRIVER_FEATURES, value);
}

static uint8_t pci_status_read(struct virtio_device *device)
{
	return reg_read8(common(device) + COMMON_STATUS);
}

static void pci_status_write(struct virtio_device *device, uint8_t status)
{
	reg_write8(common(device) + COMMON_STATUS, status);
}

static uint32_t pci_config_read(struct virtio_device *device, unsigned offset)
{
	return reg_read32(pci_of(device)->parts[PART_CONFIG] + offset);
}

static uint32_t pci_queue_max(struct virtio_device *device, unsigned index)
{
	reg_write16(common(device) + COMMON_QUEUE, (uint16_t)index);
	return reg_read16(common(device) + COMMON_QUEUE_SIZE);
}

static void pci_write_address(struct virtio_device *device, unsigned reg, paddr_t address)
{
	reg_write32(common(device) + reg, (uint32_t)address);
	reg_write32(common(device) + reg + 4, (uint32_t)(address >> 32));
}

static int pci_queue_enable(struct virtio_device *device, struct virtqueue *queue)
{
	struct pci_device *pci = pci_of(device);
	uint8_t *regs = common(device);

	reg_write16(regs + COMMON_QUEUE, (uint16_t)queue->index);
	reg_write16(regs + COMMON_QUEUE_SIZE, (uint16_t)queue->size);
	reg_write16(regs + COMMON_QUEUE_VECTOR, pci->msix ? 0 : NO_VECTOR);
	if (pci->msix && reg_read16(regs + COMMON_QUEUE_VECTOR) != 0)
		return -ENOSPC;
	pci_write_address(device, COMMON_QUEUE_DESCRIPTORS, queue->descriptors_at);
	pci_write_address(device, COMMON_QUEUE_DRIVER, queue->driver_ring_at);
	pci_write_address(device, COMMON_QUEUE_DEVICE, queue->device_ring_at);
	queue->doorbell = pci->parts[PART_NOTIFY] +
			  reg_read16(regs + COMMON_QUEUE_NOTIFY) * (size_t)pci->notify_multiplier;
	reg_write16(regs + COMMON_QUEUE_ENABLE, 1);
	return 0;
}

static void pci_notify(struct virtqueue *queue)
{
	reg_write16(queue->doorbell, (uint16_t)queue->index);
}

static void pci_message_interrupt(void *arg)
{
	struct pci_device *pci = arg;

	pci->device.interrupt(&pci->device);
}

static void pci_line_interrupt(void *arg)
{
	struct pci_device *pci = arg;

	/* Reading it lowers the line (4.1.4.5). */
	if (reg_read8(pci->parts[PART_ISR]) & 1)
		pci->device.interrupt(&pci->device);
}

static int pci_connect(struct virtio_device *device)
{
	struct pci_device *pci = pci_of(device);
	struct msi_message message;
	uint32_t control;
	int error;

	if (!pci->msix)
		return arch_irq_register(arch_pci_read(pci->bdf, PCI_INTERRUPT) & 0xff,
					 pci_line_interrupt, pci, IRQ_LEVEL);
	error = arch_msi_alloc(pci_message_interrupt, pci, &message);
	if (error)
		return error;
	reg_write32(pci->msix_table, (uint32_t)message.address);
	reg_write32(pci->msix_table + 4, (uint32_t)(message.address >> 32));
	reg_write32(pci->msix_table + 8, message.data);
	reg_write32(pci->msix_table + 12, 0); /* not masked */
	control = arch_pci_read(pci->bdf, pci->msix);
	arch_pci_write(pci->bdf, pci->msix, (control & ~MSIX_MASK_ALL) | MSIX_ENABLE);
	return 0;
}

static const struct virtio_bus_ops pci_ops = {
	.features_read = pci_features_read,
	.features_write = pci_features_write,
	.status_read = pci_status_read,
	.status_write = pci_status_write,
	.config_read = pci_config_read,
	.queue_max = pci_queue_max,
	.queue_enable = pci_queue_enable,
	.notify = pci_notify,
	.connect = pci_connect,
};

/* Maps len bytes at an offset of a memory BAR; NULL: it is none, or there is no memory. */
static uint8_t *bar_map(uint32_t bdf, unsigned bar, uint32_t offset, uint32_t len)
{
	uint32_t low = bar < 6 ? arch_pci_read(bdf, PCI_BAR + 4 * bar) : 1;
	paddr_t base = low & ~0xfU;

	if (low & 1)
		return NULL; /* an I/O BAR */
	if ((low & 6) == 4 && bar < 5)
		base |= (paddr_t)arch_pci_read(bdf, PCI_BAR + 4 * bar + 4) << 32;
	return base ? arch_device_map(base + offset, len) : NULL;
}

static void capability_take(struct pci_device *pci, unsigned at)
{
	uint32_t head = arch_pci_read(pci->bdf, at);
	unsigned part = head >> 24;

	if ((head & 0xff) == CAPABILITY_MSIX) {
		uint32_t table = arch_pci_read(pci->bdf, at + 4);

		pci->msix_table = bar_map(pci->bdf, table & 7, table & ~7U, 16);
		pci->msix = pci->msix_table ? at : 0;
	} else if ((head & 0xff) == CAPABILITY_VENDOR && part > 0 && part < NR_PARTS &&
		   !pci->parts[part]) {
		pci->parts[part] =
			bar_map(pci->bdf, arch_pci_read(pci->bdf, at + 4) & 0xff,
				arch_pci_read(pci->bdf, at + 8), arch_pci_read(pci->bdf, at + 12));
		if (part == PART_NOTIFY)
			pci->notify_multiplier = arch_pci_read(pci->bdf, at + 16);
	}
}

static void pci_probe(uint32_t bdf, unsigned id)
{
	struct pci_device *pci = kmalloc(sizeof(*pci), ALLOC_ZERO);
	uint32_t command = arch_pci_read(bdf, PCI_COMMAND);
	unsigned at = arch_pci_read(bdf, PCI_CAPABILITIES) & 0xfc;

	if (!pci)
		return;
	pci->bdf = bdf;
	format_string(pci->where, sizeof(pci->where), "pci %02x:%02x.%u", bdf >> 8, bdf >> 3 & 31,
		      bdf & 7);
	arch_pci_write(bdf, PCI_COMMAND,
		       (command & 0xffff) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (!(command & PCI_STATUS_CAPABILITIES))
		at = 0;
	for (unsigned i = 0; at && i < CAPABILITIES_MAX; i++) {
		capability_take(pci, at);
		at = arch_pci_read(bdf, at) >> 8 & 0xfc;
	}
	for (unsigned part = PART_COMMON; part < NR_PARTS; part++) {
		if (!pci->parts[part]) {
			log_print("virtio: %s: no modern registers\n", pci->where);
			kfree(pci);
			return;
		}
	}
	pci->device.bus = &pci_ops;
	pci->device.id = id;
	pci->device.where = pci->where;
	virtio_probe(&pci->device);
}

/* What sits at one address. *last_bus: the highest number seen behind a bridge. */
static void function_look(uint32_t bdf, unsigned *last_bus)
{
	uint32_t id = arch_pci_read(bdf, PCI_ID);
	unsigned device = id >> 16;

	if ((id & 0xffff) == PCI_VENDOR_VIRTIO && device > PCI_DEVICE_MODERN &&
	    device < PCI_DEVICE_MODERN + 64)
		pci_probe(bdf, device - PCI_DEVICE_MODERN);
	else if ((id & 0xffff) != 0xffff &&
		 (arch_pci_read(bdf, PCI_HEADER) >> 16 & 0x7f) == PCI_HEADER_BRIDGE)
		*last_bus = MAX(*last_bus, arch_pci_read(bdf, PCI_BUSES) >> 8 & 0xff);
}

/* Buses behind bridges are numbered upwards by the firmware, so one pass finds all. */
void virtio_pci_find(void)
{
	unsigned last_bus = 0;

	for (unsigned bus = 0; bus <= last_bus; bus++) {
		for (unsigned slot = 0; slot < 32; slot++) {
			uint32_t bdf = bus << 8 | slot << 3;
			bool has_functions = arch_pci_read(bdf, PCI_HEADER) >> 16 & 0x80;

			if (arch_pci_read(bdf, PCI_ID) == UINT32_MAX)
				continue;
			for (unsigned f = 0; f < (has_functions ? 8 : 1); f++)
				function_look(bdf | f, &last_bus);
		}
	}
}
