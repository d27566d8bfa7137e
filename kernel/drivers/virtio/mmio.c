/*
 * The memory-mapped bus (Virtio 1.1, 4.2), version 2. Such devices cannot be discovered: the command
 * line names them, `virtio_mmio.device=SIZE@ADDRESS:IRQ`, as it does for Linux; QEMU's microvm and
 * Firecracker say it that way.
 */
#include <kern/boot.h>
#include <kern/format.h>
#include <kern/kcache.h>
#include <kern/log.h>
#include <kern/string.h>
#include <arch/device.h>
#include <arch/irq_line.h>
#include "virtio.h"

/* Register offsets, bytes. */
enum {
	REG_MAGIC = 0x000,
	REG_VERSION = 0x004,
	REG_DEVICE_ID = 0x008,
	REG_DEVICE_FEATURES = 0x010,
	REG_DEVICE_FEATURES_WORD = 0x014,
	REG_DRIVER_FEATURES = 0x020,
	REG_DRIVER_FEATURES_WORD = 0x024,
	REG_QUEUE = 0x030,
	REG_QUEUE_MAX = 0x034,
	REG_QUEUE_SIZE = 0x038,
	REG_QUEUE_READY = 0x044,
	REG_QUEUE_NOTIFY = 0x050,
	REG_INTERRUPT_STATUS = 0x060,
	REG_INTERRUPT_ACK = 0x064,
	REG_STATUS = 0x070,
	REG_QUEUE_DESCRIPTORS = 0x080,
	REG_QUEUE_DRIVER = 0x090,
	REG_QUEUE_DEVICE = 0x0a0,
	REG_CONFIG = 0x100,
	MAGIC = 0x74726976, /* "virt" */
	VERSION = 2,
};

struct mmio_device {
	struct virtio_device device;
	uint8_t *regs;	/* [const] mapped */
	unsigned line;	/* [const] interrupt line */
	char where[24]; /* [const] */
};

static struct mmio_device *mmio_of(struct virtio_device *device)
{
	return container_of(device, struct mmio_device, device);
}

static uint32_t mmio_read(struct virtio_device *device, unsigned reg)
{
	return reg_read32(mmio_of(device)->regs + reg);
}

static void mmio_write(struct virtio_device *device, unsigned reg, uint32_t value)
{
	reg_write32(mmio_of(device)->regs + reg, value);
}

static uint32_t mmio_features_read(struct virtio_device *device, unsigned word)
{
	mmio_write(device, REG_DEVICE_FEATURES_WORD, word);
	return mmio_read(device, REG_DEVICE_FEATURES);
}

static void mmio_features_write(struct virtio_device *device, unsigned word, uint32_t value)
{
	mmio_write(device, REG_DRIVER_FEATURES_WORD, word);
	mmio_write(device, REG_DRIVER_FEATURES, value);
}

static uint8_t mmio_status_read(struct virtio_device *device)
{
	return (uint8_t)mmio_read(device, REG_STATUS);
}

static void mmio_status_write(struct virtio_device *device, uint8_t status)
{
	mmio_write(device, REG_STATUS, status);
}

static uint32_t mmio_config_read(struct virtio_device *device, unsigned offset)
{
	return mmio_read(device, REG_CONFIG + offset);
}

static uint32_t mmio_queue_max(struct virtio_device *device, unsigned index)
{
	mmio_write(device, REG_QUEUE, index);
	return mmio_read(device, REG_QUEUE_MAX);
}

static void mmio_write_address(struct virtio_device *device, unsigned reg, paddr_t address)
{
	mmio_write(device, reg, (uint32_t)address);
	mmio_write(device, reg + 4, (uint32_t)(address >> 32));
}

static int mmio_queue_enable(struct virtio_device *device, struct virtqueue *queue)
{
	mmio_write(device, REG_QUEUE, queue->index);
	mmio_write(device, REG_QUEUE_SIZE, queue->size);
	mmio_write_address(device, REG_QUEUE_DESCRIPTORS, queue->descriptors_at);
	mmio_write_address(device, REG_QUEUE_DRIVER, queue->driver_ring_at);
	mmio_write_address(device, REG_QUEUE_DEVICE, queue->device_ring_at);
	mmio_write(device, REG_QUEUE_READY, 1);
	queue->doorbell = mmio_of(device)->regs + REG_QUEUE_NOTIFY;
	return 0;
}

static void mmio_notify(struct virtqueue *queue)
{
	reg_write32(queue->doorbell, queue->index);
}

static void mmio_interrupt(void *arg)
{
	struct mmio_device *mmio = arg;
	uint32_t status = reg_read32(mmio->regs + REG_INTERRUPT_STATUS);

	/* Level-triggered: the acknowledgement lowers the line. What the device does after it raises
	 * the line again, so the look at the queues comes behind. */
	reg_write32(mmio->regs + REG_INTERRUPT_ACK, status);
	mmio->device.interrupt(&mmio->device);
}

static int mmio_connect(struct virtio_device *device)
{
	struct mmio_device *mmio = mmio_of(device);

	return arch_irq_register(mmio->line, mmio_interrupt, mmio, IRQ_LEVEL);
}

static const struct virtio_bus_ops mmio_ops = {
	.features_read = mmio_features_read,
	.features_write = mmio_features_write,
	.status_read = mmio_status_read,
	.status_write = mmio_status_write,
	.config_read = mmio_config_read,
	.queue_max = mmio_queue_max,
	.queue_enable = mmio_queue_enable,
	.notify = mmio_notify,
	.connect = mmio_connect,
};

static void mmio_probe(paddr_t address, size_t len, unsigned line)
{
	uint8_t *regs = arch_device_map(address, len);
	struct mmio_device *mmio;

	if (!regs || reg_read32(regs + REG_MAGIC) != MAGIC)
		return;
	if (reg_read32(regs + REG_VERSION) != VERSION) {
		log_print("virtio-mmio: device at %#lx speaks the legacy protocol only "
			  "(QEMU: -global virtio-mmio.force-legacy=false)\n",
			  (unsigned long)address);
		return;
	}
	if (reg_read32(regs + REG_DEVICE_ID) == 0)
		return; /* an empty place */
	mmio = kmalloc(sizeof(*mmio), ALLOC_ZERO);
	if (!mmio)
		return;
	format_string(mmio->where, sizeof(mmio->where), "mmio %#lx", (unsigned long)address);
	mmio->regs = regs;
	mmio->line = line;
	mmio->device.bus = &mmio_ops;
	mmio->device.id = reg_read32(regs + REG_DEVICE_ID);
	mmio->device.where = mmio->where;
	virtio_probe(&mmio->device);
}

/* SIZE@ADDRESS:IRQ, and perhaps `:ID` behind it. */
static void mmio_parse(const char *word)
{
	uint64_t len, address, line;

	if (string_to_u64(&word, &len) || *word++ != '@' || string_to_u64(&word, &address) ||
	    *word++ != ':' || string_to_u64(&word, &line) || len < REG_CONFIG || len > 1 << 20 ||
	    line > 255)
		log_print("virtio_mmio.device: SIZE@ADDRESS:IRQ is expected\n");
	else
		mmio_probe(address, len, (unsigned)line);
}

void virtio_mmio_find(void)
{
	static const char name[] = "virtio_mmio.device=";
	const char *at = boot_cmdline();

	while ((at = strstr(at, name))) {
		bool is_word = at == boot_cmdline() || at[-1] == ' ';

		at += sizeof(name) - 1;
		if (is_word)
			mmio_parse(at);
	}
}
