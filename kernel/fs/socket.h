/*
 * Sockets, between the files of fs/: what every family has in common. A family registers itself and
 * makes sockets of its own kind, which begin with a struct socket.
 */
#ifndef FS_SOCKET_H
#define FS_SOCKET_H

#include <kern/file.h>
#include <kern/iov.h>
#include <uapi/socket.h>

struct socket;

/* An address in kernel memory. len 0: none. */
struct socket_address {
	size_t len; /* bytes, of those below */
	union {
		uint16_t family;
		struct abi_sockaddr_un un;
		char bytes[SOCKADDR_MAX + 1]; /* one more than anybody may give: room for a NUL */
	};
};

/* What travels beside the bytes (cmsg(3)). Owned by one message or buffer at a time. */
struct control {
	unsigned nr_files;
	struct file *files[]; /* own references */
};

/* One send or receive. */
struct message {
	struct iov_iter iter;
	struct socket_address address; /* to whom (len 0: the peer); from whom */
	struct control *control;       /* owned; NULL: none */
	struct abi_ucred cred;	       /* the sender's */
	bool has_cred;		       /* receive: to be told */
	bool is_nonblocking;
	unsigned flags;	    /* MSG_ as the program gave them */
	unsigned out_flags; /* MSG_ to tell the program */
};

/* Results are 0, bytes or -Exxx as the manual pages say. Context: task, may sleep. */
struct socket_ops {
	int (*bind)(struct socket *socket, struct socket_address *address);
	int (*connect)(struct socket *socket, struct socket_address *address, bool is_nonblocking);
	int (*listen)(struct socket *socket, unsigned backlog);
	/* *fresh: the other end of a connection, for a file of its own. */
	int (*accept)(struct socket *socket, bool is_nonblocking, struct socket **fresh);
	int (*get_name)(struct socket *socket, bool is_peer, struct socket_address *address);
	int (*shutdown)(struct socket *socket, int how);
	ssize_t (*send)(struct socket *socket, struct message *message);
	ssize_t (*receive)(struct socket *socket, struct message *message);
	unsigned (*poll)(struct socket *socket, struct file *file, struct poll_table *table);
	long (*ioctl)(struct socket *socket, unsigned command, uintptr_t argument);
	/* Options that the common part does not know: value in kernel memory, *len its size in and out.
	 * -ENOPROTOOPT. May be NULL. */
	int (*get_option)(struct socket *socket, int level, int name, void *value, size_t *len);
	int (*set_option)(struct socket *socket, int level, int name, const void *value,
			  size_t len);
	/* The file is gone: frees the socket, or lets it die when its last user goes. */
	void (*release)(struct socket *socket);
};

enum {
	SOCKET_BUFFER_DEFAULT = 212992, /* bytes: socket(7), wmem_default */
	SOCKET_BUFFER_MIN = 4608,
	SOCKET_BUFFER_MAX = 2 * 212992,
};

struct socket {
	const struct socket_ops *ops; /* [const] */
	struct file *file;	      /* [const] no reference: it owns us; NULL: not accepted yet */
	int family, type, protocol;   /* [const] */
	uint32_t send_buffer, receive_buffer;	      /* [atomic] bytes */
	uint64_t send_timeout_ns, receive_timeout_ns; /* [atomic] UINT64_MAX: none */
	int32_t error;	     /* [atomic] errno for SO_ERROR and the next call; 0: none */
	uint32_t wants_cred; /* [atomic] SO_PASSCRED */
	uint32_t flags;	     /* [atomic] bits of options without effect, by number < 32 */
	struct abi_linger linger;
	bool is_listening; /* [atomic] SO_ACCEPTCONN */
};

struct socket_family {
	int family;
	/* -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -ENOMEM. type: without flags. */
	int (*create)(int type, int protocol, struct socket **socket);
	/* Connects two fresh ones. NULL: -EOPNOTSUPP. */
	int (*pair)(struct socket *a, struct socket *b);
	struct socket_family *next; /* [const] after bring-up */
};
void socket_family_register(struct socket_family *family);

/* The common part of a fresh socket. */
void socket_setup(struct socket *socket, const struct socket_ops *ops, int family, int type,
		  int protocol);
/* The socket of an open file; NULL: it is none. */
struct socket *file_socket(const struct file *file);
/* The socket behind fd: *ref is to be returned then. -EBADF, -ENOTSOCK. */
MUST_USE int socket_borrow(int fd, struct fd_ref *ref, struct socket **socket);
/* The file of a fresh socket; consumes it: on failure it is released. flags: SOCK_NONBLOCK. NULL: no
 * memory. */
MUST_USE struct file *socket_open_move(struct socket *socket, int flags);
/* Takes the pending error: 0 or -Exxx. */
int socket_take_error(struct socket *socket);
/* When a send or receive that starts now gives up, clock ns. */
uint64_t socket_deadline(uint64_t timeout_ns);

/* Addresses and messages from and to user memory. */
MUST_USE int address_from_user(struct socket_address *address, const void *user, int len);
MUST_USE int address_to_user(const struct socket_address *address, void *user, int32_t *user_len);

/* control.c: ancillary data. */
MUST_USE int control_from_user(struct message *message, uintptr_t user, size_t len);
/* Writes what the message brought; *len: room in, used out. Descriptors that do not fit are let go. */
int control_to_user(struct message *message, uintptr_t user, size_t *len);
void control_free(struct control *control);
/* nr more files are in controls (control_free takes them out): 0 or -ETOOMANYREFS. */
int control_note_files(unsigned nr);
/* Another reference to every file (MSG_PEEK). NULL: no memory. */
MUST_USE struct control *control_dup(const struct control *control);

/* unix/ */
void unix_init(void);

#endif
