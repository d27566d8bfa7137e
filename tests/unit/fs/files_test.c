/* Descriptor tables: numbers, growth, sharing, closing at exec, limits; and their memory. */
#include "fixture.h"

static struct file *any_file(void)
{
	return must_open("/dev/null", O_RDWR);
}

static int install(int from, unsigned flags)
{
	struct file *file = any_file();
	int fd = fd_install_move(file, from, flags);

	if (fd < 0)
		file_put(file);
	return fd;
}

static bool is_open(int fd)
{
	struct fd_ref ref = fd_borrow(fd);

	if (ref.file)
		fd_return(ref);
	return ref.file;
}

FS_TEST(the_lowest_free_number_is_taken)
{
	for (int i = 0; i < 200; i++)
		assert_int_equal(install(0, 0), i);
	assert_int_equal(fd_close(5), 0);
	assert_int_equal(fd_close(150), 0);
	assert_int_equal(fd_close(64), 0);
	assert_int_equal(install(0, 0), 5);
	assert_int_equal(install(100, 0), 150);
	assert_int_equal(install(100, 0), 200);
	assert_int_equal(install(0, 0), 64);
	assert_int_equal(install(0, 0), 201);
	assert_int_equal(fd_close(300), -EBADF);
	assert_int_equal(fd_close(-1), -EBADF);
	assert_false(is_open(-1));
	assert_false(is_open(202));
	assert_false(is_open(1 << 30));
}

FS_TEST(the_limit_is_kept)
{
	limit_nofile = 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(install(0, 0), i);
	assert_int_equal(install(0, 0), -EMFILE);
	assert_int_equal(install(3, 0), -EMFILE);
	assert_int_equal(fd_close(1), 0);
	assert_int_equal(install(0, 0), 1);
	limit_nofile = 1 << 20;
	assert_int_equal(install(70000, 0), 70000);
	assert_true(is_open(70000));
	assert_false(is_open(69999));
}

FS_TEST(a_number_can_be_reserved_and_given_back)
{
	int fd = fd_reserve(0, 0);

	assert_int_equal(fd, 0);
	assert_false(is_open(0));
	assert_int_equal(fd_close(0), -EBADF); /* it is nobody's to close yet */
	assert_int_equal(install(0, 0), 1);
	assert_int_equal(
		files_replace_move(current->files, 0, current->files->first.files[1], false),
		-EBUSY);
	fd_cancel(fd);
	assert_int_equal(install(0, 0), 0);
}

FS_TEST(replacing_closes_what_was_there)
{
	struct file *a = any_file(), *b = any_file();

	assert_int_equal(fd_install_move(a, 7, 0), 7);
	file_get(a);
	assert_int_equal(files_replace_move(current->files, 7, b, true), 7);
	assert_int_equal(refcount_read(&a->refs), 1);
	file_put(a);
	file_get(b);
	assert_int_equal(files_replace_move(current->files, 500, b, false), 500);
	assert_true(is_open(500));
}

FS_TEST(a_copy_has_the_same_files_and_lives_alone)
{
	struct files_struct *copy;
	struct file *file = any_file();
	bool is_cloexec;

	file_get(file);
	assert_int_equal(fd_install_move(file, 0, 0), 0);
	assert_int_equal(install(90, O_CLOEXEC), 90);
	fd_cancel(fd_reserve(3, 0));
	assert_int_equal(fd_reserve(3, 0), 3); /* another thread is opening something */
	copy = files_dup(current->files);
	fd_cancel(3);
	assert_non_null(copy);
	assert_int_equal(refcount_read(&file->refs), 3);
	assert_true(files_get_cloexec(copy, 90, &is_cloexec) && is_cloexec);
	assert_int_equal(files_next(copy, 1), 90);
	assert_int_equal(files_next(copy, 91), -1);
	assert_int_equal(fd_close(0), 0);
	assert_int_equal(files_next(copy, 0), 0);
	files_put(copy);
	assert_int_equal(refcount_read(&file->refs), 1);
	file_put(file);
}

FS_TEST(exec_closes_what_is_marked)
{
	for (int i = 0; i < 130; i++)
		assert_int_equal(install(0, i % 3 == 0 ? O_CLOEXEC : 0), i);
	assert_true(files_set_cloexec(current->files, 129, false));
	assert_true(files_set_cloexec(current->files, 128, true));
	files_close_on_exec(current->files);
	for (int i = 0; i < 130; i++)
		assert_int_equal(is_open(i), i == 129 || (i % 3 != 0 && i != 128));
}

FS_TEST(a_shared_table_is_left_behind_at_exec)
{
	struct files_struct *shared = current->files;

	assert_int_equal(install(0, 0), 0);
	assert_int_equal(files_unshare(), 0);
	assert_ptr_equal(current->files, shared); /* nobody else has it */
	files_get(shared);
	assert_int_equal(files_unshare(), 0);
	assert_ptr_not_equal(current->files, shared);
	assert_int_equal(fd_close(0), 0);
	assert_int_equal(files_next(shared, 0), 0);
	files_put(shared);
}

FS_TEST(a_place_without_content_is_no_open_file)
{
	int fd = fd_install_move(must_open("/dev", O_PATH), 0, 0);
	struct fd_ref ref = fd_borrow_any(fd);

	assert_non_null(ref.file);
	assert_int_equal(ref.file->mode, FILE_PATH);
	fd_return(ref);
	assert_false(is_open(fd));
	assert_null(fd_get(fd));
}

static void scenario(void)
{
	struct files_struct *own = current->files, *fresh = files_create(), *copy;
	struct file *file;

	if (!fresh)
		return;
	current->files = fresh;
	if (file_open("/dev/null", O_RDONLY, 0, &file) == 0) {
		for (int from = 0; from < 1000; from += 130) {
			file_get(file);
			if (fd_install_move(file, from, 0) < 0)
				file_put(file);
		}
		file_put(file);
	}
	copy = files_dup(fresh);
	files_put(copy);
	current->files = own;
	files_put(fresh);
}

SWEEP_TEST(tables_without_memory_leave_nothing)
{
	assert_true(each_allocation_failing(scenario) > 5);
}
