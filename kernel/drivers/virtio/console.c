/*
 * The console device (Virtio 1.1, 5.3): a control queue by which the host names its ports, and a
 * pair of queues for each. Control messages are handled in task context: at boot by whoever brings
 * the device up, later by a work queue.
 *
 *	attach -> DEVICE_READY -> (PORT_ADD -> PORT_READY -> [CONSOLE_PORT] [PORT_NAME] [PORT_OPEN])*
 */
#include <kern/assert.h>
#include <kern/boot.h>
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/log.h>
#include <kern/string.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include "port.h"

enum {
	FEATURE_MULTIPORT = 1 << 1,
	CONFIG_MAX_PORTS = 4,
	MAX_PORTS = 32,
	QUEUE_CONTROL_RX = 2,
	QUEUE_CONTROL_TX = 3,
	NR_CONTROL_BUFFERS = 16,
	CONTROL_BUFFER_LEN = 128,
	SEND_SPINS = 100 * 1000 * 1000,
};

struct control_message {
	uint32_t port;
	uint16_t event, value;
};

struct console {
	struct virtio_device *device;
	struct virtqueue *control_rx, *control_tx; /* [lock] */
	struct spinlock lock;			   /* rank driver; interrupts off */
	struct mutex mutex;		 /* one handles control messages at a time; ports' names */
	struct mutex send_mutex;	 /* guards message; one control message is sent at a time */
	struct control_message *message; /* [send_mutex] owned: memory that the device can reach */
	uint8_t *control_bytes;		 /* owned: the control receive buffers */
	struct work work;
	bool is_up; /* [set once] interrupts may queue the work */
	unsigned nr_ports;
	struct port *ports; /* owned */
};

void console_send(struct console *console, uint32_t port, uint16_t event, uint16_t value)
{
	const struct virtio_segment segment = {.start = virt_to_phys(console->message),
					       .len = sizeof(*console->message)};
	unsigned spins = 0;
	unsigned long flags;
	bool is_sent = false;

	mutex_lock(&console->send_mutex);
	*console->message = (struct control_message){.port = port, .event = event, .value = value};
	flags = spin_lock_irqsave(&console->lock);
	if (virtqueue_add(console->control_tx, &segment, 1, 0, console) == 0)
		virtqueue_kick(console->control_tx);
	spin_unlock_irqrestore(&console->lock, flags);
	/* These are few and the device answers at once: not worth an interrupt. */
	while (!is_sent && spins++ < SEND_SPINS) {
		flags = spin_lock_irqsave(&console->lock);
		is_sent = virtqueue_take(console->control_tx, NULL);
		spin_unlock_irqrestore(&console->lock, flags);
		if (!is_sent)
			arch_cpu_relax();
	}
	mutex_unlock(&console->send_mutex);
	if (!is_sent)
		log_print("virtio: %s: control message not taken\n", console->device->where);
}

/*
 * The option `terminal=NAME` makes a terminal of the port of that name. Hosts that have consoles proper
 * may drop their output when it is not taken fast enough (QEMU does); a port's is waited for.
 */
static bool name_is_terminal(const char *name)
{
	char wanted[PORT_NAME_MAX];

	return boot_option("terminal", wanted, sizeof(wanted)) && strcmp(wanted, name) == 0;
}

/* A port's name is known when it has one; its node is made when it is opened by the host or named,
 * whichever is last. Console ports get their terminal as soon as they are said to be one. */
static void control_handle(struct console *console, const struct control_message *message,
			   const char *text, size_t text_len)
{
	struct port *port;

	if (message->port >= console->nr_ports || !console->ports[message->port].rx)
		return;
	port = &console->ports[message->port];
	switch (message->event) {
	case CONTROL_PORT_ADD:
		if (!port->is_known)
			console_send(console, port->id, CONTROL_PORT_READY, 1);
		port->is_known = true;
		break;
	case CONTROL_CONSOLE_PORT:
		if (!port->tty)
			port_register_tty(port);
		break;
	case CONTROL_PORT_NAME:
		if (port->name[0] || port->tty)
			break;
		memcpy(port->name, text, MIN(text_len, (size_t)PORT_NAME_MAX - 1));
		if (name_is_terminal(port->name))
			port_register_tty(port);
		else
			port_register(port);
		break;
	case CONTROL_PORT_OPEN:
		port_set_host_open(port, message->value);
		break;
	case CONTROL_PORT_REMOVE:
		port_set_host_open(port, false);
		break;
	}
}

/* The next control message into buf; its length, 0: none. Its buffer goes back to the device. */
static size_t control_take(struct console *console, uint8_t *buf)
{
	unsigned long flags = spin_lock_irqsave(&console->lock);
	uint32_t len = 0;
	uint8_t *bytes = virtqueue_take(console->control_rx, &len);

	if (bytes) {
		const struct virtio_segment segment = {.start = virt_to_phys(bytes),
						       .len = CONTROL_BUFFER_LEN};
		int error;

		len = MIN(len, (uint32_t)CONTROL_BUFFER_LEN);
		memcpy(buf, bytes, len);
		error = virtqueue_add(console->control_rx, &segment, 0, 1, bytes);
		assert(!error);
		virtqueue_kick(console->control_rx);
	}
	spin_unlock_irqrestore(&console->lock, flags);
	return bytes ? MAX(len, 1U) : 0;
}

