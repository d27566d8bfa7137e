/* What is in files and how it moves: offsets, vectors, sizes, holes, copies, mappings, locks; against the
 * host's tmpfs. */
#define _GNU_SOURCE
#include "files.h"
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static int create(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	return fd;
}

static int offsets_move_as_they_should(void)
{
	int fd = create("f"), other;
	char buf[16];

	CHECK(write(fd, "0123456789", 10) == 10);
	CHECK(lseek(fd, 0, SEEK_CUR) == 10 && lseek(fd, -3, SEEK_END) == 7);
	CHECK(read(fd, buf, sizeof(buf)) == 3 && memcmp(buf, "789", 3) == 0);
	CHECK(read(fd, buf, 1) == 0);
	CHECK(pread(fd, buf, 2, 4) == 2 && buf[0] == '4' && lseek(fd, 0, SEEK_CUR) == 10);
	CHECK(pwrite(fd, "ab", 2, 1) == 2 && lseek(fd, 0, SEEK_CUR) == 10);
	CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERRNO(lseek(fd, 0, 99), EINVAL);
	CHECK_ERRNO(pread(fd, buf, 1, -1), EINVAL);
	other = dup(fd);
	CHECK(lseek(other, 3, SEEK_SET) == 3 && lseek(fd, 0, SEEK_CUR) == 3);
	other = open("f", O_RDONLY);
	CHECK(lseek(other, 0, SEEK_CUR) == 0);
	CHECK_ERRNO(write(other, "x", 1), EBADF);
	CHECK_ERRNO(read(open("f", O_WRONLY), buf, 1), EBADF);
	CHECK_ERRNO(read(fd, (char *)1, 1), EFAULT);
	CHECK_ERRNO(write(fd, (char *)1, 1), EFAULT);
	CHECK_ERRNO(read(open(".", O_RDONLY), buf, 1), EISDIR);
	CHECK_ERRNO(lseek(99, 0, SEEK_SET), EBADF);
	return 0;
}

static int appending_is_at_the_end(void)
{
	int fd = create("f"), appender = open("f", O_WRONLY | O_APPEND);
	char buf[16];

	CHECK(write(fd, "aaaa", 4) == 4);
	CHECK(write(appender, "bb", 2) == 2);
	CHECK(lseek(appender, 0, SEEK_SET) == 0 && write(appender, "cc", 2) == 2);
	CHECK(lseek(appender, 0, SEEK_CUR) == 8);
	CHECK(pwrite(appender, "dd", 2, 0) == 2); /* Linux appends all the same (pwrite(2), BUGS) */
	CHECK(pread(fd, buf, sizeof(buf), 0) == 10 && memcmp(buf, "aaaabbccdd", 10) == 0);
	CHECK(fcntl(appender, F_SETFL, 0) == 0);
	CHECK(pwrite(appender, "X", 1, 0) == 1 && pread(fd, buf, 1, 0) == 1 && buf[0] == 'X');
	return 0;
}

static int vectors_gather_and_scatter(void)
{
	struct iovec out[4] = {{"ab", 2}, {NULL, 0}, {"cde", 3}, {"f", 1}}, in[2];
	struct iovec many[1025];
	char a[4], b[8];
	int fd = create("f");

	CHECK(writev(fd, out, 4) == 6);
	in[0] = (struct iovec){a, sizeof(a)};
	in[1] = (struct iovec){b, sizeof(b)};
	CHECK(preadv(fd, in, 2, 0) == 6 && memcmp(a, "abcd", 4) == 0 && memcmp(b, "ef", 2) == 0);
	CHECK(pwritev(fd, out, 1, 10) == 2 && lseek(fd, 0, SEEK_END) == 12);
	memset(many, 0, sizeof(many));
	CHECK_ERRNO(writev(fd, many, 1025), EINVAL);
	CHECK(writev(fd, many, 1024) == 0);
	CHECK(writev(fd, NULL, 0) == 0);
	CHECK_ERRNO(writev(fd, (struct iovec *)8, 1), EFAULT);
	in[0].iov_len = (size_t)-1;
	CHECK_ERRNO(readv(fd, in, 1), EINVAL);
	out[1] = (struct iovec){(char *)8, 3};
	lseek(fd, 0, SEEK_SET);
	CHECK(writev(fd, out, 3) == 2); /* up to the piece that is not there */
	return 0;
}

