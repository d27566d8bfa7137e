/*
 * Sending on AF_UNIX sockets: bytes become buffers in the receiver's queue. A stream is cut into pieces,
 * a message stays whole. Copying from the program happens without any lock. Context: task, may sleep.
 */
#include "unix.h"
#include <kern/kcache.h>
#include <kern/sched.h>
#include <kern/signal.h>
#include <uapi/errno.h>
#include <uapi/poll.h>

enum { STREAM_PIECE = 8192 - (int)sizeof(struct unix_buffer) }; /* bytes in a buffer of a stream */

static int broken(const struct unix_socket *u, const struct message *message)
{
	if (unix_is_stream(u) && !(message->flags & MSG_NOSIGNAL))
		signal_hooks.send_task(current, SIGPIPE, NULL);
	return -EPIPE;
}

/* ---- room ---- */

static bool may_send(const struct unix_socket *u)
{
	return atomic_load_relaxed(&u->sent_bytes) < atomic_load_relaxed(&u->socket.send_buffer) ||
	       (atomic_load_relaxed(&u->shutdown) & UNIX_NO_SEND);
}

/* One of several senders is woken at a time; who is interrupted passes it on. */
static int wait_for_room(struct unix_socket *u, const struct message *message, uint64_t deadline_ns)
{
	struct wait_entry entry;
	int error = 0;

	if (likely(may_send(u)))
		return 0;
	if (message->is_nonblocking)
		return -EAGAIN;
	wait_entry_init(&entry);
	entry.is_exclusive = true;
	for (;;) {
		wait_prepare(&u->write_queue, &entry, TASK_INTERRUPTIBLE);
		if (may_send(u))
			break;
		error = wait_sleep(TASK_INTERRUPTIBLE, deadline_ns);
		if (error)
			break;
	}
	wait_finish(&u->write_queue, &entry);
	if (may_send(u)) /* there may be room for more than one */
		wake_up_one(&u->write_queue);
	return error == -ETIMEDOUT ? -EAGAIN : error;
}

/* ---- buffers ---- */

static struct unix_buffer *make_buffer(struct unix_socket *u, struct message *message, size_t len,
				       int *error)
{
	struct unix_buffer *buffer = kmalloc(sizeof(*buffer) + len, ALLOC_USER);

	*error = -ENOMEM;
	if (!buffer)
		return NULL;
	buffer->sender = NULL;
	buffer->from = NULL;
	buffer->control = NULL;
	buffer->charge = sizeof(*buffer) + len;
	buffer->offset = 0;
	buffer->len = len;
	buffer->cred = message->has_cred ? message->cred : unix_own_cred();
	*error = -EFAULT;
	if (iov_copy_from(&message->iter, buffer->data, len) != len) {
		kfree(buffer);
		return NULL;
	}
	buffer->sender = u;
	unix_get(u);
	atomic_fetch_add_relaxed(&u->sent_bytes, (uint32_t)buffer->charge);
	return buffer;
}

/* Puts buffer at the end of peer's queue; takes control along. -EPIPE, -ECONNREFUSED: it is closed. */
static int deliver(struct unix_socket *peer, struct unix_buffer *buffer, struct message *message)
{
	int error = 0;

	unix_gc_count(message->control, 1);
	spin_lock(&peer->lock);
	if (unlikely(peer->state == UNIX_CLOSED))
		error = unix_is_datagram(peer) ? -ECONNREFUSED : -EPIPE;
	else if (unlikely(peer->shutdown & UNIX_NO_RECEIVE))
		error = -EPIPE;
	if (likely(!error)) {
		buffer->control = message->control;
		message->control = NULL;
		list_add_tail(&peer->queue, &buffer->node);
		atomic_store_relaxed(&peer->nr_queued, peer->nr_queued + 1);
	}
	spin_unlock(&peer->lock);
	if (likely(!error))
		wake_up_key(&peer->read_queue, POLLIN | POLLRDNORM | WAKE_SYNC);
	else
		unix_gc_count(message->control, -1);
	return error;
}

/* ---- streams ---- */

static ssize_t send_piece(struct unix_socket *u, struct message *message, uint64_t deadline_ns)
{
	size_t len = MIN(iov_left(&message->iter), (size_t)STREAM_PIECE);
	struct unix_buffer *buffer;
	int error = wait_for_room(u, message, deadline_ns);

	if (error)
		return error;
	if (atomic_load_relaxed(&u->shutdown) & UNIX_NO_SEND)
		return -EPIPE;
	buffer = make_buffer(u, message, len, &error);
	if (!buffer)
		return error;
	/* The peer of a stream stays the same until our own file goes. */
	error = deliver(u->peer, buffer, message);
	if (error)
		unix_buffer_free(buffer);
	return error ? error : (ssize_t)len;
}

