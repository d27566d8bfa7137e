/*
 * A port as a device file: /dev/vport0pN, and under its name in /dev/virtio-ports. read gives what
 * has come, 0 once the host has closed its side and everything is read; write returns when the host
 * has taken the bytes, or with O_NONBLOCK when the device has.
 */
#include <kern/assert.h>
#include <kern/format.h>
#include <kern/fs.h>
#include <kern/iov.h>
#include <kern/log.h>
#include <kern/string.h>
#include <uapi/poll.h>
#include "port.h"

/* Linux takes a free number from the range for local use; ours is fixed. */
enum { PORT_MAJOR = 242, MAX_FILES = 64 };

static struct port *ports[MAX_FILES]; /* [set once, before the node is made] by minor number */
static unsigned nr_ports;	      /* [boot, work queue: one after the other] */

static struct port *port_of(struct file *file)
{
	return file->private;
}

static bool port_can_read(struct port *port)
{
	return atomic_load_relaxed(&port->nr_filled) || !atomic_load_relaxed(&port->is_host_open);
}

static bool port_can_write(struct port *port)
{
	return !atomic_load_relaxed(&port->is_sending) || !atomic_load_relaxed(&port->is_host_open);
}

static int port_file_open(struct inode *inode, struct file *file)
{
	unsigned minor = device_minor(inode->rdev);

	if (minor >= nr_ports)
		return -ENXIO;
	file->private = ports[minor];
	return port_open(ports[minor]);
}

static void port_file_release(struct file *file)
{
	port_close(port_of(file));
}

/* Copies from the filled buffers. Bytes, 0: nothing there, or -EFAULT. */
static ssize_t port_read_filled(struct port *port, struct iov_iter *to)
{
	struct receive_buffer *front;
	ssize_t done = 0;

	while (iov_left(to) > 0 && (front = port_front(port))) {
		size_t len = MIN((size_t)(front->end - front->start), iov_left(to));
		size_t n = iov_copy_to(to, front->bytes + front->start, len);

		front->start += (uint32_t)n;
		done += (ssize_t)n;
		if (front->start == front->end)
			port_front_done(port);
		if (n < len)
			return done ? done : -EFAULT;
	}
	return done;
}

/* 0, -EAGAIN, -ERESTARTSYS. */
static int port_wait_input(struct file *file)
{
	struct port *port = port_of(file);

	if (file_is_nonblocking(file))
		return -EAGAIN;
	return wait_event_interruptible(&port->read_queue, port_can_read(port));
}

NO_LOCK_ANALYSIS static ssize_t port_file_read(struct file *file, struct iov_iter *to, int64_t *pos)
{
	struct port *port = port_of(file);
	ssize_t done;
	int error;

	if (iov_left(to) == 0)
		return 0;
	for (;;) {
		bool is_ended = !atomic_load_relaxed(&port->is_host_open);

		error = mutex_lock_killable(&port->read_mutex);
		if (error)
			return error;
		done = port_read_filled(port, to);
		mutex_unlock(&port->read_mutex);
		/* The end was looked at first: what came before it has been read. */
		if (done || is_ended)
			return done;
		error = port_wait_input(file);
		if (error)
			return error;
	}
}

/* Fills the send buffer and sends it. Bytes, 0: the device still has it, or -Exxx. */
NO_LOCK_ANALYSIS static ssize_t port_write_once(struct port *port, struct iov_iter *from)
{
	size_t len = MIN(iov_left(from), (size_t)SEND_LEN), n;
	unsigned long flags;
	int error = mutex_lock_killable(&port->write_mutex);

	if (error)
		return error;
	n = 0;
	if (!atomic_load_relaxed(&port->is_sending)) {
		n = iov_copy_from(from, port->send_bytes, len);
		error = n ? 0 : -EFAULT;
	}
	if (n) {
		flags = spin_lock_irqsave(&port->lock);
		port_send_locked(port, (uint32_t)n);
		spin_unlock_irqrestore(&port->lock, flags);
	}
	mutex_unlock(&port->write_mutex);
	return error ? error : (ssize_t)n;
}

/* Until the device has taken what was sent, or with O_NONBLOCK never. */
static int port_wait_sent(struct file *file)
{
	struct port *port = port_of(file);

	if (file_is_nonblocking(file))
		return port_can_write(port) ? 0 : -EAGAIN;
	return wait_event_interruptible(&port->write_queue, port_can_write(port));
}

static ssize_t port_file_write(struct file *file, struct iov_iter *from, int64_t *pos)
{
	struct port *port = port_of(file);
	ssize_t done = 0, n;
	int error = 0;

	while (iov_left(from) > 0 && !error) {
		if (!atomic_load_relaxed(&port->is_host_open)) {
			error = -EPIPE;
			break;
		}
		n = port_write_once(port, from);
		if (n > 0)
			done += n;
		error = n < 0 ? (int)n : port_wait_sent(file);
	}
	return done ? done : error;
}

static unsigned port_file_poll(struct file *file, struct poll_table *table)
{
	struct port *port = port_of(file);
	unsigned events = 0;

	poll_wait(file, &port->read_queue, table);
	poll_wait(file, &port->write_queue, table);
	if (atomic_load_relaxed(&port->nr_filled))
		events |= POLLIN | POLLRDNORM;
	if (!atomic_load_relaxed(&port->is_host_open))
		events |= POLLHUP;
	else if (!atomic_load_relaxed(&port->is_sending))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static const struct file_ops port_file_ops = {
	.open = port_file_open,
	.read = port_file_read,
	.write = port_file_write,
	.poll = port_file_poll,
	.release = port_file_release,
};

void port_register(struct port *port)
{
	char node[32], link[sizeof("virtio-ports/") + PORT_NAME_MAX], target[40];
	unsigned minor = nr_ports;
	int error;

	if (minor >= MAX_FILES)
		return;
	ports[minor] = port;
	nr_ports++;
	format_string(node, sizeof(node), "vport0p%u", port->id);
	format_string(link, sizeof(link), "virtio-ports/%s", port->name);
	format_string(target, sizeof(target), "../%s", node);
	error = devfs_register(node, S_IFCHR | 0600, device_number(PORT_MAJOR, minor),
			       &port_file_ops);
	if (!error && port->name[0])
		error = devfs_symlink(link, target);
	if (error)
		log_print("virtio: port %s: error %d\n", port->name, error);
}