static int sizes_grow_and_shrink(void)
{
	struct stat st;
	char buf[8192];
	int fd = create("f");

	memset(buf, 'x', sizeof(buf));
	CHECK(write(fd, buf, sizeof(buf)) == sizeof(buf));
	CHECK(ftruncate(fd, 100) == 0 && ftruncate(fd, 5000) == 0);
	CHECK(pread(fd, buf, sizeof(buf), 0) == 5000);
	CHECK(buf[99] == 'x' && buf[100] == 0 && buf[4999] == 0);
	CHECK(truncate("f", 3) == 0 && fstat(fd, &st) == 0 && st.st_size == 3);
	CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
	CHECK_ERRNO(truncate(".", 0), EISDIR);
	CHECK_ERRNO(ftruncate(open("f", O_RDONLY), 0), EINVAL);
	CHECK(pwrite(fd, "end", 3, 1 << 20) == 3);
	CHECK(fstat(fd, &st) == 0 && st.st_size == (1 << 20) + 3 && st.st_blocks <= 16);
	CHECK(pread(fd, buf, 10, 500000) == 10 && buf[0] == 0 && buf[9] == 0);
	return 0;
}

static int holes_can_be_found_and_made(void)
{
	struct stat st;
	int fd = create("f");
	char page[4096];

	memset(page, 'p', sizeof(page));
	CHECK(pwrite(fd, page, 4096, 8192) == 4096 && ftruncate(fd, 40960) == 0);
	CHECK(lseek(fd, 0, SEEK_DATA) == 8192 && lseek(fd, 0, SEEK_HOLE) == 0);
	CHECK(lseek(fd, 8192, SEEK_HOLE) == 12288);
	CHECK_ERRNO(lseek(fd, 12288, SEEK_DATA), ENXIO);
	CHECK_ERRNO(lseek(fd, 40960, SEEK_HOLE), ENXIO);
	CHECK(fallocate(fd, 0, 16384, 8192) == 0);
	CHECK(fstat(fd, &st) == 0 && st.st_blocks == 24 && st.st_size == 40960);
	CHECK(fallocate(fd, 0, 40960, 4096) == 0 && lseek(fd, 0, SEEK_END) == 45056);
	CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 45056, 4096) == 0 &&
	      lseek(fd, 0, SEEK_END) == 45056);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8193, 8191) == 0);
	CHECK(pread(fd, page, 4096, 8192) == 4096 && page[0] == 'p' && page[1] == 0);
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
	CHECK_ERRNO(fallocate(fd, 0, -1, 1), EINVAL);
	CHECK_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
	return 0;
}

static int mappings_are_the_file(void)
{
	int fd = create("f");
	char *shared, *private, byte;

	CHECK(ftruncate(fd, 8192) == 0);
	shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED);
	shared[10] = 'S';
	CHECK(pread(fd, &byte, 1, 10) == 1 && byte == 'S' && private[10] == 'S');
	private[10] = 'P';
	CHECK(pread(fd, &byte, 1, 10) == 1 && byte == 'S');
	CHECK(pwrite(fd, "W", 1, 5000) == 1 && shared[5000] == 'W' && private[5000] == 'W');
	close(fd);
	CHECK(unlink("f") == 0);
	CHECK(shared[10] == 'S' && private[10] == 'P');
	CHECK(munmap(shared, 8192) == 0);
	return 0;
}

