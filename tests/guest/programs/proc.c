/* /proc and /sys as programs read them: the formats of proc(5), and that they tell the truth. */
#define _GNU_SOURCE
#include "files.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <pthread.h>
#include <time.h>

static char text[1 << 20];

static const char *contents(const char *path)
{
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	CHECK(n == 0);
	close(fd);
	text[len] = 0;
	return text;
}

/* The rest of the line that begins with key; NULL: none. */
static const char *line_of(const char *path, const char *key)
{
	const char *at = contents(path);
	size_t len = strlen(key);

	for (; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (strncmp(at, key, len) == 0)
			return at + len;
	return NULL;
}

static long number_of(const char *path, const char *key)
{
	const char *line = line_of(path, key);

	CHECK(line);
	return atol(line);
}

static int stat_has_52_fields(void)
{
	char state, name[64];
	int pid, ppid, pgrp, session, nr = 0;
	const char *at;

	CHECK(prctl(PR_SET_NAME, "a (strange) name") == 0);
	at = contents("/proc/self/stat");
	CHECK(sscanf(at, "%d ", &pid) == 1 && pid == getpid());
	at = strchr(at, '(');
	CHECK(at && strrchr(at, ')'));
	snprintf(name, sizeof(name), "%.*s", (int)(strrchr(at, ')') - at - 1), at + 1);
	CHECK(strcmp(name, "a (strange) nam") == 0); /* 15 bytes of it */
	CHECK(sscanf(strrchr(at, ')') + 2, "%c %d %d %d", &state, &ppid, &pgrp, &session) == 4);
	CHECK(state == 'R' && ppid == getppid() && pgrp == getpgrp() && session == getsid(0));
	for (at = strrchr(at, ')') + 1; *at; at++)
		nr += *at == ' ';
	CHECK(nr == 50); /* and two in front of them */
	return 0;
}

static int status_tells_who_one_is(void)
{
	const char *path = "/proc/self/status";
	unsigned long long mask;
	const char *line;

	CHECK(number_of(path, "Pid:\t") == getpid() && number_of(path, "PPid:\t") == getppid());
	CHECK(number_of(path, "Uid:\t") == (long)getuid() && number_of(path, "Threads:\t") == 1);
	CHECK(number_of(path, "VmRSS:\t") > 0 && number_of(path, "VmSize:\t") > 0);
	signal(SIGUSR1, SIG_IGN);
	line = line_of(path, "SigIgn:\t");
	CHECK(line && sscanf(line, "%llx", &mask) == 1 && (mask >> (SIGUSR1 - 1) & 1));
	CHECK(line_of(path, "Umask:\t") && strncmp(line_of(path, "Umask:\t"), "0022", 4) == 0);
	CHECK(line_of(path, "State:\t")[0] == 'R');
	return 0;
}

static int arguments_and_environment_are_shown(void)
{
	char path[64];
	int ends[2];
	pid_t child;
	char byte;

	CHECK(pipe(ends) == 0);
	child = fork();
	if (child == 0) {
		char *argv[] = {"sleeper", "one", "two words", NULL},
		     *envp[] = {"A=1", "B=2", NULL};

		dup2(ends[1], 1);
		close(ends[0]);
		execve("/proc/self/exe", argv, envp);
		_exit(1);
	}
	close(ends[1]);
	CHECK(read(ends[0], &byte, 1) == 1); /* the program is up, see main */
	snprintf(path, sizeof(path), "/proc/%d/cmdline", child);
	CHECK(memcmp(contents(path), "sleeper\0one\0two words\0", 23) == 0);
	snprintf(path, sizeof(path), "/proc/%d/environ", child);
	CHECK(memcmp(contents(path), "A=1\0B=2\0", 9) == 0);
	snprintf(path, sizeof(path), "/proc/%d/comm", child);
	CHECK(strlen(contents(path)) > 1);
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	while (strchr(contents(path), ')')[2] != 'S')
		usleep(1000);
	CHECK(kill(child, SIGKILL) == 0);
	while (strchr(contents(path), ')')[2] != 'Z')
		usleep(1000);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", child);
	CHECK(contents(path)[0] == 0);
	CHECK(killed(reap(child), SIGKILL));
	CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
	return 0;
}

static int maps_show_what_is_mapped(void)
{
	unsigned long start, end, offset, inode;
	char rights[8], dev[16], name[256], path[PATH_MAX];
	const char *at;
	bool saw_file = false, saw_stack = false, saw_heap = false;
	int local, fd;
	char *mapped;

	write_text("mapped", "contents");
	fd = open("mapped", O_RDONLY);
	mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(mapped != MAP_FAILED && malloc(1000) && realpath("mapped", path));
	CHECK(syscall(SYS_brk, syscall(SYS_brk, 0) + 4096) > 0);
	for (at = contents("/proc/self/maps"); *at; at = strchr(at, '\n') + 1) {
		name[0] = 0;
		CHECK(sscanf(at, "%lx-%lx %4s %lx %15s %lu%*[ ]%255[^\n]", &start, &end, rights,
			     &offset, dev, &inode, name) >= 6);
		if (start == (unsigned long)mapped) {
			CHECK(end == start + 4096 && strcmp(rights, "r--s") == 0);
			CHECK(strcmp(name, path) == 0 && inode == stat_of("mapped").st_ino);
			saw_file = true;
		}
		if (start <= (unsigned long)&local && (unsigned long)&local < end)
			saw_stack = strcmp(name, "[stack]") == 0;
		saw_heap |= strcmp(name, "[heap]") == 0;
	}
	CHECK(saw_file && saw_stack && saw_heap);
	CHECK(unlink("mapped") == 0);
	CHECK(strstr(contents("/proc/self/maps"), "/mapped (deleted)\n"));
	CHECK(strstr(contents("/proc/self/smaps"), "Rss:"));
	return 0;
}

static int descriptors_can_be_looked_at(void)
{
	char path[64], target[PATH_MAX];
	struct stat st;
	ssize_t len;
	int fd, ends[2], again;
	char byte;

	write_text("f", "text");
	fd = open("f", O_RDWR);
	CHECK(read(fd, &byte, 1) == 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target));
	CHECK(len > 2 && memcmp(target + len - 2, "/f", 2) == 0);
	CHECK(unlink("f") == 0);
	len = readlink(path, target, sizeof(target));
	CHECK(len > 12 && memcmp(target + len - 12, "/f (deleted)", 12) == 0);
	again = open(path, O_RDONLY); /* the file itself, though its name is gone */
	CHECK(again >= 0 && read(again, &byte, 1) == 1 && byte == 't');
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	CHECK(number_of(path, "pos:\t") == 1);
	CHECK(strtol(line_of(path, "flags:\t"), NULL, 8) == (O_RDWR | 0100000));
	CHECK(pipe(ends) == 0 && fstat(ends[0], &st) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	len = readlink(path, target, sizeof(target) - 1);
	target[len] = 0;
	snprintf(path, sizeof(path), "pipe:[%lu]", (unsigned long)st.st_ino);
	CHECK(strcmp(target, path) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	again = open(path, O_RDONLY);
	CHECK(again >= 0 && write(ends[1], "p", 1) == 1 && read(again, &byte, 1) == 1);
	snprintf(path, sizeof(path), "/dev/fd/%d", socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_ERRNO(open(path, O_RDONLY), ENXIO);
	CHECK_ERRNO(open("/proc/self/fd/99", O_RDONLY), ENOENT);
	return 0;
}

static void *thread_main(void *arg)
{
	char path[64];
	struct stat st;

	(void)arg;
	snprintf(path, sizeof(path), "/proc/self/task/%ld", syscall(SYS_gettid));
	CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(number_of("/proc/thread-self/status", "Pid:\t") == syscall(SYS_gettid));
	CHECK(number_of("/proc/self/status", "Threads:\t") == 2);
	return NULL;
}

static int threads_have_directories(void)
{
	pthread_t thread;
	char target[64];
	ssize_t len = readlink("/proc/self", target, sizeof(target) - 1);

	CHECK(len > 0);
	target[len] = 0;
	CHECK(atoi(target) == getpid());
	CHECK(pthread_create(&thread, NULL, thread_main, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_ERRNO(open("/proc/self/task/1/stat", O_RDONLY), getpid() == 1 ? 0 : ENOENT);
	return 0;
}

static int links_lead_to_places(void)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t len = readlink("/proc/self/cwd", a, sizeof(a) - 1);

	CHECK(len > 0 && getcwd(b, sizeof(b)));
	a[len] = 0;
	CHECK(strcmp(a, b) == 0);
	CHECK(readlink("/proc/self/root", a, sizeof(a)) == 1 && a[0] == '/');
	write_text("here", "x");
	CHECK(text_is("/proc/self/cwd/here", "x"));
	CHECK(readlink("/proc/self/exe", a, sizeof(a)) > 0 && access("/proc/self/exe", X_OK) == 0);
	return 0;
}

static int the_system_is_described(void)
{
	double up, idle, load[3];
	struct timespec now;
	long running, total;
	int last;

	CHECK(number_of("/proc/meminfo", "MemTotal:") >= number_of("/proc/meminfo", "MemFree:"));
	CHECK(number_of("/proc/meminfo", "MemAvailable:") > 0);
	CHECK(sscanf(contents("/proc/uptime"), "%lf %lf", &up, &idle) == 2);
	clock_gettime(CLOCK_BOOTTIME, &now);
	CHECK(up <= (double)now.tv_sec + 1 && up >= (double)now.tv_sec - 2);
	CHECK(sscanf(contents("/proc/loadavg"), "%lf %lf %lf %ld/%ld %d", &load[0], &load[1],
		     &load[2], &running, &total, &last) == 6);
	CHECK(running >= 1 && total >= running && last > 0);
	CHECK(line_of("/proc/stat", "cpu ") && line_of("/proc/stat", "cpu0 "));
	CHECK(number_of("/proc/stat", "btime ") > 0 && number_of("/proc/stat", "ctxt ") > 0);
	CHECK(strncmp(contents("/proc/version"), "Linux version ", 14) == 0);
	CHECK(line_of("/proc/cpuinfo", "processor"));
	CHECK(strstr(contents("/proc/filesystems"), "nodev\ttmpfs\n"));
	CHECK(strstr(contents("/proc/mounts"), " /proc proc "));
	CHECK(strstr(contents("/proc/self/mountinfo"), " /proc "));
	CHECK(number_of("/proc/sys/kernel/pid_max", "") >= 32768);
	CHECK(strlen(contents("/proc/sys/kernel/hostname")) > 1);
	CHECK(strlen(contents("/proc/sys/kernel/random/uuid")) == 37);
	CHECK(strlen(contents("/sys/devices/system/cpu/online")) >= 2);
	CHECK(line_of("/proc/self/limits", "Max open files"));
	return 0;
}

static int a_file_read_in_pieces_is_one_text(void)
{
	char piece[8], whole[4096] = "";
	size_t len = 0;
	ssize_t n;
	int fd = open("/proc/self/status", O_RDONLY);

	while ((n = read(fd, piece, sizeof(piece) - 1)) > 0) {
		memcpy(whole + len, piece, (size_t)n);
		len += (size_t)n;
	}
	CHECK(n == 0 && strstr(whole, "\nPid:\t") && strstr(whole, "nonvoluntary_ctxt_switches:"));
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, piece, 5) == 5 && !memcmp(piece, "Name:", 5));
	CHECK(pread(fd, piece, 4, 1) == 4 && memcmp(piece, "ame:", 4) == 0);
	CHECK_ERRNO(open("/proc/self/status", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	return 0;
}

static int some_files_can_be_written(void)
{
	int fd = open("/proc/self/comm", O_WRONLY);
	char name[16];

	CHECK(fd >= 0 && write(fd, "renamed", 7) == 7);
	CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "renamed") == 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY);
	CHECK(fd >= 0 && write(fd, "500", 3) == 3);
	CHECK(number_of("/proc/self/oom_score_adj", "") == 500);
	CHECK_ERRNO(write(fd, "2000", 4), EINVAL);
	return 0;
}

static const struct file_test tests[] = {
	{"stat has 52 fields", stat_has_52_fields},
	{"status tells who one is", status_tells_who_one_is},
	{"arguments and environment are shown", arguments_and_environment_are_shown},
	{"maps show what is mapped", maps_show_what_is_mapped},
	{"descriptors can be looked at", descriptors_can_be_looked_at},
	{"threads have directories", threads_have_directories},
	{"links lead to places", links_lead_to_places},
	{"the system is described", the_system_is_described},
	{"a file read in pieces is one text", a_file_read_in_pieces_is_one_text},
	{"some files can be written", some_files_can_be_written},
};

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[0], "sleeper") == 0) {
		if (write(1, "x", 1) == 1)
			pause();
		return 1;
	}
	return run_tests(tests, NR_OF(tests));
}
