/*
 * Receiving on AF_UNIX sockets. read_mutex makes the reader the only one who takes buffers off the queue,
 * so the first one can be copied to the program without a spinlock. Context: task, may sleep.
 */
#include "unix.h"
#include <kern/sched.h>
#include <uapi/errno.h>
#include <uapi/poll.h>

/* ---- the queue ---- */

static struct unix_buffer *first_buffer(struct unix_socket *u)
{
	struct unix_buffer *buffer = NULL;

	spin_lock(&u->lock);
	if (!list_is_empty(&u->queue))
		buffer = list_first(&u->queue, struct unix_buffer, node);
	spin_unlock(&u->lock);
	return buffer;
}

/* The one behind buffer, which stays where it is while read_mutex is held. */
static struct unix_buffer *next_buffer(struct unix_socket *u, struct unix_buffer *buffer)
{
	struct unix_buffer *next = NULL;

	spin_lock(&u->lock);
	if (buffer->node.next != &u->queue)
		next = list_first(&buffer->node, struct unix_buffer, node);
	spin_unlock(&u->lock);
	return next;
}

static void take_first(struct unix_socket *u, struct unix_buffer *buffer)
{
	spin_lock(&u->lock);
	list_remove(&buffer->node);
	atomic_store_relaxed(&u->nr_queued, u->nr_queued - 1);
	spin_unlock(&u->lock);
	if (unix_is_datagram(u)) {
		wake_up_all(&u->room_queue);
		if (buffer->sender) /* who polls may have waited for the receiver */
			wake_up_key(&buffer->sender->write_queue, POLLOUT | POLLWRNORM);
	}
	unix_buffer_free(buffer);
}

static bool may_read(const struct unix_socket *u)
{
	return atomic_load_relaxed(&u->nr_queued) || atomic_load_relaxed(&u->socket.error) ||
	       (atomic_load_relaxed(&u->shutdown) & UNIX_NO_RECEIVE);
}

/* One of several readers is woken at a time; who is interrupted passes it on. Context: read_mutex held;
 * released while it sleeps. */
static int wait_for_data(struct unix_socket *u, uint64_t deadline_ns) HOLDS(u->read_mutex)
{
	struct wait_entry entry;
	int error = 0;

	mutex_unlock(&u->read_mutex);
	wait_entry_init(&entry);
	entry.is_exclusive = true;
	for (;;) {
		wait_prepare(&u->read_queue, &entry, TASK_INTERRUPTIBLE);
		if (may_read(u))
			break;
		error = wait_sleep(TASK_INTERRUPTIBLE, deadline_ns);
		if (error)
			break;
	}
	wait_finish(&u->read_queue, &entry);
	if (error && may_read(u))
		wake_up_one(&u->read_queue);
	mutex_lock(&u->read_mutex);
	return error == -ETIMEDOUT ? -EAGAIN : error;
}

/* The first buffer, waiting for one if the caller may. *error 0 and NULL: the end. Context: as above. */
static struct unix_buffer *wait_first(struct unix_socket *u, const struct message *message,
				      uint64_t deadline_ns, int *error) HOLDS(u->read_mutex)
{
	struct unix_buffer *buffer;

	for (;;) {
		buffer = first_buffer(u);
		*error = buffer ? 0 : socket_take_error(&u->socket);
		if (buffer || *error || (atomic_load_relaxed(&u->shutdown) & UNIX_NO_RECEIVE))
			return buffer;
		*error = -EAGAIN;
		if (message->is_nonblocking)
			return NULL;
		*error = wait_for_data(u, deadline_ns);
		if (*error)
			return NULL;
	}
}

/* ---- what comes with a buffer ---- */

static int take_extras(struct unix_socket *u, struct unix_buffer *buffer, struct message *message)
{
	if (atomic_load_relaxed(&u->socket.wants_cred)) {
		message->cred = buffer->cred;
		message->has_cred = true;
	}
	if (!buffer->control)
		return 0;
	if (message->flags & MSG_PEEK) {
		message->control = control_dup(buffer->control);
		return message->control ? 0 : -ENOMEM;
	}
	message->control = buffer->control;
	spin_lock(&u->lock); /* the collector looks into queues */
	buffer->control = NULL;
	spin_unlock(&u->lock);
	unix_gc_count(message->control, -1);
	return 0;
}

static bool is_same_sender(const struct unix_buffer *a, const struct abi_ucred *cred)
{
	return a->cred.pid == cred->pid && a->cred.uid == cred->uid && a->cred.gid == cred->gid;
}