static int copies_inside_the_kernel(void)
{
	int from = create("from"), to = create("to"), ends[2];
	char buf[20000], back[20000];
	off_t offset = 5;
	loff_t in = 100, out = 7;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 31);
	CHECK(write(from, buf, sizeof(buf)) == sizeof(buf));
	CHECK(sendfile(to, from, &offset, 10000) == 10000 && offset == 10005);
	CHECK(lseek(from, 0, SEEK_CUR) == sizeof(buf));
	CHECK(pread(to, back, sizeof(back), 0) == 10000 && memcmp(back, buf + 5, 10000) == 0);
	CHECK(lseek(from, 0, SEEK_SET) == 0 && sendfile(to, from, NULL, 1 << 30) == sizeof(buf));
	CHECK(copy_file_range(from, &in, to, &out, 500, 0) == 500 && in == 600 && out == 507);
	CHECK(pread(to, back, 500, 7) == 500 && memcmp(back, buf + 100, 500) == 0);
	in = 0;
	out = 100;
	CHECK_ERRNO(copy_file_range(from, &in, from, &out, 500, 0), EINVAL);
	CHECK(pipe(ends) == 0);
	in = 3;
	CHECK(splice(from, &in, ends[1], NULL, 5000, 0) == 5000 && in == 5003);
	CHECK(read(ends[0], back, sizeof(back)) == 5000 && memcmp(back, buf + 3, 5000) == 0);
	CHECK(write(ends[1], "tee", 3) == 3);
	out = 0;
	CHECK(splice(ends[0], NULL, to, &out, 100, 0) == 3 && out == 3);
	CHECK(pread(to, back, 3, 0) == 3 && memcmp(back, "tee", 3) == 0);
	CHECK_ERRNO(splice(from, NULL, to, NULL, 1, 0), EINVAL);
	CHECK_ERRNO(sendfile(to, ends[0], NULL, 1), EINVAL);
	return 0;
}

