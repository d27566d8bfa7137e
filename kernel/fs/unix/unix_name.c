/*
 * Addresses of AF_UNIX sockets: names in the file system, and abstract ones (unix(7)). unix_lock guards
 * who has which name; a name is freed when the last socket that shows it is. Context: task, may sleep.
 */
#include "unix.h"
#include <kern/assert.h>
#include <kern/format.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include "../names.h"
#include "../walk.h"

#define FAMILY_LEN offsetof(struct abi_sockaddr_un, path)

struct spinlock unix_lock = SPINLOCK_INIT(LOCK_RANK_FS, "unix_names");
static struct list_node abstract_names = LIST_INIT(abstract_names); /* [unix_lock] */

/* ---- names ---- */

static struct unix_name *unix_name_create(const struct socket_address *address)
{
	struct unix_name *name = kmalloc(sizeof(*name), ALLOC_ZERO);

	if (!name)
		return NULL;
	refcount_init(&name->refs, 1);
	list_init(&name->node);
	name->len = address->len;
	memcpy(&name->address, address->bytes, MIN(address->len, sizeof(name->address)));
	return name;
}

void unix_name_put(struct unix_name *name)
{
	if (!name || !refcount_put(&name->refs))
		return;
	assert(list_is_empty(&name->node) && !name->socket);
	if (name->path.mount)
		path_put(&name->path);
	kfree(name);
}

/* The socket gives its name up: nobody finds it there any more. */
void unix_name_release(struct unix_socket *u)
{
	struct unix_name *name = u->name;

	if (!name)
		return;
	spin_lock(&unix_lock);
	if (name->socket == u) {
		name->socket = NULL;
		list_remove(&name->node);
		if (name->path.mount && name->path.dentry->inode->socket == u)
			name->path.dentry->inode->socket = NULL;
	}
	spin_unlock(&unix_lock);
}

static bool is_abstract(const struct socket_address *address)
{
	return address->un.path[0] == 0;
}

/* Brings an address into the form that is kept: a path ends with its NUL and no later. */
int unix_check_address(struct socket_address *address)
{
	if (address->len <= FAMILY_LEN || address->len > sizeof(struct abi_sockaddr_un) ||
	    address->family != AF_UNIX)
		return -EINVAL;
	if (!is_abstract(address)) {
		address->bytes[address->len] = 0;
		address->len = FAMILY_LEN + strlen(address->bytes + FAMILY_LEN) + 1;
	}
	return 0;
}

void unix_name_copy(const struct unix_name *name, struct socket_address *address)
{
	memset(address, 0, sizeof(*address));
	address->family = AF_UNIX;
	address->len = FAMILY_LEN;
	if (!name)
		return;
	address->len = name->len;
	memcpy(address->bytes, &name->address, MIN(name->len, sizeof(name->address)));
}

int unix_get_name(struct socket *socket, bool is_peer, struct socket_address *address)
{
	struct unix_socket *u = unix_of(socket), *peer;

	if (!is_peer) {
		unix_name_copy(u->name, address);
		return 0;
	}
	peer = unix_peer_get(u);
	if (!peer)
		return -ENOTCONN;
	unix_name_copy(peer->name, address);
	unix_put(peer);
	return 0;
}

/* ---- abstract names ---- */

static struct unix_name *find_abstract(const struct socket_address *address)
{
	struct unix_name *name;

	list_for_each_entry (name, &abstract_names, node) {
		if (name->len == address->len &&
		    memcmp(name->address.path, address->un.path, name->len - FAMILY_LEN) == 0)
			return name;
	}
	return NULL;
}

/* The name becomes u's. Context: u->name_mutex held. */
static int take_abstract(struct unix_socket *u, const struct socket_address *address)
{
	struct unix_name *name = unix_name_create(address);
	int error = 0;

	if (!name)
		return -ENOMEM;
	spin_lock(&unix_lock);
	if (find_abstract(address)) {
		error = -EADDRINUSE;
	} else {
		name->socket = u;
		list_add_tail(&abstract_names, &name->node);
	}
	spin_unlock(&unix_lock);
	if (error)
		unix_name_put(name);
	else
		atomic_store_release(&u->name, name);
	return error;
}

