/* Pipes: what fits, what waits, who is woken, and what the ends see of each other. */
#include "fixture.h"
#include <stdio.h>
#include <uapi/poll.h>
#include "../../../kernel/fs/pipe.h"

static struct file *ends[2];

static void pipe_begin(int flags)
{
	assert(pipe_open_pair(ends, flags) == 0);
}

static void pipe_end(void)
{
	for (int i = 0; i < 2; i++) {
		if (ends[i])
			file_put(ends[i]);
		ends[i] = NULL;
	}
}

static void close_end(int i)
{
	file_put(ends[i]);
	ends[i] = NULL;
}

static ssize_t put(const void *data, size_t len)
{
	return file_write_kernel(ends[1], data, len, 0);
}

static ssize_t get(void *data, size_t len)
{
	return file_read_kernel(ends[0], data, len, 0);
}

static char big[256 << 10], back[256 << 10];

static __attribute__((constructor)) void fill_big(void)
{
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + (i >> 8));
}

FS_TEST(bytes_come_out_as_they_went_in)
{
	char buf[32];

	pipe_begin(O_NONBLOCK);
	assert_int_equal(put("hello", 5), 5);
	assert_int_equal(put(" world", 6), 6);
	assert_int_equal(get(buf, 3), 3);
	assert_memory_equal(buf, "hel", 3);
	assert_int_equal(get(buf, sizeof(buf)), 8);
	assert_memory_equal(buf, "lo world", 8);
	assert_int_equal(get(buf, 1), -EAGAIN);
	assert_int_equal(get(buf, 0), 0);
	assert_int_equal(put(buf, 0), 0);
	pipe_end();
}

FS_TEST(it_holds_64_kib_and_no_more)
{
	pipe_begin(O_NONBLOCK);
	assert_int_equal(put(big, sizeof(big)), 65536);
	assert_int_equal(put(big, 1), -EAGAIN);
	assert_int_equal(get(back, 4095), 4095);
	assert_int_equal(put(big, 1), -EAGAIN); /* no slot is free yet (as on Linux) */
	assert_int_equal(get(back + 4095, 1), 1);
	assert_int_equal(put(big + 65536, 4096), 4096);
	assert_int_equal(get(back + 4096, sizeof(back)), 65536);
	assert_memory_equal(back, big, 69632);
	pipe_end();
}

FS_TEST(small_writes_share_a_page)
{
	pipe_begin(O_NONBLOCK);
	for (int i = 0; i < 65536 / 64; i++)
		assert_int_equal(put(big + i * 64, 64), 64);
	assert_int_equal(put(big, 1), -EAGAIN);
	assert_int_equal(get(back, sizeof(back)), 65536);
	assert_memory_equal(back, big, 65536);
	pipe_end();
}

FS_TEST(a_write_of_pipe_buf_is_all_or_nothing)
{
	pipe_begin(O_NONBLOCK);
	for (int i = 0; i < 16; i++)
		assert_int_equal(put(big, 4000), 4000);
	assert_int_equal(put(big, 4096), -EAGAIN);
	assert_int_equal(put(big, 97), -EAGAIN); /* 96 bytes are left in the last page */
	assert_int_equal(put(big, 96), 96);
	assert_int_equal(put(big, 8192), -EAGAIN);
	assert_int_equal(get(back, 4000), 4000);
	assert_int_equal(put(big, 8192), 4096); /* more than PIPE_BUF may be cut */
	pipe_end();
}

FS_TEST(packets_stay_apart)
{
	char buf[16];

	pipe_begin(O_NONBLOCK | O_DIRECT);
	assert_int_equal(put("one", 3), 3);
	assert_int_equal(put("three", 5), 5);
	assert_int_equal(get(buf, sizeof(buf)), 3);
	assert_int_equal(get(buf, 2), 2); /* the rest of a packet is lost */
	assert_int_equal(get(buf, sizeof(buf)), -EAGAIN);
	pipe_end();
}

FS_TEST(the_ends_see_each_other_go)
{
	char buf[8];

	pipe_begin(0);
	assert_int_equal(put("last", 4), 4);
	assert_int_equal(file_poll(ends[0], NULL), POLLIN | POLLRDNORM);
	assert_int_equal(file_poll(ends[1], NULL), POLLOUT | POLLWRNORM);
	close_end(1);
	assert_int_equal(file_poll(ends[0], NULL), POLLIN | POLLRDNORM | POLLHUP);
	assert_int_equal(get(buf, sizeof(buf)), 4);
	assert_int_equal(get(buf, sizeof(buf)), 0);
	assert_int_equal(file_poll(ends[0], NULL), POLLHUP);
	pipe_end();

	pipe_begin(0);
	close_end(0);
	assert_int_equal(put("x", 1), -EPIPE);
	assert_true(took_signal(SIGPIPE));
	assert_int_equal(file_poll(ends[1], NULL), POLLOUT | POLLWRNORM | POLLERR);
	pipe_end();
}

FS_TEST(it_can_be_made_larger_and_smaller)
{
	struct pipe *pipe;

	pipe_begin(O_NONBLOCK);
	pipe = file_pipe(ends[0]);
	assert_int_equal(pipe_resize(pipe, 100000), 131072);
	assert_int_equal(put(big, sizeof(big)), 131072);
	assert_int_equal(pipe_resize(pipe, 65536), -EBUSY);
	assert_int_equal(get(back, 131072 - 100), 131072 - 100);
	assert_int_equal(pipe_resize(pipe, 1), 4096);
	assert_int_equal(put(big, 4096), -EAGAIN);
	assert_int_equal(get(back + 131072 - 100, 100), 100);
	assert_memory_equal(back, big, 131072);
	assert_int_equal(pipe_resize(pipe, 2 << 20), -EPERM);
	pipe_end();
}

