/* AF_UNIX sockets from the inside: streams, messages, descriptors on the way, circles of sockets. */
#include "fixture.h"
#include <kern/sys_fs.h>
#include <uapi/poll.h>
#include "../../../kernel/fs/unix/unix.h"

static struct socket *make(int type)
{
	struct socket *socket;

	assert(unix_create(type, 0, &socket) == 0);
	return socket;
}

static void close_socket(struct socket *socket)
{
	socket->ops->release(socket);
}

static ssize_t send_with(struct socket *socket, const void *data, size_t len,
			 struct control *control, struct socket_address *to, bool is_nonblocking)
{
	struct message message = {.control = control, .is_nonblocking = is_nonblocking};
	ssize_t result;

	iov_init_kernel(&message.iter, data, len);
	if (to)
		message.address = *to;
	result = socket->ops->send(socket, &message);
	control_free(message.control);
	return result;
}

static ssize_t send(struct socket *socket, const void *data, size_t len)
{
	return send_with(socket, data, len, NULL, NULL, true);
}

static struct message got;

static ssize_t receive_with(struct socket *socket, void *buf, size_t len, unsigned flags)
{
	memset(&got, 0, sizeof(got));
	got.flags = flags;
	got.is_nonblocking = !(flags & MSG_WAITALL);
	iov_init_kernel(&got.iter, buf, len);
	return socket->ops->receive(socket, &got);
}

static ssize_t receive(struct socket *socket, void *buf, size_t len)
{
	ssize_t result = receive_with(socket, buf, len, 0);

	control_free(got.control);
	return result;
}

static struct socket *pair[2];

static void pair_begin(int type)
{
	pair[0] = make(type);
	pair[1] = make(type);
	assert(unix_pair(pair[0], pair[1]) == 0);
}

static void pair_end(void)
{
	close_socket(pair[0]);
	close_socket(pair[1]);
}

static char big[400 << 10], back[400 << 10];

static __attribute__((constructor)) void fill_big(void)
{
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 13 + (i >> 9));
}