static int tee_shows_without_taking(void)
{
	int a[2], b[2];
	char buf[16];

	CHECK(pipe(a) == 0 && pipe(b) == 0);
	CHECK(write(a[1], "both", 4) == 4);
	CHECK(tee(a[0], b[1], 100, 0) == 4);
	CHECK(write(a[1], "more", 4) == 4);
	CHECK(read(b[0], buf, sizeof(buf)) == 4 && memcmp(buf, "both", 4) == 0);
	CHECK(read(a[0], buf, sizeof(buf)) == 8 && memcmp(buf, "bothmore", 8) == 0);
	CHECK_ERRNO(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK(write(a[1], "move", 4) == 4 && splice(a[0], NULL, b[1], NULL, 3, 0) == 3);
	CHECK(read(b[0], buf, sizeof(buf)) == 3 && read(a[0], buf, sizeof(buf)) == 1 &&
	      buf[0] == 'e');
	return 0;
}

static int the_size_limit_holds(void)
{
	struct rlimit limit = {10, RLIM_INFINITY};
	int fd = create("f");

	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK(write(fd, "0123456789abc", 13) == 10);
	CHECK_ERRNO(write(fd, "x", 1), EFBIG);
	CHECK_ERRNO(ftruncate(fd, 11), EFBIG);
	return 0;
}

static int descriptors_are_copied_and_closed(void)
{
	int fd = create("f"), i;

	CHECK(dup2(fd, 20) == 20 && dup2(20, 20) == 20);
	CHECK(fcntl(20, F_GETFD) == 0 && fcntl(20, F_SETFD, FD_CLOEXEC) == 0);
	CHECK(fcntl(20, F_GETFD) == FD_CLOEXEC && fcntl(dup(20), F_GETFD) == 0);
	CHECK(fcntl(20, F_DUPFD, 30) == 30 && fcntl(20, F_DUPFD_CLOEXEC, 30) == 31);
	CHECK(fcntl(31, F_GETFD) == FD_CLOEXEC);
	CHECK_ERRNO(dup3(fd, fd, 0), EINVAL);
	CHECK(dup3(fd, 40, O_CLOEXEC) == 40 && fcntl(40, F_GETFD) == FD_CLOEXEC);
	CHECK_ERRNO(dup2(99, 5), EBADF);
	CHECK_ERRNO(dup2(99, 99), EBADF);
	CHECK_ERRNO(close(99), EBADF);
	CHECK_ERRNO(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
	CHECK_ERRNO(fcntl(fd, 12345), EINVAL);
	CHECK(syscall(SYS_close_range, 30, 40, 0) == 0);
	for (i = 30; i <= 40; i++)
		CHECK_ERRNO(fcntl(i, F_GETFD), EBADF);
	CHECK(syscall(SYS_close_range, 20, ~0U, 4) == 0 && fcntl(20, F_GETFD) == FD_CLOEXEC);
	CHECK_ERRNO(syscall(SYS_close_range, 5, 4, 0), EINVAL);
	return 0;
}

static int records_are_locked_between_processes(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
	int fd = create("f"), ends[2];
	pid_t child;
	char byte;

	CHECK(pipe(ends) == 0);
	CHECK(fcntl(fd, F_SETLK, &lock) == 0);
	child = fork();
	if (child == 0) {
		struct flock wanted = {.l_type = F_RDLCK, .l_start = 15, .l_len = 1};

		CHECK_ERRNO(fcntl(fd, F_SETLK, &wanted), EAGAIN);
		CHECK(fcntl(fd, F_GETLK, &wanted) == 0 && wanted.l_type == F_WRLCK);
		CHECK(wanted.l_start == 10 && wanted.l_len == 10 && wanted.l_pid == getppid());
		wanted = (struct flock){.l_type = F_RDLCK, .l_start = 20, .l_len = 0};
		CHECK(fcntl(fd, F_SETLK, &wanted) == 0);
		CHECK(write(ends[1], "x", 1) == 1);
		wanted = (struct flock){.l_type = F_WRLCK, .l_start = 12, .l_len = 1};
		CHECK(fcntl(fd, F_SETLKW, &wanted) == 0); /* until the parent lets go */
		_exit(7);
	}
	CHECK(read(ends[0], &byte, 1) == 1);
	lock.l_type = F_UNLCK;
	lock.l_len = 5;
	CHECK(fcntl(fd, F_SETLK, &lock) == 0);
	CHECK(exited(reap(child), 7));
	lock = (struct flock){.l_type = F_WRLCK, .l_start = 0, .l_len = 0};
	CHECK(fcntl(fd, F_SETLK, &lock) == 0);
	return 0;
}

static int whole_files_are_locked_by_open(void)
{
	int fd = create("f"), other = open("f", O_RDONLY), copy = dup(fd);

	CHECK(flock(fd, LOCK_EX) == 0);
	CHECK_ERRNO(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK(flock(copy, LOCK_SH) == 0);
	CHECK(flock(other, LOCK_SH | LOCK_NB) == 0);
	CHECK_ERRNO(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK(close(other) == 0);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
	close(fd);
	other = open("f", O_RDONLY);
	CHECK_ERRNO(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK); /* the copy still has it */
	close(copy);
	CHECK(flock(other, LOCK_SH | LOCK_NB) == 0);
	CHECK_ERRNO(flock(other, 0x10), EINVAL);
	return 0;
}

static int sealed_memory_stays_as_it_is(void)
{
	int fd = memfd_create("name", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	char path[64], text[64];
	ssize_t len;

	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(write(fd, "contents", 8) == 8);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, text, sizeof(text));
	CHECK(len > 0 && memcmp(text, "/memfd:name (deleted)", (size_t)len) == 0);
	CHECK(fcntl(fd, F_GET_SEALS) == 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	CHECK_ERRNO(ftruncate(fd, 4), EPERM);
	CHECK_ERRNO(ftruncate(fd, 40), EPERM);
	CHECK(pwrite(fd, "CONT", 4, 0) == 4);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0);
	CHECK_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK(open(path, O_RDONLY) >= 0);
	CHECK_ERRNO(fcntl(memfd_create("x", 0), F_ADD_SEALS, F_SEAL_GROW), EPERM);
	return 0;
}

static const struct file_test tests[] = {
	{"offsets move as they should", offsets_move_as_they_should},
	{"appending is at the end", appending_is_at_the_end},
	{"vectors gather and scatter", vectors_gather_and_scatter},
	{"sizes grow and shrink", sizes_grow_and_shrink},
	{"holes can be found and made", holes_can_be_found_and_made},
	{"mappings are the file", mappings_are_the_file},
	{"copies inside the kernel", copies_inside_the_kernel},
	{"tee shows without taking", tee_shows_without_taking},
	{"the size limit holds", the_size_limit_holds},
	{"descriptors are copied and closed", descriptors_are_copied_and_closed},
	{"records are locked between processes", records_are_locked_between_processes},
	{"whole files are locked by open", whole_files_are_locked_by_open},
	{"sealed memory stays as it is", sealed_memory_stays_as_it_is},
};

int main(void)
{
	return run_tests(tests, NR_OF(tests));
}
