/*
 * A port's queues. Input: every receive buffer is either with the device or on the filled list; the
 * host cannot send more than there are buffers with the device, which is the flow control. Output:
 * one buffer, which the device has or has not.
 *
 * port->lock guards the queues and both states. Interrupts and tasks meet here.
 */
#include <kern/kcache.h>
#include <kern/tty.h>
#include <arch/mmu.h>
#include <uapi/poll.h>
#include "port.h"

void port_init(struct port *port, struct console *console, unsigned id, struct virtqueue *rx,
	       struct virtqueue *tx)
{
	port->console = console;
	port->id = id;
	port->rx = rx;
	port->tx = tx;
	spin_init(&port->lock, LOCK_RANK_DRIVER, "virtio-port");
	mutex_init(&port->open_mutex);
	mutex_init(&port->read_mutex);
	mutex_init(&port->write_mutex);
	wait_queue_init(&port->read_queue);
	wait_queue_init(&port->write_queue);
	virtqueue_set_interrupts(tx, false);
}

/* Hands an empty buffer to the device. There is room: the queue is as long as there are buffers. */
static void buffer_post_locked(struct port *port, struct receive_buffer *buffer)
{
	const struct virtio_segment segment = {.start = virt_to_phys(buffer->bytes),
					       .len = RECEIVE_LEN};
	int error = virtqueue_add(port->rx, &segment, 0, 1, buffer);

	assert(!error);
}

/* Both kinds of buffer, once; the device keeps receive buffers for good. */
static int port_make_buffers(struct port *port)
{
	unsigned long flags;

	if (!port->send_bytes)
		port->send_bytes = kmalloc(SEND_LEN, ALLOC_KERNEL);
	if (!port->send_bytes)
		return -ENOMEM;
	for (unsigned i = 0; i < NR_RECEIVE_BUFFERS; i++) {
		struct receive_buffer *buffer = &port->buffers[i];

		if (buffer->bytes)
			continue;
		buffer->bytes = kmalloc(RECEIVE_LEN, ALLOC_KERNEL);
		if (!buffer->bytes)
			return -ENOMEM;
		flags = spin_lock_irqsave(&port->lock);
		buffer_post_locked(port, buffer);
		spin_unlock_irqrestore(&port->lock, flags);
	}
	return 0;
}

int port_open(struct port *port)
{
	int error = 0;

	mutex_lock(&port->open_mutex);
	if (port->nr_opens == 0) {
		error = port_make_buffers(port);
		if (!error) {
			virtqueue_kick(port->rx);
			console_send(port->console, port->id, CONTROL_PORT_OPEN, 1);
		}
	}
	if (!error)
		port->nr_opens++;
	mutex_unlock(&port->open_mutex);
	return error;
}

void port_close(struct port *port)
{
	mutex_lock(&port->open_mutex);
	if (--port->nr_opens == 0)
		console_send(port->console, port->id, CONTROL_PORT_OPEN, 0);
	mutex_unlock(&port->open_mutex);
}

struct receive_buffer *port_front(struct port *port)
{
	struct receive_buffer *front = NULL;
	unsigned long flags = spin_lock_irqsave(&port->lock);

	if (port->nr_filled > 0)
		front = &port->buffers[port->filled[0]];
	spin_unlock_irqrestore(&port->lock, flags);
	return front;
}

void port_front_done(struct port *port)
{
	unsigned long flags = spin_lock_irqsave(&port->lock);

	buffer_post_locked(port, &port->buffers[port->filled[0]]);
	for (unsigned i = 1; i < port->nr_filled; i++)
		port->filled[i - 1] = port->filled[i];
	atomic_store_relaxed(&port->nr_filled, port->nr_filled - 1);
	virtqueue_kick(port->rx);
	spin_unlock_irqrestore(&port->lock, flags);
}

/* true: something arrived. */
static bool port_collect_locked(struct port *port)
{
	struct receive_buffer *buffer;
	bool has_more = false;
	uint32_t len;

	while ((buffer = virtqueue_take(port->rx, &len))) {
		buffer->start = 0;
		buffer->end = MIN(len, (uint32_t)RECEIVE_LEN);
		port->filled[port->nr_filled] = (uint8_t)(buffer - port->buffers);
		atomic_store_relaxed(&port->nr_filled, port->nr_filled + 1);
		has_more = true;
	}
	return has_more;
}

static bool port_collect_sent_locked(struct port *port)
{
	if (!port->is_sending || !virtqueue_take(port->tx, NULL))
		return false;
	atomic_store_relaxed(&port->is_sending, 0);
	virtqueue_set_interrupts(port->tx, false);
	return true;
}

void port_send_locked(struct port *port, uint32_t len)
{
	const struct virtio_segment segment = {.start = virt_to_phys(port->send_bytes), .len = len};
	int error = virtqueue_add(port->tx, &segment, 1, 0, port);

	assert(!error);
	atomic_store_relaxed(&port->is_sending, 1);
	virtqueue_kick(port->tx);
	/* Often the device is done before the store that rang its bell is: then there is nothing to
	 * be interrupted for. */
	if (port_collect_sent_locked(port))
		return;
	virtqueue_set_interrupts(port->tx, true);
	port_collect_sent_locked(port);
}

void port_interrupt(struct port *port)
{
	unsigned long flags = spin_lock_irqsave(&port->lock);
	bool has_input = port_collect_locked(port);
	bool has_sent = port_collect_sent_locked(port);

	spin_unlock_irqrestore(&port->lock, flags);
	if (port->tty) {
		if (has_input)
			port_feed_tty(port);
		if (has_sent)
			tty_output_done(port->tty);
		return;
	}
	if (has_input)
		wake_up_key(&port->read_queue, POLLIN | POLLRDNORM);
	if (has_sent)
		wake_up_key(&port->write_queue, POLLOUT | POLLWRNORM);
}

void port_set_host_open(struct port *port, bool is_open)
{
	unsigned long flags = spin_lock_irqsave(&port->lock);
	bool has_closed = port->is_host_open && !is_open;

	atomic_store_relaxed(&port->is_host_open, is_open);
	spin_unlock_irqrestore(&port->lock, flags);
	if (port->tty && has_closed)
		tty_hangup(port->tty);
	wake_up_all_key(&port->read_queue, 0);
	wake_up_all_key(&port->write_queue, 0);
}
