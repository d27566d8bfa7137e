/*
 * One port of a virtio console device (Virtio 1.1, 5.3): a byte stream to and from the host, with a
 * device node; or, if the host calls it a console or the command line names it, a terminal.
 */
#ifndef DRIVERS_VIRTIO_PORT_H
#define DRIVERS_VIRTIO_PORT_H

#include <kern/file.h>
#include <kern/mutex.h>
#include <kern/spinlock.h>
#include <kern/wait.h>
#include "virtio.h"

struct console;
struct tty;

enum {
	PORT_NAME_MAX = 48,
	NR_RECEIVE_BUFFERS = 4,
	RECEIVE_LEN = 4096,
	SEND_LEN = 16384,
};

struct receive_buffer {
	uint8_t *bytes;	     /* [const once open] owned */
	uint32_t start, end; /* [lock, or the reader who took it out] unread bytes */
};

struct port {
	struct console *console;   /* [const] */
	unsigned id;		   /* [const] */
	struct virtqueue *rx, *tx; /* [const] the queues' owner's lock is lock */
	struct spinlock lock;	   /* rank driver; interrupts off */
	char name[PORT_NAME_MAX];  /* [console->mutex] "": not told */
	bool is_known;		   /* [console->mutex] the host has this port */
	bool is_host_open;	   /* [lock, atomic to read] somebody listens over there */
	uint32_t nr_opens;	   /* [open_mutex] */
	struct mutex open_mutex;

	/* Receive buffers are with the device, or filled and waiting here in order of arrival. */
	struct receive_buffer buffers[NR_RECEIVE_BUFFERS];
	uint8_t filled[NR_RECEIVE_BUFFERS]; /* [lock] indices */
	uint32_t nr_filled;		    /* [lock, atomic to read] */
	struct mutex read_mutex;	    /* one reader at a time takes from the front */
	struct wait_queue read_queue;

	uint8_t *send_bytes; /* [const once open] owned; filled by the holder of write_mutex */
	uint32_t is_sending; /* [lock, atomic to read] the device has it */
	struct mutex write_mutex;
	struct wait_queue write_queue;

	struct tty *tty; /* [const once set] a console's terminal */
	bool is_feeding,
		feed_again; /* [lock] somebody moves input to the terminal; look once more */
};

/* Control messages (Virtio 1.1, 5.3.6.2). */
enum {
	CONTROL_DEVICE_READY = 0,
	CONTROL_PORT_ADD = 1,
	CONTROL_PORT_REMOVE = 2,
	CONTROL_PORT_READY = 3,
	CONTROL_CONSOLE_PORT = 4,
	CONTROL_RESIZE = 5,
	CONTROL_PORT_OPEN = 6,
	CONTROL_PORT_NAME = 7,
};

/* Sends one. Context: task. */
void console_send(struct console *console, uint32_t port, uint16_t event, uint16_t value);

/* port.c: buffers and queues. */
void port_init(struct port *port, struct console *console, unsigned id, struct virtqueue *rx,
	       struct virtqueue *tx);
/* Somebody uses the port, the first one gets buffers: 0 or -ENOMEM. And no longer. Context: task. */
MUST_USE int port_open(struct port *port);
void port_close(struct port *port);
/* Takes back what the device is done with and wakes who waits. Context: hard interrupt. */
void port_interrupt(struct port *port);
void port_set_host_open(struct port *port, bool is_open);
/* The front buffer, to be looked at outside the lock by the one holder of read_mutex (or of
 * is_feeding); NULL: nothing has come. */
struct receive_buffer *port_front(struct port *port);
/* Gives the front buffer back to the device. */
void port_front_done(struct port *port);
/* Sends len bytes of send_bytes. Context: lock held, is_sending false. */
void port_send_locked(struct port *port, uint32_t len);

/* port_file.c: the device node, made when the port's name is known. Context: task. */
void port_register(struct port *port);
/* port_tty.c: the terminal of a console port. Context: task. */
void port_register_tty(struct port *port);
void port_feed_tty(struct port *port);

#endif
