/*
 * AF_UNIX sockets (unix(7)): birth, death, polling, shutting down.
 *
 *	IDLE --- bind, listen ---> LISTENING --+
 *	  |                                    +--> CLOSED (the file is gone)
 *	  +-- connect, pair, accept -> CONNECTED
 *
 * A connection is two sockets that own a reference on each other; a datagram socket owns one on the
 * socket that it was connected to. What is sent becomes a buffer in the receiver's queue; its bytes
 * are charged to the sender until it is read, and when too many are, the sender waits on its own write
 * queue. A socket lives on after its file while others refer to it, CLOSED and empty.
 *
 * Locks: u->lock guards state and queue (the file system's rank SOCKET; two by spin_lock_pair),
 * read_mutex keeps the first buffer in place while it is copied out, name_mutex serialises bind,
 * connect and listen, unix_lock guards the names. unix_gc.c has its own. Context: task, may sleep.
 */
#include "unix.h"
#include <kern/assert.h>
#include <kern/cred.h>
#include <kern/kcache.h>
#include <kern/task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/poll.h>

static struct kcache *unix_cache;
static const struct socket_ops unix_ops;

/* ---- birth ---- */

int unix_create(int type, int protocol, struct socket **socket)
{
	struct unix_socket *u;

	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	u = kcache_alloc(unix_cache, ALLOC_ZERO);
	if (!u)
		return -ENOMEM;
	socket_setup(&u->socket, &unix_ops, AF_UNIX, type, 0);
	refcount_init(&u->refs, 1);
	spin_init(&u->lock, LOCK_RANK_SOCKET, "unix");
	list_init(&u->queue);
	list_init(&u->accept_node);
	mutex_init(&u->read_mutex);
	mutex_init(&u->name_mutex);
	wait_queue_init(&u->read_queue);
	wait_queue_init(&u->write_queue);
	wait_queue_init(&u->room_queue);
	unix_gc_add(u);
	*socket = &u->socket;
	return 0;
}

struct abi_ucred unix_own_cred(void)
{
	const struct cred *cred = current_cred();

	return (struct abi_ucred){current->tgid, cred->euid, cred->egid};
}

struct unix_socket *unix_peer_get(struct unix_socket *u)
{
	struct unix_socket *peer;

	spin_lock(&u->lock);
	peer = u->peer;
	if (peer)
		unix_get(peer);
	spin_unlock(&u->lock);
	return peer;
}

/* ---- buffers ---- */

bool unix_has_room(const struct unix_socket *u)
{
	return atomic_load_relaxed(&u->sent_bytes) <
	       atomic_load_relaxed(&u->socket.send_buffer) / 2;
}

void unix_buffer_free(struct unix_buffer *buffer)
{
	struct unix_socket *sender = buffer->sender;

	unix_gc_count(buffer->control, -1);
	control_free(buffer->control);
	unix_name_put(buffer->from);
	if (sender) {
		bool had_room = unix_has_room(sender);

		atomic_fetch_add_seqcst(&sender->sent_bytes, -(uint32_t)buffer->charge);
		if (unlikely(!had_room) && unix_has_room(sender))
			wake_up_key(&sender->write_queue, POLLOUT | POLLWRNORM | WAKE_SYNC);
		unix_put(sender);
	}
	kfree(buffer);
}

/* ---- death ---- */

void unix_wake_all(struct unix_socket *u)
{
	wake_up_all_key(&u->read_queue, POLLIN | POLLRDNORM | POLLHUP | POLLRDHUP);
	wake_up_all_key(&u->write_queue, POLLOUT | POLLWRNORM | POLLHUP);
	wake_up_all_key(&u->room_queue, POLLOUT | POLLWRNORM | POLLHUP);
}

void unix_put(struct unix_socket *u)
{
	if (!u || !refcount_put(&u->refs))
		return;
	assert(u->state == UNIX_CLOSED && list_is_empty(&u->queue));
	assert(!u->peer && u->sent_bytes == 0);
	unix_name_put(u->name);
	kcache_free(unix_cache, u);
}

/* The other end of a connection is gone. had_unread: with something that we had sent. */
static void peer_closed(struct unix_socket *u, bool had_unread)
{
	spin_lock(&u->lock);
	atomic_store_relaxed(&u->shutdown, (uint32_t)UNIX_NOTHING);
	spin_unlock(&u->lock);
	if (had_unread)
		atomic_store_relaxed(&u->socket.error, ECONNRESET);
	unix_wake_all(u);
}

/* A connection that nobody has accepted dies with its listener. */
static void drop_connections(struct list_node *connections)
{
	while (!list_is_empty(connections)) {
		struct unix_socket *u = list_first(connections, struct unix_socket, accept_node);

		list_remove(&u->accept_node);
		u->socket.ops->release(&u->socket);
	}
}

static void drop_buffers(struct list_node *buffers)
{
	while (!list_is_empty(buffers)) {
		struct unix_buffer *buffer = list_first(buffers, struct unix_buffer, node);

		list_remove(&buffer->node);
		unix_buffer_free(buffer);
	}
}

