/* Record locks against a table of bytes; waiting, deadlocks, and who loses what at close. */
#include "fixture.h"
#include "../../../kernel/fs/locks.h"

enum { NR_OWNERS = 3, NR_BYTES = 40, NR_STEPS = 20000 };

static struct file *file;
static struct files_struct *owners[NR_OWNERS];
/* What each owner has on each byte: F_UNLCK, F_RDLCK, F_WRLCK. */
static int model[NR_OWNERS][NR_BYTES];

static int set(unsigned owner, int type, int64_t start, int64_t len, bool may_wait)
{
	struct abi_flock lock = {
		.type = (int16_t)type, .whence = SEEK_SET, .start = start, .len = len};
	struct files_struct *own = current->files;
	int error;

	current->files = owners[owner];
	error = lock_set(file, LOCK_POSIX, &lock, may_wait);
	current->files = own;
	return error;
}

static bool is_free(unsigned owner, int type, int64_t start, int64_t len)
{
	for (unsigned o = 0; o < NR_OWNERS; o++) {
		for (int64_t i = start; o != owner && i < start + len; i++) {
			if (model[o][i] == F_WRLCK || (model[o][i] == F_RDLCK && type == F_WRLCK))
				return false;
		}
	}
	return true;
}

static void begin(void)
{
	file = must_open("/f", O_RDWR | O_CREAT);
	for (unsigned i = 0; i < NR_OWNERS; i++) {
		owners[i] = files_create();
		for (unsigned j = 0; j < NR_BYTES; j++)
			model[i][j] = F_UNLCK;
	}
}

static void end(void)
{
	for (unsigned i = 0; i < NR_OWNERS; i++) {
		locks_release_owner(file, owners[i]);
		files_put(owners[i]);
	}
	file_put(file);
}

/* What owner is told that it would meet. */
static void check_test(struct dice *dice)
{
	unsigned owner = (unsigned)roll(dice, NR_OWNERS);
	int64_t start = (int64_t)roll(dice, NR_BYTES), len = 1 + (int64_t)roll(dice, 5);
	int type = (int)roll(dice, 2);
	struct abi_flock lock = {
		.type = (int16_t)type, .whence = SEEK_SET, .start = start, .len = len};
	struct files_struct *own = current->files;

	len = MIN(len, NR_BYTES - start);
	lock.len = len;
	current->files = owners[owner];
	assert_int_equal(lock_test(file, LOCK_POSIX, &lock), 0);
	current->files = own;
	assert_int_equal(lock.type == F_UNLCK, is_free(owner, type, start, len));
}

FS_TEST(records_are_what_a_table_of_bytes_would_be)
{
	struct dice dice = {.state = 31337};

	begin();
	for (unsigned step = 0; step < NR_STEPS; step++) {
		unsigned owner = (unsigned)roll(&dice, NR_OWNERS);
		int type = (int)roll(&dice, 3);
		int64_t start = (int64_t)roll(&dice, NR_BYTES);
		int64_t len = 1 + (int64_t)roll(&dice, (uint64_t)(NR_BYTES - start));
		bool fits = type == F_UNLCK || is_free(owner, type, start, len);

		assert_int_equal(set(owner, type, start, len, false), fits ? 0 : -EAGAIN);
		for (int64_t i = start; fits && i < start + len; i++)
			model[owner][i] = type;
		check_test(&dice);
	}
	end();
}

FS_TEST(ranges_are_what_the_manual_says)
{
	struct abi_flock lock = {.type = F_WRLCK, .whence = SEEK_END, .start = -5, .len = -3};

	begin();
	assert_int_equal(file_write_kernel(file, "0123456789", 10, 0), 10);
	assert_int_equal(lock_set(file, LOCK_POSIX, &lock, false), 0); /* bytes 2, 3, 4 */
	assert_int_equal(set(0, F_RDLCK, 0, 2, false), 0);
	assert_int_equal(set(0, F_RDLCK, 4, 1, false), -EAGAIN);
	assert_int_equal(set(0, F_RDLCK, 5, 0, false), 0); /* to the end, whatever it will be */
	assert_int_equal(set(1, F_WRLCK, INT64_MAX, 1, false), -EAGAIN);
	assert_int_equal(set(1, F_WRLCK, INT64_MAX, 2, false), -EOVERFLOW);
	assert_int_equal(set(1, F_WRLCK, -1, 1, false), -EINVAL);
	assert_int_equal(set(1, F_WRLCK, 1, -2, false), -EINVAL);
	assert_int_equal(set(1, 77, 0, 1, false), -EINVAL);
	locks_release_owner(file, current->files);
	end();
}