/* ---- streams ---- */

/* Bytes of one buffer. -EFAULT. */
static ssize_t read_piece(struct unix_socket *u, struct unix_buffer *buffer,
			  struct message *message)
{
	size_t want = MIN(buffer->len, iov_left(&message->iter));
	size_t moved = iov_copy_to(&message->iter, buffer->data + buffer->offset, want);

	if (!moved && want)
		return -EFAULT;
	if (message->flags & MSG_PEEK)
		return (ssize_t)moved;
	buffer->offset += moved;
	buffer->len -= moved;
	if (!buffer->len)
		take_first(u, buffer);
	return (ssize_t)moved;
}

/* Descriptors start a read of their own, and end one; so do another's credentials. */
static bool belongs(const struct unix_buffer *buffer, const struct message *message)
{
	if (buffer->control)
		return false;
	return !message->has_cred || is_same_sender(buffer, &message->cred);
}

/* Everything that is there and belongs together. Context: read_mutex held. */
static ssize_t read_available(struct unix_socket *u, struct message *message, bool is_first)
{
	struct unix_buffer *buffer = first_buffer(u), *next;
	bool is_peek = message->flags & MSG_PEEK;
	ssize_t done = 0, step;

	while (buffer && iov_left(&message->iter)) {
		bool has_control = buffer->control;
		int error;

		if (is_first) {
			error = take_extras(u, buffer, message);
			if (error)
				return error;
		} else if (!belongs(buffer, message)) {
			break;
		}
		is_first = false;
		next = is_peek ? next_buffer(u, buffer) : NULL;
		step = read_piece(u, buffer, message);
		if (step < 0)
			return done ? done : step;
		done += step;
		if (has_control)
			break;
		buffer = is_peek ? next : first_buffer(u);
	}
	return done;
}

static ssize_t receive_stream(struct unix_socket *u, struct message *message)
{
	uint64_t deadline_ns = socket_deadline(atomic_load_relaxed(&u->socket.receive_timeout_ns));
	bool wants_all = (message->flags & MSG_WAITALL) && !(message->flags & MSG_PEEK);
	ssize_t done = 0, step = 0;
	int error = 0;

	if (message->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (atomic_load_relaxed(&u->state) != UNIX_CONNECTED)
		return -EINVAL;
	mutex_lock(&u->read_mutex);
	do {
		if (!wait_first(u, message, deadline_ns, &error))
			break;
		step = read_available(u, message, done == 0);
		if (step <= 0)
			break;
		done += step;
	} while (wants_all && iov_left(&message->iter) && !message->control);
	mutex_unlock(&u->read_mutex);
	if (done)
		return done;
	return error ? error : step;
}

/* ---- messages ---- */

static ssize_t read_message(struct unix_socket *u, struct unix_buffer *buffer,
			    struct message *message)
{
	size_t want = MIN(buffer->len, iov_left(&message->iter)), len = buffer->len;
	int error = 0;

	if (iov_copy_to(&message->iter, buffer->data, want) != want)
		error = -EFAULT;
	if (!error)
		error = take_extras(u, buffer, message);
	if (!error && unix_is_datagram(u))
		unix_name_copy(buffer->from, &message->address);
	if (!error && want < len)
		message->out_flags |= MSG_TRUNC;
	if (!unix_is_datagram(u))
		message->out_flags |= MSG_EOR;
	if (!(message->flags & MSG_PEEK))
		take_first(u, buffer); /* what did not fit is lost */
	if (error)
		return error;
	return (ssize_t)(message->flags & MSG_TRUNC ? len : want);
}

static ssize_t receive_message(struct unix_socket *u, struct message *message)
{
	uint64_t deadline_ns = socket_deadline(atomic_load_relaxed(&u->socket.receive_timeout_ns));
	struct unix_buffer *buffer;
	ssize_t result;
	int error;

	if (message->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!unix_is_datagram(u) && atomic_load_relaxed(&u->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	mutex_lock(&u->read_mutex);
	buffer = wait_first(u, message, deadline_ns, &error);
	result = buffer ? read_message(u, buffer, message) : error;
	mutex_unlock(&u->read_mutex);
	return result;
}

ssize_t unix_receive(struct socket *socket, struct message *message)
{
	struct unix_socket *u = unix_of(socket);

	return unix_is_stream(u) ? receive_stream(u, message) : receive_message(u, message);
}
