/* The initramfs as a whole: what files come to be, in which order of damage, from plain and compressed
 * images, and what becomes of the image's frames. */
#include "fixture.h"
#include "archive.h"
#include <kern/log.h>

static unsigned char bytes[256 << 10], packed[256 << 10];

static uint32_t mode_of(const char *name)
{
	struct path path;
	uint32_t mode;

	if (path_lookup(AT_FDCWD, name, 0, &path) != 0)
		return 0;
	mode = path.dentry->inode->mode;
	path_put(&path);
	return mode;
}

static void check_everything(void)
{
	struct path path;
	struct file *file;
	char buf[32];

	assert_int_equal(mode_of("/dir"), S_IFDIR | 0711);
	assert_int_equal(mode_of("/dir/file"), S_IFREG | 04755);
	assert_int_equal(mode_of("/deep/er/empty"), S_IFREG | 0600);
	assert_int_equal(mode_of("/link"), S_IFLNK | 0777);
	assert_int_equal(mode_of("/null"), S_IFCHR | 0666);
	assert_int_equal(mode_of("/fifo"), S_IFIFO | 0640);
	assert_true(file_is("/first", "linked") && file_is("/second", "linked"));
	file = must_open("/link", O_RDONLY);
	assert_int_equal(inode_size(file->inode), 9000);
	assert_int_equal(file_read_kernel(file, buf, 26, 26 * 300), 26);
	assert_memory_equal(buf, "abcdefghijklmnopqrstuvwxyz", 26);
	assert_int_equal(file->inode->uid, 7);
	assert_int_equal(file->inode->gid, 8);
	assert_int_equal(file->inode->mtime_ns, 1000000LL * 1000000000);
	file_put(file);
	assert(path_lookup(AT_FDCWD, "/first", 0, &path) == 0);
	assert_int_equal(path.dentry->inode->nlink, 2);
	path_put(&path);
}

static struct archive everything(void)
{
	struct archive a = {bytes, 0, sizeof(bytes)};

	archive_everything(&a);
	return a;
}

/* gzip with stored blocks (RFC 1951, 3.2.4), which the C library need not be asked for. */
static size_t gzip(const unsigned char *data, size_t len, unsigned char *out)
{
	static const unsigned char header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
	uint32_t crc = ~0U;
	size_t at = sizeof(header);

	memcpy(out, header, sizeof(header));
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	crc = ~crc;
	for (size_t done = 0; done < len;) {
		size_t step = MIN(len - done, (size_t)65535);
		out[at++] = done + step == len;
		out[at++] = (unsigned char)step;
		out[at++] = (unsigned char)(step >> 8);
		out[at++] = (unsigned char)~step;
		out[at++] = (unsigned char)(~step >> 8);
		memcpy(out + at, data + done, step);
		at += step;
		done += step;
	}
	for (int i = 0; i < 4; i++)
		out[at++] = (unsigned char)(crc >> 8 * i);
	for (int i = 0; i < 4; i++)
		out[at++] = (unsigned char)(len >> 8 * i);
	return at;
}

FS_TEST(every_kind_of_entry_is_unpacked)
{
	struct archive a = everything();

	assert_int_equal(initramfs_unpack(a.bytes, a.len), 0);
	check_everything();
	assert_int_equal(initramfs_unpack(a.bytes, a.len), 0); /* over what is there */
	check_everything();
}

FS_TEST(a_compressed_archive_is_the_same)
{
	struct archive a = everything();
	size_t len = gzip(a.bytes, a.len, packed);

	assert_int_equal(initramfs_unpack(packed, len), 0);
	check_everything();
}

FS_TEST(archives_follow_each_other)
{
	struct archive a = {bytes, 0, sizeof(bytes)}, b;
	size_t len = 0;

	archive_entry(&a, &(struct entry){"one", S_IFREG | 0644, 1, 1, 0, 0, "1", 1, 0});
	archive_end(&a);
	archive_pad(&a, 512);
	memcpy(packed, a.bytes, a.len);
	len = a.len;
	b = (struct archive){bytes, 0, sizeof(bytes)};
	archive_entry(&b, &(struct entry){"two", S_IFREG | 0644, 1, 1, 0, 0, "2", 1, 0});
	archive_end(&b);
	len += gzip(b.bytes, b.len, packed + len);
	memset(packed + len, 0, 100);
	len += 100;
	b = (struct archive){bytes, 0, sizeof(bytes)};
	archive_entry(&b, &(struct entry){"one", S_IFREG | 0644, 1, 1, 0, 0, "3", 1, 0});
	archive_end(&b);
	memcpy(packed + len, b.bytes, b.len);
	len += b.len;
	assert_int_equal(initramfs_unpack(packed, len), 0);
	assert_true(file_is("/one", "3")); /* the later one counts */
	assert_true(file_is("/two", "2"));
}

FS_TEST(a_cut_image_keeps_what_came_before)
{
	struct archive a = everything();
	size_t step = 97;

	for (size_t len = 0; len < a.len; len += step) {
		int error = initramfs_unpack(a.bytes, len);

		assert_true(error == 0 || error == -EINVAL);
		if (len > 10000)
			assert_int_equal(mode_of("/dir/file"), S_IFREG | 04755);
		fs_sweep();
	}
}

FS_TEST(a_damaged_image_does_no_harm)
{
	struct dice dice = {.state = 77};

	for (unsigned i = 0; i < 400; i++) {
		struct archive a = everything();
		size_t len = a.len;
		int error;

		for (unsigned n = 0; n < 1 + i % 4; n++)
			a.bytes[roll(&dice, 1200)] = (unsigned char)roll(&dice, 256);
		if (i & 1) {
			len = gzip(a.bytes, a.len, packed);
			for (unsigned n = 0; n < i % 3; n++)
				packed[roll(&dice, len)] = (unsigned char)roll(&dice, 256);
			error = initramfs_unpack(packed, len);
		} else {
			error = initramfs_unpack(a.bytes, len);
		}
		assert_true(error <= 0);
		fs_sweep();
	}
}

FS_TEST(rubbish_is_refused_with_a_reason)
{
	static char log[8192];

	assert_int_equal(initramfs_unpack("rubbish", 7), -EINVAL);
	log_read(log, sizeof(log) - 1);
	assert_non_null(strstr(log, "neither a cpio archive nor gzip data at byte 0 of 7"));
	assert_int_equal(initramfs_unpack("", 0), 0);
}

static void scenario(void)
{
	struct archive a = everything();
	int error = initramfs_unpack(a.bytes, a.len);

	assert_true(error == 0 || error == -ENOMEM || error == -EINVAL);
	alloc_fail_nth(0);
	fs_sweep();
}

SWEEP_TEST(unpacking_without_memory_leaves_nothing)
{
	unsigned nth = 0;

	do {
		machine_setup(NULL);
		alloc_fail_nth(++nth);
		scenario();
		assert_int_equal(machine_teardown(NULL), 0);
	} while (nth < 120);
}
