/*
 * Split virtqueues (Virtio 1.1, 2.6): a table of descriptors, a ring in which the driver offers
 * chains of them, and a ring in which the device gives them back. The owner's lock serialises all
 * calls for one queue; what is shared with the device is ordered here.
 */
#include <kern/atomic.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <arch/mmu.h>
#include "virtio.h"

enum {
	DESCRIPTOR_NEXT = 1,
	DESCRIPTOR_DEVICE_WRITES = 2,
	DEVICE_RING_NO_NOTIFY = 1,
	DRIVER_RING_NO_INTERRUPT = 1,
};

struct descriptor {
	uint64_t address;
	uint32_t len;
	uint16_t flags, next;
};

struct driver_ring {
	uint16_t flags;
	uint16_t index; /* [atomic] free-running */
	uint16_t heads[];
};

struct device_ring {
	uint16_t flags;
	uint16_t index; /* [atomic] free-running */
	struct {
		uint32_t head, len;
	} done[];
};

static struct descriptor *descriptors(const struct virtqueue *queue)
{
	return phys_to_virt(queue->descriptors_at);
}

static struct driver_ring *driver_ring(const struct virtqueue *queue)
{
	return phys_to_virt(queue->driver_ring_at);
}

static struct device_ring *device_ring(const struct virtqueue *queue)
{
	return phys_to_virt(queue->device_ring_at);
}

/* The rings lie behind each other in one block, which kmalloc aligns to 16: enough for the
 * descriptors, and the device's ring needs 4. */
static int rings_create(struct virtqueue *queue)
{
	size_t descriptors_len = queue->size * sizeof(struct descriptor);
	size_t driver_len = ROUND_UP(sizeof(struct driver_ring) + (queue->size + 1) * 2UL, 16UL);
	size_t device_len = sizeof(struct device_ring) + queue->size * 8UL + 2;

	queue->memory = kmalloc(descriptors_len + driver_len + device_len, ALLOC_ZERO);
	queue->cookies = kmalloc(queue->size * sizeof(*queue->cookies), ALLOC_ZERO);
	if (!queue->memory || !queue->cookies)
		return -ENOMEM;
	queue->descriptors_at = virt_to_phys(queue->memory);
	queue->driver_ring_at = queue->descriptors_at + descriptors_len;
	queue->device_ring_at = queue->driver_ring_at + driver_len;
	for (unsigned i = 0; i < queue->size; i++)
		descriptors(queue)[i].next = (uint16_t)(i + 1);
	queue->nr_free = (uint16_t)queue->size;
	return 0;
}

int virtqueue_create(struct virtio_device *device, unsigned index, unsigned max_size,
		     struct virtqueue **result)
{
	unsigned size = device->bus->queue_max(device, index);
	struct virtqueue *queue;
	int error;

	if (size == 0)
		return -ENOENT;
	while (size > max_size)
		size /= 2;
	queue = kmalloc(sizeof(*queue), ALLOC_ZERO);
	if (!queue)
		return -ENOMEM;
	queue->device = device;
	queue->index = index;
	queue->size = size;
	error = rings_create(queue);
	if (!error)
		error = device->bus->queue_enable(device, queue);
	if (error)
		virtqueue_destroy(queue);
	else
		*result = queue;
	return error;
}

void virtqueue_destroy(struct virtqueue *queue)
{
	if (!queue)
		return;
	kfree(queue->memory);
	kfree(queue->cookies);
	kfree(queue);
}

int virtqueue_add(struct virtqueue *queue, const struct virtio_segment *segments, unsigned nr_out,
		  unsigned nr_in, void *cookie)
{
	struct driver_ring *ring = driver_ring(queue);
	unsigned nr = nr_out + nr_in;
	uint16_t at = queue->free_head;
	struct descriptor *descriptor = NULL;

	if (nr > queue->nr_free || nr == 0)
		return -ENOSPC;
	queue->cookies[at] = cookie;
	ring->heads[queue->next_add & (queue->size - 1)] = at;
	for (unsigned i = 0; i < nr; i++) {
		descriptor = &descriptors(queue)[at];
		descriptor->address = segments[i].start;
		descriptor->len = segments[i].len;
		descriptor->flags =
			(uint16_t)(DESCRIPTOR_NEXT | (i >= nr_out ? DESCRIPTOR_DEVICE_WRITES : 0));
		at = descriptor->next;
	}
	descriptor->flags &= (uint16_t)~DESCRIPTOR_NEXT;
	queue->free_head = at;
	queue->nr_free = (uint16_t)(queue->nr_free - nr);
	queue->next_add++;
	/* The device sees the index only after the descriptors and the head. */
	atomic_store_release(&ring->index, queue->next_add);
	return 0;
}

void virtqueue_kick(struct virtqueue *queue)
{
	/* The new index before the look at the flag; the device does it the other way round
	 * (2.6.13.4.1). */
	atomic_fence_seqcst();
	if (!(atomic_load_relaxed(&device_ring(queue)->flags) & DEVICE_RING_NO_NOTIFY))
		queue->device->bus->notify(queue);
}

/* Gives the chain that begins at head back to the free ones. */
static void chain_free(struct virtqueue *queue, uint16_t head)
{
	uint16_t last = head, nr = 1;

	while (descriptors(queue)[last].flags & DESCRIPTOR_NEXT) {
		last = descriptors(queue)[last].next;
		nr++;
	}
	descriptors(queue)[last].next = queue->free_head;
	queue->free_head = head;
	queue->nr_free = (uint16_t)(queue->nr_free + nr);
}

void *virtqueue_take(struct virtqueue *queue, uint32_t *len)
{
	struct device_ring *ring = device_ring(queue);
	uint16_t slot = queue->next_take & (uint16_t)(queue->size - 1);
	uint32_t head;
	void *cookie;

	/* Pairs with the device's store of the index behind what it tells of. */
	if (atomic_load_acquire(&ring->index) == queue->next_take)
		return NULL;
	head = ring->done[slot].head;
	if (len)
		*len = ring->done[slot].len;
	/* A device that names a buffer it does not have must not lead us astray. */
	if (head >= queue->size || !queue->cookies[head])
		return NULL;
	cookie = queue->cookies[head];
	queue->cookies[head] = NULL;
	atomic_store_relaxed(&queue->next_take, (uint16_t)(queue->next_take + 1));
	chain_free(queue, (uint16_t)head);
	return cookie;
}

bool virtqueue_has_done(const struct virtqueue *queue)
{
	return atomic_load_acquire(&device_ring(queue)->index) !=
	       atomic_load_relaxed(&queue->next_take);
}

void virtqueue_set_interrupts(struct virtqueue *queue, bool are_wanted)
{
	atomic_store_relaxed(&driver_ring(queue)->flags,
			     (uint16_t)(are_wanted ? 0 : DRIVER_RING_NO_INTERRUPT));
	/* Before the owner's look at the device's ring; the device writes that and then reads this. */
	atomic_fence_seqcst();
}
