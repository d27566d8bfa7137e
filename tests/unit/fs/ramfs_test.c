/* Files in memory: contents against a plain array, holes, sizes, limits, what a mapping sees. */
#include "fixture.h"
#include <kern/mapping.h>
#include "../../../kernel/fs/mount.h"

enum { SIZE = 40000, NR_STEPS = 4000 };

static unsigned char model[SIZE * 2], buf[SIZE * 2];
static size_t model_size;

static void check(struct file *file)
{
	assert_int_equal(inode_size(file->inode), model_size);
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(file_read_kernel(file, buf, sizeof(buf), 0), model_size);
	assert_memory_equal(buf, model, model_size);
}

static void step_write(struct file *file, struct dice *dice)
{
	size_t at = roll(dice, SIZE), len = roll(dice, 9000);

	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)roll(dice, 256);
	assert_int_equal(file_write_kernel(file, buf, len, (int64_t)at), len);
	if (!len)
		return;
	if (at > model_size)
		memset(model + model_size, 0, at - model_size);
	memcpy(model + at, buf, len);
	model_size = MAX(model_size, at + len);
}

static void step_truncate(struct file *file, struct dice *dice)
{
	struct inode_change change = {.what = ATTR_SIZE, .size = roll(dice, SIZE)};

	assert_int_equal(inode_change(file->inode, &change), 0);
	if (change.size > model_size)
		memset(model + model_size, 0, change.size - model_size);
	model_size = change.size;
}

static void step_punch(struct file *file, struct dice *dice)
{
	size_t at = roll(dice, SIZE), len = 1 + roll(dice, 15000);

	assert_int_equal(file->ops->fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					      (int64_t)at, (int64_t)len),
			 0);
	memset(model + at, 0, len);
}

static void step_allocate(struct file *file, struct dice *dice)
{
	size_t at = roll(dice, SIZE), len = 1 + roll(dice, 9000);
	bool keeps = roll(dice, 2);

	assert_int_equal(file->ops->fallocate(file, keeps ? FALLOC_FL_KEEP_SIZE : 0, (int64_t)at,
					      (int64_t)len),
			 0);
	if (!keeps && at + len > model_size) {
		memset(model + model_size, 0, at + len - model_size);
		model_size = at + len;
	}
}

FS_TEST(contents_are_what_an_array_would_hold)
{
	struct file *file = must_open("/f", O_RDWR | O_CREAT);
	struct dice dice = {.state = 4711};

	model_size = 0;
	for (unsigned i = 0; i < NR_STEPS; i++) {
		switch (roll(&dice, 8)) {
		case 0:
			step_truncate(file, &dice);
			break;
		case 1:
			step_punch(file, &dice);
			break;
		case 2:
			step_allocate(file, &dice);
			break;
		default:
			step_write(file, &dice);
		}
		if (i % 8 == 0)
			check(file);
	}
	check(file);
	file_put(file);
}

FS_TEST(a_hole_costs_nothing_and_reads_as_zeros)
{
	struct file *file = must_open("/f", O_RDWR | O_CREAT);
	char byte = 1;

	assert_int_equal(file_write_kernel(file, "x", 1, 1LL << 40), 1);
	assert_int_equal(inode_size(file->inode), (1LL << 40) + 1);
	assert_int_equal(file->inode->mapping->nr_pages, 1);
	assert_int_equal(file_read_kernel(file, &byte, 1, 12345678), 1);
	assert_int_equal(byte, 0);
	assert_int_equal(file_read_kernel(file, &byte, 1, (1LL << 40) + 1), 0);
	file_put(file);
}

FS_TEST(holes_and_data_are_found)
{
	struct file *file = must_open("/f", O_RDWR | O_CREAT);
	struct inode_change change = {.what = ATTR_SIZE, .size = 10 * PAGE_SIZE + 5};

	assert_int_equal(file_write_kernel(file, "x", 1, 2 * PAGE_SIZE + 7), 1);
	assert_int_equal(file_write_kernel(file, "x", 1, 5 * PAGE_SIZE), 1);
	assert_int_equal(inode_change(file->inode, &change), 0);
	assert_int_equal(file->ops->seek(file, 0, SEEK_DATA), 2 * PAGE_SIZE);
	assert_int_equal(file->ops->seek(file, 0, SEEK_HOLE), 0);
	assert_int_equal(file->ops->seek(file, 2 * PAGE_SIZE + 100, SEEK_DATA),
			 2 * PAGE_SIZE + 100);
	assert_int_equal(file->ops->seek(file, 2 * PAGE_SIZE, SEEK_HOLE), 3 * PAGE_SIZE);
	assert_int_equal(file->ops->seek(file, 3 * PAGE_SIZE, SEEK_DATA), 5 * PAGE_SIZE);
	assert_int_equal(file->ops->seek(file, 6 * PAGE_SIZE, SEEK_DATA), -ENXIO);
	assert_int_equal(file->ops->seek(file, 10 * PAGE_SIZE + 5, SEEK_HOLE), -ENXIO);
	assert_int_equal(file->ops->seek(file, 9 * PAGE_SIZE, SEEK_HOLE), 9 * PAGE_SIZE);
	assert_int_equal(file->ops->seek(file, -1, SEEK_SET), -EINVAL);
	assert_int_equal(file->ops->seek(file, -5, SEEK_END), 10 * PAGE_SIZE);
	assert_int_equal(file->ops->seek(file, INT64_MAX, SEEK_CUR), -EOVERFLOW);
	file_put(file);
}

