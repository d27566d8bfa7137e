/*
 * AF_UNIX (unix(7)), between the files of fs/unix. The essay is in unix.c.
 */
#ifndef FS_UNIX_UNIX_H
#define FS_UNIX_UNIX_H

#include "../socket.h"
#include <kern/fs.h>
#include <kern/list.h>

/* What the collector thinks of a socket: in use; perhaps not; found to be, its children not looked at. */
enum unix_gc_mark { GC_LIVE, GC_CANDIDATE, GC_FOUND };

enum unix_state { UNIX_IDLE, UNIX_LISTENING, UNIX_CONNECTED, UNIX_CLOSED };

enum { UNIX_DATAGRAMS_MAX = 512 }; /* for one receiver: /proc/sys/net/unix/max_dgram_qlen */

enum { UNIX_NO_RECEIVE = 1, UNIX_NO_SEND = 2, UNIX_NOTHING = 3 }; /* shutdown, bits */

/* An address that is taken. Shared by a listener and the connections that it accepted. */
struct unix_name {
	struct refcount refs;
	struct list_node node;	    /* [unix_lock] abstract ones: in the table; else empty */
	struct unix_socket *socket; /* [unix_lock] who has it; no reference; NULL: closed */
	struct path path; /* [const] of a name in a file system; owns; mount NULL: abstract */
	size_t len;
	struct abi_sockaddr_un address; /* [const] */
};

/* A piece of a stream, or a message. */
struct unix_buffer {
	struct list_node node;	    /* [receiver's lock] */
	struct unix_socket *sender; /* owns a reference: its bytes are charged there */
	struct unix_name *from;	    /* owns a reference; datagrams only, NULL: unnamed */
	struct control *control;    /* owned; NULL: none */
	struct abi_ucred cred;
	size_t charge;	    /* bytes that the sender is charged */
	size_t offset, len; /* what is left of data: [receiver's read_mutex] */
	char data[];
};

struct unix_socket {
	struct socket socket;
	struct refcount refs;	    /* its file, its peer, buffers that it sent, lookups */
	struct spinlock lock;	    /* two at a time: spin_lock_pair */
	uint32_t state;		    /* [lock to write, atomic to read] enum unix_state */
	uint32_t shutdown;	    /* [lock to write, atomic to read] */
	struct unix_socket *peer;   /* [lock] owns a reference. Streams: set once. NULL: none */
	struct unix_name *name;	    /* [lock, set once] owns a reference */
	struct abi_ucred peer_cred; /* [const once connected] SO_PEERCRED */
	struct list_node queue;	    /* [lock] buffers to be read; a listener's: connections */
	uint32_t nr_queued;	    /* [lock to write, atomic to read] */
	uint32_t backlog;	    /* [lock] of a listener */
	struct list_node
		accept_node; /* [listener's lock+unix_gc_lock] a connection that waits in its queue */
	uint32_t sent_bytes;	       /* [atomic] in others' queues, charged here */
	struct mutex read_mutex;       /* one reader at a time; the first buffer stays while held */
	struct mutex name_mutex;       /* bind, connect, listen: one at a time */
	struct wait_queue read_queue;  /* readers, accepters */
	struct wait_queue write_queue; /* its own senders; a listener's connectors */
	struct wait_queue room_queue;  /* senders of datagrams to it, when it has too many */
	struct list_node all_node;     /* [unix_gc_lock] */
	uint32_t nr_in_flight;	       /* [unix_gc_lock] its file in messages */
	int32_t nr_outside; /* [unix_gc_lock] of those, in messages that no candidate has */
	uint8_t gc_mark;    /* [unix_gc_lock] */
};

extern struct spinlock unix_lock; /* unix_name.c */

static inline struct unix_socket *unix_of(struct socket *socket)
{
	return container_of(socket, struct unix_socket, socket);
}
static inline bool unix_is_stream(const struct unix_socket *u)
{
	return u->socket.type == SOCK_STREAM;
}
static inline bool unix_is_datagram(const struct unix_socket *u)
{
	return u->socket.type == SOCK_DGRAM;
}

/* unix.c */
MUST_USE int unix_create(int type, int protocol, struct socket **socket);
static inline void unix_get(struct unix_socket *u)
{
	refcount_get(&u->refs);
}
void unix_put(struct unix_socket *u); /* may be NULL */
void unix_buffer_free(struct unix_buffer *buffer);
struct abi_ucred unix_own_cred(void);
/* Its peer, with a reference; NULL: none. */
MUST_USE struct unix_socket *unix_peer_get(struct unix_socket *u);
/* Room for more of its own bytes in others' queues: less than half is taken. */
bool unix_has_room(const struct unix_socket *u);
/* Something ended: everybody who waits looks again. */
void unix_wake_all(struct unix_socket *u);

/* unix_name.c */
int unix_bind(struct socket *socket, struct socket_address *address);
/* The socket with that address, with a reference: *found. -ECONNREFUSED, -ENOENT, -EACCES, -EPROTOTYPE. */
MUST_USE int unix_lookup(const struct socket_address *address, int type,
			 struct unix_socket **found);
MUST_USE int unix_check_address(struct socket_address *address);
/* Abstract names are made up for senders who want to be answered (unix(7), autobind). */
MUST_USE int unix_autobind(struct unix_socket *u);
void unix_name_put(struct unix_name *name); /* may be NULL */
void unix_name_release(struct unix_socket *u);
int unix_get_name(struct socket *socket, bool is_peer, struct socket_address *address);
void unix_name_copy(const struct unix_name *name, struct socket_address *address);

/* unix_connect.c */
int unix_listen(struct socket *socket, unsigned backlog);
int unix_connect(struct socket *socket, struct socket_address *address, bool is_nonblocking);
int unix_accept(struct socket *socket, bool is_nonblocking, struct socket **fresh);
int unix_pair(struct socket *a, struct socket *b);

/* unix_send.c, unix_receive.c */
ssize_t unix_send(struct socket *socket, struct message *message);
ssize_t unix_receive(struct socket *socket, struct message *message);

/* unix_gc.c: sockets that only reach each other through queues. Its lock comes before a socket's. */
extern struct spinlock unix_gc_lock;
void unix_gc_add(struct unix_socket *u);
void unix_gc_remove(struct unix_socket *u);
void unix_gc_run(void);
/* Files of control go into a message (step 1, before it is queued) or leave one (-1, afterwards). */
void unix_gc_count(const struct control *control, int step);

#endif