static int wait_result[NR_OWNERS];

static int wait_for_lock(void *arg)
{
	unsigned owner = (unsigned)(uintptr_t)arg;

	current->files = owners[owner];
	wait_result[owner] = set(owner, F_WRLCK, 10 * (int64_t)(1 - owner), 10, true);
	current->files = NULL;
	return 0;
}

FS_TEST(a_waiter_gets_it_when_it_is_let_go)
{
	struct task_struct *waiter;

	begin();
	assert_int_equal(set(0, F_RDLCK, 0, 100, false), 0);
	waiter = spawn(wait_for_lock, (void *)1);
	assert_false(is_dead(waiter));
	assert_int_equal(set(0, F_UNLCK, 50, 50, false), 0);
	settle();
	assert_false(is_dead(waiter));
	assert_int_equal(set(0, F_UNLCK, 0, 50, false), 0);
	join(waiter);
	assert_int_equal(wait_result[1], 0);
	assert_int_equal(set(0, F_RDLCK, 5, 1, false), -EAGAIN);
	end();
}

FS_TEST(two_who_wait_for_each_other_are_told)
{
	struct task_struct *waiter;

	begin();
	assert_int_equal(set(0, F_WRLCK, 0, 10, false), 0);
	assert_int_equal(set(1, F_WRLCK, 10, 10, false), 0);
	waiter = spawn(wait_for_lock, (void *)1); /* wants 0 .. 9 */
	assert_false(is_dead(waiter));
	assert_int_equal(set(0, F_WRLCK, 10, 10, true), -EDEADLK);
	locks_release_owner(file, owners[0]);
	join(waiter);
	assert_int_equal(wait_result[1], 0);
	end();
}

FS_TEST(a_signal_ends_the_wait)
{
	struct task_struct *waiter;

	begin();
	assert_int_equal(set(0, F_WRLCK, 0, 10, false), 0);
	waiter = spawn(wait_for_lock, (void *)1);
	atomic_fetch_or_relaxed(&waiter->work, (uint32_t)WORK_SIGNAL);
	task_wake(waiter);
	join(waiter);
	assert_int_equal(wait_result[1], -ERESTARTSYS);
	end();
}

FS_TEST(closing_any_descriptor_loses_the_records_but_not_flocks)
{
	struct file *other;

	begin();
	assert_int_equal(set(0, F_WRLCK, 0, 10, false), 0);
	assert_int_equal(lock_whole(file, F_WRLCK, false), 0);
	other = must_open("/f", O_RDONLY);
	assert_int_equal(lock_whole(other, F_RDLCK, false), -EAGAIN);
	assert_int_equal(set(1, F_RDLCK, 0, 1, false), -EAGAIN);
	file_get(other);
	assert_int_equal(file_close_move(other, owners[0]), 0);
	assert_int_equal(set(1, F_RDLCK, 0, 1, false), 0);
	assert_int_equal(lock_whole(other, F_RDLCK, false), -EAGAIN);
	assert_int_equal(lock_whole(file, F_RDLCK, false), 0); /* weaker now */
	assert_int_equal(lock_whole(other, F_RDLCK, false), 0);
	file_put(other);
	end();
}

FS_TEST(open_file_locks_belong_to_the_open_file)
{
	struct abi_flock lock = {.type = F_WRLCK, .whence = SEEK_SET, .start = 0, .len = 10};
	struct file *other;

	begin();
	other = must_open("/f", O_RDWR);
	assert_int_equal(lock_set(file, LOCK_OFD, &lock, false), 0);
	assert_int_equal(lock_set(other, LOCK_OFD, &lock, false), -EAGAIN);
	assert_int_equal(set(0, F_RDLCK, 5, 1, false), -EAGAIN); /* they respect each other */
	locks_release_owner(file, current->files);
	assert_int_equal(lock_set(other, LOCK_OFD, &lock, false), -EAGAIN);
	assert_int_equal(lock_test(other, LOCK_OFD, &lock), 0);
	assert_int_equal(lock.type, F_WRLCK);
	assert_int_equal(lock.pid, -1);
	file_put(other);
	end();
}