FS_TEST(a_mapping_and_a_descriptor_see_the_same_bytes)
{
	struct file *file = must_open("/f", O_RDWR | O_CREAT);
	struct page *page;
	char byte;

	assert_int_equal(file_write_kernel(file, "abc", 3, 0), 3);
	assert_int_equal(mapping_get_page(file->inode->mapping, 0, 0, &page), 0);
	assert_memory_equal(page_address(page), "abc", 3);
	*(char *)page_address(page) = 'X';
	((char *)page_address(page))[100] = 'Y'; /* past the end, as a mapping may */
	assert_int_equal(file_read_kernel(file, &byte, 1, 0), 1);
	assert_int_equal(byte, 'X');
	assert_int_equal(file_write_kernel(file, "z", 1, 200), 1);
	assert_int_equal(file_read_kernel(file, &byte, 1, 100), 1);
	assert_int_equal(byte, 0); /* what lay past the end never comes to light */
	page_put(page);
	file_put(file);
}

FS_TEST(the_size_limit_sends_a_signal)
{
	struct file *file = must_open("/f", O_RDWR | O_CREAT);

	limit_fsize = 10;
	assert_int_equal(file_write_kernel(file, "0123456789abc", 13, 0), 10);
	assert_false(took_signal(SIGXFSZ));
	assert_int_equal(file_write_kernel(file, "x", 1, 10), -EFBIG);
	assert_true(took_signal(SIGXFSZ));
	limit_fsize = UINT64_MAX;
	assert_int_equal(file_write_kernel(file, "x", 1, INT64_MAX), -EFBIG);
	assert_false(took_signal(SIGXFSZ));
	file_put(file);
}

FS_TEST(a_program_that_runs_cannot_be_written)
{
	struct file *program, *file;

	write_file("/prog", "elf");
	assert_int_equal(file_open_exec(AT_FDCWD, "/prog", 0, &program), -EACCES);
	assert_int_equal(fs_unlink("/prog"), 0);
	assert_int_equal(file_open("/prog", O_CREAT | O_RDWR, 0755, &file), 0);
	assert_int_equal(file_open_exec(AT_FDCWD, "/prog", 0, &program), -ETXTBSY);
	file_put(file);
	assert_int_equal(file_open_exec(AT_FDCWD, "/prog", 0, &program), 0);
	assert_int_equal(file_open("/prog", O_WRONLY, 0, &file), -ETXTBSY);
	assert_int_equal(file_open("/prog", O_RDONLY, 0, &file), 0);
	file_put(file);
	file_put(program);
	file = must_open("/prog", O_WRONLY);
	file_put(file);
	assert_int_equal(file_open_exec(AT_FDCWD, "/dev", 0, &program), -EACCES);
	assert_int_equal(file_open_exec(AT_FDCWD, "/dev/null", 0, &program), -EACCES);
}

FS_TEST(an_unmounted_file_system_is_freed_when_nobody_uses_it)
{
	struct file *file;
	struct path path;

	assert_int_equal(fs_mkdir("/m", 0755), 0);
	assert_int_equal(mount_at("/m", "test", "tmpfs", 0, "size=16k,mode=700,nr_inodes=5"), 0);
	assert_int_equal(fs_mkdir("/m/d", 0755), 0);
	write_file("/m/d/f", "inside");
	assert_int_equal(path_rename(AT_FDCWD, "/m/d/f", AT_FDCWD, "/f", 0), -EXDEV);
	file = must_open("/m/d/f", O_RDWR);
	assert_int_equal(file_write_kernel(file, model, 5 * PAGE_SIZE, 0), 4 * PAGE_SIZE);
	assert(path_lookup(AT_FDCWD, "/m", 0, &path) == 0);
	assert_int_equal(path.dentry->inode->mode, S_IFDIR | 0700);
	assert_int_equal(mount_remove(&path, false), -EBUSY);
	assert_int_equal(mount_remove(&path, true), 0);
	path_put(&path);
	assert_false(exists("/m/d"));
	assert_int_equal(file_write_kernel(file, "still", 5, 0), 5);
	file_put(file);
}
