/* Credentials, limits, prctl, scheduling calls, the system: credentials(7), sched(7). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "tap.h"

static int drop_uid_main(void)
{
	uid_t real, effective, saved;

	if (setresuid(100, 200, 300) || getresuid(&real, &effective, &saved))
		return 1;
	if (real != 100 || effective != 200 || saved != 300)
		return 2;
	if (setuid(0) != -1 || errno != EPERM)
		return 3;
	if (seteuid(300) || geteuid() != 300 || getuid() != 100)
		return 4;
	if (setreuid(-1, 100) || geteuid() != 100)
		return 5;
	if (setgid(5) != -1 || errno != EPERM)
		return 6;
	if (setgroups(0, NULL) != -1 || errno != EPERM)
		return 7;
	if (kill(1, SIGTERM) != -1 || errno != EPERM)
		return 8;
	return 0;
}

static int groups_main(void)
{
	gid_t groups[] = {30, 10, 20}, got[8];

	if (setgroups(3, groups) || setgid(40) || getgroups(0, NULL) != 3)
		return 1;
	if (getgroups(8, got) != 3 || getgroups(1, got) != -1 || errno != EINVAL)
		return 2;
	return getgid() == 40 && getegid() == 40 ? 0 : 3;
}

static int permission_main(void)
{
	int fd = open("/tmp/guest-secret", O_WRONLY | O_CREAT, 0600);

	close(fd);
	if (setuid(1000))
		return 1;
	if (open("/tmp/guest-secret", O_RDONLY) != -1 || errno != EACCES)
		return 2;
	return 0;
}

static int setuid_exec_main(void)
{
	char *argv[] = {"/tmp/guest-setuid", "setuid", NULL};

	if (setuid(1000))
		return 1;
	execv(argv[0], argv);
	return 2;
}

static int no_new_privs_main(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 1;
	return setuid_exec_main();
}

static void copy_self(void)
{
	char buf[65536];
	int from = open("/proc/self/exe", O_RDONLY), to;
	ssize_t len;

	to = open("/tmp/guest-setuid", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	while ((len = read(from, buf, sizeof(buf))) > 0) {
		if (write(to, buf, (size_t)len) != len)
			break;
	}
	fchmod(to, 04755);
	close(from);
	close(to);
}

static void test_ids(void)
{
	if (getuid()) {
		ok(true, "ids # SKIP needs root");
		return;
	}
	ok(exited(run(drop_uid_main), 0), "uids");
	ok(exited(run(groups_main), 0), "groups");
	ok(exited(run(permission_main), 0), "another's file: EACCES");
	copy_self();
	ok(exited(run(setuid_exec_main), 50), "a set-user-ID program");
	ok(exited(run(no_new_privs_main), 51), "not with no_new_privs");
	unlink("/tmp/guest-setuid");
	unlink("/tmp/guest-secret");
}

static void test_limits(void)
{
	struct rlimit limit, old;

	ok(getrlimit(RLIMIT_NOFILE, &old) == 0 && old.rlim_cur <= old.rlim_max, "getrlimit");
	limit = old;
	limit.rlim_cur = 10;
	ok(setrlimit(RLIMIT_NOFILE, &limit) == 0 && dup2(0, 10) == -1 && errno == EBADF,
	   "RLIMIT_NOFILE");
	setrlimit(RLIMIT_NOFILE, &old);
	limit.rlim_cur = limit.rlim_max + 1;
	ok(limit.rlim_max == RLIM_INFINITY ||
		   (setrlimit(RLIMIT_NOFILE, &limit) == -1 && errno == EINVAL),
	   "soft above hard: EINVAL");
	ok(getrlimit(99, &old) == -1 && errno == EINVAL, "no such limit");
	ok(prlimit(getpid(), RLIMIT_STACK, NULL, &old) == 0 && old.rlim_cur > 0, "prlimit");
}

static void test_prctl(void)
{
	char name[17] = "";
	int value = -1;

	prctl(PR_SET_NAME, "a name that is too long");
	prctl(PR_GET_NAME, name);
	ok(!strcmp(name, "a name that is "), "PR_SET_NAME cuts at 15");
	ok(prctl(PR_SET_PDEATHSIG, SIGHUP) == 0 && prctl(PR_GET_PDEATHSIG, &value) == 0 &&
		   value == SIGHUP,
	   "PR_SET_PDEATHSIG");
	ok(prctl(PR_SET_PDEATHSIG, 99) == -1 && errno == EINVAL, "no signal 99");
	prctl(PR_SET_PDEATHSIG, 0);
	ok(prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_GET_DUMPABLE) == 0, "PR_SET_DUMPABLE");
	prctl(PR_SET_DUMPABLE, 1);
	ok(prctl(123456) == -1 && errno == EINVAL, "no such option");
}

static int nice_main(void)
{
	if (nice(5) != 5 || getpriority(PRIO_PROCESS, 0) != 5)
		return 1;
	if (setpriority(PRIO_PROCESS, 0, 100) || getpriority(PRIO_PROCESS, 0) != 19)
		return 2;
	return 0;
}

static void test_scheduling(void)
{
	struct sched_param param = {0};
	cpu_set_t set, one;
	unsigned cpu, node;

	ok(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1, "affinity");
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ok(!CPU_ISSET(0, &set) || sched_setaffinity(0, sizeof(one), &one) == 0, "only CPU 0");
	ok(!CPU_ISSET(0, &set) || (syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && cpu == 0),
	   "that is where we are");
	sched_setaffinity(0, sizeof(set), &set);
	CPU_ZERO(&one);
	ok(sched_setaffinity(0, sizeof(one), &one) == -1 && errno == EINVAL, "nowhere: EINVAL");
	ok(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER, "SCHED_OTHER");
	ok(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1,
	   "bounds of priorities");
	param.sched_priority = 5;
	ok(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param) == -1 && errno == EINVAL,
	   "no priority in SCHED_OTHER");
	ok(exited(run(nice_main), 0), "nice");
	ok(sched_yield() == 0, "sched_yield");
	ok(getpriority(PRIO_PROCESS, 999999) == -1 && errno == ESRCH, "nobody: ESRCH");
}

static void test_system(void)
{
	struct utsname name;
	struct sysinfo info;

	ok(uname(&name) == 0 && !strcmp(name.sysname, "Linux") && !strcmp(name.machine, "x86_64"),
	   "uname");
	ok(sysinfo(&info) == 0 && info.totalram && info.freeram <= info.totalram && info.procs > 0,
	   "sysinfo");
	ok(syscall(9999) == -1 && errno == ENOSYS, "no call 9999: ENOSYS");
	ok(syscall(SYS_membarrier, 0, 0, 0) > 0, "membarrier: what there is");
	ok(syscall(SYS_membarrier, 16, 0, 0) == 0 && syscall(SYS_membarrier, 8, 0, 0) == 0,
	   "membarrier: private, expedited");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "setuid"))
		return getuid() == 1000 && geteuid() == 0 ? 50 : geteuid() == 1000 ? 51 : 52;
	test_ids();
	test_limits();
	test_prctl();
	test_scheduling();
	test_system();
	return tap_end();
}
