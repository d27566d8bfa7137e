/*
 * Virtio devices, "modern" ones only (Virtual I/O Device Version 1.1): what drivers see of a device
 * and its queues, whatever bus it sits on.
 *
 *	found by mmio.c or pci.c -> virtio_probe -> driver: virtio_negotiate, queues, virtio_start
 */
#ifndef DRIVERS_VIRTIO_H
#define DRIVERS_VIRTIO_H

#include <kern/types.h>
#include <kern/spinlock.h>
#include <uapi/errno.h>

struct virtio_device;
struct virtqueue;

/* Feature bits that every device has. */
#define VIRTIO_F_VERSION_1 (1ULL << 32)

enum { VIRTIO_ID_CONSOLE = 3 };

/* What a bus does for a device. Context: task, one caller at a time, but notify: any. */
struct virtio_bus_ops {
	uint32_t (*features_read)(struct virtio_device *device, unsigned word);
	void (*features_write)(struct virtio_device *device, unsigned word, uint32_t value);
	uint8_t (*status_read)(struct virtio_device *device);
	void (*status_write)(struct virtio_device *device, uint8_t status);
	/* offset: bytes into the device's own configuration, a multiple of 4. */
	uint32_t (*config_read)(struct virtio_device *device, unsigned offset);
	/* Largest size of a queue in entries; 0: there is no such queue. */
	uint32_t (*queue_max)(struct virtio_device *device, unsigned index);
	int (*queue_enable)(struct virtio_device *device, struct virtqueue *queue);
	void (*notify)(struct virtqueue *queue);
	/* Lets interrupts in; from then on device->interrupt is called. */
	int (*connect)(struct virtio_device *device);
};

struct virtio_device {
	const struct virtio_bus_ops *bus; /* [const] */
	uint32_t id;			  /* [const] VIRTIO_ID_ */
	const char *where;		  /* [const] for messages */
	void *driver;			  /* [const after start] */
	/* Set by the driver before virtio_start. Context: hard interrupt. */
	void (*interrupt)(struct virtio_device *device);
};

/* A piece of memory for a device: read by it, or written. */
struct virtio_segment {
	paddr_t start;
	uint32_t len; /* bytes */
};

struct virtqueue {
	struct virtio_device *device; /* [const] */
	unsigned index;		      /* [const] the device's number for it */
	unsigned size;		      /* [const] entries, a power of two */
	void *memory;		      /* [const] owned: the three rings */
	paddr_t descriptors_at, driver_ring_at, device_ring_at; /* [const] */
	volatile void *doorbell;      /* [const] the bus's: where notify writes */
	void **cookies;		      /* [owner's lock] by first descriptor */
	uint16_t free_head, nr_free;  /* [owner's lock] */
	uint16_t next_add, next_take; /* [owner's lock] free-running ring positions */
};

/* Hands a device that a bus found to its driver. Takes the device over. */
void virtio_probe(struct virtio_device *device);

/* Resets the device and agrees on features: what it offers of wanted. -ENODEV: it is not modern, or
 * refuses. */
MUST_USE int virtio_negotiate(struct virtio_device *device, uint64_t wanted, uint64_t *agreed);
/* Connects the interrupt and sets the device going. On failure it is left reset. */
MUST_USE int virtio_start(struct virtio_device *device);
/* Gives up: tells the device so. */
void virtio_fail(struct virtio_device *device);

/*
 * A queue of at most max_size entries, between negotiation and start. -ENOENT: the device has none
 * of that number; -ENOMEM. Everything below: the owner serialises calls for one queue.
 */
MUST_USE int virtqueue_create(struct virtio_device *device, unsigned index, unsigned max_size,
			      struct virtqueue **queue);
void virtqueue_destroy(struct virtqueue *queue);
/* Adds one buffer of nr_out segments that the device reads, then nr_in that it writes. cookie, not
 * NULL, comes back with it. -ENOSPC. Context: any. */
MUST_USE int virtqueue_add(struct virtqueue *queue, const struct virtio_segment *segments,
			   unsigned nr_out, unsigned nr_in, void *cookie);
/* Tells the device that there is something new, if it wants to know. Context: any. */
void virtqueue_kick(struct virtqueue *queue);
/* The next buffer that the device is done with, and how many bytes it wrote; NULL: none. */
void *virtqueue_take(struct virtqueue *queue, uint32_t *len);
/* Is there one? A look without the owner's lock: the answer may be old. */
bool virtqueue_has_done(const struct virtqueue *queue);
/* Whether the device shall interrupt when it is done with a buffer (they do at first). A hint, after
 * which the owner looks once more. */
void virtqueue_set_interrupts(struct virtqueue *queue, bool are_wanted);

/* The buses: look for devices, probe each. Context: task, boot. */
void virtio_mmio_find(void);
void virtio_pci_find(void);

/* The drivers. */
void virtio_console_attach(struct virtio_device *device);

/* Device registers: exactly one access of that width. */
static inline uint32_t reg_read32(const volatile void *at)
{
	return *(const volatile uint32_t *)at;
}
static inline void reg_write32(volatile void *at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}
static inline uint16_t reg_read16(const volatile void *at)
{
	return *(const volatile uint16_t *)at;
}
static inline void reg_write16(volatile void *at, uint16_t value)
{
	*(volatile uint16_t *)at = value;
}
static inline uint8_t reg_read8(const volatile void *at)
{
	return *(const volatile uint8_t *)at;
}
static inline void reg_write8(volatile void *at, uint8_t value)
{
	*(volatile uint8_t *)at = value;
}

#endif
