/*
 * A device's start in life (Virtio 1.1, 3.1.1) and the way to its driver. Boot only, one device
 * after the other; nothing here is shared.
 */
#include <kern/drivers.h>
#include <kern/log.h>
#include "virtio.h"

/* Status bits (Virtio 1.1, 2.1). */
enum {
	STATUS_ACKNOWLEDGE = 1,
	STATUS_DRIVER = 2,
	STATUS_DRIVER_OK = 4,
	STATUS_FEATURES_OK = 8,
	STATUS_FAILED = 128,
};

static void status_add(struct virtio_device *device, uint8_t bits)
{
	device->bus->status_write(device, device->bus->status_read(device) | bits);
}

int virtio_negotiate(struct virtio_device *device, uint64_t wanted, uint64_t *agreed)
{
	uint64_t offered;

	device->bus->status_write(device, 0);
	while (device->bus->status_read(device) != 0)
		; /* a reset is done when it reads as done (2.1) */
	status_add(device, STATUS_ACKNOWLEDGE);
	status_add(device, STATUS_DRIVER);
	offered = device->bus->features_read(device, 0);
	offered |= (uint64_t)device->bus->features_read(device, 1) << 32;
	wanted = (wanted | VIRTIO_F_VERSION_1) & offered;
	if (!(wanted & VIRTIO_F_VERSION_1))
		goto failed;
	device->bus->features_write(device, 0, (uint32_t)wanted);
	device->bus->features_write(device, 1, (uint32_t)(wanted >> 32));
	status_add(device, STATUS_FEATURES_OK);
	if (!(device->bus->status_read(device) & STATUS_FEATURES_OK))
		goto failed;
	*agreed = wanted;
	return 0;
failed:
	virtio_fail(device);
	return -ENODEV;
}

int virtio_start(struct virtio_device *device)
{
	int error = device->bus->connect(device);

	if (error)
		virtio_fail(device);
	else
		status_add(device, STATUS_DRIVER_OK);
	return error;
}

void virtio_fail(struct virtio_device *device)
{
	status_add(device, STATUS_FAILED);
}

void virtio_probe(struct virtio_device *device)
{
	switch (device->id) {
	case VIRTIO_ID_CONSOLE:
		virtio_console_attach(device);
		break;
	default:
		log_print("virtio: %s: no driver for device type %u\n", device->where, device->id);
	}
}

void drivers_init(void)
{
	virtio_mmio_find();
	virtio_pci_find();
}