static ssize_t send_stream(struct unix_socket *u, struct message *message)
{
	uint64_t deadline_ns = socket_deadline(atomic_load_relaxed(&u->socket.send_timeout_ns));
	ssize_t done = 0, step = 0;

	if (message->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (message->address.len)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (atomic_load_relaxed(&u->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	while (iov_left(&message->iter)) {
		step = send_piece(u, message, deadline_ns);
		if (step < 0)
			break;
		done += step;
	}
	if (done)
		return done;
	return step == -EPIPE ? broken(u, message) : step;
}

/* ---- messages ---- */

static bool receiver_has_room(const struct unix_socket *peer)
{
	return atomic_load_relaxed(&peer->nr_queued) < UNIX_DATAGRAMS_MAX ||
	       atomic_load_relaxed(&peer->state) == UNIX_CLOSED ||
	       (atomic_load_relaxed(&peer->shutdown) & UNIX_NO_RECEIVE);
}

static int wait_for_receiver(struct unix_socket *u, struct unix_socket *peer,
			     const struct message *message, uint64_t deadline_ns)
{
	int error;

	if (receiver_has_room(peer) || u == peer)
		return 0;
	if (message->is_nonblocking)
		return -EAGAIN;
	error = wait_event_interruptible_until(&peer->room_queue, receiver_has_room(peer),
					       deadline_ns);
	return error == -ETIMEDOUT ? -EAGAIN : error;
}

/* Who gets it, with a reference. */
static int find_receiver(struct unix_socket *u, struct message *message, struct unix_socket **peer)
{
	int error;

	if (!unix_is_datagram(u) || !message->address.len) {
		*peer = unix_peer_get(u);
		return *peer ? 0 : -ENOTCONN;
	}
	error = unix_check_address(&message->address);
	return error ? error : unix_lookup(&message->address, SOCK_DGRAM, peer);
}

/* A receiver that is connected listens to its own peer only. */
static int check_receiver(struct unix_socket *u, struct unix_socket *peer)
{
	int error = 0;

	if (!unix_is_datagram(u))
		return 0;
	spin_lock(&peer->lock);
	if (peer->peer && peer->peer != u)
		error = -EPERM;
	spin_unlock(&peer->lock);
	return error;
}

static ssize_t send_to(struct unix_socket *u, struct unix_socket *peer, struct message *message)
{
	uint64_t deadline_ns = socket_deadline(atomic_load_relaxed(&u->socket.send_timeout_ns));
	size_t len = iov_left(&message->iter);
	struct unix_buffer *buffer;
	int error = check_receiver(u, peer);

	if (!error && len > atomic_load_relaxed(&u->socket.send_buffer) - sizeof(*buffer))
		error = -EMSGSIZE;
	if (!error)
		error = wait_for_room(u, message, deadline_ns);
	if (!error)
		error = wait_for_receiver(u, peer, message, deadline_ns);
	if (error)
		return error;
	if (atomic_load_relaxed(&u->shutdown) & UNIX_NO_SEND)
		return -EPIPE;
	buffer = make_buffer(u, message, len, &error);
	if (!buffer)
		return error;
	if (unix_is_datagram(u)) {
		buffer->from = atomic_load_acquire(&u->name);
		if (buffer->from)
			refcount_get(&buffer->from->refs);
	}
	error = deliver(peer, buffer, message);
	if (error)
		unix_buffer_free(buffer);
	return error ? error : (ssize_t)len;
}

/* The default receiver of a datagram socket is closed: forget it, so that the next send says so. */
static void forget_peer(struct unix_socket *u, struct unix_socket *peer)
{
	bool is_it;

	spin_lock(&u->lock);
	is_it = u->peer == peer;
	if (is_it) {
		u->peer = NULL;
		atomic_store_relaxed(&u->state, (uint32_t)UNIX_IDLE);
	}
	spin_unlock(&u->lock);
	if (is_it)
		unix_put(peer);
}

static ssize_t send_message(struct unix_socket *u, struct message *message)
{
	struct unix_socket *peer;
	ssize_t result;

	if (message->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!unix_is_datagram(u) && message->address.len)
		message->address.len = 0; /* a connected one sends to its peer in any case */
	if (atomic_load_relaxed(&u->socket.wants_cred) && !atomic_load_acquire(&u->name)) {
		result = unix_autobind(u);
		if (result)
			return result;
	}
	result = find_receiver(u, message, &peer);
	if (result)
		return result;
	result = send_to(u, peer, message);
	if (result == -ECONNREFUSED && !message->address.len)
		forget_peer(u, peer);
	unix_put(peer);
	return result == -EPIPE ? broken(u, message) : result;
}

ssize_t unix_send(struct socket *socket, struct message *message)
{
	struct unix_socket *u = unix_of(socket);
	int error = socket_take_error(socket);

	if (error)
		return error;
	return unix_is_stream(u) ? send_stream(u, message) : send_message(u, message);
}
