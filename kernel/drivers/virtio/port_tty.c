/*
 * A console port as a terminal: /dev/hvc0 and up. Moves input from the port's buffers to the line
 * discipline and output from the terminal's ring to the send buffer. Lock order: the terminal's
 * lock, then the port's.
 */
#include <kern/format.h>
#include <kern/fs.h>
#include <kern/log.h>
#include <kern/tty.h>
#include "port.h"

enum { HVC_MAJOR = 229 };

static unsigned nr_consoles; /* [boot, work queue: one after the other] */

/* Only one CPU feeds at a time, so that bytes keep their order: whoever finds another at it leaves
 * a note. */
static bool feed_begin(struct port *port)
{
	unsigned long flags = spin_lock_irqsave(&port->lock);
	bool is_first = !port->is_feeding;

	port->is_feeding = true;
	port->feed_again = !is_first;
	spin_unlock_irqrestore(&port->lock, flags);
	return is_first;
}

/* true: somebody left a note. */
static bool feed_end(struct port *port)
{
	unsigned long flags = spin_lock_irqsave(&port->lock);
	bool again = port->feed_again;

	port->feed_again = false;
	port->is_feeding = again;
	spin_unlock_irqrestore(&port->lock, flags);
	return again;
}

void port_feed_tty(struct port *port)
{
	struct receive_buffer *front;

	if (!feed_begin(port))
		return;
	do {
		while ((front = port_front(port))) {
			front->start += (uint32_t)tty_receive(
				port->tty, front->bytes + front->start, front->end - front->start);
			if (front->start < front->end)
				break; /* full: input_room comes */
			port_front_done(port);
		}
	} while (feed_end(port));
}

static void console_output_ready(struct tty *tty)
{
	struct port *port = tty_private(tty);
	unsigned long flags = spin_lock_irqsave(&port->lock);

	while (!port->is_sending) {
		size_t len = tty_take_output_locked(tty, port->send_bytes, SEND_LEN);

		if (len == 0)
			break;
		port_send_locked(port, (uint32_t)len);
	}
	spin_unlock_irqrestore(&port->lock, flags);
}

static void console_input_room(struct tty *tty)
{
	port_feed_tty(tty_private(tty));
}

static bool console_is_drained(struct tty *tty)
{
	struct port *port = tty_private(tty);

	return !atomic_load_relaxed(&port->is_sending);
}

static const struct tty_driver console_driver = {
	.output_ready = console_output_ready,
	.input_room = console_input_room,
	.is_drained = console_is_drained,
};

void port_register_tty(struct port *port)
{
	char name[16];

	format_string(name, sizeof(name), "hvc%u", nr_consoles);
	if (port_open(port) != 0)
		return;
	port->tty = tty_create(name, device_number(HVC_MAJOR, nr_consoles), &console_driver, port);
	if (!port->tty) {
		log_print("virtio: cannot make the terminal %s\n", name);
		port_close(port);
		return;
	}
	nr_consoles++;
	port_feed_tty(port);
}