static void control_handle_all(struct console *console)
{
	uint8_t buf[CONTROL_BUFFER_LEN];
	struct control_message message;
	size_t len;

	mutex_lock(&console->mutex);
	while ((len = control_take(console, buf))) {
		if (len < sizeof(message))
			continue;
		memcpy(&message, buf, sizeof(message));
		control_handle(console, &message, (const char *)buf + sizeof(message),
			       len - sizeof(message));
	}
	mutex_unlock(&console->mutex);
}

static void control_work(struct work *work)
{
	control_handle_all(container_of(work, struct console, work));
}

static void console_interrupt(struct virtio_device *device)
{
	struct console *console = device->driver;

	for (unsigned i = 0; i < console->nr_ports; i++) {
		if (console->ports[i].rx)
			port_interrupt(&console->ports[i]);
	}
	if (atomic_load_acquire(&console->is_up) && virtqueue_has_done(console->control_rx))
		work_queue(system_workqueue, &console->work);
}

static int console_make_ports(struct console *console)
{
	for (unsigned id = 0; id < console->nr_ports; id++) {
		unsigned first = id == 0 ? 0 : 2 * id + 2;
		struct virtqueue *rx, *tx;
		int error = virtqueue_create(console->device, first, NR_RECEIVE_BUFFERS, &rx);

		if (error)
			return error;
		error = virtqueue_create(console->device, first + 1, NR_RECEIVE_BUFFERS, &tx);
		if (error) {
			virtqueue_destroy(rx);
			return error;
		}
		port_init(&console->ports[id], console, id, rx, tx);
	}
	return 0;
}

static int console_make_control(struct console *console)
{
	struct virtio_device *device = console->device;
	int error = virtqueue_create(device, QUEUE_CONTROL_RX, NR_CONTROL_BUFFERS,
				     &console->control_rx);

	if (!error)
		error = virtqueue_create(device, QUEUE_CONTROL_TX, NR_CONTROL_BUFFERS,
					 &console->control_tx);
	if (!error)
		virtqueue_set_interrupts(console->control_tx, false);
	for (unsigned i = 0; !error && i < console->control_rx->size; i++) {
		uint8_t *bytes = console->control_bytes + i * CONTROL_BUFFER_LEN;
		const struct virtio_segment segment = {.start = virt_to_phys(bytes),
						       .len = CONTROL_BUFFER_LEN};

		error = virtqueue_add(console->control_rx, &segment, 0, 1, bytes);
	}
	return error;
}

/* Memory and queues, between negotiation and start. On failure console_free clears up. */
static int console_set_up(struct console *console)
{
	console->nr_ports =
		MIN(console->device->bus->config_read(console->device, CONFIG_MAX_PORTS),
		    (uint32_t)MAX_PORTS);
	console->ports = kmalloc(console->nr_ports * sizeof(*console->ports), ALLOC_KERNEL);
	if (!console->ports)
		return -ENOMEM;
	memset(console->ports, 0, console->nr_ports * sizeof(*console->ports));
	console->message = kmalloc(sizeof(*console->message), ALLOC_ZERO);
	console->control_bytes = kmalloc(NR_CONTROL_BUFFERS * CONTROL_BUFFER_LEN, ALLOC_ZERO);
	if (!console->message || !console->control_bytes)
		return -ENOMEM;
	spin_init(&console->lock, LOCK_RANK_DRIVER, "virtio-console");
	mutex_init(&console->mutex);
	mutex_init(&console->send_mutex);
	work_init(&console->work, control_work);
	return console_make_ports(console) ?: console_make_control(console);
}

static void console_free(struct console *console)
{
	for (unsigned i = 0; console->ports && i < console->nr_ports; i++) {
		virtqueue_destroy(console->ports[i].rx);
		virtqueue_destroy(console->ports[i].tx);
	}
	virtqueue_destroy(console->control_rx);
	virtqueue_destroy(console->control_tx);
	kfree(console->control_bytes);
	kfree(console->message);
	kfree(console->ports);
	kfree(console);
}

void virtio_console_attach(struct virtio_device *device)
{
	struct console *console = kmalloc(sizeof(*console), ALLOC_ZERO);
	uint64_t features;
	int error;

	if (!console)
		return;
	console->device = device;
	device->driver = console;
	device->interrupt = console_interrupt;
	error = virtio_negotiate(device, FEATURE_MULTIPORT, &features);
	if (!error && !(features & FEATURE_MULTIPORT))
		error = -ENODEV;
	if (!error)
		error = console_set_up(console) ?: virtio_start(device);
	if (error) {
		log_print("virtio: %s: console: error %d\n", device->where, error);
		virtio_fail(device);
		console_free(console);
		return;
	}
	virtqueue_kick(console->control_rx);
	console_send(console, UINT32_MAX, CONTROL_DEVICE_READY, 1);
	/* The answers to this, and to what they make us send, are there when the sending returns. */
	control_handle_all(console);
	atomic_store_release(&console->is_up, true);
	control_handle_all(console);
}
