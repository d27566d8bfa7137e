/*
 * Connections of AF_UNIX sockets: listen, connect, accept, pairs. A connection is complete when it stands
 * in the listener's queue: connect does not wait for accept (unix(7)). Context: task, may sleep.
 */
#include "unix.h"
#include <kern/sched.h>
#include <uapi/errno.h>
#include <uapi/poll.h>

/* ---- listen ---- */

int unix_listen(struct socket *socket, unsigned backlog)
{
	struct unix_socket *u = unix_of(socket);
	int error = 0;

	if (unix_is_datagram(u))
		return -EOPNOTSUPP;
	if (!atomic_load_acquire(&u->name))
		return -EINVAL; /* nobody could ever find it */
	spin_lock(&unix_gc_lock);
	spin_lock(&u->lock);
	if (u->state != UNIX_IDLE && u->state != UNIX_LISTENING) {
		error = -EINVAL;
	} else {
		u->backlog = backlog;
		u->peer_cred = unix_own_cred(); /* what those who connect will be told */
		atomic_store_relaxed(&u->state, (uint32_t)UNIX_LISTENING);
		atomic_store_relaxed(&socket->is_listening, true);
	}
	spin_unlock(&u->lock);
	spin_unlock(&unix_gc_lock);
	if (!error)
		wake_up_all(&u->write_queue); /* the backlog may be larger than before */
	return error;
}

/* ---- connect ---- */

static bool is_full(const struct unix_socket *listener)
{
	return atomic_load_relaxed(&listener->nr_queued) > atomic_load_relaxed(&listener->backlog);
}

static bool may_queue(const struct unix_socket *listener)
{
	return !is_full(listener) || atomic_load_relaxed(&listener->state) != UNIX_LISTENING;
}

/* u and fresh become a connection, fresh the newest in listener's queue. -EAGAIN: it is full. */
static int join_queue(struct unix_socket *u, struct unix_socket *listener,
		      struct unix_socket *fresh)
{
	int error = 0;

	spin_lock(&unix_gc_lock);
	spin_lock_pair(&u->lock, &listener->lock);
	if (u->state == UNIX_CONNECTED)
		error = -EISCONN;
	else if (u->state != UNIX_IDLE)
		error = -EINVAL;
	else if (listener->state != UNIX_LISTENING || (listener->shutdown & UNIX_NO_RECEIVE))
		error = -ECONNREFUSED;
	else if (is_full(listener))
		error = -EAGAIN;
	if (!error) {
		fresh->peer_cred = unix_own_cred();
		fresh->name = listener->name;
		refcount_get(&fresh->name->refs);
		fresh->peer = u;
		unix_get(u);
		atomic_store_relaxed(&fresh->state, (uint32_t)UNIX_CONNECTED);
		u->peer_cred = listener->peer_cred;
		u->peer = fresh;
		unix_get(fresh);
		atomic_store_relaxed(&u->state, (uint32_t)UNIX_CONNECTED);
		list_add_tail(&listener->queue, &fresh->accept_node);
		atomic_store_relaxed(&listener->nr_queued, listener->nr_queued + 1);
	}
	spin_unlock_pair(&u->lock, &listener->lock);
	spin_unlock(&unix_gc_lock);
	return error;
}

static int connect_stream(struct unix_socket *u, const struct socket_address *address,
			  bool is_nonblocking)
{
	uint64_t deadline_ns = socket_deadline(atomic_load_relaxed(&u->socket.send_timeout_ns));
	struct unix_socket *listener;
	struct socket *fresh;
	int error = unix_lookup(address, u->socket.type, &listener);

	if (error)
		return error;
	error = unix_create(u->socket.type, 0, &fresh);
	if (error)
		goto put_listener;
	for (;;) {
		error = u == listener ? -EINVAL : join_queue(u, listener, unix_of(fresh));
		if (error != -EAGAIN || is_nonblocking)
			break;
		error = wait_event_interruptible_until(&listener->write_queue, may_queue(listener),
						       deadline_ns);
		if (error) {
			error = error == -ETIMEDOUT ? -EAGAIN : error;
			break;
		}
	}
	if (error)
		fresh->ops->release(fresh);
	else
		wake_up_key(&listener->read_queue, POLLIN | POLLRDNORM);
put_listener:
	unix_put(listener);
	return error;
}