int unix_autobind(struct unix_socket *u)
{
	static uint32_t next; /* [atomic] */
	enum { NAME_DIGITS = 5, TRIES = 1 << 20 };
	struct socket_address address;
	int error = -ENOSPC;

	mutex_lock(&u->name_mutex);
	if (u->name) {
		mutex_unlock(&u->name_mutex);
		return 0;
	}
	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t number = atomic_fetch_add_relaxed(&next, 1) & (TRIES - 1);

		memset(&address, 0, sizeof(address));
		address.family = AF_UNIX;
		format_string(address.un.path + 1, NAME_DIGITS + 1, "%05x", number);
		address.len = FAMILY_LEN + 1 + NAME_DIGITS;
		error = take_abstract(u, &address);
		if (error != -EADDRINUSE)
			break;
	}
	mutex_unlock(&u->name_mutex);
	return error;
}

/* ---- names in the file system ---- */

static int make_node(const char *text, struct path *path)
{
	struct new_name what = {.mode = S_IFSOCK | (0777 & ~fs_current_umask())};
	struct walk walk;
	int error = walk_begin(&walk, AT_FDCWD, text, 0);

	if (error)
		return error;
	error = walk_to_parent(&walk);
	if (!error && (walk.last_type != LAST_NAME || walk.wants_directory))
		error = -EEXIST;
	if (!error)
		error = name_make(&walk.path, walk.last, walk.last_len, &what, path);
	walk_end(&walk);
	return error == -EEXIST ? -EADDRINUSE : error;
}

static int take_path(struct unix_socket *u, const struct socket_address *address)
{
	struct unix_name *name = unix_name_create(address);
	int error;

	if (!name)
		return -ENOMEM;
	error = make_node(address->un.path, &name->path);
	if (error) {
		name->path.mount = NULL;
		unix_name_put(name);
		return error;
	}
	spin_lock(&unix_lock);
	name->socket = u;
	name->path.dentry->inode->socket = u;
	spin_unlock(&unix_lock);
	atomic_store_release(&u->name, name);
	return 0;
}

int unix_bind(struct socket *socket, struct socket_address *address)
{
	struct unix_socket *u = unix_of(socket);
	int error;

	if (address->len == FAMILY_LEN && address->family == AF_UNIX)
		return u->name ? -EINVAL : unix_autobind(u);
	error = unix_check_address(address);
	if (error)
		return error;
	mutex_lock(&u->name_mutex);
	if (u->name)
		error = -EINVAL;
	else if (is_abstract(address))
		error = take_abstract(u, address);
	else
		error = take_path(u, address);
	mutex_unlock(&u->name_mutex);
	return error;
}

/* ---- lookup ---- */

/* A socket that is dying is not found. Context: unix_lock held. */
static struct unix_socket *get_live(struct unix_socket *u)
{
	return u && refcount_tryget(&u->refs) ? u : NULL;
}

static int lookup_path(const char *text, struct unix_socket **found)
{
	struct path path;
	struct inode *inode;
	int error = path_lookup(AT_FDCWD, text, LOOKUP_FOLLOW, &path);

	if (error)
		return error;
	inode = path.dentry->inode;
	error = inode_permission(inode, MAY_WRITE);
	if (!error && !S_ISSOCK(inode->mode))
		error = -ECONNREFUSED;
	if (!error) {
		spin_lock(&unix_lock);
		*found = get_live(inode->socket);
		spin_unlock(&unix_lock);
		error = *found ? 0 : -ECONNREFUSED;
	}
	path_put(&path);
	return error;
}

int unix_lookup(const struct socket_address *address, int type, struct unix_socket **found)
{
	struct unix_name *name;
	int error = 0;

	if (is_abstract(address)) {
		spin_lock(&unix_lock);
		name = find_abstract(address);
		*found = name ? get_live(name->socket) : NULL;
		spin_unlock(&unix_lock);
		error = *found ? 0 : -ECONNREFUSED;
	} else {
		error = lookup_path(address->un.path, found);
	}
	if (!error && (*found)->socket.type != type) {
		unix_put(*found);
		error = -EPROTOTYPE;
	}
	return error;
}