static void unix_release(struct socket *socket)
{
	struct unix_socket *u = unix_of(socket), *peer;
	struct list_node queue = LIST_INIT(queue);
	bool was_listening;

	unix_gc_remove(u);
	unix_name_release(u);
	spin_lock(&unix_gc_lock);
	spin_lock(&u->lock);
	was_listening = u->state == UNIX_LISTENING;
	atomic_store_relaxed(&u->state, (uint32_t)UNIX_CLOSED);
	atomic_store_relaxed(&u->shutdown, (uint32_t)UNIX_NOTHING);
	peer = u->peer;
	u->peer = NULL;
	list_splice_tail(&queue, &u->queue);
	atomic_store_relaxed(&u->nr_queued, 0U);
	spin_unlock(&u->lock);
	spin_unlock(&unix_gc_lock);
	unix_wake_all(u);
	if (peer && !unix_is_datagram(u))
		peer_closed(peer, !list_is_empty(&queue));
	if (was_listening)
		drop_connections(&queue);
	else
		drop_buffers(&queue);
	unix_put(peer);
	unix_put(u);
	unix_gc_run();
}

/* ---- shutdown, poll, ioctl, options ---- */

static int unix_shutdown(struct socket *socket, int how)
{
	static const uint32_t own[] = {UNIX_NO_RECEIVE, UNIX_NO_SEND, UNIX_NOTHING};
	static const uint32_t others[] = {UNIX_NO_SEND, UNIX_NO_RECEIVE, UNIX_NOTHING};
	struct unix_socket *u = unix_of(socket), *peer = unix_peer_get(u);

	spin_lock(&u->lock);
	atomic_store_relaxed(&u->shutdown, u->shutdown | own[how]);
	spin_unlock(&u->lock);
	if (peer && !unix_is_datagram(u)) {
		spin_lock(&peer->lock);
		atomic_store_relaxed(&peer->shutdown, peer->shutdown | others[how]);
		spin_unlock(&peer->lock);
		unix_wake_all(peer);
	}
	unix_wake_all(u);
	unix_put(peer);
	return 0;
}

/* A datagram socket can be written to when its receiver takes more, too. */
static bool receiver_has_room(struct unix_socket *u)
{
	struct unix_socket *peer;
	bool has_room = true;

	if (!unix_is_datagram(u))
		return true;
	peer = unix_peer_get(u);
	if (peer) {
		has_room = atomic_load_relaxed(&peer->nr_queued) < UNIX_DATAGRAMS_MAX;
		unix_put(peer);
	}
	return has_room;
}

static unsigned unix_poll(struct socket *socket, struct file *file, struct poll_table *table)
{
	struct unix_socket *u = unix_of(socket);
	uint32_t shutdown, state;
	unsigned events = 0;

	poll_wait(file, &u->read_queue, table);
	poll_wait(file, &u->write_queue, table);
	shutdown = atomic_load_relaxed(&u->shutdown);
	state = atomic_load_relaxed(&u->state);
	if (atomic_load_relaxed(&socket->error))
		events |= POLLERR;
	if (shutdown == UNIX_NOTHING || (!unix_is_datagram(u) && state == UNIX_IDLE))
		events |= POLLHUP;
	if (shutdown & UNIX_NO_RECEIVE)
		events |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (atomic_load_relaxed(&u->nr_queued))
		events |= POLLIN | POLLRDNORM;
	if (state != UNIX_LISTENING && unix_has_room(u) && receiver_has_room(u))
		events |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return events;
}

static long unix_ioctl(struct socket *socket, unsigned command, uintptr_t argument)
{
	struct unix_socket *u = unix_of(socket);
	struct unix_buffer *buffer;
	int32_t bytes = 0;

	switch (command) {
	case SIOCOUTQ:
		bytes = (int32_t)atomic_load_relaxed(&u->sent_bytes);
		break;
	case SIOCINQ:
		if (u->state == UNIX_LISTENING)
			return -EINVAL;
		mutex_lock(&u->read_mutex);
		spin_lock(&u->lock);
		list_for_each_entry (buffer, &u->queue, node) {
			bytes += (int32_t)buffer->len;
			if (!unix_is_stream(u))
				break; /* the next message only */
		}
		spin_unlock(&u->lock);
		mutex_unlock(&u->read_mutex);
		break;
	default:
		return -ENOTTY;
	}
	return copy_to_user((void *)argument, &bytes, sizeof(bytes));
}

static int unix_get_option(struct socket *socket, int level, int name, void *value, size_t *len)
{
	struct unix_socket *u = unix_of(socket);
	struct abi_ucred *cred = value;

	if (level != SOL_SOCKET || name != SO_PEERCRED)
		return -ENOPROTOOPT;
	*cred = u->state == UNIX_CONNECTED ? u->peer_cred
					   : (struct abi_ucred){0, UINT32_MAX, UINT32_MAX};
	*len = sizeof(*cred);
	return 0;
}

static const struct socket_ops unix_ops = {
	.bind = unix_bind,
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.get_name = unix_get_name,
	.shutdown = unix_shutdown,
	.send = unix_send,
	.receive = unix_receive,
	.poll = unix_poll,
	.ioctl = unix_ioctl,
	.get_option = unix_get_option,
	.release = unix_release,
};

INIT_TEXT void unix_init(void)
{
	static struct socket_family family = {
		.family = AF_UNIX, .create = unix_create, .pair = unix_pair};

	unix_cache = kcache_create("unix_socket", sizeof(struct unix_socket), 0);
	socket_family_register(&family);
}