FS_TEST(a_stream_has_no_seams)
{
	char buf[16];

	pair_begin(SOCK_STREAM);
	assert_int_equal(send(pair[0], "abc", 3), 3);
	assert_int_equal(send(pair[0], "defg", 4), 4);
	assert_int_equal(receive_with(pair[1], buf, 2, MSG_PEEK), 2);
	assert_memory_equal(buf, "ab", 2);
	assert_int_equal(receive(pair[1], buf, 5), 5);
	assert_memory_equal(buf, "abcde", 5);
	assert_int_equal(receive(pair[1], buf, sizeof(buf)), 2);
	assert_int_equal(receive(pair[1], buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(receive(pair[0], buf, sizeof(buf)), -EAGAIN);
	pair_end();
}

FS_TEST(a_full_stream_takes_no_more_until_it_is_read)
{
	size_t done = 0;
	ssize_t step;

	pair_begin(SOCK_STREAM);
	while ((step = send(pair[0], big + done, 10000)) > 0)
		done += (size_t)step;
	assert_int_equal(step, -EAGAIN);
	assert_true(done > 100000 && done <= 220000);
	assert_false(pair[0]->ops->poll(pair[0], NULL, NULL) & POLLOUT);
	for (size_t at = 0; at < done; at += (size_t)step) {
		step = receive(pair[1], back + at, sizeof(back) - at);
		assert_true(step > 0);
	}
	assert_memory_equal(back, big, done);
	assert_true(pair[0]->ops->poll(pair[0], NULL, NULL) & POLLOUT);
	pair_end();
}

FS_TEST(messages_keep_their_borders)
{
	char buf[16];

	for (int i = 0; i < 2; i++) {
		pair_begin(i ? SOCK_SEQPACKET : SOCK_DGRAM);
		assert_int_equal(send(pair[0], "one", 3), 3);
		assert_int_equal(send(pair[0], "", 0), 0);
		assert_int_equal(send(pair[0], "three", 5), 5);
		assert_int_equal(receive(pair[1], buf, sizeof(buf)), 3);
		assert_int_equal(receive(pair[1], buf, sizeof(buf)), 0);
		assert_int_equal(receive(pair[1], buf, 2), 2);
		assert_true(got.out_flags & MSG_TRUNC);
		assert_int_equal(receive(pair[1], buf, sizeof(buf)), -EAGAIN);
		assert_int_equal(send(pair[0], big, sizeof(big)), -EMSGSIZE);
		pair_end();
	}
}

FS_TEST(the_other_end_is_seen_to_go)
{
	char buf[8];

	pair_begin(SOCK_STREAM);
	assert_int_equal(send(pair[0], "last", 4), 4);
	assert_int_equal(pair[0]->ops->shutdown(pair[0], SHUT_WR), 0);
	assert_int_equal(receive(pair[1], buf, sizeof(buf)), 4);
	assert_int_equal(receive(pair[1], buf, sizeof(buf)), 0);
	assert_int_equal(send(pair[1], "back", 4), 4);
	assert_int_equal(send(pair[0], "x", 1), -EPIPE);
	assert_true(took_signal(SIGPIPE));
	close_socket(pair[0]); /* with something unread */
	assert_int_equal(receive(pair[1], buf, sizeof(buf)), -ECONNRESET);
	assert_int_equal(receive(pair[1], buf, sizeof(buf)), 0);
	assert_int_equal(send(pair[1], "x", 1), -EPIPE);
	assert_true(took_signal(SIGPIPE));
	assert_int_equal(pair[1]->ops->poll(pair[1], NULL, NULL) & (POLLHUP | POLLRDHUP | POLLIN),
			 POLLHUP | POLLRDHUP | POLLIN);
	close_socket(pair[1]);
}

/* ---- names ---- */

static struct socket_address address_of(const char *name)
{
	struct socket_address address;

	memset(&address, 0, sizeof(address));
	address.family = AF_UNIX;
	if (name[0] == '@') {
		memcpy(address.un.path + 1, name + 1, strlen(name) - 1);
		address.len = 2 + strlen(name);
	} else {
		memcpy(address.un.path, name, strlen(name));
		address.len = 2 + strlen(name) + 1;
	}
	return address;
}

static int bind_to(struct socket *socket, const char *name)
{
	struct socket_address address = address_of(name);

	return socket->ops->bind(socket, &address);
}

static int connect_to(struct socket *socket, const char *name)
{
	struct socket_address address = address_of(name);

	return socket->ops->connect(socket, &address, true);
}

static void connection(const char *name)
{
	struct socket *listener = make(SOCK_STREAM), *client = make(SOCK_STREAM), *served;
	struct socket *other = make(SOCK_STREAM);
	struct socket_address address;
	char buf[8];

	assert_int_equal(listener->ops->listen(listener, 1), -EINVAL);
	assert_int_equal(bind_to(listener, name), 0);
	assert_int_equal(bind_to(other, name), -EADDRINUSE);
	assert_int_equal(connect_to(client, name), -ECONNREFUSED);
	assert_int_equal(listener->ops->listen(listener, 1), 0);
	assert_int_equal(listener->ops->accept(listener, true, &served), -EAGAIN);
	assert_int_equal(connect_to(client, name), 0);
	assert_int_equal(connect_to(client, name), -EISCONN);
	assert_int_equal(send(client, "early", 5), 5); /* before anybody accepted */
	assert_int_equal(listener->ops->accept(listener, true, &served), 0);
	assert_int_equal(receive(served, buf, sizeof(buf)), 5);
	assert_int_equal(served->ops->get_name(served, false, &address), 0);
	assert_int_equal(address.len, address_of(name).len);
	assert_memory_equal(address.bytes, address_of(name).bytes, address.len);
	assert_int_equal(send(served, "hi", 2), 2);
	assert_int_equal(receive(client, buf, sizeof(buf)), 2);
	close_socket(listener);
	assert_int_equal(connect_to(other, name), -ECONNREFUSED);
	assert_int_equal(send(client, "on", 2), 2);
	close_socket(served);
	close_socket(client);
	close_socket(other);
}

FS_TEST(a_connection_by_a_name_in_the_file_system)
{
	connection("/sock");
	assert_true(exists("/sock"));
	write_file("/plain", "");
	struct socket *socket = make(SOCK_STREAM);
	assert_int_equal(connect_to(socket, "/plain"), -ECONNREFUSED);
	assert_int_equal(connect_to(socket, "/missing"), -ENOENT);
	close_socket(socket);
}

FS_TEST(a_connection_by_an_abstract_name)
{
	connection("@name");
}

FS_TEST(connections_that_wait_die_with_the_listener)
{
	struct socket *listener = make(SOCK_STREAM), *clients[3];
	char byte;

	assert_int_equal(bind_to(listener, "@l"), 0);
	assert_int_equal(listener->ops->listen(listener, 1), 0);
	for (int i = 0; i < 3; i++) {
		clients[i] = make(SOCK_STREAM);
		assert_int_equal(connect_to(clients[i], "@l"), i < 2 ? 0 : -EAGAIN);
	}
	close_socket(listener);
	assert_int_equal(receive(clients[0], &byte, 1), 0);
	for (int i = 0; i < 3; i++)
		close_socket(clients[i]);
}

FS_TEST(datagrams_say_who_they_are_from)
{
	struct socket *a = make(SOCK_DGRAM), *b = make(SOCK_DGRAM), *c = make(SOCK_DGRAM);
	struct socket_address to = address_of("@b");
	char buf[8];

	assert_int_equal(bind_to(a, "@a"), 0);
	assert_int_equal(bind_to(b, "@b"), 0);
	assert_int_equal(send(a, "x", 1), -ENOTCONN);
	assert_int_equal(send_with(a, "x", 1, NULL, &to, true), 1);
	assert_int_equal(receive(b, buf, sizeof(buf)), 1);
	assert_int_equal(got.address.len, address_of("@a").len);
	assert_memory_equal(got.address.bytes, address_of("@a").bytes, got.address.len);
	assert_int_equal(connect_to(b, "@a"), 0);
	assert_int_equal(send_with(c, "x", 1, NULL, &to, true), -EPERM); /* b listens to a only */
	assert_int_equal(connect_to(a, "@b"), 0);
	close_socket(b);
	assert_int_equal(send(a, "x", 1), -ECONNREFUSED);
	assert_int_equal(send(a, "x", 1), -ENOTCONN);
	close_socket(a);
	close_socket(c);
}

/* ---- waiting ---- */

static ssize_t thread_result;

static int receive_all(void *arg)
{
	thread_result = receive_with(arg, back, 100000, MSG_WAITALL);
	control_free(got.control);
	return 0;
}

FS_TEST(a_reader_waits_for_all_of_it)
{
	struct task_struct *reader;

	pair_begin(SOCK_STREAM);
	reader = spawn(receive_all, pair[1]);
	for (int i = 0; i < 10; i++) {
		assert_false(is_dead(reader));
		assert_int_equal(send(pair[0], big + i * 10000, 10000), 10000);
		settle();
	}
	join(reader);
	assert_int_equal(thread_result, 100000);
	assert_memory_equal(back, big, 100000);
	pair_end();
}

static int send_all(void *arg)
{
	thread_result = send_with(arg, big, sizeof(big), NULL, NULL, false);
	return 0;
}

FS_TEST(a_writer_waits_for_room)
{
	struct task_struct *writer;
	size_t done = 0;

	pair_begin(SOCK_STREAM);
	writer = spawn(send_all, pair[0]);
	while (done < sizeof(big)) {
		ssize_t step = receive(pair[1], back + done, 30000);
		assert_true(step > 0);
		done += (size_t)step;
		settle();
	}
	join(writer);
	assert_int_equal(thread_result, sizeof(big));
	assert_memory_equal(back, big, sizeof(big));
	pair_end();
}

/* ---- descriptors on the way ---- */

static struct control *control_with(struct file *file)
{
	struct control *control = kmalloc(sizeof(*control) + sizeof(file), ALLOC_KERNEL);

	assert(control);
	control->nr_files = 1;
	control->files[0] = file;
	control_note_files(1);
	return control;
}

FS_TEST(a_descriptor_arrives_open)
{
	struct file *file = must_open("/dev/null", O_RDWR);
	char byte;

	pair_begin(SOCK_STREAM);
	file_get(file);
	assert_int_equal(send(pair[0], "a", 1), 1);
	assert_int_equal(send_with(pair[0], "b", 1, control_with(file), NULL, true), 1);
	assert_int_equal(send(pair[0], "c", 1), 1);
	assert_int_equal(receive_with(pair[1], back, 10, 0), 1); /* not beyond the descriptor */
	assert_null(got.control);
	assert_int_equal(receive_with(pair[1], back, 10, MSG_PEEK), 1);
	assert_non_null(got.control);
	control_free(got.control);
	assert_int_equal(receive_with(pair[1], back, 10, 0), 1);
	assert_non_null(got.control);
	assert_ptr_equal(got.control->files[0], file);
	control_free(got.control);
	assert_int_equal(receive_with(pair[1], &byte, 1, 0), 1);
	assert_null(got.control);
	assert_int_equal(refcount_read(&file->refs), 1);
	file_get(file);
	assert_int_equal(send_with(pair[0], "d", 1, control_with(file), NULL, true), 1);
	pair_end(); /* unread: let go with the queue */
	assert_int_equal(refcount_read(&file->refs), 1);
	file_put(file);
}

/* Pairs of sockets with files, not in any descriptor table. */
static void file_pair(struct file *files[2])
{
	struct socket *sockets[2] = {make(SOCK_STREAM), make(SOCK_STREAM)};

	assert(unix_pair(sockets[0], sockets[1]) == 0);
	for (int i = 0; i < 2; i++)
		assert((files[i] = socket_open_move(sockets[i], 0)) != NULL);
}

FS_TEST(a_socket_in_its_own_queue_is_collected)
{
	struct file *files[2];

	file_pair(files);
	file_get(files[1]);
	assert_int_equal(
		send_with(file_socket(files[0]), "x", 1, control_with(files[1]), NULL, true), 1);
	file_put(files[1]); /* only its own message has it now */
	file_put(files[0]);
	/* the teardown counts what is left */
}

FS_TEST(a_circle_of_sockets_is_collected_and_what_leads_out_of_it_is_not)
{
	struct file *a[2], *b[2], *live[2];
	char byte;

	file_pair(a);
	file_pair(b);
	file_pair(live);
	/* a[1] lies in b[1]'s queue, b[1] in a[1]'s; live[1] in both, and live[0] is ours. */
	file_get(live[1]);
	file_get(live[1]);
	assert(send_with(file_socket(b[0]), "x", 1, control_with(a[1]), NULL, true) == 1);
	assert(send_with(file_socket(b[0]), "x", 1, control_with(live[1]), NULL, true) == 1);
	assert(send_with(file_socket(a[0]), "x", 1, control_with(b[1]), NULL, true) == 1);
	assert(send_with(file_socket(a[0]), "x", 1, control_with(live[1]), NULL, true) == 1);
	assert_int_equal(refcount_read(&live[1]->refs), 3);
	file_put(a[0]);
	assert_int_equal(refcount_read(&live[1]->refs),
			 1); /* nobody could have read those any more */
	file_put(b[0]);
	assert_int_equal(refcount_read(&live[1]->refs), 1);
	assert_int_equal(send(file_socket(live[0]), "y", 1), 1);
	assert_int_equal(receive(file_socket(live[1]), &byte, 1), 1);
	file_put(live[0]);
	file_put(live[1]);
}

FS_TEST(what_can_still_be_read_is_not_collected)
{
	struct file *a[2], *b[2];

	file_pair(a);
	file_pair(b);
	/* b[1] lies in a[1]'s queue, and a[1] is open. */
	assert(send_with(file_socket(b[0]), "data", 4, NULL, NULL, true) == 4);
	assert(send_with(file_socket(a[0]), "x", 1, control_with(b[1]), NULL, true) == 1);
	unix_gc_run();
	assert_int_equal(receive_with(file_socket(a[1]), back, 10, 0), 1);
	assert_ptr_equal(got.control->files[0], b[1]);
	file_get(b[1]); /* as the descriptor that it becomes */
	control_free(got.control);
	assert_int_equal(receive(file_socket(b[1]), back, 10), 4);
	file_put(b[1]);
	file_put(a[0]);
	file_put(a[1]);
	file_put(b[0]);
}

/* ---- without memory ---- */

static void scenario(void)
{
	struct socket *a, *b;
	char buf[8];

	if (unix_create(SOCK_STREAM, 0, &a) != 0)
		return;
	if (unix_create(SOCK_STREAM, 0, &b) == 0) {
		if (bind_to(a, "/s") == 0 && a->ops->listen(a, 5) == 0 &&
		    connect_to(b, "/s") == 0) {
			(void)!send(b, big, 20000);
			(void)!receive(b, buf, sizeof(buf));
		}
		close_socket(b);
	}
	close_socket(a);
	alloc_fail_nth(0);
	fs_sweep();
}

SWEEP_TEST(sockets_without_memory_leave_nothing)
{
	for (uint64_t nth = 1; nth < 40; nth++) {
		machine_setup(NULL);
		alloc_fail_nth(nth);
		scenario();
		assert_int_equal(machine_teardown(NULL), 0);
	}
}