/* A datagram socket's connection is only a default; AF_UNSPEC takes it away. */
static int connect_datagram(struct unix_socket *u, struct socket_address *address)
{
	struct unix_socket *peer = NULL, *old;
	int error = 0;

	if (address->len < sizeof(address->family))
		return -EINVAL;
	if (address->family != AF_UNSPEC) {
		error = unix_check_address(address);
		if (!error)
			error = unix_lookup(address, SOCK_DGRAM, &peer);
	}
	if (error)
		return error;
	spin_lock(&u->lock);
	old = u->peer;
	u->peer = peer;
	atomic_store_relaxed(&u->state, (uint32_t)(peer ? UNIX_CONNECTED : UNIX_IDLE));
	spin_unlock(&u->lock);
	unix_put(old);
	return 0;
}

int unix_connect(struct socket *socket, struct socket_address *address, bool is_nonblocking)
{
	struct unix_socket *u = unix_of(socket);
	int error;

	if (atomic_load_relaxed(&socket->wants_cred) && !atomic_load_acquire(&u->name)) {
		error = unix_autobind(u);
		if (error)
			return error;
	}
	if (unix_is_datagram(u))
		return connect_datagram(u, address);
	error = unix_check_address(address);
	return error ? error : connect_stream(u, address, is_nonblocking);
}

int unix_pair(struct socket *a, struct socket *b)
{
	struct unix_socket *ua = unix_of(a), *ub = unix_of(b);

	ua->peer_cred = ub->peer_cred = unix_own_cred();
	ua->peer = ub;
	ub->peer = ua;
	unix_get(ua);
	unix_get(ub);
	ua->state = ub->state = UNIX_CONNECTED;
	return 0;
}

/* ---- accept ---- */

static struct unix_socket *take_first(struct unix_socket *listener)
{
	struct unix_socket *u = NULL;

	spin_lock(&unix_gc_lock);
	spin_lock(&listener->lock);
	if (listener->state == UNIX_LISTENING && !list_is_empty(&listener->queue)) {
		u = list_first(&listener->queue, struct unix_socket, accept_node);
		list_remove(&u->accept_node);
		atomic_store_relaxed(&listener->nr_queued, listener->nr_queued - 1);
	}
	spin_unlock(&listener->lock);
	spin_unlock(&unix_gc_lock);
	return u;
}

static bool may_accept(const struct unix_socket *listener)
{
	return atomic_load_relaxed(&listener->nr_queued) ||
	       (atomic_load_relaxed(&listener->shutdown) & UNIX_NO_RECEIVE);
}

int unix_accept(struct socket *socket, bool is_nonblocking, struct socket **fresh)
{
	struct unix_socket *listener = unix_of(socket), *u;
	uint64_t deadline_ns = socket_deadline(atomic_load_relaxed(&socket->receive_timeout_ns));

	if (unix_is_datagram(listener))
		return -EOPNOTSUPP;
	if (atomic_load_relaxed(&listener->state) != UNIX_LISTENING)
		return -EINVAL;
	while (!(u = take_first(listener))) {
		int error;

		if (atomic_load_relaxed(&listener->shutdown) & UNIX_NO_RECEIVE)
			return -EINVAL;
		if (is_nonblocking)
			return -EAGAIN;
		error = wait_event_interruptible_until(&listener->read_queue, may_accept(listener),
						       deadline_ns);
		if (error)
			return error == -ETIMEDOUT ? -EAGAIN : error;
	}
	wake_up_key(&listener->write_queue, POLLOUT | POLLWRNORM); /* room for who connects */
	*fresh = &u->socket;
	return 0;
}