/* ---- waiting ---- */

static ssize_t thread_result;

static int read_some(void *arg)
{
	thread_result = get(back, sizeof(back));
	return 0;
}

static int write_big(void *arg)
{
	thread_result = put(big, sizeof(big));
	return 0;
}

FS_TEST(a_reader_waits_for_a_writer)
{
	struct task_struct *reader;

	pipe_begin(0);
	thread_result = -1;
	reader = spawn(read_some, NULL);
	assert_false(is_dead(reader));
	assert_int_equal(put("now", 3), 3);
	join(reader);
	assert_int_equal(thread_result, 3);
	reader = spawn(read_some, NULL);
	close_end(1);
	join(reader);
	assert_int_equal(thread_result, 0);
	pipe_end();
}

FS_TEST(a_large_write_goes_on_as_it_is_read)
{
	struct task_struct *writer;
	size_t done = 0;

	pipe_begin(0);
	thread_result = -1;
	writer = spawn(write_big, NULL);
	while (done < sizeof(big)) {
		ssize_t step = get(back + done, 5000);
		assert_true(step > 0);
		done += (size_t)step;
		settle();
	}
	join(writer);
	assert_int_equal(thread_result, sizeof(big));
	assert_memory_equal(back, big, sizeof(big));
	pipe_end();
}

FS_TEST(a_writer_is_told_when_the_reader_goes)
{
	struct task_struct *writer;

	pipe_begin(0);
	writer = spawn(write_big, NULL);
	close_end(0);
	join(writer);
	assert_int_equal(thread_result, 65536); /* what was written before counts */
	assert_false(took_signal(SIGPIPE));
	pipe_end();
}

static int nr_read;

static int read_one(void *arg)
{
	char byte;

	if (get(&byte, 1) == 1)
		nr_read++;
	return 0;
}

FS_TEST(several_readers_each_get_theirs)
{
	enum { NR = 6 };
	struct task_struct *readers[NR];

	pipe_begin(0);
	nr_read = 0;
	for (int i = 0; i < NR; i++)
		readers[i] = spawn(read_one, NULL);
	assert_int_equal(put("abcd", 4), 4); /* one wake-up: each hands it on */
	settle();
	assert_int_equal(nr_read, 4);
	assert_int_equal(put("ef", 2), 2);
	for (int i = 0; i < NR; i++)
		join(readers[i]);
	assert_int_equal(nr_read, NR);
	pipe_end();
}

FS_TEST(a_signal_ends_a_wait)
{
	struct task_struct *reader;

	pipe_begin(0);
	reader = spawn(read_some, NULL);
	atomic_fetch_or_relaxed(&reader->work, (uint32_t)WORK_SIGNAL);
	task_wake(reader);
	join(reader);
	assert_int_equal(thread_result, -ERESTARTSYS);
	pipe_end();
}

/* ---- fifos ---- */

static struct file *opened;

static int open_to_read(void *arg)
{
	thread_result = file_open("/fifo", O_RDONLY, 0, &opened);
	return 0;
}

static int open_to_write(void *arg)
{
	thread_result = file_open("/fifo", O_WRONLY, 0, &opened);
	return 0;
}

FS_TEST(opening_a_fifo_waits_for_the_other_side)
{
	struct task_struct *thread;
	struct file *file;

	assert_int_equal(fs_mknod("/fifo", S_IFIFO | 0600, 0), 0);
	assert_int_equal(file_open("/fifo", O_WRONLY | O_NONBLOCK, 0, &file), -ENXIO);
	thread = spawn(open_to_read, NULL);
	assert_false(is_dead(thread));
	file = must_open("/fifo", O_WRONLY);
	join(thread);
	assert_int_equal(thread_result, 0);
	assert_int_equal(file_write_kernel(file, "x", 1, 0), 1);
	file_put(file);
	file_put(opened);

	thread = spawn(open_to_write, NULL);
	file = must_open("/fifo", O_RDONLY | O_NONBLOCK);
	join(thread);
	assert_int_equal(file_poll(file, NULL), 0);
	file_put(opened);
	assert_int_equal(file_poll(file, NULL), POLLHUP);
	file_put(file);

	file = must_open("/fifo", O_RDONLY | O_NONBLOCK);
	assert_int_equal(file_poll(file, NULL), 0); /* nobody has been there: no hang-up */
	file_put(file);
	file = must_open("/fifo", O_RDWR);
	assert_int_equal(file_write_kernel(file, "self", 4, 0), 4);
	file_put(file);
}

FS_TEST(an_interrupted_open_of_a_fifo_leaves_nothing)
{
	struct task_struct *thread;

	assert_int_equal(fs_mknod("/fifo", S_IFIFO | 0600, 0), 0);
	thread = spawn(open_to_read, NULL);
	atomic_fetch_or_relaxed(&thread->work, (uint32_t)WORK_SIGNAL);
	task_wake(thread);
	join(thread);
	assert_int_equal(thread_result, -ERESTARTSYS);
}

/* ---- without memory ---- */

static void pipe_scenario(void)
{
	struct file *files[2];
	ssize_t done;

	if (pipe_open_pair(files, O_NONBLOCK) != 0)
		return;
	done = file_write_kernel(files[1], big, 20000, 0);
	assert_true(done == 20000 || done == -ENOMEM || done % 4096 == 0);
	done = file_read_kernel(files[0], back, 10000, 0);
	(void)pipe_resize(file_pipe(files[0]), 1 << 18);
	file_put(files[0]);
	file_put(files[1]);
}

SWEEP_TEST(pipes_without_memory_leave_nothing)
{
	assert_true(each_allocation_failing(pipe_scenario) > 4);
}
