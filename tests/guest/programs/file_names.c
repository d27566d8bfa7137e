/* Names, paths and attributes, against the host's tmpfs. */
#define _GNU_SOURCE
#include "files.h"
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>

static int open_obeys_its_flags(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0666);

	CHECK(fd >= 0);
	CHECK((stat_of("f").st_mode & 07777) == 0644);
	CHECK_ERRNO(open("f", O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
	CHECK_ERRNO(open("missing", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("f/x", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("f/", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_ERRNO(open(".", O_RDWR), EISDIR);
	CHECK_ERRNO(open("new/", O_RDWR | O_CREAT, 0600), EISDIR);
	CHECK_ERRNO(open("", O_RDONLY), ENOENT);
	CHECK_ERRNO(open((char *)1, O_RDONLY), EFAULT);
	CHECK(symlink("f", "l") == 0);
	CHECK_ERRNO(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERRNO(open("l", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK(symlink("born", "dangling") == 0);
	CHECK(close(open("dangling", O_RDWR | O_CREAT, 0600)) == 0);
	CHECK(S_ISREG(stat_of("born").st_mode));
	CHECK(write(fd, "text", 4) == 4);
	CHECK(close(open("f", O_WRONLY | O_TRUNC)) == 0);
	CHECK(stat_of("f").st_size == 0);
	CHECK(fcntl(open("f", O_RDWR | O_APPEND | O_NONBLOCK | O_CLOEXEC), F_GETFL) ==
	      (O_RDWR | O_APPEND | O_NONBLOCK | (sizeof(long) == 8 ? 0100000 : 0)));
	return 0;
}

static int a_place_can_be_held_without_opening(void)
{
	struct stat st;
	char buf[8];
	int fd, dir;

	write_text("f", "text");
	CHECK(symlink("f", "l") == 0);
	fd = open("l", O_PATH | O_NOFOLLOW);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(readlinkat(fd, "", buf, sizeof(buf)) == 1 && buf[0] == 'f');
	CHECK_ERRNO(read(fd, buf, 1), EBADF);
	CHECK_ERRNO(syscall(SYS_fchmod, fd, 0600), EBADF);
	dir = open(".", O_PATH | O_DIRECTORY);
	CHECK(dir >= 0 && fstatat(dir, "f", &st, 0) == 0 && st.st_size == 4);
	CHECK(fchdir(dir) == 0);
	CHECK_ERRNO(ioctl(dir, FIONREAD, buf), EBADF);
	CHECK(close(fd) == 0);
	return 0;
}

static int an_unnamed_file_can_be_given_a_name(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	char path[64];

	CHECK(fd >= 0);
	CHECK(write(fd, "x", 1) == 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
	CHECK(text_is("named", "x"));
	CHECK(stat_of("named").st_nlink == 1);
	CHECK_ERRNO(open("named", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	CHECK_ERRNO(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	return 0;
}

static int links_count_and_share(void)
{
	write_text("a", "one");
	CHECK(link("a", "b") == 0);
	CHECK(stat_of("a").st_nlink == 2 && stat_of("a").st_ino == stat_of("b").st_ino);
	write_text("b", "two");
	CHECK(text_is("a", "two"));
	CHECK(unlink("a") == 0);
	CHECK(stat_of("b").st_nlink == 1);
	CHECK_ERRNO(link("missing", "c"), ENOENT);
	CHECK(mkdir("d", 0700) == 0);
	CHECK_ERRNO(link("d", "e"), EPERM);
	CHECK_ERRNO(link("b", "d"), EEXIST);
	CHECK(stat_of(".").st_nlink == 3);
	CHECK(rmdir("d") == 0);
	CHECK(stat_of(".").st_nlink == 2);
	CHECK(symlink("b", "s") == 0);
	CHECK(linkat(AT_FDCWD, "s", AT_FDCWD, "t", 0) == 0);
	CHECK(S_ISLNK(stat_of("t").st_mode));
	CHECK(linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW) == 0);
	CHECK(S_ISREG(stat_of("u").st_mode));
	return 0;
}

static int rename_replaces_in_one_step(void)
{
	struct stat st;

	write_text("a", "a");
	write_text("b", "b");
	CHECK(rename("a", "b") == 0 && text_is("b", "a"));
	CHECK_ERRNO(lstat("a", &st), ENOENT);
	CHECK(mkdir("d", 0700) == 0 && mkdir("e", 0700) == 0 && mkdir("e/sub", 0700) == 0);
	CHECK_ERRNO(rename("d", "e"), ENOTEMPTY);
	CHECK_ERRNO(rename("b", "d"), EISDIR);
	CHECK_ERRNO(rename("d", "b"), ENOTDIR);
	CHECK_ERRNO(rename("e", "e/sub/x"), EINVAL);
	CHECK_ERRNO(rename("e/sub", "e"), ENOTEMPTY);
	CHECK(rename("e/sub", "d") == 0);
	CHECK(rename("e", "e") == 0);
	CHECK_ERRNO(rename(".", "x"), EBUSY);
	CHECK_ERRNO(rename("missing", "x"), ENOENT);
	CHECK_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "d", 1), EEXIST);
	CHECK(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "d", 2) == 0);
	CHECK(S_ISDIR(stat_of("b").st_mode) && S_ISREG(stat_of("d").st_mode));
	CHECK_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "none", 2), ENOENT);
	CHECK_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "d", 3), EINVAL);
	return 0;
}

static int removal_has_its_rules(void)
{
	CHECK(mkdir("d", 0700) == 0);
	write_text("d/f", "");
	CHECK_ERRNO(rmdir("d"), ENOTEMPTY);
	CHECK_ERRNO(unlink("d"), EISDIR);
	CHECK_ERRNO(rmdir("d/f"), ENOTDIR);
	CHECK_ERRNO(unlink("d/f/"), ENOTDIR);
	CHECK_ERRNO(rmdir("d/."), EINVAL);
	CHECK_ERRNO(rmdir("d/.."), ENOTEMPTY);
	CHECK_ERRNO(unlinkat(AT_FDCWD, "d", 0x1234), EINVAL);
	CHECK(unlinkat(AT_FDCWD, "d/f", 0) == 0);
	CHECK(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) == 0);
	CHECK_ERRNO(unlink("d"), ENOENT);
	CHECK_ERRNO(rmdir("/"), EBUSY);
	return 0;
}

static int the_working_directory_may_vanish(void)
{
	char buf[PATH_MAX];

	CHECK(mkdir("d", 0700) == 0 && chdir("d") == 0);
	CHECK(getcwd(buf, sizeof(buf)) && strcmp(buf + strlen(scratch), "/d") == 0);
	CHECK_ERRNO(syscall(SYS_getcwd, buf, 3), ERANGE);
	CHECK(rmdir("../d") == 0);
	CHECK_ERRNO(syscall(SYS_getcwd, buf, sizeof(buf)), ENOENT);
	CHECK_ERRNO(open("x", O_CREAT | O_RDWR, 0600), ENOENT);
	CHECK_ERRNO(mkdir("x", 0700), ENOENT);
	CHECK(chdir("..") == 0);
	CHECK_ERRNO(chdir("missing"), ENOENT);
	return 0;
}

static int symlinks_are_text(void)
{
	char buf[PATH_MAX + 8];
	char *longest = malloc(PATH_MAX + 1);

	CHECK(symlink("anything at all", "l") == 0);
	CHECK(readlink("l", buf, sizeof(buf)) == 15);
	CHECK(readlink("l", buf, 3) == 3 && memcmp(buf, "any", 3) == 0);
	CHECK(stat_of("l").st_size == 15);
	CHECK((stat_of("l").st_mode & 07777) == 0777);
	CHECK_ERRNO(readlink(".", buf, sizeof(buf)), EINVAL);
	CHECK_ERRNO(syscall(SYS_readlink, "l", buf, 0), EINVAL);
	CHECK_ERRNO(symlink("x", "l"), EEXIST);
	CHECK_ERRNO(symlink("", "m"), ENOENT);
	memset(longest, 'x', PATH_MAX);
	longest[PATH_MAX] = 0;
	CHECK_ERRNO(symlink(longest, "m"), ENAMETOOLONG);
	longest[PATH_MAX - 1] = 0;
	CHECK(symlink(longest, "m") == 0);
	CHECK(readlink("m", buf, sizeof(buf)) == PATH_MAX - 1);
	CHECK_ERRNO(open("m", O_RDONLY), ENAMETOOLONG);
	return 0;
}

static int modes_and_owners_change(void)
{
	struct stat st;

	write_text("f", "");
	CHECK(chmod("f", 04755) == 0 && (stat_of("f").st_mode & 07777) == 04755);
	CHECK(chmod(".", 0755) == 0);
	if (geteuid() == 0) {
		CHECK(chown("f", 5, 6) == 0);
		st = stat_of("f");
		CHECK(st.st_uid == 5 && st.st_gid == 6);
		CHECK((st.st_mode & 07777) == 0755); /* set-uid went */
		CHECK(chown("f", (uid_t)-1, 7) == 0 && stat_of("f").st_uid == 5);
		CHECK(symlink("f", "l") == 0 && lchown("l", 8, 8) == 0);
		CHECK(stat_of("f").st_uid == 5 && stat_of("l").st_uid == 8);
		CHECK(seteuid(1000) == 0);
		CHECK_ERRNO(chown("f", 1000, 1000), EPERM);
		CHECK_ERRNO(chmod("f", 0777), EPERM);
		CHECK(seteuid(0) == 0);
	}
	CHECK_ERRNO(chmod("missing", 0600), ENOENT);
	umask(077);
	CHECK(mkdir("d", 0777) == 0 && (stat_of("d").st_mode & 07777) == 0700);
	CHECK(umask(022) == 077);
	return 0;
}

static int times_are_kept(void)
{
	struct timespec times[2] = {{1000, 111}, {2000, 222}}, before, after;
	struct stat st;

	write_text("f", "x");
	CHECK(utimensat(AT_FDCWD, "f", times, 0) == 0);
	st = stat_of("f");
	CHECK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 111);
	CHECK(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 222);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	CHECK(utimensat(AT_FDCWD, "f", times, 0) == 0);
	clock_gettime(CLOCK_REALTIME, &after);
	st = stat_of("f");
	CHECK(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec >= before.tv_sec &&
	      st.st_mtim.tv_sec <= after.tv_sec);
	times[0].tv_nsec = 1000000000;
	CHECK_ERRNO(utimensat(AT_FDCWD, "f", times, 0), EINVAL);
	times[0].tv_nsec = times[1].tv_nsec = 5;
	times[0].tv_sec = -10;
	CHECK(utimensat(AT_FDCWD, "f", times, 0) == 0);
	CHECK(stat_of("f").st_atim.tv_sec == -10 && stat_of("f").st_atim.tv_nsec == 5);
	CHECK(symlink("f", "l") == 0);
	CHECK(utimensat(AT_FDCWD, "l", times, AT_SYMLINK_NOFOLLOW) == 0);
	return 0;
}

static int rights_are_asked_for(void)
{
	if (geteuid() != 0)
		return 0;
	CHECK(chmod(".", 0755) == 0);
	write_text("f", "x");
	CHECK(chmod("f", 0640) == 0 && chown("f", 1000, 2000) == 0);
	CHECK(mkdir("closed", 0700) == 0);
	write_text("closed/f", "x");
	CHECK(access("f", R_OK | W_OK) == 0);
	CHECK_ERRNO(access("f", X_OK), EACCES); /* root runs what somebody may run */
	CHECK(setegid(2000) == 0);
	CHECK(seteuid(3000) == 0);
	CHECK(open("f", O_RDONLY) >= 0); /* the group's right */
	CHECK_ERRNO(open("f", O_RDWR), EACCES);
	CHECK_ERRNO(open("closed/f", O_RDONLY), EACCES);
	CHECK_ERRNO(open("new", O_CREAT | O_RDWR, 0600), EACCES);
	CHECK_ERRNO(unlink("f"), EACCES);
	CHECK(access("f", W_OK) == 0); /* by the real ids */
	CHECK_ERRNO(faccessat(AT_FDCWD, "f", W_OK, AT_EACCESS), EACCES);
	CHECK(seteuid(0) == 0 && setegid(0) == 0);
	return 0;
}

static int directories_list_everything_once(void)
{
	enum { NR = 500 };
	bool seen[NR] = {false};
	struct dirent *entry;
	int nr_dots = 0, number, nr = 0;
	char name[16];
	DIR *dir;

	CHECK(mkdir("d", 0700) == 0);
	for (int i = 0; i < NR; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		if (i % 3)
			write_text(name, "");
		else
			CHECK(mkdir(name, 0700) == 0);
	}
	dir = opendir("d");
	CHECK(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.') {
			nr_dots++;
			continue;
		}
		number = atoi(entry->d_name);
		CHECK(!seen[number]);
		CHECK(entry->d_type == (number % 3 ? DT_REG : DT_DIR));
		seen[number] = true;
		nr++;
		snprintf(name, sizeof(name), "d/%d", number); /* gone while we read on */
		CHECK(number % 3 ? unlink(name) == 0 : rmdir(name) == 0);
	}
	CHECK(nr == NR && nr_dots == 2);
	rewinddir(dir);
	for (nr = 0; readdir(dir); nr++)
		;
	CHECK(nr == 2);
	closedir(dir);
	CHECK_ERRNO(syscall(SYS_getdents64, open("d", O_RDONLY), name, 4), EINVAL);
	return 0;
}

static int devices_and_statistics(void)
{
	struct stat st;
	struct statfs fs;
	char buf[16] = "x";
	int fd;

	CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	fd = open("/dev/zero", O_RDWR);
	CHECK(read(fd, buf, sizeof(buf)) == sizeof(buf) && buf[0] == 0 && buf[15] == 0);
	CHECK(write(fd, buf, 5) == 5);
	fd = open("/dev/full", O_RDWR);
	CHECK_ERRNO(write(fd, "x", 1), ENOSPC);
	fd = open("/dev/null", O_RDWR);
	CHECK(read(fd, buf, 1) == 0 && write(fd, buf, 7) == 7);
	fd = open("/dev/urandom", O_RDONLY);
	CHECK(read(fd, buf, sizeof(buf)) == sizeof(buf));
	CHECK(statfs(".", &fs) == 0 && fs.f_type == 0x01021994 && fs.f_bsize == 4096);
	CHECK(fs.f_bfree <= fs.f_blocks && fs.f_namelen == 255);
	if (geteuid() == 0) {
		CHECK(mknod("n", S_IFCHR | 0666, makedev(1, 5)) == 0);
		CHECK(stat_of("n").st_rdev == makedev(1, 5));
	}
	CHECK(mkfifo("p", 0600) == 0 && S_ISFIFO(stat_of("p").st_mode));
	CHECK_ERRNO(mknod("d", S_IFDIR | 0600, 0), EPERM);
	return 0;
}

/* struct statx by hand: not every C library has it. */
struct statx_words {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, more[26];
};

static long call_statx(int dirfd, const char *path, int flags, struct statx_words *x)
{
	return syscall(SYS_statx, dirfd, path, flags, 0xfff, x);
}

static int statx_says_the_same(void)
{
	struct statx_words x;
	struct stat st;

	write_text("f", "12345");
	st = stat_of("f");
	CHECK(call_statx(AT_FDCWD, "f", 0, &x) == 0);
	CHECK(x.size == 5 && x.ino == st.st_ino && x.mode == st.st_mode && x.nlink == 1);
	CHECK((x.mask & 0x7ff) == 0x7ff);
	CHECK(call_statx(open("f", O_RDONLY), "", 0x1000, &x) == 0 && x.size == 5);
	CHECK_ERRNO(call_statx(AT_FDCWD, "", 0, &x), ENOENT);
	CHECK_ERRNO(call_statx(AT_FDCWD, "f", 0x10000000, &x), EINVAL);
	return 0;
}

static const struct file_test tests[] = {
	{"open obeys its flags", open_obeys_its_flags},
	{"a place can be held without opening", a_place_can_be_held_without_opening},
	{"an unnamed file can be given a name", an_unnamed_file_can_be_given_a_name},
	{"links count and share", links_count_and_share},
	{"rename replaces in one step", rename_replaces_in_one_step},
	{"removal has its rules", removal_has_its_rules},
	{"the working directory may vanish", the_working_directory_may_vanish},
	{"symlinks are text", symlinks_are_text},
	{"modes and owners change", modes_and_owners_change},
	{"times are kept", times_are_kept},
	{"rights are asked for", rights_are_asked_for},
	{"directories list everything once", directories_list_everything_once},
	{"devices and statistics", devices_and_statistics},
	{"statx says the same", statx_says_the_same},
};

int main(void)
{
	return run_tests(tests, NR_OF(tests));
}
